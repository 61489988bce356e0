"""The disease as segmentations: what is written is what is read."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import highdicom as hd
import numpy as np
import pydicom
import pytest
from pydicom import Dataset
from pydicom.uid import UID, SegmentationStorage

from dicom_io.errors import InvalidObject
from dicom_io.standard import PHOTOGRAPH_CLASSES
from dicom_io.writing import segmentations
from dicom_io.writing.segmentation import PROPERTY_TYPES
from tests.dicom_io.builders import ALGORITHM, PlainUids, clean_header, minimal_header, spot, write
from tests.dicom_io.writing.test_derived import SOURCE, derive, errors_of_dciodvfy

SMOOTH = np.linspace(0, 1, 96 * 128, dtype=np.float32).reshape(96, 128)


def segment(image: Dataset, **changed: Any) -> tuple[Dataset, Dataset]:
    settings: dict[str, Any] = {"probability": SMOOTH, "mask": spot(), "lesion_class": "erythema"} | changed
    return segmentations(
        image, **settings, source_sop_instance_uid=SOURCE, pseudonyms=PlainUids(), algorithm=ALGORITHM
    )


@pytest.mark.peers
@pytest.mark.parametrize("sop_class", PHOTOGRAPH_CLASSES, ids=lambda uid: UID(uid).name)
@pytest.mark.parametrize("header", [minimal_header, clean_header], ids=["minimal header", "rich header"])
def test_a_validator_finds_no_error(tmp_path: Path, sop_class: str, header: Any) -> None:
    for mask, lesion_class in ((spot(), "pigmented"), (np.zeros((96, 128), bool), "none")):
        objects = segment(derive(header(sop_class)), mask=mask, lesion_class=lesion_class)
        for number, segmentation in enumerate(objects):
            assert errors_of_dciodvfy(write(segmentation, tmp_path / f"{number}.dcm")) == []


@pytest.mark.parametrize("mask", [spot(), np.zeros((96, 128), bool), np.ones((96, 128), bool)])
def test_the_mask_read_back_is_the_mask(tmp_path: Path, mask: Any) -> None:
    image = derive(clean_header())
    binary, fractional = segment(image, mask=mask)
    back = hd.seg.segread(write(binary, tmp_path / "binary.dcm"))
    read = back.get_pixels_by_source_instance([image.SOPInstanceUID], segment_numbers=[1])
    assert np.array_equal(read[0, :, :, 0].astype(bool), mask)
    soft = hd.seg.segread(write(fractional, tmp_path / "fractional.dcm"))
    read = soft.get_pixels_by_source_instance([image.SOPInstanceUID], segment_numbers=[1])
    assert np.abs(read[0, :, :, 0] - SMOOTH).max() <= 0.5 / 255 + 1e-6


def test_it_belongs_to_the_sick_twin_and_its_patient(tmp_path: Path) -> None:
    image = derive(clean_header())
    for segmentation in segment(image):
        back = pydicom.dcmread(write(segmentation, tmp_path / "segmentation.dcm"))
        assert back.SOPClassUID == SegmentationStorage
        assert (back.PatientID, back.StudyInstanceUID) == (image.PatientID, image.StudyInstanceUID)
        assert back.PatientOrientation == image.PatientOrientation
        assert back.PatientIdentityRemoved == "YES"
        reference = back.ReferencedSeriesSequence[0].ReferencedInstanceSequence[0]
        assert reference.ReferencedSOPInstanceUID == image.SOPInstanceUID


@pytest.mark.parametrize("lesion_class", PROPERTY_TYPES)
def test_the_segment_is_named_after_its_class(lesion_class: Any) -> None:
    for segmentation in segment(derive(clean_header()), lesion_class=lesion_class):
        (described,) = segmentation.SegmentSequence
        assert described.SegmentedPropertyCategoryCodeSequence[0].CodeValue == "49755003"
        assert described.SegmentedPropertyTypeCodeSequence[0].CodeValue == PROPERTY_TYPES[lesion_class].value
        (algorithm,) = described.SegmentationAlgorithmIdentificationSequence
        assert (algorithm.AlgorithmName, algorithm.AlgorithmVersion) == (ALGORITHM.name, ALGORITHM.version)
        assert ALGORITHM.digest in algorithm.AlgorithmParameters


def test_uids_are_the_same_again_and_the_clock_leaves_no_trace(tmp_path: Path) -> None:
    image = derive(clean_header())
    first, second = segment(image), segment(image)
    for one, other in zip(first, second, strict=True):
        assert one.SOPInstanceUID == other.SOPInstanceUID
        assert one.SeriesInstanceUID == other.SeriesInstanceUID
        written = write(one, tmp_path / "one.dcm").read_bytes()
        assert written == write(other, tmp_path / "other.dcm").read_bytes()
        assert date.today().strftime("%Y%m%d").encode() not in written
    assert first[0].SOPInstanceUID != first[1].SOPInstanceUID


@pytest.mark.parametrize(
    "wrong",
    [{"mask": spot(50, 50)}, {"probability": SMOOTH * 2}, {"probability": SMOOTH * np.nan}, {"mask": SMOOTH}],
    ids=["another shape", "above one", "not a number", "not a mask"],
)
def test_arrays_that_are_not_what_they_should_be_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidObject):
        segment(derive(clean_header()), **wrong)
