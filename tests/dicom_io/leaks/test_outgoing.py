"""The whole of dicom_io at once: a photograph as a hospital sends it, and everything that leaves for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom import Dataset
from pydicom.uid import UID, JPEG2000Lossless, JPEGBaseline8Bit

from dicom_io.errors import LeakFound
from dicom_io.header import ConfidentialityProfile, Pseudonyms, SiteKey, generate_key_file
from dicom_io.leaks import Identifiers, check_outgoing
from dicom_io.leaks.check import own_texts
from dicom_io.reading import SourcePhotograph, read_photograph
from dicom_io.standard import OPTIONS, PHOTOGRAPH_CLASSES
from dicom_io.writing import derived_image, segmentations
from tests.dicom_io.builders import ALGORITHM, code, minimal_header, photograph, rich_header, skin, spot, write
from tests.dicom_io.writing.test_derived import errors_of_dciodvfy

PLANTED = ("Ödegård", "Wilhelmina", "MRN-4471190", "19790317", "20200611", "ACC-55012", "Fernhollow", "Larchmere",
           "LW-9921-X", "follow-up", "Wardcam", "ward seven")  # fmt: skip


@pytest.fixture
def pseudonyms(tmp_path: Path) -> Pseudonyms:
    generate_key_file(tmp_path / "site.key")
    return Pseudonyms(SiteKey.from_file(tmp_path / "site.key"))


def sent(tmp_path: Path, header: Dataset, transfer_syntax: str = JPEGBaseline8Bit) -> SourcePhotograph:
    exif = Image.Exif()
    exif[0x0110], exif[0x010E] = "Wardcam 3", "ward seven"
    dataset = photograph(header, transfer_syntax=transfer_syntax, exif=exif.tobytes())
    return read_photograph(write(dataset, tmp_path / "source.dcm"))


def outgoing(
    source: SourcePhotograph, pseudonyms: Pseudonyms, folder: Path, options: frozenset[str] = frozenset()
) -> list[Path]:
    """Both twins and both segmentations, as a study's job would write them."""
    clean = ConfidentialityProfile(pseudonyms, options).apply(source.header)
    uid = str(source.header.SOPInstanceUID)
    other = np.flip(source.rgb, axis=1).copy()
    sick = derived_image(
        clean, other, role="sick-twin", source_sop_instance_uid=uid, pseudonyms=pseudonyms, features_cleaned=True,
        text_cleaned=True, algorithm=ALGORITHM, history=source.history, options=options,
    )  # fmt: skip
    healthy = derived_image(
        clean, other, role="healthy-twin", source_sop_instance_uid=uid, pseudonyms=pseudonyms, features_cleaned=True,
        text_cleaned=True, algorithm=ALGORITHM, history=source.history, options=options, sick_twin=sick,
    )  # fmt: skip
    objects = [sick, healthy, *segmentations(
        sick, spot().astype(np.float32), spot(), "erythema", source_sop_instance_uid=uid, pseudonyms=pseudonyms,
        algorithm=ALGORITHM,
    )]  # fmt: skip
    return [write(dataset, folder / f"{number}.dcm") for number, dataset in enumerate(objects)]


@pytest.mark.parametrize("sop_class", PHOTOGRAPH_CLASSES, ids=lambda uid: UID(uid).name)
def test_nothing_that_was_planted_leaves(tmp_path: Path, pseudonyms: Pseudonyms, sop_class: str) -> None:
    source = sent(tmp_path, rich_header(sop_class))
    raw = source.raw
    assert [value for value in PLANTED if value.encode() not in raw] == [], "the plants must be in the source"
    identifiers = Identifiers.of(source.header, raw)
    for path in outgoing(source, pseudonyms, tmp_path):
        blob = path.read_bytes()
        assert [value for value in PLANTED if value.encode() in blob] == []
        assert str(source.header.SOPInstanceUID).encode() not in blob
        assert str(source.header.StudyInstanceUID).encode() not in blob
        check_outgoing(path, identifiers, ALGORITHM)


@pytest.mark.peers
@pytest.mark.parametrize("sop_class", PHOTOGRAPH_CLASSES, ids=lambda uid: UID(uid).name)
@pytest.mark.parametrize("header", [minimal_header, rich_header], ids=["minimal header", "rich header"])
def test_a_validator_finds_no_error(tmp_path: Path, pseudonyms: Pseudonyms, sop_class: str, header: object) -> None:
    assert callable(header)
    source = sent(tmp_path, header(sop_class), JPEG2000Lossless)
    for path in outgoing(source, pseudonyms, tmp_path):
        assert errors_of_dciodvfy(path) == []


def everything_retained(sop_class: str) -> Dataset:
    """A rich header with something for each option to keep."""
    header = rich_header(sop_class)
    header.StationName, header.StationAETitle, header.DateOfLastCalibration = "CAM-3", "CAM3", "20200601"
    header.InstitutionCodeSequence = [code("K-17", "99LARCHMERE", "Larchmere Infirmary")]
    header.PatientSize, header.PatientWeight = "1.68", "61"
    header.AcquisitionDate, header.AcquisitionTime, header.AcquisitionDateTime = "20200611", "091501", "20200611091501"
    header.StudyDescription = "Rosacea of the face"
    header.PixelSpacing, header.FNumber, header.ExposureTimeInSeconds = ["0.1", "0.1"], 5.6, 0.01
    item = Dataset()
    item.ValueType = "CODE"
    item.ConceptNameCodeSequence = [code("C74569", "NCIt", "Fitzpatrick Skin Type I")]
    item.ConceptCodeSequence = [code("C74569", "NCIt", "Fitzpatrick Skin Type I")]
    header.AcquisitionContextSequence = [item]
    header.private_block(0x7053, "Philips PET Private Group", create=True).add_new(0x00, "DS", "1.25")
    return header


