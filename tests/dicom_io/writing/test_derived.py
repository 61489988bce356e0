"""The twins as DICOM images: read back, validated, and nothing of the source in them but what was cleaned."""

from __future__ import annotations

import subprocess
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom import Dataset
from pydicom.uid import (
    UID,
    CTImageStorage,
    DermoscopicPhotographyImageStorage,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    MultiFrameTrueColorSecondaryCaptureImageStorage,
    SecondaryCaptureImageStorage,
    VLPhotographicImageStorage,
)

from dicom_io.errors import UnsupportedObject
from dicom_io.reading import LossyHistory, read_photograph
from dicom_io.standard import PHOTOGRAPH_CLASSES
from dicom_io.writing import derived_image
from tests.dicom_io.builders import ALGORITHM, PlainUids, clean_header, minimal_header, skin, write
from tests.peers import require_peer

SOURCE = "1.2.840.99999.4711.1"  # of no root that random UIDs of these tests begin with


def derive(clean: Dataset, **changed: Any) -> Dataset:
    settings: dict[str, Any] = {
        "role": "sick-twin",
        "source_sop_instance_uid": SOURCE,
        "pseudonyms": PlainUids(),
        "features_cleaned": True,
        "text_cleaned": True,
        "algorithm": ALGORITHM,
    }
    return derived_image(clean, changed.pop("rgb", skin()), **settings | changed)


def errors_of_dciodvfy(path: Path) -> list[str]:
    validator = require_peer("dciodvfy")
    report = subprocess.run([validator, path], capture_output=True, text=True)
    lines = (report.stdout + report.stderr).splitlines()
    assert lines, "dciodvfy says at least what it takes the object for"
    return [line for line in lines if line.startswith("Error")]


@pytest.mark.peers
@pytest.mark.parametrize("sop_class", PHOTOGRAPH_CLASSES, ids=lambda uid: UID(uid).name)
@pytest.mark.parametrize("header", [minimal_header, clean_header], ids=["minimal header", "rich header"])
@pytest.mark.parametrize("lossless", [True, False], ids=["lossless", "lossy"])
@pytest.mark.parametrize("cleaned", [True, False], ids=["a face swapped", "nobody in it"])
def test_a_validator_finds_no_error(
    tmp_path: Path, sop_class: str, header: Any, lossless: bool, cleaned: bool
) -> None:
    sick = derive(header(sop_class), lossless=lossless, features_cleaned=cleaned)
    healthy = derive(
        header(sop_class), role="healthy-twin", lossless=lossless, features_cleaned=cleaned, sick_twin=sick
    )
    assert errors_of_dciodvfy(write(sick, tmp_path / "sick.dcm")) == []
    assert errors_of_dciodvfy(write(healthy, tmp_path / "healthy.dcm")) == []


def test_lossless_pixels_come_back_as_they_were(tmp_path: Path) -> None:
    noise = np.random.default_rng(7).integers(0, 256, (97, 61, 3), dtype=np.uint8)
    path = write(derive(clean_header(), rgb=noise), tmp_path / "twin.dcm")
    back = read_photograph(path)
    assert np.array_equal(back.rgb, noise)
    assert pydicom.dcmread(path).file_meta.TransferSyntaxUID == JPEG2000Lossless


def test_lossy_pixels_are_close_and_say_so(tmp_path: Path) -> None:
    twin = derive(clean_header(), lossless=False, history=LossyHistory(True, (9.5,), ("ISO_15444_1",)))
    path = write(twin, tmp_path / "twin.dcm")
    back = pydicom.dcmread(path)
    assert np.abs(read_photograph(path).rgb.astype(int) - skin()).mean() < 1.5
    assert back.file_meta.TransferSyntaxUID == JPEGBaseline8Bit
    assert back.LossyImageCompression == "01"
    assert list(back.LossyImageCompressionMethod) == ["ISO_15444_1", "ISO_10918_1"]
    assert back.LossyImageCompressionRatio[0] == 9.5
    assert [item.CodeValue for item in back.DerivationCodeSequence] == ["IDREPLACEMENT", "113040"]


def test_once_lossy_always_lossy() -> None:
    clean = clean_header()
    assert derive(clean).LossyImageCompression == "00"
    clean.LossyImageCompression = "01"
    assert derive(clean).LossyImageCompression == "01"
    clean.LossyImageCompressionRatio, clean.LossyImageCompressionMethod = "12.5", "ISO_10918_1"
    again = derive(clean)
    assert (again.LossyImageCompressionRatio, again.LossyImageCompressionMethod) == (12.5, "ISO_10918_1")


