"""Who the sample patients are: what is rendered of each, and the invented person that the header speaks of.

Every name, number, address and coordinate is made up; telephone numbers come from ranges kept for fiction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydicom.uid import (
    JPEG2000,
    UID,
    DermoscopicPhotographyImageStorage,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    VLPhotographicImageStorage,
)

Code = tuple[str, str, str]
"""Code Value, Coding Scheme Designator, Code Meaning."""

FACE: Code = ("89545001", "SCT", "Face")
FOREARM: Code = ("14975008", "SCT", "Forearm")
BACK: Code = ("77568009", "SCT", "Back")

ROSACEA: Code = ("398909004", "SCT", "Rosacea")
ACNE: Code = ("88616000", "SCT", "Acne vulgaris")
PSORIASIS: Code = ("9014002", "SCT", "Psoriasis")
NAEVUS: Code = ("400096001", "SCT", "Melanocytic nevus")
VITILIGO: Code = ("56727007", "SCT", "Vitiligo")

SKIN_TYPES: dict[str, Code] = {
    "I": ("C74569", "NCIt", "Fitzpatrick Skin Type I"),
    "II": ("C74570", "NCIt", "Fitzpatrick Skin Type II"),
    "III": ("C74571", "NCIt", "Fitzpatrick Skin Type III"),
    "IV": ("C74572", "NCIt", "Fitzpatrick Skin Type IV"),
    "V": ("C74573", "NCIt", "Fitzpatrick Skin Type V"),
    "VI": ("C74574", "NCIt", "Fitzpatrick Skin Type VI"),
}
"""PS3.16 CID 4401."""


@dataclass(frozen=True)
class Person:
    """The invented person of a header. Dates are DICOM DA, times TM."""

    family: str
    given: str
    patient_id: str
    birth_date: str
    sex: Literal["F", "M"]
    address: str
    telephone: str
    occupation: str
    character_set: str = "ISO_IR 100"

    @property
    def name(self) -> str:
        return f"{self.family}^{self.given}"


@dataclass(frozen=True)
class Visit:
    """One photograph: what is rendered, and how it is stored."""

    folder: str
    person: Person
    seed: int
    """Of the renderer; 9,000,000 and above is kept for samples and never trained on."""
    skin_type: str
    lesion: str
    view: Literal["face", "close-up", "dermoscopy"]
    study_date: str
    study_time: str
    age: str
    region: Code
    body_part: str
    diagnosis: Code
    transfer_syntax: UID
    sop_class: UID = VLPhotographicImageStorage
    exif: bool = False


SIGNE = Person(
    "Lindqvist-\u00c5berg", "M\u00e5na Signe", "DRM-4471-88203", "19831109", "F",
    "Kastanjev\u00e4gen 417, 90999 Norrvik", "+46 31 390 06 14", "Master glazier",
)  # fmt: skip
TADEUSZ = Person(
    "Wierzbicki-Osten", "Tadeusz", "DRM-5180-31977", "19570222", "M",
    "ulica Bursztynowa 96/12, 81-998 Zatonie", "+48 22 555 01 73", "Organ builder",
)  # fmt: skip
NIEVES = Person(
    "Ybarra Quintanilla", "Nieves", "DRM-6093-14562", "19960517", "F",
    "Calle del Vencejo 233, 28999 Villaserena", "+34 900 555 182", "Oceanographer",
)  # fmt: skip
FARROKH = Person(
    "Daruwalla", "Farrokh Jamshed", "DRM-7326-90518", "19690830", "M",
    "58 Peacock Terrace, 400999 Lakshmipur", "+91 22 5550 0164", "Bookbinder", "ISO_IR 192",
)  # fmt: skip
THANDEKA = Person(
    "Mkhabela-Roux", "Thandeka", "DRM-8854-27360", "19911203", "F",
    "1207 Jakaranda Rylaan, 0099 Silwerfontein", "+27 12 555 0139", "Quarry surveyor",
)  # fmt: skip
KWABENA = Person(
    "Asantewaa-Boakye", "Kwabena", "DRM-9417-65284", "19780614", "M",
    "Plot 88 Harmattan Close, Kumfoase", "+233 30 555 0127", "Cocoa grader",
)  # fmt: skip
PIPPA = Person(
    "Threlkeld-Vane", "Philippa Rosamund", "DRM-1029-77431", "19750928", "F",
    "The Old Ropewalk, Gannet Lane 4, Porthmorvah XY9 9ZZ", "+44 1632 960 188", "Lighthousekeeper",
)  # fmt: skip
ANSELM = Person(
    "Hohenstr\u00e4ter", "Anselm J\u00f6rg", "DRM-2236-50894", "19620311", "M",
    "Am Kupferanger 178, 99998 Wiesenbrunn", "+49 30 23125 084", "Cartographer", "ISO_IR 192",
)  # fmt: skip

# The visits lie more than a year apart: dates are shifted by up to a year, and none may come to lie on another's.
VISITS: tuple[Visit, ...] = (
    Visit("signe-rosacea", SIGNE, 9_000_039, "I", "erythema", "face", "20150318", "093114.482", "031Y",
          FACE, "FACE", ROSACEA, JPEGBaseline8Bit, exif=True),
    Visit("tadeusz-psoriasis", TADEUSZ, 9_000_060, "II", "plaque", "face", "20160421", "141907.155", "059Y",
          FACE, "FACE", PSORIASIS, ExplicitVRLittleEndian),
    Visit("nieves-acne", NIEVES, 9_000_162, "III", "papules", "face", "20170602", "101533.731", "021Y",
          FACE, "FACE", ACNE, JPEG2000),
    Visit("farrokh-vitiligo", FARROKH, 9_000_123, "IV", "vitiligo", "face", "20180709", "154840.026", "048Y",
          FACE, "FACE", VITILIGO, JPEGBaseline8Bit, exif=True),
    Visit("thandeka-naevus", THANDEKA, 9_003_313, "V", "naevus", "face", "20190815", "082256.908", "027Y",
          FACE, "FACE", NAEVUS, JPEG2000Lossless),
    Visit("kwabena-acne", KWABENA, 9_000_170, "VI", "papules", "face", "20200922", "113021.640", "042Y",
          FACE, "FACE", ACNE, JPEGBaseline8Bit),
    Visit("pippa-dermoscopy", PIPPA, 9_000_005, "II", "naevus", "dermoscopy", "20211106", "160442.377", "046Y",
          BACK, "BACK", NAEVUS, JPEGBaseline8Bit, sop_class=DermoscopicPhotographyImageStorage),
    Visit("anselm-forearm", ANSELM, 9_000_012, "III", "plaque", "close-up", "20221213", "131758.219", "060Y",
          FOREARM, "FOREARM", PSORIASIS, JPEGBaseline8Bit),
)  # fmt: skip
