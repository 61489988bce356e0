"""The Basic Application Level Confidentiality Profile (PS3.15 annex E) and its options, applied to a data set."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cached_property

from pydicom import Dataset
from pydicom.sr.coding import Code
from pydicom.uid import UID

from dicom_io.errors import DicomError, ProfileError, UnreadableObject, in_words
from dicom_io.header.additions import NO_ADDITIONS, SiteAdditions
from dicom_io.header.ages import age_at
from dicom_io.header.cleaning import words_of_names
from dicom_io.header.engine import ProfileEngine
from dicom_io.header.explanation import Decision, Recorder
from dicom_io.header.identity import SourceIdentity
from dicom_io.header.pseudonyms import Pseudonyms
from dicom_io.header.public_codes import code_item
from dicom_io.header.rulebook import Rulebook
from dicom_io.quiet import quiet
from dicom_io.standard import BASIC_PROFILE, OPTIONS

DATES = frozenset({"retain_longitudinal_full_dates", "retain_longitudinal_modified_dates"})


@dataclass(frozen=True)
class ConfidentialityProfile:
    """The profile with ``options``, names out of ``profile_table.OPTIONS``, and a site's ``additions``.

    It removes pixel data, overlays and file meta information altogether: who writes the object brings its own. It
    proves nothing about pixels: the codes 113101 and 113102 of CID 7050 are added by whoever has proof.

    Raises ``ProfileError`` for an unknown option and for the two options on dates together.
    """

    pseudonyms: Pseudonyms
    options: frozenset[str] = frozenset()
    additions: SiteAdditions = NO_ADDITIONS

    def __post_init__(self) -> None:
        check_options(self.options)

    @cached_property
    def rulebook(self) -> Rulebook:
        """What is done with each attribute, and why."""
        return Rulebook(self.options, self.additions)

    def apply(self, dataset: Dataset, record: Recorder | None = None) -> Dataset:
        """A new data set without what identifies; ``dataset`` stays as it is. ``record`` is told of each attribute.

        The same input gives the same output under the same key, and equal UIDs become equal UIDs, in every attribute
        and every instance. Raises ``ProfileError`` for encapsulated documents, which can hold anything, and for items
        nested deeper than any real object's, and ``UnreadableObject`` where the data set is too damaged to tell whose
        it is.
        """
        with quiet():
            try:
                return self._applied(dataset, record)
            except DicomError:
                raise
            except Exception as error:  # pydicom raises almost anything on damaged input
                raise UnreadableObject(f"the header can't be read: {in_words(error)}") from error

    def _applied(self, dataset: Dataset, record: Recorder | None) -> Dataset:
        sop_class = str(dataset.get("SOPClassUID") or "")
        if "Encapsulated" in UID(sop_class).name:
            raise ProfileError("an encapsulated document can't be made anonymous by its header")
        identity = SourceIdentity.of(dataset)
        patient = identity.patient
        engine = ProfileEngine(
            self.pseudonyms, self.rulebook, sop_class, identity, words_of_names(dataset), record
        )
        clean = engine.cleaned(dataset)
        clean.PatientID = self.pseudonyms.patient_id(patient.patient_id, patient.issuer)
        clean.PatientName = self.pseudonyms.patient_name(patient.patient_id, patient.issuer)
        self._make_uids(clean, identity, record)
        if "StudyID" in clean and "StudyID" not in self.additions.replaced_keywords:
            clean.StudyID = self.pseudonyms.study_id(identity.study or str(clean.StudyInstanceUID))
        if "retain_patient_characteristics" in self.options:
            self._tell_age(dataset, clean, record)
        self._declare(clean)
        return clean

    def explain(self, dataset: Dataset) -> list[Decision]:
        """What ``apply`` does with each attribute of ``dataset``, in their order. Raises as ``apply`` does."""
        decisions: list[Decision] = []
        self.apply(dataset, decisions.append)
        return decisions

    def _make_uids(self, clean: Dataset, identity: SourceIdentity, record: Recorder | None) -> None:
        """Where the source tells no study or series, or only a placeholder for one, the instance has its own."""
        levels = {
            "StudyInstanceUID": identity.study, "SeriesInstanceUID": identity.series, "SOPInstanceUID": identity.uid,
        }  # fmt: skip
        for keyword, told in levels.items():
            if not told:
                setattr(clean, keyword, self.pseudonyms.derived_uid("made for", keyword, identity.instance))
                if record is not None:
                    record(Decision((keyword,), "new value", "the source has none; made from the instance"))
            elif not UID(told).is_valid:  # a UID that is none can be replaced, but not retained
                setattr(clean, keyword, self.pseudonyms.uid(told))

    def _tell_age(self, dataset: Dataset, clean: Dataset, record: Recorder | None) -> None:
        """A birth date never leaves, under no option. Where there is no age, the age that it makes may."""
        rule = self.rulebook.ruling(0x00101010, "AS", "nothing")
        if clean.get("PatientAge") or rule.why != "retain_patient_characteristics K" or "PatientAge" in dataset:
            return
        day = _date(dataset, "AcquisitionDate") or _date(dataset, "ContentDate") or _date(dataset, "StudyDate")
        if (age := age_at(_date(dataset, "PatientBirthDate"), day)) is not None:
            clean.PatientAge = age
            if record is not None:
                record(Decision(("PatientAge",), "new value", "reckoned from the birth date, which does not stay"))

    def _declare(self, clean: Dataset) -> None:
        """What was done, in the words of PS3.15 section E.1.1 and PS3.3 C.12.1 and C.7.1.1."""
        clean.SpecificCharacterSet = "ISO_IR 192"
        clean.PatientIdentityRemoved = "YES"
        clean.DeidentificationMethodCodeSequence = [code_item(code) for code in self.claimed()]
        clean.LongitudinalTemporalInformationModified = self.longitudinal_information

    @property
    def longitudinal_information(self) -> str:
        """Longitudinal Temporal Information Modified (PS3.3 C.12.1): UNMODIFIED, MODIFIED or REMOVED."""
        if "retain_longitudinal_full_dates" in self.options:
            return "UNMODIFIED"
        return "MODIFIED" if "retain_longitudinal_modified_dates" in self.options else "REMOVED"

    def claimed(self) -> Iterable[Code]:
        """The Basic Profile's code and those of the options, in the order of the table's columns."""
        return (BASIC_PROFILE, *(code for option, code in OPTIONS.items() if option in self.options))


def check_options(options: Collection[str]) -> None:
    """Raise ``ProfileError`` for options that are unknown or exclude each other."""
    if unknown := sorted(set(options) - OPTIONS.keys()):
        raise ProfileError(f"unknown option {', '.join(unknown)}; there are {', '.join(OPTIONS)}")
    if set(options) >= DATES:
        raise ProfileError("dates are kept either in full or modified: choose one of the two options")


def _date(dataset: Dataset, keyword: str) -> str:
    try:
        return str(dataset.get(keyword) or "")
    except Exception:  # pydicom parses a value when it is first asked for, and damaged ones raise almost anything
        return ""
