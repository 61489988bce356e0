"""A viewer's own library reads the segmentations: what OHIF would draw, and over which image."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.uid import UID

from dicom_io.standard import PHOTOGRAPH_CLASSES
from dicom_io.writing.segmentation import COLOURS, PROPERTY_TYPES
from tests.dicom_io.builders import clean_header, spot, write
from tests.dicom_io.writing.test_derived import SOURCE, derive
from tests.dicom_io.writing.test_segmentation import segment
from tests.peers import missing_peer, require_peer

pytestmark = pytest.mark.peers

READER = Path(__file__).parent / "viewer" / "read_segmentation.mjs"


@pytest.fixture(scope="module")
def library(repository: Path) -> Path:
    """The folder that `scripts/install_peers.sh` installs Cornerstone3D's adapters in."""
    folder = Path(os.environ.get("TWINVEIL_VIEWER", repository / "build" / "peers" / "viewer"))
    if not (folder / "node_modules" / "@cornerstonejs" / "adapters").is_dir():
        missing_peer("the viewer's library (@cornerstonejs/adapters; scripts/install_peers.sh)")
    return folder


def read(library: Path, segmentation: Path, *images: Path) -> dict[str, Any]:
    """What the library says of ``segmentation`` over a stack of ``images``."""
    done = subprocess.run(
        [require_peer("node"), READER, library, segmentation, *images], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def labels(answer: dict[str, Any], image: Dataset, number: int) -> np.ndarray:
    """The labels that the library puts on the image of that number in the stack: (rows, columns), 0 for none."""
    flat = np.frombuffer(base64.b64decode(answer["labels"][number]), np.uint8)
    return flat.reshape(image.Rows, image.Columns)


@pytest.mark.parametrize("sop_class", PHOTOGRAPH_CLASSES, ids=lambda uid: UID(uid).name)
def test_the_mask_lies_on_the_sick_twin_and_on_no_other(library: Path, tmp_path: Path, sop_class: str) -> None:
    sick, healthy = derive(clean_header(sop_class)), derive(clean_header(sop_class), role="healthy-twin")
    images = [write(healthy, tmp_path / "healthy.dcm"), write(sick, tmp_path / "sick.dcm")]
    binary, _ = segment(sick)
    answer = read(library, write(binary, tmp_path / "binary.dcm"), *images)
    assert "error" not in answer, answer
    assert answer["referencedSeries"] == sick.SeriesInstanceUID
    assert answer["referencedInstance"] == sick.SOPInstanceUID
    assert np.array_equal(labels(answer, sick, 1), spot().astype(np.uint8))
    assert not labels(answer, healthy, 0).any()


@pytest.mark.parametrize("lesion_class", PROPERTY_TYPES)
def test_the_segment_is_called_and_coloured_as_it_was_written(library: Path, tmp_path: Path, lesion_class: Any) -> None:
    image = derive(clean_header())
    binary, _ = segment(image, lesion_class=lesion_class)
    answer = read(library, write(binary, tmp_path / "binary.dcm"), write(image, tmp_path / "image.dcm"))
    (described,) = answer["segments"]
    assert described["label"] == PROPERTY_TYPES[lesion_class].meaning
    assert np.abs(np.multiply(described["colour"], 255) - COLOURS[lesion_class]).max() < 3


@pytest.mark.parametrize(("rows", "columns"), [(97, 131), (64, 65)])
@pytest.mark.parametrize("covered", [0.0, 0.3, 1.0], ids=["nothing", "something", "everything"])
def test_every_pixel_of_a_mask_is_read_whatever_its_size(
    library: Path, tmp_path: Path, rows: int, columns: int, covered: float
) -> None:
    image = derive(clean_header(), rgb=np.full((rows, columns, 3), 180, np.uint8))
    mask = np.random.default_rng(rows).random((rows, columns)) < covered
    binary, _ = segment(image, mask=mask, probability=mask.astype(np.float32))
    answer = read(library, write(binary, tmp_path / "binary.dcm"), write(image, tmp_path / "image.dcm"))
    assert np.array_equal(labels(answer, image, 0), mask.astype(np.uint8)), answer.get("error")


def test_each_photograph_of_a_study_shows_its_own_mask(library: Path, tmp_path: Path) -> None:
    sources = [f"{SOURCE}.{number}" for number in (1, 2)]
    images = [derive(clean_header(), source_sop_instance_uid=source) for source in sources]
    files = [write(image, tmp_path / f"image-{number}.dcm") for number, image in enumerate(images)]
    masks = [spot(), np.flipud(spot()).copy()]
    for number, (image, source, mask) in enumerate(zip(images, sources, masks, strict=True)):
        binary, _ = segment(image, mask=mask, source_sop_instance_uid=source)
        answer = read(library, write(binary, tmp_path / f"mask-{number}.dcm"), *files)
        assert np.array_equal(labels(answer, image, number), mask.astype(np.uint8))
        assert not labels(answer, image, 1 - number).any()


def test_what_no_viewer_draws_is_refused_for_what_it_is(library: Path, tmp_path: Path) -> None:
    """A fractional segmentation is for programs; it must not be why the binary one is not shown."""
    image = derive(clean_header())
    _, fractional = segment(image)
    answer = read(library, write(fractional, tmp_path / "fractional.dcm"), write(image, tmp_path / "image.dcm"))
    assert "Fractional segmentations are not yet supported" in answer["error"]
