"""The confidentiality profile: what stays, what goes, and that what is left is a valid, connected object."""

from __future__ import annotations

import struct
from datetime import datetime

import pytest
from pydicom import DataElement, Dataset
from pydicom.sequence import Sequence
from pydicom.sr.codedict import codes
from pydicom.uid import DermoscopicPhotographyImageStorage, EncapsulatedPDFStorage, VLPhotographicImageStorage

from dicom_io.errors import ProfileError
from dicom_io.header.actions import Action, basic_action
from dicom_io.standard import BASIC_PROFILE, OPTIONS, iod_types, profile_table
from dicom_io.standard import confidentiality_table as table_module
from tests.dicom_io.profile_sources import code, photograph, profile


def test_identifiers_become_pseudonyms_and_the_rest_of_the_basic_profile_goes() -> None:
    clean = profile().apply(photograph())
    assert clean.PatientID.startswith("TV-")
    assert str(clean.PatientName) == clean.PatientID + "^"
    assert len(clean.AccessionNumber) == len(clean.StudyID) == 16
    assert (clean.PatientBirthDate, clean.PatientSex, clean.StudyDate, clean.StudyTime) == ("", "", "", "")
    assert clean.ReferringPhysicianName == ""
    for keyword in ("PatientAge", "InstitutionName", "StudyDescription", "IssuerOfPatientID", "DeviceSerialNumber"):
        assert keyword not in clean


def test_what_a_reader_of_photographs_needs_stays() -> None:
    source, clean = photograph(), profile().apply(photograph())
    for keyword in ("ImageType", "Modality", "BodyPartExamined", "ImageLaterality", "Manufacturer", "PixelSpacing",
                    "ManufacturerModelName", "SoftwareVersions", "Rows", "Columns", "InstanceNumber", "SOPClassUID",
                    "PatientOrientation", "PhotometricInterpretation", "LossyImageCompression"):  # fmt: skip
        assert clean[keyword].value == source[keyword].value, keyword


def test_a_public_code_stays_and_its_meaning_is_written_anew() -> None:
    region = profile().apply(photograph()).AnatomicRegionSequence[0]
    assert (region.CodeValue, region.CodingSchemeDesignator) == ("89545001", "SCT")
    assert region.CodeMeaning.startswith("Face")
    assert "Vetinari" not in region.CodeMeaning


@pytest.mark.parametrize("entry", [("4711", "99LOCAL", "Bed 4"), ("5543210", "SCT", "Not in any context group")])
def test_a_code_that_is_not_public_goes(entry: tuple[str, str, str]) -> None:
    source = photograph()
    source.ProcedureCodeSequence = [code(*entry)]
    assert "ProcedureCodeSequence" not in profile().apply(source)


def test_what_was_done_is_declared() -> None:
    clean = profile().apply(photograph())
    assert clean.PatientIdentityRemoved == "YES"
    assert clean.LongitudinalTemporalInformationModified == "REMOVED"
    assert [item.CodeValue for item in clean.DeidentificationMethodCodeSequence] == ["113100"]


def test_the_codes_are_those_of_the_standard() -> None:
    known = {getattr(codes.cid7050, name) for name in codes.cid7050.dir()}
    assert {BASIC_PROFILE, *OPTIONS.values()} <= known
    assert len({option.value for option in OPTIONS.values()}) == 10


def test_references_stay_consistent_within_and_between_instances() -> None:
    overview, detail = photograph(), photograph(DermoscopicPhotographyImageStorage)
    detail.SOPInstanceUID = overview.ReferencedImageSequence[0].ReferencedSOPInstanceUID
    detail.ReferencedImageSequence[0].ReferencedSOPInstanceUID = overview.SOPInstanceUID
    first, second = profile().apply(overview), profile().apply(detail)
    assert first.ReferencedImageSequence[0].ReferencedSOPInstanceUID == second.SOPInstanceUID
    assert second.ReferencedImageSequence[0].ReferencedSOPInstanceUID == first.SOPInstanceUID
    assert first.StudyInstanceUID == second.StudyInstanceUID
    assert first.PatientID == second.PatientID
    assert first.ReferencedImageSequence[0].ReferencedSOPClassUID == DermoscopicPhotographyImageStorage


