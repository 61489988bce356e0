"""The Basic Application Level Confidentiality Profile (PS3.15 annex E) and its options, applied to a data set."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pydicom import Dataset
from pydicom.sr.coding import Code
from pydicom.uid import UID

from dicom_io.errors import ProfileError
from dicom_io.profile_engine import ProfileEngine
from dicom_io.profile_table import BASIC_PROFILE, OPTIONS
from dicom_io.pseudonyms import PatientIdentity, Pseudonyms
from dicom_io.public_codes import code_item
from dicom_io.quiet import quiet

WITHOUT_RULES = frozenset({"retain_safe_private", "clean_descriptors", "clean_structured_content", "clean_graphics"})
"""Options that are accepted, but for which there is no rule yet: the basic action is taken and no code is claimed."""

DATES = frozenset({"retain_longitudinal_full_dates", "retain_longitudinal_modified_dates"})


@dataclass(frozen=True)
class ConfidentialityProfile:
    """The profile with ``options``, names out of ``profile_table.OPTIONS``.

    It removes pixel data, overlays and file meta information altogether: who writes the object brings its own. It
    proves nothing about pixels: the codes 113101 and 113102 of CID 7050 are added by whoever has proof.

    Raises ``ProfileError`` for an unknown option and for the two options on dates together.
    """

    pseudonyms: Pseudonyms
    options: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if unknown := sorted(self.options - OPTIONS.keys()):
            raise ProfileError(f"unknown option {', '.join(unknown)}; there are {', '.join(OPTIONS)}")
        if self.options >= DATES:
            raise ProfileError("dates are kept either in full or modified: choose one of the two options")

    def apply(self, dataset: Dataset) -> Dataset:
        """A new data set without what identifies; ``dataset`` stays as it is.

        The same input gives the same output under the same key, and equal UIDs become equal UIDs, in every attribute
        and every instance. Raises ``ProfileError`` for encapsulated documents, which can hold anything, and for items
        nested deeper than any real object's.
        """
        with quiet():
            sop_class = str(dataset.get("SOPClassUID") or "")
            if "Encapsulated" in UID(sop_class).name:
                raise ProfileError("an encapsulated document can't be made anonymous by its header")
            patient = PatientIdentity.of(dataset)
            study_uid = str(dataset.get("StudyInstanceUID") or "")
            engine = ProfileEngine(self.pseudonyms, self.options, sop_class, patient)
            clean = engine.cleaned(dataset)
            clean.PatientID = self.pseudonyms.patient_id(patient.patient_id, patient.issuer)
            clean.PatientName = self.pseudonyms.patient_name(patient.patient_id, patient.issuer)
            if "StudyID" in clean and study_uid:
                clean.StudyID = self.pseudonyms.study_id(study_uid)
            self._declare(clean)
            return clean

    def _declare(self, clean: Dataset) -> None:
        """What was done, in the words of PS3.15 section E.1.1 and PS3.3 C.12.1 and C.7.1.1."""
        clean.SpecificCharacterSet = "ISO_IR 192"
        clean.PatientIdentityRemoved = "YES"
        clean.DeidentificationMethodCodeSequence = [code_item(BASIC_PROFILE), *map(code_item, self._claimed())]
        if "retain_longitudinal_full_dates" in self.options:
            clean.LongitudinalTemporalInformationModified = "UNMODIFIED"
        elif "retain_longitudinal_modified_dates" in self.options:
            clean.LongitudinalTemporalInformationModified = "MODIFIED"
        else:
            clean.LongitudinalTemporalInformationModified = "REMOVED"

    def _claimed(self) -> Iterable[Code]:
        """Codes of the options that were really applied, in the order of the table's columns."""
        return (code for option, code in OPTIONS.items() if option in self.options - WITHOUT_RULES)
