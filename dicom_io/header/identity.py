"""Whose an instance is, and which: what its pseudonyms are made of.

Where the header lacks something, what stands for it comes from the instance, never from what all such headers share:
strangers stay strangers.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass

from pydicom import Dataset

from dicom_io.errors import UnreadableObject
from dicom_io.header.lacking import is_lacking, is_lacking_birth_date, is_lacking_uid, is_of_the_standard, is_shared


@dataclass(frozen=True)
class PatientIdentity:
    """Who the source says the patient is. ``issuer`` is the assigning authority, or what is known in place of one."""

    patient_id: str
    issuer: str = ""

    @classmethod
    def of(cls, dataset: Dataset) -> PatientIdentity:
        """The identity in the patient module of ``dataset``.

        An ID without an issuer belongs to whoever was born on the day that the header says: two hospitals both count
        their patients from one. An instance without a Patient ID is a patient of its own for each study and name: two
        unnamed patients must not become one, and two photographs of one study must not become two. Without a study
        either it is a patient of its own. Raises ``UnreadableObject`` where an attribute that tells the patient can't
        be decoded: a damaged ID must not make one patient two.
        """
        patient_id, issuer, study = (
            _readable(dataset, keyword) for keyword in ("PatientID", "IssuerOfPatientID", "StudyInstanceUID")
        )
        issuer = "" if is_lacking(issuer) else issuer
        name, born = _name(dataset), _born(dataset)
        if is_shared(patient_id) and (name or born):
            return cls(patient_id, f"{issuer}, an ID of many: {name} {born}")
        if not is_lacking(patient_id) and not is_shared(patient_id):
            return cls(patient_id, issuer or (born and f"no issuer: {born}"))
        if not lacks_uid(study):
            return cls(study, f"no patient ID: one patient for each study and name: {name} {born}")
        return cls(f"{study} {instance_of(dataset)}", "no patient ID and no study: one patient for each instance")


@dataclass(frozen=True)
class SourceIdentity:
    """``study``, ``series``: the UIDs in the source, or empty where it has none that could be anybody's.

    ``instance``: what tells the instance from all others: its SOP Instance UID, and where that is a placeholder the
    digest of all that the header says beside it.
    """

    patient: PatientIdentity
    study: str
    series: str
    instance: str

    @property
    def uid(self) -> str:
        """The SOP Instance UID in the source, empty where it is a placeholder."""
        return "" if " " in self.instance else self.instance

    @classmethod
    def of(cls, dataset: Dataset) -> SourceIdentity:
        """Raises ``UnreadableObject`` as ``PatientIdentity.of``, and for an instance without SOP Instance UID."""
        if not _readable(dataset, "SOPInstanceUID"):
            raise UnreadableObject(
                "there is no SOP Instance UID; nothing made of it could be told from what is made of others"
            )
        study, series = (_readable(dataset, keyword) for keyword in ("StudyInstanceUID", "SeriesInstanceUID"))
        return cls(
            PatientIdentity.of(dataset),
            "" if lacks_uid(study) else study,
            "" if lacks_uid(series) else series,
            instance_of(dataset),
        )


def lacks_uid(uid: str) -> bool:
    """Whether ``uid`` is no study's, series' or instance's: also two of them, which pydicom shows as a list."""
    return is_lacking_uid(uid) or is_of_the_standard(uid) or uid.startswith("[")


def instance_of(dataset: Dataset) -> str:
    """What tells the instance from every other."""
    uid = _readable(dataset, "SOPInstanceUID")
    if not lacks_uid(uid):
        return uid
    said = hashlib.sha256()
    for tag in sorted(dataset.keys()):
        try:
            said.update(f"{tag} {dataset[tag].value}\n".encode("utf-8", "surrogateescape"))
        except Exception:  # what can't be decoded is a difference too, but not one to rely on
            said.update(f"{tag}\n".encode())
    return f"{uid} {said.hexdigest()}"


def _name(dataset: Dataset) -> str:
    """The words of the patient's name, however they are capitalised and composed; empty where there is none."""
    try:
        name = _readable(dataset, "PatientName")
    except UnreadableObject:
        return ""
    return "" if is_lacking(name) else " ".join(re.findall(r"[^\W_]+", unicodedata.normalize("NFKC", name).casefold()))


def _born(dataset: Dataset) -> str:
    try:
        date = _readable(dataset, "PatientBirthDate")
    except UnreadableObject:
        return ""
    return "" if is_lacking_birth_date(date) else f"born {date}"


def _readable(dataset: Dataset, keyword: str) -> str:
    try:
        return str(dataset.get(keyword) or "").strip(" \0")
    except Exception as error:  # pydicom parses a value when it is first asked for, and damaged ones raise anything
        raise UnreadableObject(f"{keyword} can't be decoded; the object is damaged") from error