def test_the_same_source_gives_the_same_file_on_any_day(tmp_path: Path) -> None:
    clean = clean_header()
    first = write(derive(clean), tmp_path / "first.dcm").read_bytes()
    assert write(derive(clean), tmp_path / "again.dcm").read_bytes() == first
    assert date.today().strftime("%Y%m%d").encode() not in first


def test_every_role_and_source_has_uids_of_its_own_and_a_patient_stays_one() -> None:
    clean = clean_header()
    sick, healthy = derive(clean), derive(clean, role="healthy-twin")
    other = derive(clean, source_sop_instance_uid=SOURCE + ".2")
    assert len({sick.SOPInstanceUID, healthy.SOPInstanceUID, other.SOPInstanceUID}) == 3
    assert sick.SeriesInstanceUID == other.SeriesInstanceUID != healthy.SeriesInstanceUID
    assert sick.StudyInstanceUID == healthy.StudyInstanceUID == clean.StudyInstanceUID
    assert sick.SeriesInstanceUID != clean.SeriesInstanceUID
    assert sick.PatientID == healthy.PatientID == clean.PatientID


def test_what_is_not_on_the_list_does_not_leave(tmp_path: Path) -> None:
    clean = clean_header()
    clean.ImageComments = "hidden in a comment"
    clean.InstitutionName = "hidden in an institution"
    clean.add_new(0x00091001, "LO", "hidden in a private group")
    clean.add_new(0x60000022, "LO", "hidden in an overlay")
    clean.OriginalAttributesSequence = [minimal_header()]
    written = write(derive(clean), tmp_path / "twin.dcm").read_bytes()
    assert b"hidden" not in written
    assert SOURCE.encode() not in written
    assert clean.OriginalAttributesSequence[0].SOPInstanceUID.encode() not in written


def test_the_cleaned_header_is_left_as_it_was() -> None:
    clean = clean_header()
    before = clean.to_json()
    derive(clean).PatientOrientation = ["R", "H"]
    derive(clean).AnatomicRegionSequence[0].CodeMeaning = "Changed"
    assert clean.to_json() == before


def test_cleaned_features_are_claimed_only_when_proven() -> None:
    def claims(twin: Dataset) -> list[str]:
        return [item.CodeValue for item in twin.DeidentificationMethodCodeSequence]

    proven, unproven = derive(clean_header()), derive(clean_header(), features_cleaned=False, text_cleaned=False)
    assert proven.RecognizableVisualFeatures == "NO"
    assert claims(proven) == ["113100", "113101", "113102"]
    assert "RecognizableVisualFeatures" not in unproven
    assert claims(unproven) == ["113100"]
    assert claims(derive(clean_header(), features_cleaned=False)) == ["113100", "113101"]


def test_only_whoever_searched_the_pixels_says_that_no_text_is_burned_in() -> None:
    """What the source says counts for nothing, whichever way."""
    for stated in ("YES", "NO", None):
        clean = clean_header()
        clean.BurnedInAnnotation = stated
        assert derive(clean).BurnedInAnnotation == "NO"
        assert "BurnedInAnnotation" not in derive(clean, text_cleaned=False)


def test_the_image_says_what_was_done_and_by_what() -> None:
    sick = derive(clean_header())
    healthy = derive(clean_header(), role="healthy-twin", sick_twin=sick)
    assert list(sick.ImageType) == ["DERIVED", "PRIMARY"]
    assert sick.PatientIdentityRemoved == "YES"
    (equipment,) = sick.ContributingEquipmentSequence
    assert equipment.PurposeOfReferenceCodeSequence[0].CodeMeaning == "De-identifying Equipment"
    assert ALGORITHM.digest in equipment.ContributionDescription
    assert sick.ImageLaterality == "R"
    assert "SourceImageSequence" not in sick
    assert healthy.SourceImageSequence[0].ReferencedSOPInstanceUID == sick.SOPInstanceUID


@pytest.mark.parametrize(
    ("source", "derived"),
    [
        (VLPhotographicImageStorage, VLPhotographicImageStorage),
        (DermoscopicPhotographyImageStorage, DermoscopicPhotographyImageStorage),
        (SecondaryCaptureImageStorage, SecondaryCaptureImageStorage),
        (MultiFrameTrueColorSecondaryCaptureImageStorage, SecondaryCaptureImageStorage),
    ],
)
def test_the_class_is_the_sources(source: str, derived: str) -> None:
    assert derive(clean_header(source)).SOPClassUID == derived


def test_nothing_is_derived_from_a_ct() -> None:
    with pytest.raises(UnsupportedObject, match="CT Image Storage"):
        derive(clean_header(CTImageStorage))
