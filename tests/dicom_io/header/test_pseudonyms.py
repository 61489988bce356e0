"""Pseudonyms: stable, valid for their VR, and different wherever they must be."""

from __future__ import annotations

import re
import uuid

import pytest
from pydicom import Dataset
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag
from pydicom.uid import UID

from dicom_io.errors import UnreadableObject
from dicom_io.header import PatientIdentity, Pseudonyms, SiteKey
from tests.dicom_io.profile_sources import KEY

PSEUDONYMS = Pseudonyms(KEY)


def test_uids_are_valid_uuids_and_the_same_each_time() -> None:
    uid = PSEUDONYMS.uid("1.2.840.99.1")
    assert uid == Pseudonyms(KEY).uid("1.2.840.99.1\0")
    assert UID(uid).is_valid
    derived = uuid.UUID(int=int(uid.removeprefix("2.25.")))
    assert (derived.version, derived.variant) == (8, uuid.RFC_4122)
    assert len({PSEUDONYMS.uid(f"1.2.{number}") for number in range(1000)}) == 1000


def test_an_empty_uid_has_no_pseudonym() -> None:
    with pytest.raises(ValueError, match="empty"):
        PSEUDONYMS.uid(" \0")


def test_a_derived_uid_is_never_that_of_a_source() -> None:
    assert PSEUDONYMS.derived_uid("1.2.3") != PSEUDONYMS.uid("1.2.3")
    assert PSEUDONYMS.derived_uid("sick-twin", "1.2.3") != PSEUDONYMS.derived_uid("healthy-twin", "1.2.3")


def test_identifiers_fit_their_vr() -> None:
    assert re.fullmatch(r"TV-[A-Z2-7]{16}", PSEUDONYMS.patient_id("4711", None))
    assert re.fullmatch(r"[A-Z2-7]{16}", PSEUDONYMS.accession("A-1"))
    assert re.fullmatch(r"[A-Z2-7]{16}", PSEUDONYMS.study_id("1.2.3"))
    assert re.fullmatch(r"[0-9a-f]{32}", PSEUDONYMS.source_digest("1.2.3"))
    assert len(PSEUDONYMS.persona_seed("4711", "")) == 32


def test_one_patient_has_one_pseudonym_however_it_is_padded_or_composed() -> None:
    assert PSEUDONYMS.patient_id("Zoë-1 ", None) == PSEUDONYMS.patient_id("Zoe\u0308-1", "")
    assert PSEUDONYMS.patient_id("4711", "A") != PSEUDONYMS.patient_id("4711", "B")
    assert PSEUDONYMS.patient_id("4711", "A") != PSEUDONYMS.patient_id("471", "1A")


def test_another_project_or_key_gives_other_pseudonyms() -> None:
    others = (Pseudonyms(KEY, "other"), Pseudonyms(SiteKey(KEY.mac("another key"))))
    assert len({each.patient_id("4711", None) for each in (PSEUDONYMS, *others)}) == 3
    assert len({each.uid("1.2.3") for each in (PSEUDONYMS, *others)}) == 3


def test_a_new_generation_gives_one_project_new_pseudonyms_and_leaves_the_others_alone() -> None:
    first, second, other = Pseudonyms(KEY, "a"), Pseudonyms(KEY, "a", 2), Pseudonyms(KEY, "b")
    for each in (lambda p: p.patient_id("4711", None), lambda p: p.uid("1.2.3"), lambda p: p.accession("A"),
                 lambda p: p.ae_title("CT1"), lambda p: p.persona_seed("4711", None),
                 lambda p: p.fingerprint()):  # fmt: skip
        assert len({each(first), each(second), each(other)}) == 3
    assert first == Pseudonyms(KEY, "a", 1)


def test_a_patient_id_that_cannot_be_read_is_refused_by_name() -> None:
    dataset = Dataset()
    dataset._dict[Tag("PatientID")] = RawDataElement(Tag("PatientID"), "L\0", 4, b"4711", 0, False, True)
    with pytest.raises(UnreadableObject, match="PatientID"):
        PatientIdentity.of(dataset)


def test_dates_move_back_by_whole_days_and_by_all_amounts() -> None:
    shifts = {PSEUDONYMS.date_shift(str(patient), None) for patient in range(6000)}
    assert shifts == set(range(-365, 0))


def test_an_unnamed_patient_is_one_for_each_study() -> None:
    def source(study: str, patient: str = "") -> Dataset:
        dataset = Dataset()
        dataset.StudyInstanceUID, dataset.PatientID = study, patient
        return dataset

    assert PatientIdentity.of(source("1.2.3")) == PatientIdentity.of(source("1.2.3"))
    assert PatientIdentity.of(source("1.2.3")) != PatientIdentity.of(source("1.2.4"))
    assert PatientIdentity.of(source("1.2.3", "7")) == PatientIdentity.of(source("1.2.4", " 7"))
