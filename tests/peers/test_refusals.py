"""What the node does not take: each thing gets its named error or DIMSE status, and the node goes on."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom import Dataset
from pydicom.encaps import encapsulate, get_frame
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, JPEGBaseline8Bit

from plugin.quarantine import Quarantine
from tests.peers.dcmtk import echoscu, storescu
from tests.peers.node import Node, make_node, twinveil
from tests.peers.processes import PATIENCE, wait_until

pytestmark = pytest.mark.peers

QUARANTINED = {
    "truncated-frame": "UnreadableObject",
    "one-pixel": "UnusablePhotograph",
    "sixteen-bit-monochrome": "UnsupportedObject",
}
"""Objects that no negotiation can refuse, and the error that each is quarantined with."""


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A node without a destination: nothing that is sent to it here may leave."""
    node = make_node(tmp_path_factory.mktemp("refusing"))
    with node.running():
        yield node


@pytest.fixture(scope="module")
def photograph(sample_studies: Path) -> Dataset:
    """A sample photograph in baseline JPEG, to be spoilt."""
    for path in sorted(sample_studies.glob("*/*.dcm")):
        dataset = pydicom.dcmread(path)
        if dataset.file_meta.TransferSyntaxUID == JPEGBaseline8Bit and dataset.Modality == "XC":
            return dataset
    raise AssertionError("no sample in baseline JPEG")


