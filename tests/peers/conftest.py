"""One run for all: the sample studies go by dcmtk into a node, and from there into Orthanc."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom import Dataset
from pydicom.uid import SegmentationStorage

from dicom_io.header import Pseudonyms, SiteKey
from tests.peers.dcmtk import storescu
from tests.peers.node import Node, make_node
from tests.peers.orthanc import Orthanc, orthanc
from tests.peers.processes import PATIENCE, end_of, wait_until

OBJECTS_PER_PHOTOGRAPH = 4
"""Sick twin, healthy twin, SEG BINARY, SEG FRACTIONAL."""


@dataclass(frozen=True)
class Delivered:
    """One object as Orthanc gives it back."""

    raw: bytes = field(repr=False)
    dataset: Dataset = field(repr=False)

    @property
    def is_segmentation(self) -> bool:
        return bool(self.dataset.SOPClassUID == SegmentationStorage)


@dataclass(frozen=True)
class Run:
    """What went in, the servers, and what came out. ``outcomes``: the manifest's entry of each file that was sent."""

    sent: tuple[Path, ...]
    outcomes: dict[Path, dict[str, Any]] = field(repr=False)
    node: Node
    archive: Orthanc
    delivered: tuple[Delivered, ...] = field(repr=False)

    @property
    def released(self) -> list[Path]:
        return [file for file in self.sent if self.outcomes[file]["outcome"] == "released"]

    @property
    def held(self) -> list[Path]:
        return [file for file in self.sent if self.outcomes[file]["outcome"] == "quarantined"]

    @property
    def images(self) -> list[Delivered]:
        return [one for one in self.delivered if not one.is_segmentation]

    @property
    def segmentations(self) -> list[Delivered]:
        return [one for one in self.delivered if one.is_segmentation]


def everything_in(archive: Orthanc) -> tuple[Delivered, ...]:
    files = [archive.file(instance) for instance in archive.instances()]
    return tuple(Delivered(raw, pydicom.dcmread(io.BytesIO(raw))) for raw in files)


@pytest.fixture(scope="package")
def sample_files(sample_studies: Path) -> tuple[Path, ...]:
    files = tuple(sorted(sample_studies.glob("*/*.dcm")))
    assert len(files) >= 6, f"no sample studies in {sample_studies}"
    return files


@pytest.fixture(scope="package")
def run(tmp_path_factory: pytest.TempPathFactory, sample_files: tuple[Path, ...]) -> Iterator[Run]:
    """Every sample study sent once; entered when Orthanc holds all that is owed, or the time for it is over."""
    folder = tmp_path_factory.mktemp("node-and-archive")
    with orthanc(folder / "orthanc") as archive:
        node = make_node(folder / "node", destination_port=archive.dicom_port)
        with node.running():
            for file in sample_files:
                sent = storescu([file], node.port)
                assert sent.returncode == 0, sent.stderr
            for number in range(1, len(sample_files) + 1):
                wait_until(
                    lambda number=number: len(outcomes_of(node, sample_files)) >= number, PATIENCE,
                    lambda number=number: f"an outcome of {number} photographs\n{end_of(node.log)}", interval=1,
                )  # fmt: skip
            outcomes = outcomes_of(node, sample_files)
            yield Run(sample_files, outcomes, node, archive, everything_in(archive))


def outcomes_of(node: Node, files: tuple[Path, ...]) -> dict[Path, dict[str, Any]]:
    """What the node's manifests say of those of ``files`` that they speak of."""
    pseudonyms = Pseudonyms(SiteKey.from_file(node.key))
    manifests = [json.loads(path.read_text()) for path in node.manifests.glob("*.json")]
    entries = {entry["source"]: entry for manifest in manifests for entry in manifest["instances"]}
    digests = {file: pseudonyms.source_digest(_sop_instance_uid(file)) for file in files}
    return {file: entries[digest] for file, digest in digests.items() if digest in entries}


def _sop_instance_uid(file: Path) -> str:
    return str(pydicom.dcmread(file, stop_before_pixels=True).SOPInstanceUID)
