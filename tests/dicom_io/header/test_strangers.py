"""Two people whose headers lack the same thing stay two people; one person stays one as far as the header tells."""

from __future__ import annotations

from itertools import combinations

import pytest
from pydicom import Dataset
from pydicom._uid_dict import UID_dictionary
from pydicom.uid import UID

from dicom_io.errors import UnreadableObject
from dicom_io.header import PatientIdentity, Pseudonyms, SourceIdentity, is_lacking, lacks_uid
from dicom_io.header.lacking import is_shared
from dicom_io.writing import derived_image
from tests.dicom_io.builders import ALGORITHM, skin
from tests.dicom_io.profile_sources import KEY, photograph, profile

PSEUDONYMS = Pseudonyms(KEY)
UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
TEXTS = ("PatientID", "IssuerOfPatientID", "AccessionNumber")
NO_UID = ("", "0", "1", "1.2.3", "1.2.3.4.5.6.7.8.9.10", "0.0.0.0", "2.25.0", "2.25.1", "1.1.1.1.1.1.1.1.1.1.1.1",
          "UNKNOWN", "1.2.840.10008.1.1", "1.2.840.10008.5.1.4.1.1.77.1.4", "None")  # fmt: skip
NO_TEXT = ("", " ", "0", "000000", "UNKNOWN", "unknown", "Unbekannt", "N/A", "n. a.", "none", "NULL", "-", "...", "?",
           "XXXX", "ANONYMOUS", "Anonymisiert", "Anonymisé", "no patient ID", "ID0000", "not available", "TEST",
           "undefined", "不明", "неизвестный", "غير معروف")  # fmt: skip
ONE, OTHER = "1.2.826.0.1.3680043.10.9999.71", "1.2.826.0.1.3680043.10.9999.82"


def stranger(root: str, **shared: str | None) -> Dataset:
    """A photograph of somebody with everything their own but ``shared``; None takes an attribute away."""
    source, first = photograph(), root == ONE
    source.StudyInstanceUID, source.SeriesInstanceUID, source.SOPInstanceUID = f"{root}.1", f"{root}.2", f"{root}.3"
    source.PatientName, source.PatientBirthDate = ("Ottoline^A", "19510717") if first else ("Osbert^B", "19880102")
    source.PatientID, source.IssuerOfPatientID = ("AA-101", "NORTH") if first else ("BB-202", "SOUTH")
    source.AccessionNumber, source.StudyID = ("A-4471", "S-1") if first else ("B-9932", "S-2")
    for keyword, value in shared.items():
        if value is None:
            del source[keyword]
        else:
            setattr(source, keyword, value)
    return source


def identifiers(source: Dataset, *options: str) -> set[str]:
    """Everything that is made for the person, the study and the instance."""
    identity = SourceIdentity.of(source)
    patient = (identity.patient.patient_id, identity.patient.issuer)
    clean = profile(*options).apply(source)
    twin = derived_image(
        clean, skin(32, 32), role="sick-twin", source_sop_instance_uid=identity.instance, pseudonyms=PSEUDONYMS,
        algorithm=ALGORITHM, features_cleaned=True, text_cleaned=True, options=frozenset(options),
    )  # fmt: skip
    made = {
        str(element.value)
        for dataset in (clean, twin)
        for element in dataset.iterall()
        if (element.VR == "UI" and str(element.value) not in UID_dictionary)
        or element.keyword in ("PatientID", "PatientName", "AccessionNumber", "StudyID")
    }
    made -= {"", str(twin.SOPClassUID), str(clean.SOPClassUID)}
    made -= {reference.ReferencedSOPClassUID for reference in clean.get("ReferencedImageSequence", ())}
    made -= {reference.ReferencedSOPInstanceUID for reference in clean.get("ReferencedImageSequence", ())}
    made.add(PSEUDONYMS.study_digest(str(source.get("StudyInstanceUID") or ""), str(source.SOPInstanceUID)))
    return made | {PSEUDONYMS.persona_seed(*patient).hex(), str(patient)}


def test_strangers_with_everything_share_nothing() -> None:
    assert len(identifiers(stranger(ONE))) >= 9
    assert not identifiers(stranger(ONE)) & identifiers(stranger(OTHER))


@pytest.mark.parametrize("options", [(), ("retain_uids",)], ids=["basic profile", "UIDs retained"])
@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        *((keyword, value) for keyword in UIDS for value in NO_UID if (keyword, value) != ("SOPInstanceUID", "")),
        *((keyword, value) for keyword in TEXTS for value in NO_TEXT),
        *((keyword, None) for keyword in (*UIDS[:2], *TEXTS)),
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
def test_strangers_who_lack_the_same_share_nothing(keyword: str, value: str | None, options: tuple[str, ...]) -> None:
    pair = (identifiers(stranger(root, **{keyword: value}), *options) for root in (ONE, OTHER))
    assert not set.intersection(*pair)


