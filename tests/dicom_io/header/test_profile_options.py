"""The ten options: each alone and all together keep exactly what the table says, and claim exactly that."""

from __future__ import annotations

import json
from functools import lru_cache
from importlib.resources import files
from typing import Any

import pytest
from pydicom import Dataset
from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.sequence import Sequence

from dicom_io.leaks import Identifiers
from dicom_io.standard import OPTIONS
from dicom_io.standard.confidentiality_table import TABLE
from tests.dicom_io.profile_sources import Sentinels, as_file, code, photograph, profile, read_back

FULL, MODIFIED = "retain_longitudinal_full_dates", "retain_longitudinal_modified_dates"
ALL = [frozenset(OPTIONS) - {FULL}, frozenset(OPTIONS) - {MODIFIED}]
COMBINATIONS = [frozenset({option}) for option in OPTIONS] + ALL


@lru_cache(maxsize=1)
def letters() -> dict[str, dict[str, str]]:
    """Tag to option to letter, read from the file without the code that the profile uses."""
    document = json.loads((files("dicom_io.standard") / "data" / TABLE).read_text())
    columns = document["option_columns"]
    return {row[0]: dict(zip(columns, row[4], strict=True)) for row in document["rows"]}


def stays(marks: dict[str, str], vr: str, options: frozenset[str]) -> bool:
    """Whether a sentinel, which no vocabulary holds, stays as it is."""
    if MODIFIED in options and marks[MODIFIED] == "C" and vr in ("DA", "DT"):
        return False
    if MODIFIED in options and marks[MODIFIED] == "C" and vr == "TM":
        return True
    return any(marks[option] == "K" for option in options)


@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
@pytest.mark.parametrize("options", COMBINATIONS, ids=lambda options: "+".join(sorted(options))[:60])
def test_exactly_what_an_option_retains_stays(options: frozenset[str]) -> None:
    source, sentinels = photograph(), Sentinels()
    sentinels.plant_rows(source, "top")
    item = Dataset()
    sentinels.plant_rows(item, "nested")
    outer = Dataset()
    outer.DeviceSequence = Sequence([item])
    source.ContributingEquipmentSequence = Sequence([outer])
    found = set(sentinels.found_in(as_file(profile(*options).apply(read_back(as_file(source))))))

    expected, plain = set(), 0
    for where in sentinels.planted:
        tag = where.split(" ")[1]
        vr = dictionary_VR(int(tag, 16)).split(" or ")[0] if dictionary_has_tag(int(tag, 16)) else "LO"
        # An identifier of the patient has its pseudonym under every option; a sequence's sentinel is free text inside.
        # A sentinel is no sex, and only F, M and O are retained.
        if vr != "SQ" and tag != "00100040" and dictionary_has_tag(int(tag, 16)) and stays(letters()[tag], vr, options):
            expected.add(where)
            plain += 1
    assert found == expected, (sorted(found - expected)[:5], sorted(expected - found)[:5])
    retaining = {option for option in options if option.startswith("retain") and option != "retain_safe_private"}
    assert bool(plain) == bool(retaining)


@pytest.mark.parametrize("options", COMBINATIONS, ids=lambda options: "+".join(sorted(options))[:60])
def test_exactly_the_options_that_were_applied_are_claimed(options: frozenset[str]) -> None:
    clean = profile(*options).apply(photograph())
    claimed = [(item.CodingSchemeDesignator, item.CodeValue) for item in clean.DeidentificationMethodCodeSequence]
    assert claimed == [("DCM", "113100"), *(("DCM", OPTIONS[each].value) for each in OPTIONS if each in options)]
    temporal = {FULL: "UNMODIFIED", MODIFIED: "MODIFIED"}
    stated = [word for option, word in temporal.items() if option in options] or ["REMOVED"]
    assert [clean.LongitudinalTemporalInformationModified] == stated
    assert clean.PatientBirthDate == "", "a birth date leaves under no option"


def test_a_text_stays_as_a_whole_or_not_at_all() -> None:
    def described(text: str) -> Any:
        source = photograph()
        source.StudyDescription = text
        source.ReferringPhysicianName = "Brown^Rose"
        return profile("clean_descriptors").apply(source).get("StudyDescription")

    assert described("Erythema of the face, left") == "Erythema of the face, left"
    for text in ("Erythema of Zoë", "Face 4711", "Face, 12.05.2031", "face of JK", "Brown spots on the face", "MRN"):
        assert described(text) is None, text


def test_admitting_diagnoses_stay_as_public_codes_alone() -> None:
    source = photograph()
    source.AdmittingDiagnosesCodeSequence = [code("398909004", "SCT", "Rosacea of Zoë"), code("Z1", "99LOCAL", "Bed 4")]
    assert "AdmittingDiagnosesCodeSequence" not in profile().apply(source)
    (kept,) = profile("clean_descriptors").apply(source).AdmittingDiagnosesCodeSequence
    assert (kept.CodeValue, kept.CodeMeaning) == ("398909004", "Rosacea")


def content(kind: str, concept: Dataset, **values: Any) -> Dataset:
    item = Dataset()
    item.ValueType, item.ConceptNameCodeSequence = kind, [concept]
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return item