EVERY_OPTION = frozenset(OPTIONS) - {"retain_longitudinal_full_dates"}


@pytest.mark.parametrize("sop_class", PHOTOGRAPH_CLASSES, ids=lambda uid: UID(uid).name)
def test_what_the_options_retain_reaches_the_twin(tmp_path: Path, pseudonyms: Pseudonyms, sop_class: str) -> None:
    source = sent(tmp_path, everything_retained(sop_class))
    paths = outgoing(source, pseudonyms, tmp_path, EVERY_OPTION)
    twin = pydicom.dcmread(paths[0])
    assert (twin.PatientSex, twin.PatientAge, twin.PatientSize) == ("F", "041Y", 1.68)
    assert (twin.InstitutionName, twin.StudyDescription) == ("Larchmere Infirmary", "Rosacea of the face")
    assert twin.AcquisitionContextSequence[0].ConceptCodeSequence[0].CodeValue == "C74569"
    assert twin.AnatomicRegionSequence[0].CodeValue == "89545001"
    assert (twin.BodyPartExamined, list(twin.PixelSpacing), twin.FNumber) == ("FACE", [0.1, 0.1], 5.6)
    assert twin[0x70531000].value == 1.25
    assert twin.StudyInstanceUID == source.header.StudyInstanceUID
    assert twin.SOPInstanceUID != source.header.SOPInstanceUID, "other pixels, another instance"
    assert twin.DeviceSerialNumber == ALGORITHM.digest[:64], "the equipment of a derived image is ours"
    camera = twin.ContributingEquipmentSequence[1]
    assert (camera.Manufacturer, camera.DeviceSerialNumber, camera.StationName) == ("Lensworks", "LW-9921-X", "CAM-3")
    assert camera.DateOfLastCalibration not in ("20200601", "")
    identifiers = Identifiers.under(ConfidentialityProfile(pseudonyms, EVERY_OPTION), source.header, source.raw)
    for path in paths:
        check_outgoing(path, identifiers, ALGORITHM)


@pytest.mark.peers
@pytest.mark.parametrize("sop_class", PHOTOGRAPH_CLASSES, ids=lambda uid: UID(uid).name)
@pytest.mark.parametrize("dates", ["retain_longitudinal_full_dates", "retain_longitudinal_modified_dates"])
def test_a_validator_finds_no_error_under_every_option(
    tmp_path: Path, pseudonyms: Pseudonyms, sop_class: str, dates: str
) -> None:
    options = EVERY_OPTION - {"retain_longitudinal_modified_dates"} | {dates}
    source = sent(tmp_path, everything_retained(sop_class))
    for path in outgoing(source, pseudonyms, tmp_path, options):
        assert errors_of_dciodvfy(path) == []


def test_the_loss_of_the_source_is_told(tmp_path: Path, pseudonyms: Pseudonyms) -> None:
    source = sent(tmp_path, rich_header())
    sick = pydicom.dcmread(outgoing(source, pseudonyms, tmp_path)[0])
    assert sick.LossyImageCompression == "01"
    assert sick.LossyImageCompressionMethod == "ISO_10918_1"
    assert sick.LossyImageCompressionRatio == pytest.approx(source.history.ratios[0], abs=0.01)


def test_a_patient_stays_one_across_studies(tmp_path: Path, pseudonyms: Pseudonyms) -> None:
    for folder in ("first", "second"):
        (tmp_path / folder).mkdir()
    twins = [
        pydicom.dcmread(outgoing(sent(tmp_path, rich_header()), pseudonyms, tmp_path / folder)[0])
        for folder in ("first", "second")
    ]
    assert twins[0].PatientID == twins[1].PatientID
    assert twins[0].StudyInstanceUID != twins[1].StudyInstanceUID


def test_a_leak_is_stopped(tmp_path: Path, pseudonyms: Pseudonyms) -> None:
    source = sent(tmp_path, rich_header())
    path = outgoing(source, pseudonyms, tmp_path)[0]
    leaky = pydicom.dcmread(path)
    leaky.SeriesDescription = "twin of Wilhelmina"
    leaky.save_as(path)
    with pytest.raises(LeakFound) as found:
        check_outgoing(path, Identifiers.of(source.header, source.raw), ALGORITHM)
    assert any("0010" in tag or "Name" in tag for tag in found.value.tags)


def test_every_text_that_leaves_is_the_profiles_or_one_of_our_own(tmp_path: Path, pseudonyms: Pseudonyms) -> None:
    source = sent(tmp_path, rich_header())
    clean = ConfidentialityProfile(pseudonyms).apply(source.header)
    cleaned = {str(element.value) for element in clean.iterall()}
    ours = own_texts(ALGORITHM)
    for path in outgoing(source, pseudonyms, tmp_path)[:2]:
        texts = {
            (element.keyword, str(element.value))
            for element in pydicom.dcmread(path).iterall()
            if element.VR in {"LO", "LT", "PN", "SH", "ST", "UC", "UT"} and element.value
        }
        assert {(keyword, text) for keyword, text in texts if text not in ours | cleaned} == set()


def test_another_instance_with_the_same_pixels_is_another_twin(tmp_path: Path, pseudonyms: Pseudonyms) -> None:
    one, other = sent(tmp_path, rich_header()), sent(tmp_path, rich_header())
    assert np.array_equal(one.rgb, other.rgb)
    assert np.abs(one.rgb.astype(int) - skin()).mean() < 1.5
    first = pydicom.dcmread(outgoing(one, pseudonyms, tmp_path)[0]).SOPInstanceUID
    second = pydicom.dcmread(outgoing(other, pseudonyms, tmp_path)[0]).SOPInstanceUID
    assert first != second