@pytest.mark.parametrize("lacking", list(combinations((*UIDS[:2], *TEXTS, "PatientName", "PatientBirthDate"), 3)))
@pytest.mark.parametrize("value", ["", None, "UNKNOWN"], ids=["empty", "missing", "placeholder"])
@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
def test_nor_when_they_lack_several_things(lacking: tuple[str, ...], value: str | None) -> None:
    pair = (identifiers(stranger(root, **dict.fromkeys(lacking, value))) for root in (ONE, OTHER))
    assert not set.intersection(*pair)


@pytest.mark.parametrize("patient_id", ["1001", "1", "123456", "1111"])
@pytest.mark.parametrize("issuer", ["", None, "UNKNOWN"])
def test_one_number_of_two_hospitals_that_do_not_say_who_they_are(patient_id: str, issuer: str | None) -> None:
    pair = (PatientIdentity.of(stranger(root, PatientID=patient_id, IssuerOfPatientID=issuer)) for root in (ONE, OTHER))
    assert next(pair) != next(pair)


def test_one_request_number_of_two_patients_becomes_two() -> None:
    one, other = (profile().apply(stranger(root, AccessionNumber="4711-A")) for root in (ONE, OTHER))
    assert len({one.AccessionNumber, other.AccessionNumber}) == 2
    again = profile().apply(stranger(ONE, AccessionNumber="4711-A", StudyInstanceUID=f"{ONE}.7"))
    assert again.AccessionNumber == one.AccessionNumber


@pytest.mark.parametrize(
    "lacking", [{"IssuerOfPatientID": None}, {"IssuerOfPatientID": "N/A"}, {"PatientBirthDate": ""}, {"PatientID": "1"}]
)
def test_a_patient_who_comes_again_is_the_same(lacking: dict[str, str | None]) -> None:
    visits = [stranger(ONE, **lacking) for _ in range(2)]
    visits[1].StudyInstanceUID, visits[1].SOPInstanceUID = f"{ONE}.7", f"{ONE}.8"
    assert PatientIdentity.of(visits[0]) == PatientIdentity.of(visits[1])


def test_photographs_of_one_study_without_patient_id_are_one_patients() -> None:
    photographs = [stranger(ONE, PatientID="") for _ in range(2)]
    photographs[1].SOPInstanceUID, photographs[1].PatientName = f"{ONE}.8", "OTTOLINE^A^"
    first, second = (profile().apply(each) for each in photographs)
    assert (first.PatientID, first.StudyInstanceUID) == (second.PatientID, second.StudyInstanceUID)
    assert first.SOPInstanceUID != second.SOPInstanceUID


def test_what_is_made_is_made_the_same_again_and_is_a_uid() -> None:
    source = stranger(ONE, StudyInstanceUID=None, SeriesInstanceUID="")
    first, second = profile().apply(source), profile().apply(source)
    assert (first.StudyInstanceUID, first.SeriesInstanceUID) == (second.StudyInstanceUID, second.SeriesInstanceUID)
    assert first.StudyInstanceUID != first.SeriesInstanceUID
    assert UID(first.StudyInstanceUID).is_valid
    assert len(first.StudyID) == 16
    told = {decision.path: decision.why for decision in profile().explain(source)}
    assert "made from the instance" in told["StudyInstanceUID",]


@pytest.mark.parametrize("missing", [True, False])
def test_an_instance_without_a_uid_is_refused_by_name(missing: bool) -> None:
    source = stranger(ONE, SOPInstanceUID=None if missing else "")
    with pytest.raises(UnreadableObject, match="SOP Instance UID"):
        profile().apply(source)


@pytest.mark.parametrize("value", ["4711", "MRN-5543210", "7", "A-1", "Ñ-12", "P001", "PAT-2", "2031001", "X1"])
def test_identifiers_that_somebody_gave_are_taken_for_what_they_are(value: str) -> None:
    assert not is_lacking(value)
    assert not is_shared(value)


@pytest.mark.parametrize(
    "uid", ["1.2.840.113619.2.5.1762583153.215519.978957063.78", "2.25.329800735698586629295641978511506172918",
            "1.2.276.0.7230010.3.1.2.8323329.1", "1.3.6.1.4.1.14519.5.2.1.1"],
)  # fmt: skip
def test_uids_that_somebody_made_are_taken_for_what_they_are(uid: str) -> None:
    assert not lacks_uid(uid)