def test_structured_content_keeps_the_skin_type_and_no_text() -> None:
    skin_type = content("CODE", code("C74569", "NCIt", "Type I"), ConceptCodeSequence=[code("C74569", "NCIt", "I")])
    number = content("NUM", code("111031", "DCM", "Image View"), NumericValue="4")
    number.MeasurementUnitsCodeSequence = [code("mm", "UCUM", "millimetre of Vetinari")]
    source = photograph()
    source.AcquisitionContextSequence = [
        skin_type,
        number,
        content("TEXT", code("121106", "DCM", "Comment"), TextValue="seen by Vetinari"),
        content("PNAME", code("121029", "DCM", "Subject Name"), PersonName="Vetinari^Zoë"),
        content("DATE", code("121031", "DCM", "Subject Birth Date"), Date="19710203"),
        content("CODE", code("121032", "DCM", "Subject Sex"), ConceptCodeSequence=[code("F", "DCM", "Female")]),
        content("NUM", code("4711", "99LOCAL", "Bed"), NumericValue="4"),
    ]
    assert len(profile().apply(source).AcquisitionContextSequence) == 0, "Type 2: it stays, empty"
    clean = profile("clean_structured_content").apply(source)
    kept = clean.AcquisitionContextSequence
    assert [item.ValueType for item in kept] == ["CODE", "NUM"]
    assert kept[0].ConceptCodeSequence[0].CodeValue == "C74569"
    assert "Vetinari" not in str(clean)
    with_sex = profile("clean_structured_content", "retain_patient_characteristics").apply(source)
    assert len(with_sex.AcquisitionContextSequence) == 3


def test_stations_keep_a_pseudonym_and_institutions_their_code() -> None:
    source, other = photograph(), photograph()
    source.StationAETitle = other.StationAETitle = "UEBERWALD_CT"
    source.InstitutionCodeSequence = [code("K-17", "99UEBERWALD", "Klinik Überwald")]
    first, second = (profile("retain_device_identity").apply(each) for each in (source, other))
    assert first.StationAETitle == second.StationAETitle != "UEBERWALD_CT"
    assert len(first.StationAETitle) == 16
    assert "StationAETitle" not in profile().apply(source)
    assert "InstitutionCodeSequence" not in profile().apply(source)
    (kept,) = profile("retain_institution_identity").apply(source).InstitutionCodeSequence
    assert (kept.CodeValue, kept.CodeMeaning) == ("K-17", "Klinik Überwald")


@pytest.mark.parametrize(
    ("age", "told"), [("089Y", "089Y"), ("090Y", "090Y"), ("097Y", "090Y"), ("011M", "011M"), ("old", None)]
)
@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
def test_ages_over_89_are_all_told_as_90(age: str, told: str | None) -> None:
    source = photograph()
    source["PatientAge"]._value = age
    assert profile("retain_patient_characteristics").apply(source).get("PatientAge") == told
    assert "PatientAge" not in profile().apply(source)


@pytest.mark.parametrize(
    ("born", "told"), [("19710203", "060Y"), ("19300101", "090Y"), ("20310101", "004M"), ("20320101", None), ("", None)]
)
def test_a_birth_date_leaves_as_an_age(born: str, told: str | None) -> None:
    source = photograph()
    del source.PatientAge
    source.PatientBirthDate = born
    clean = profile("retain_patient_characteristics").apply(source)
    assert clean.get("PatientAge") == told
    assert clean.PatientBirthDate == ""
    assert "PatientAge" not in profile().apply(source)


def test_calibrations_move_with_the_patients_other_dates() -> None:
    source = photograph()
    source.DateOfLastCalibration = source.StudyDate
    clean = profile("retain_device_identity", MODIFIED).apply(source)
    assert clean.DateOfLastCalibration == clean.StudyDate != source.StudyDate


def with_private() -> Dataset:
    source = photograph()
    block = source.private_block(0x7053, "Philips PET Private Group", create=True)
    block.add_new(0x00, "DS", "1.25")
    block.add_new(0x01, "LO", "Vetinari")
    source.private_block(0x0019, "LENSCO", create=True).add_new(0x10, "US", 7)
    return source


def test_safe_private_attributes_stay_with_their_creator_and_no_others() -> None:
    assert not [tag for tag in profile().apply(with_private()).keys() if tag.is_private]  # noqa: SIM118
    clean = profile("retain_safe_private").apply(with_private())
    kept = {str(tag): clean[tag].value for tag in clean.keys() if tag.is_private}  # noqa: SIM118
    assert kept == {"(7053,0010)": "Philips PET Private Group", "(7053,1000)": 1.25}


@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
def test_a_safe_private_attribute_that_holds_something_else_goes() -> None:
    source = with_private()
    source[0x70531000].VR = "LO"
    source[0x70531000]._value = "Vetinari " * 9
    assert not [tag for tag in profile("retain_safe_private").apply(source).keys() if tag.is_private]  # noqa: SIM118


def test_a_moved_date_that_lies_where_another_was_is_no_leak() -> None:
    source, applied = photograph(), profile(MODIFIED)
    source.SeriesDate = applied.apply(source).StudyDate
    clean = applied.apply(source)
    assert clean.StudyDate == source.SeriesDate
    assert Identifiers.under(applied, source, b"").found_in(as_file(clean)) == []
    clean.ContentDate = source.StudyDate
    assert Identifiers.under(applied, source, b"").found_in(as_file(clean)) != []


@pytest.mark.parametrize("options", COMBINATIONS, ids=lambda options: "+".join(sorted(options))[:60])
def test_the_last_check_takes_what_is_retained_for_no_leak(options: frozenset[str]) -> None:
    source = with_private()
    source.InstitutionCodeSequence = [code("K-17", "99UEBERWALD", "Klinik Überwald")]
    raw = as_file(source)
    applied = profile(*options)
    clean = applied.apply(read_back(raw))
    identifiers = Identifiers.under(applied, read_back(raw), raw)
    assert identifiers.found_in(as_file(clean)) == []
    clean.ImageComments = "Vetinari, 1971-02-03, MRN-5543210"
    named = " ".join(identifiers.found_in(as_file(clean)))
    assert "PatientName" in named and "PatientBirthDate" in named and "PatientID" in named
