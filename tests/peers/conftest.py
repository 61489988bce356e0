"""One run for all: the sample studies go by dcmtk into a node, and from there into Orthanc."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pydicom
import pytest
from pydicom import Dataset
from pydicom.uid import SegmentationStorage

from tests.peers.dcmtk import storescu
from tests.peers.node import Node, make_node
from tests.peers.orthanc import Orthanc, orthanc
from tests.peers.processes import wait_until

OBJECTS_PER_PHOTOGRAPH = 4
"""Sick twin, healthy twin, SEG BINARY, SEG FRACTIONAL."""

SECONDS_PER_PHOTOGRAPH = 90
"""A bound for two busy cores and three tries, not a measurement."""


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
    """What went in, the servers, and what came out."""

    sent: tuple[Path, ...]
    node: Node
    archive: Orthanc
    delivered: tuple[Delivered, ...] = field(repr=False)

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
            owed = OBJECTS_PER_PHOTOGRAPH * len(sample_files)
            wait_until(
                lambda: len(archive.instances()) >= owed,
                SECONDS_PER_PHOTOGRAPH * len(sample_files),
                f"{owed} objects in Orthanc; the node's log is {node.log}",
                interval=1,
            )
            yield Run(sample_files, node, archive, everything_in(archive))
