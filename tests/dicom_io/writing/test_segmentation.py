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
from dicom_io.writing.segmentation import COLOURS, PROPERTY_TYPES
from tests.dicom_io.builders import ALGORITHM, PlainUids, clean_header, minimal_header, spot, write
from tests.dicom_io.writing.test_derived import SOURCE, derive, errors_of_dciodvfy

SMOOTH = np.linspace(0, 1, 96 * 128, dtype=np.float32).reshape(96, 128)


def segment(image: Dataset, **changed: Any) -> tuple[Dataset, Dataset]:
    settings: dict[str, Any] = {
        "probability": SMOOTH, "mask": spot(), "lesion_class": "erythema", "source_sop_instance_uid": SOURCE,
    } | changed  # fmt: skip
    return segmentations(image, **settings, pseudonyms=PlainUids(), algorithm=ALGORITHM)


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


def test_each_segmentation_has_a_series_of_its_own() -> None:
    """OHIF opens the last instance of a series of segmentations and no other, and nothing that is fractional."""
    header = clean_header()
    photographs = [derive(header, source_sop_instance_uid=f"{SOURCE}.{number}") for number in (1, 2)]
    segments = [
        one
        for number, image in enumerate(photographs, 1)
        for one in segment(image, source_sop_instance_uid=f"{SOURCE}.{number}")
    ]
    assert len({image.SeriesInstanceUID for image in photographs}) == 1
    assert len({one.SeriesInstanceUID for one in segments}) == len(segments) == 4
    assert {one.InstanceNumber for one in segments} == {1}
    assert {(one.SegmentationType, one.SeriesNumber, one.SeriesDescription) for one in segments} == {
        ("BINARY", 903, "Disease, by subtraction of the twins"),
        ("FRACTIONAL", 904, "Probability of disease, by subtraction of the twins"),
    }


@pytest.mark.parametrize("number", [1, 2**31 - 1, "2147483647"])
def test_the_number_of_a_photograph_does_not_become_that_of_a_segmentation(number: Any) -> None:
    image = derive(clean_header())
    image.InstanceNumber = number
    assert {segmentation.InstanceNumber for segmentation in segment(image)} == {1}


@pytest.mark.parametrize("lesion_class", PROPERTY_TYPES)
def test_a_viewer_is_told_which_colour_to_draw_it_in(lesion_class: Any, tmp_path: Path) -> None:
    """OHIF hung at 100 % over a segment without Recommended Display CIELab Value."""
    for segmentation in segment(derive(clean_header()), lesion_class=lesion_class):
        (described,) = pydicom.dcmread(write(segmentation, tmp_path / "one.dcm")).SegmentSequence
        colour = hd.color.CIELabColor.from_dicom_value(tuple(described.RecommendedDisplayCIELabValue))
        assert np.abs(np.subtract(colour.to_rgb(), COLOURS[lesion_class])).max() <= 1


def test_no_two_lesions_are_drawn_in_colours_alike() -> None:
    colours = [hd.color.CIELabColor.from_rgb(*colour) for colour in COLOURS.values()]
    points = np.array([(colour.l_star, colour.a_star, colour.b_star) for colour in colours])
    apart = np.linalg.norm(points[:, None] - points[None], axis=-1)
    assert apart[~np.eye(len(points), dtype=bool)].min() > 25


@pytest.mark.parametrize("sop_class", PHOTOGRAPH_CLASSES, ids=lambda uid: UID(uid).name)
def test_each_frame_names_its_image_segment_and_plane(sop_class: str, tmp_path: Path) -> None:
    """What OHIF, Weasis and 3D Slicer look for before they draw: none of them reads geometry out of a photograph."""
    image = derive(clean_header(sop_class))
    for one in segment(image):
        back = pydicom.dcmread(write(one, tmp_path / "one.dcm"))
        (frame,) = back.PerFrameFunctionalGroupsSequence
        (derivation,) = frame.DerivationImageSequence
        (source,) = derivation.SourceImageSequence
        assert source.ReferencedSOPClassUID == image.SOPClassUID
        assert source.ReferencedSOPInstanceUID == image.SOPInstanceUID
        assert source.SpatialLocationsPreserved == "YES", "else Weasis looks for a position, which there is none of"
        (series,) = back.ReferencedSeriesSequence
        assert series.SeriesInstanceUID == image.SeriesInstanceUID
        (shared,) = back.SharedFunctionalGroupsSequence
        assert shared.SegmentIdentificationSequence[0].ReferencedSegmentNumber == 1
        assert shared.PlaneOrientationSequence[0].ImageOrientationPatient == [1, 0, 0, 0, 1, 0]
        assert "PixelMeasuresSequence" not in shared, "no size in millimetres is made up"
        assert "PlanePositionSequence" not in frame
        assert back.get("FrameOfReferenceUID") == image.get("FrameOfReferenceUID")
        (described,) = back.SegmentSequence
        assert described.SegmentAlgorithmType == "AUTOMATIC"
        assert described.SegmentAlgorithmName
        assert back.ContentCreatorName == "" and "ContentCreatorName" in back


@pytest.mark.parametrize(("rows", "columns"), [(96, 128), (97, 131), (65, 64), (101, 99)])
def test_frames_whose_pixels_fill_no_whole_bytes_are_padded(rows: int, columns: int, tmp_path: Path) -> None:
    """dcmtk, and 3D Slicer with it, refused pixel data that is shorter than its frames, or of an odd length."""
    image = derive(clean_header(), rgb=np.full((rows, columns, 3), 180, np.uint8))
    mask = np.random.default_rng(rows).random((rows, columns)) > 0.5
    binary, fractional = segment(image, mask=mask, probability=mask.astype(np.float32))
    for one, bits in ((binary, 1), (fractional, 8)):
        back = pydicom.dcmread(write(one, tmp_path / "one.dcm"))
        bytes_of_a_frame = -(-rows * columns * bits // 8)
        assert len(back.PixelData) == bytes_of_a_frame + bytes_of_a_frame % 2
        assert np.array_equal(back.pixel_array.reshape(rows, columns) > 0, mask)


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
