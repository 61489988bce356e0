"""What a header tells of a photograph that the pixel pipeline can use: read in memory, never stored, never logged.

The vocabulary is that of ``pipeline.photograph.Hints``. Everything is a table from the standard's codes and defined
terms to that vocabulary; what no table knows is None, and None is never taken for safety.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Literal, TypeVar

from pydicom import Dataset

from dicom_io.standard import PHOTOGRAPH_CLASSES

View = Literal["face", "close-up", "dermoscopy"]
Sex = Literal["female", "male"]
SkinType = Literal["I", "II", "III", "IV", "V", "VI"]
Lesion = Literal["erythema", "papules", "plaque", "naevus", "vitiligo"]
Value = TypeVar("Value", bound=str)


@dataclass(frozen=True)
class SourceHints:
    """Each is None where the header is silent or says what no table knows. Its text form shows no value."""

    view: View | None = field(default=None, repr=False)
    sex: Sex | None = field(default=None, repr=False)
    age_years: int | None = field(default=None, repr=False)
    skin_type: SkinType | None = field(default=None, repr=False)
    lesion: Lesion | None = field(default=None, repr=False)


FACE_TERMS = frozenset(
    ["CHEEK", "CHIN", "EAR", "EYE", "EYELID", "EYEBROW", "FACE", "FOREHEAD", "HEAD", "HEADNECK", "JAW", "LIP", "MOUTH",
     "NECK", "NOSE", "ORBIT", "SCALP", "SKULL", "TEMPLE", "ZYGOMA"]
)  # fmt: skip
"""Body Part Examined, defined terms of PS3.16 Annex L: a face is in the frame or may be.