def test_a_patient_stays_one_patient_in_another_study() -> None:
    later = photograph()
    later.StudyInstanceUID, later.AccessionNumber = "1.2.826.0.1.3680043.10.9999.2.1", "ACC-778813"
    first, second = profile().apply(photograph()), profile().apply(later)
    assert first.PatientID == second.PatientID
    assert first.StudyInstanceUID != second.StudyInstanceUID
    assert first.StudyID != second.StudyID


@pytest.mark.parametrize("sop_class", [VLPhotographicImageStorage, DermoscopicPhotographyImageStorage])
def test_type_1_attributes_keep_a_value(sop_class: str) -> None:
    source = photograph(sop_class)
    for row in profile_table().by_tag.values():
        if row.vr in ("LO", "SH", "CS", "DA", "TM", "PN", "DT") and row.basic != ("X",):
            value = {"DA": "20310101", "TM": "101112", "DT": "20310101"}.get(row.vr, "X")
            source.add_new(int(row.tag, 16), row.vr, value)
    source.TrackingID = "Mole of Mr Vetinari"
    clean = profile().apply(source)
    types = iod_types(sop_class)
    checked = 0
    for element in source:
        need = types.need((element.keyword,))
        if need in ("value", "value if present"):
            checked += 1
            assert not clean[element.keyword].is_empty, element.keyword
        if need == "presence":
            assert element.keyword in clean
    assert checked > 12
    if sop_class == DermoscopicPhotographyImageStorage:
        assert clean.DeviceSerialNumber == "REMOVED"


@pytest.mark.parametrize(
    ("basic", "need", "expected"),
    [
        ("X", "nothing", Action.REMOVE), ("Z", "nothing", Action.EMPTY), ("Z", "value", Action.DUMMY),
        ("D", "nothing", Action.DUMMY), ("X/Z", "nothing", Action.REMOVE), ("X/Z", "presence", Action.EMPTY),
        ("X/Z", "value", Action.DUMMY), ("X/D", "nothing", Action.REMOVE), ("X/D", "value", Action.DUMMY),
        ("X/Z/D", "nothing", Action.REMOVE), ("X/Z/D", "presence", Action.EMPTY), ("X/Z/D", "value", Action.DUMMY),
        ("Z/D", "nothing", Action.EMPTY), ("Z/D", "value if present", Action.DUMMY), ("U", "value", Action.UID),
        ("X/Z/U*", "nothing", Action.ENTER), ("X/Z/D", "unknown", Action.DUMMY),
    ],
)  # fmt: skip
def test_compound_actions_follow_the_type(basic: str, need: str, expected: Action) -> None:
    row = table_module.Row("00000000", "any", "LO", tuple(basic.split("/")), {})
    assert basic_action(row, "LO", need) is expected  # type: ignore[arg-type]


def test_what_breaks_its_vr_does_not_stay() -> None:
    source = photograph()
    source._dict[source["BodyPartExamined"].tag] = DataElement(0x00180015, "LO", "Vetinari")
    source._dict[source["PixelSpacing"].tag] = DataElement(0x00280030, "LO", "Zoë Vetinari")
    clean = profile().apply(source)
    assert "BodyPartExamined" not in clean
    assert "PixelSpacing" not in clean


@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
@pytest.mark.parametrize("swallowed", ["Invented Optics \x08\x00\x80\x00LO\x10\x00Klinik", "Invented Optics " * 9])
def test_a_make_that_swallowed_its_neighbours_goes(swallowed: str) -> None:
    source = photograph()
    source["Manufacturer"]._value = swallowed
    assert profile().apply(source).Manufacturer == "", "Type 2"