@pytest.fixture(scope="module")
def spoilt(photograph: Dataset, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """File by name: whole DICOM files of the right SOP class whose pixels are no photograph."""
    folder = tmp_path_factory.mktemp("spoilt")
    frame = get_frame(photograph.PixelData, 0, number_of_frames=1)

    truncated = _copy(photograph, 1)
    truncated.PixelData = encapsulate([frame[: len(frame) // 3]])
    truncated["PixelData"].is_undefined_length = True

    one_pixel = _uncompressed(_copy(photograph, 2), np.full((1, 1, 3), 128, np.uint8), "RGB")
    monochrome = _uncompressed(_copy(photograph, 3), np.full((64, 64), 40_000, np.uint16), "MONOCHROME2")

    files = {}
    for name, dataset in zip(QUARANTINED, (truncated, one_pixel, monochrome), strict=True):
        files[name] = folder / f"{name}.dcm"
        dataset.save_as(files[name], enforce_file_format=True)
    return files


def _copy(photograph: Dataset, number: int) -> Dataset:
    """The same photograph as another instance of another study."""
    copy = pydicom.dcmread(photograph.filename)
    copy.StudyInstanceUID = f"{photograph.StudyInstanceUID}.{number}"
    copy.SOPInstanceUID = copy.file_meta.MediaStorageSOPInstanceUID = f"{photograph.SOPInstanceUID}.{number}"
    return copy


def _uncompressed(dataset: Dataset, pixels: np.ndarray, photometric: str) -> Dataset:
    bits = pixels.dtype.itemsize * 8
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.Rows, dataset.Columns = pixels.shape[:2]
    dataset.BitsAllocated = dataset.BitsStored = bits
    dataset.HighBit = bits - 1
    dataset.PhotometricInterpretation = photometric
    dataset.SamplesPerPixel = 3 if photometric == "RGB" else 1
    if photometric != "RGB":
        del dataset.PlanarConfiguration
    content = pixels.tobytes()
    dataset.PixelData = content + b"\0" * (len(content) % 2)
    dataset["PixelData"].VR = "OW" if bits > 8 else "OB"
    dataset["PixelData"].is_undefined_length = False
    return dataset


def assert_goes_on(node: Node) -> None:
    echo = echoscu(node.port)
    assert echo.returncode == 0, echo.stderr


def test_a_ct_is_refused_at_negotiation(node: Node, photograph: Dataset, tmp_path: Path) -> None:
    ct = _uncompressed(_copy(photograph, 9), np.zeros((64, 64), np.uint16), "MONOCHROME2")
    ct.SOPClassUID = ct.file_meta.MediaStorageSOPClassUID = CTImageStorage
    ct.Modality = "CT"
    ct.save_as(tmp_path / "ct.dcm", enforce_file_format=True)
    sent = storescu([tmp_path / "ct.dcm"], node.port)
    assert sent.returncode != 0
    assert "No Acceptable Presentation Contexts" in sent.stderr
    assert_goes_on(node)


def test_an_unknown_caller_is_rejected(node: Node, photograph: Dataset) -> None:
    sent = storescu([Path(photograph.filename)], node.port, calling="STRANGER")
    assert sent.returncode != 0
    assert "Calling AE Title Not Recognized" in sent.stderr
    assert echoscu(node.port, calling="STRANGER").returncode != 0
    assert_goes_on(node)


def test_another_called_title_is_rejected(node: Node) -> None:
    echo = echoscu(node.port, called="SOMEBODYELSE")
    assert echo.returncode != 0
    assert "Called AE Title Not Recognized" in echo.stderr
    assert_goes_on(node)


def test_spoilt_pixels_are_quarantined_by_name(node: Node, spoilt: dict[str, Path]) -> None:
    """They are accepted, since only decoding shows what they are, and kept for a person to look at."""
    quarantine = Quarantine(node.folder / "state" / "quarantine")
    for file in spoilt.values():
        sent = storescu([file], node.port)
        assert sent.returncode == 0, sent.stderr
    wait_until(lambda: len(quarantine.entries()) >= len(spoilt), PATIENCE, "three instances in quarantine")
    assert sorted(entry.refusal.error for entry in quarantine.entries()) == sorted(QUARANTINED.values())
    kept = {(path / "source.sealed").stat().st_size for path in quarantine.folder.iterdir()}
    assert all(size > 0 for size in kept)
    assert_goes_on(node)


def test_the_reasons_name_no_patient(node: Node, spoilt: dict[str, Path], photograph: Dataset) -> None:
    said = node.log.read_text(errors="replace")
    said += "".join(path.read_text() for path in (node.folder / "state" / "quarantine").rglob("reason.json"))
    assert len(said) > 100
    for keyword in ("PatientID", "SOPInstanceUID", "StudyInstanceUID", "AccessionNumber", "StudyDate"):
        assert str(photograph[keyword].value) not in said, keyword
    assert photograph.PatientName.family_name not in said


def test_on_files_the_same_errors_are_in_the_manifest(
    node: Node, spoilt: dict[str, Path], photograph: Dataset, tmp_path: Path
) -> None:
    cut = tmp_path / "cut.dcm"
    cut.write_bytes(Path(photograph.filename).read_bytes()[:3000])
    out = tmp_path / "out"
    done = twinveil("process", *spoilt.values(), cut, "--out", out, TWINVEIL_KEY_FILE=str(node.key))
    assert done.returncode == 3, done.stderr
    manifest = json.loads((out / "manifest.json").read_text())
    errors = sorted(entry["why"]["error"] for entry in manifest["instances"])
    assert errors == sorted([*QUARANTINED.values(), "UnreadableObject"])
    assert not list(out.rglob("*.dcm"))


@pytest.mark.parametrize("spoil", ["absent", "short", "constant", "open to others"])
def test_without_a_good_key_nothing_starts(tmp_path: Path, spoil: str) -> None:
    node = make_node(tmp_path)
    if spoil == "absent":
        node.key.unlink()
    elif spoil == "short":
        node.key.write_bytes(b"too short")
    elif spoil == "constant":
        node.key.write_bytes(b"k" * 64)
    else:
        node.key.chmod(0o644)
    refused = twinveil("serve", "--config", node.configuration)
    assert refused.returncode == 2
    assert "key" in refused.stderr.lower()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(disk)], capture_output=True, text=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"a tmpfs cannot be mounted here: {mounted.stderr.strip()}")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def fill(path: Path) -> None:
    """Write zeros to ``path`` until its file system takes no more, to the last block."""
    with path.open("wb", buffering=0) as file:
        for block in (2**20, 4096, 1):
            with contextlib.suppress(OSError):
                while file.write(bytes(block)):
                    pass


def test_a_full_disk_is_told_as_out_of_resources(small_disk: Path, photograph: Dataset, tmp_path: Path) -> None:
    """Status 0xA700, nothing half-written stays, and with room again the same instance is taken."""
    node = make_node(tmp_path / "node", state=small_disk / "state", min_free_bytes=0)
    filler = small_disk / "filler"
    with node.running():
        fill(filler)
        refused = storescu([Path(photograph.filename)], node.port)
        assert "0xa700" in refused.stderr, refused.stderr
        assert_goes_on(node)
        filler.unlink()
        taken = storescu([Path(photograph.filename)], node.port)
        assert taken.returncode == 0, taken.stderr
        assert_goes_on(node)