NECK and SCALP stand here for caution: such a photograph usually shows some of the face.
"""

CLOSE_UP_TERMS = frozenset(
    ["ABDOMEN", "ANKLE", "ARM", "AXILLA", "BACK", "BREAST", "BUTTOCK", "CALF", "CHEST", "ELBOW", "EXTREMITY", "FINGER",
     "FLANK", "FOOT", "FOREARM", "HAND", "HIP", "KNEE", "LEG", "LOWERLIMB", "LOWERLEG", "LSPINE", "PALM", "SHOULDER",
     "SOLE", "THIGH", "THUMB", "TOE", "TRUNK", "TSPINE", "UPPERARM", "UPPERLIMB", "WRIST"]
)  # fmt: skip
"""Body Part Examined: no face is expected in the frame. One that is found all the same is still handled."""

FACE_CODES = frozenset(
    {
        "89545001",   # Face
        "69536005",   # Head
        "774007",     # Head and neck
        "45048000",   # Neck
        "60819002",   # Cheek
        "45206002",   # Nose
        "52795006",   # Forehead
        "30291003",   # Chin
        "48477009",   # Lip
        "117590005",  # Ear
        "81745001",   # Eye
        "371398005",  # Eye region
        "80243003",   # Eyelid
        "123851003",  # Mouth
        "661005",     # Jaw region
        "41695006",   # Scalp
        "13881006",   # Zygoma
        "73897004",   # Skin of face
        "70762009",   # Skin of head
        "43081002",   # Skin of neck
        "36141000",   # Skin of cheek
        "113179006",  # Skin of nose
        "79283007",   # Skin of tip of nose
        "68598004",   # Skin of ala nasi
        "68698007",   # Skin of forehead
        "23747009",   # Skin of chin
        "88089004",   # Skin of lip
        "16251004",   # Skin of upper lip
        "66934001",   # Skin of lower lip
        "1902009",    # Skin of ear
        "362916000",  # Skin of eye region
        "367577003",  # Skin of eyebrow
        "41310005",   # Skin of upper eyelid
        "40069000",   # Skin of lower eyelid
        "37108007",   # Skin of nasolabial fold
        "110488009",  # Skin of perioral region of face
        "244097004",  # Skin of jawline
        "16621002",   # Skin of temporal region
        "43067004",   # Skin of scalp
    }
)  # fmt: skip
"""SNOMED CT codes of Anatomic Region Sequence (CID 4031 and CID 4029, PS3.16)."""

CLOSE_UP_CODES = frozenset(
    {
        "14975008",   # Forearm
        "40983000",   # Upper arm
        "53120007",   # Upper limb
        "85562004",   # Hand
        "7569003",    # Finger
        "76505004",   # Thumb
        "16982005",   # Shoulder
        "91470000",   # Axilla
        "77568009",   # Back
        "818981001",  # Abdomen
        "816094009",  # Chest
        "58602004",   # Flank
        "76752008",   # Breast
        "46862004",   # Buttock
        "68367000",   # Thigh
        "72696002",   # Knee
        "30021000",   # Lower leg
        "61685007",   # Lower limb
        "56459004",   # Foot
        "29707007",   # Toe
        "70559009",   # Skin of anterior surface of forearm
        "41550009",   # Skin of posterior surface of forearm
        "45981001",   # Skin of anterior surface of upper arm
        "72939005",   # Skin of posterior surface of upper arm
        "371311000",  # Skin of upper extremity
        "33712006",   # Skin of hand
        "70887009",   # Skin of palm of hand
        "66643007",   # Skin of back
        "113182001",  # Skin of lower back
        "75093004",   # Skin of abdomen
        "74160004",   # Skin of chest
        "371304004",  # Skin of lower extremity
        "61248009",   # Skin of anterior surface of thigh
        "4578000",    # Skin of posterior surface of thigh
        "25763004",   # Skin of anterior surface of lower leg
        "47224004",   # Skin of posterior surface of lower leg
        "60496002",   # Skin of foot
        "52034004",   # Skin of toe
    }
)  # fmt: skip

LESIONS: dict[str, Lesion] = {
    "247441003": "erythema",  # Erythema
    "398909004": "erythema",  # Rosacea
    "88616000": "papules",    # Acne vulgaris
    "11381005": "papules",    # Acne
    "75867005": "papules",    # Acne rosacea, papular type
    "9014002": "plaque",      # Psoriasis
    "43116000": "plaque",     # Eczema
    "400096001": "naevus",    # Melanocytic naevus
    "400010006": "naevus",    # Melanocytic naevus of skin
    "21119008": "naevus",     # Pigmented naevus
    "56727007": "vitiligo",   # Vitiligo
}  # fmt: skip
"""SNOMED CT diagnoses and findings, and the kind of lesion that they show as."""

FACIAL_DIAGNOSES = frozenset({"398909004", "75867005"})
"""SNOMED CT rosacea, a disease of the face. A header that puts it elsewhere is not taken at its word on the site."""

DIAGNOSIS_SEQUENCES = (
    "AdmittingDiagnosesCodeSequence",
    "ReasonForVisitCodeSequence",
    "ReasonForRequestedProcedureCodeSequence",
    "ReasonForPerformedProcedureCodeSequence",
    "PrimaryAnatomicStructureSequence",
)

SKIN_TYPES: dict[str, SkinType] = {
    "C74569": "I",
    "C74570": "II",
    "C74571": "III",
    "C74572": "IV",
    "C74573": "V",
    "C74574": "VI",
}
"""Fitzpatrick Skin Type, the codes of CID 4401 (PS3.16), as an item of Acquisition Context Sequence."""

SNOMED_CT = frozenset({"SCT", "2.16.840.1.113883.6.96"})
"""Coding Scheme Designator, and the same as a UID (PS3.16 Table 8-1)."""

SEXES: dict[str, Sex] = {"F": "female", "M": "male"}

DAYS_PER_AGE_UNIT = {"D": 1.0, "W": 7.0, "M": 30.4375, "Y": 365.25}
"""Age String (AS) units, PS3.5 6.2."""

OLDEST_AGE = 120


def read_hints(header: Dataset) -> SourceHints:
    """The hints in ``header``. Damaged values are as good as absent; nothing is raised."""
    return SourceHints(
        view=_view(header),
        sex=SEXES.get(_text(header, "PatientSex")),
        age_years=_age_years(header),
        skin_type=_first(SKIN_TYPES, _skin_type_codes(header)),
        lesion=_first(LESIONS, _codes(header, DIAGNOSIS_SEQUENCES)),
    )


def _view(header: Dataset) -> View | None:
    """A face anywhere in what the header says of the site outweighs everything else that it says."""
    photograph_class = PHOTOGRAPH_CLASSES.get(header.get("SOPClassUID", ""))
    term = _text(header, "BodyPartExamined").replace(" ", "").replace("_", "")
    codes = set(_codes(header, ("AnatomicRegionSequence",)))
    if photograph_class is not None and photograph_class.dermoscopy:
        return "dermoscopy"
    if term in FACE_TERMS or codes & FACE_CODES:
        return "face"
    if set(_codes(header, DIAGNOSIS_SEQUENCES)) & FACIAL_DIAGNOSES:
        return None  # the site and the diagnosis contradict each other
    if codes - CLOSE_UP_CODES or (term and term not in CLOSE_UP_TERMS):
        return None
    return "close-up" if term or codes else None


def _age_years(header: Dataset) -> int | None:
    stated = _text(header, "PatientAge")
    if len(stated) == 4 and stated[:3].isdigit() and stated[3] in DAYS_PER_AGE_UNIT:
        years = int(int(stated[:3]) * DAYS_PER_AGE_UNIT[stated[3]] / DAYS_PER_AGE_UNIT["Y"])
        return years if years <= OLDEST_AGE else None
    born, taken = _date(header, "PatientBirthDate"), _date(header, "AcquisitionDate") or _date(header, "StudyDate")
    if born is None or taken is None:
        return None
    years = taken.year - born.year - ((taken.month, taken.day) < (born.month, born.day))
    return years if 0 <= years <= OLDEST_AGE else None


def _text(header: Dataset, keyword: str) -> str:
    try:
        return str(header.get(keyword) or "").strip().upper()
    except Exception:  # pydicom parses a value when it is first asked for, and damaged ones raise almost anything
        return ""


def _date(header: Dataset, keyword: str) -> date | None:
    text = _text(header, keyword)
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:8])) if len(text) == 8 else None
    except ValueError:
        return None


def _first(table: dict[str, Value], codes: Iterator[str]) -> Value | None:
    return next((table[code] for code in codes if code in table), None)


def _items(header: Dataset, keyword: str) -> list[Dataset]:
    try:
        return list(header.get(keyword) or ())
    except Exception:  # as in _text
        return []


def _codes(header: Dataset, sequences: tuple[str, ...]) -> Iterator[str]:
    """SNOMED CT codes of the items of ``sequences``."""
    for keyword in sequences:
        for item in _items(header, keyword):
            if _text(item, "CodingSchemeDesignator") in SNOMED_CT:
                yield _text(item, "CodeValue") or _text(item, "LongCodeValue")


def _skin_type_codes(header: Dataset) -> Iterator[str]:
    for context in _items(header, "AcquisitionContextSequence"):
        for item in _items(context, "ConceptCodeSequence"):
            yield _text(item, "CodeValue")