def test_numbers_that_are_text_in_disguise_go() -> None:
    source = photograph()
    source.SmallestImagePixelValue = list(struct.unpack("<7H", b"Zoe Vetinari 1"))
    source.DiffusionBValue = struct.unpack("<d", b"Vetinari")[0]
    source.ExposureTimeInSeconds = 0.0125
    clean = profile().apply(source)
    assert "SmallestImagePixelValue" not in clean
    assert "DiffusionBValue" not in clean
    assert (clean.ExposureTimeInSeconds, clean.Rows) == (0.0125, source.Rows)


def test_a_frame_of_reference_stays_whole() -> None:
    source = photograph()
    source.FrameOfReferenceUID, source.PositionReferenceIndicator = "1.2.826.0.1.3680043.10.9999.1.9", "Zoë's chin"
    clean = profile().apply(source)
    assert clean.PositionReferenceIndicator == ""
    assert clean.FrameOfReferenceUID.startswith("2.25.")


def test_sequences_that_lose_everything_go() -> None:
    source, item = photograph(), Dataset()
    item.EvaluatorName = "Vetinari^Zoë"
    source.ContributingEquipmentSequence = Sequence([item])
    assert "ContributingEquipmentSequence" not in profile().apply(source)


def test_endless_nesting_is_refused_by_name() -> None:
    source = item = photograph()
    for _ in range(40):
        inner = Dataset()
        item.ContributingEquipmentSequence = Sequence([inner])
        item = inner
    with pytest.raises(ProfileError, match="nested"):
        profile().apply(source)


def test_encapsulated_documents_are_refused() -> None:
    with pytest.raises(ProfileError, match="encapsulated"):
        profile().apply(photograph(EncapsulatedPDFStorage))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("retain_everything",), "unknown option"),
        (("retain_longitudinal_full_dates", "retain_longitudinal_modified_dates"), "choose one"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: tuple[str, ...], message: str) -> None:
    with pytest.raises(ProfileError, match=message):
        profile(*options)


def test_modified_dates_keep_their_intervals() -> None:
    first, later = photograph(), photograph()
    later.StudyDate = later.ContentDate = "20310519"
    later.AcquisitionDateTime = "20310519101500.5+0100"
    one, two = (profile("retain_longitudinal_modified_dates").apply(each) for each in (first, later))
    assert one.StudyDate not in ("", "20310512")
    assert _days(two.StudyDate) - _days(one.StudyDate) == 7
    assert one.StudyTime == "131542.25"
    assert two.AcquisitionDateTime == f"{two.StudyDate}101500.5"
    assert one.PatientBirthDate == ""
    assert one.LongitudinalTemporalInformationModified == "MODIFIED"
    assert [item.CodeValue for item in one.DeidentificationMethodCodeSequence] == ["113100", "113107"]


def test_retained_attributes_are_retained_and_claimed_and_no_others() -> None:
    source = photograph()
    clean = profile("retain_patient_characteristics", "retain_uids", "retain_longitudinal_full_dates").apply(source)
    for keyword in ("PatientSex", "PatientAge", "SOPInstanceUID", "StudyInstanceUID", "StudyDate", "ContentTime"):
        assert clean[keyword].value == source[keyword].value
    assert clean.PatientBirthDate == ""
    assert "InstitutionName" not in clean
    claimed = [item.CodeValue for item in clean.DeidentificationMethodCodeSequence]
    assert claimed == ["113100", "113110", "113108", "113106"]
    assert clean.LongitudinalTemporalInformationModified == "UNMODIFIED"


def test_a_changed_table_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_module, "TABLE_SHA256", "0" * 64)
    with pytest.raises(ProfileError, match="SHA-256"):
        table_module.profile_table.__wrapped__()


def test_the_table_is_the_edition_it_says() -> None:
    table = profile_table()
    assert table.edition == "2026d"
    assert len(table.rows) == 657
    private, overlay = table.row(0x00191001), table.row(0x60023000)
    assert private is not None
    assert overlay is not None
    assert (private.tag, overlay.tag) == ("PRIVATE", "60xx3000")
    assert table.row(0x00080070) is None


def _days(date: str) -> int:
    return datetime.strptime(date, "%Y%m%d").toordinal()
