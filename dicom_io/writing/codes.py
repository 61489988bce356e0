"""The coded concepts that we write, with the meanings that the standard gives them (PS3.16).

Validators of objects do not look at meanings; ``check`` does, with these.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydicom import Dataset
from pydicom.sr.coding import Code

PRIVATE_SCHEME = "99TWINVEIL"
"""Our own coding scheme, for what the standard has no code for (PS3.16 8.2)."""


@dataclass(frozen=True)
class Concept:
    """Value, scheme designator and meaning of one coded concept."""

    value: str
    scheme: str
    meaning: str

    def item(self) -> Dataset:
        """The item of a code sequence (PS3.3 Table 8.8-1)."""
        item = Dataset()
        item.CodeValue = self.value
        item.CodingSchemeDesignator = self.scheme
        item.CodeMeaning = self.meaning
        return item

    def code(self) -> Code:
        """The same for highdicom."""
        return Code(self.value, self.scheme, self.meaning)


IDENTITY_REPLACEMENT = Concept("IDREPLACEMENT", PRIVATE_SCHEME, "Replacement of identity by image synthesis")
LESION_REMOVAL = Concept("LESIONREMOVAL", PRIVATE_SCHEME, "Removal of skin lesions by image synthesis")
LOSSY_COMPRESSION = Concept("113040", "DCM", "Lossy Compression")
DE_IDENTIFYING_EQUIPMENT = Concept("109104", "DCM", "De-identifying Equipment")
ACQUISITION_EQUIPMENT = Concept("109101", "DCM", "Acquisition Equipment")
SOURCE_IMAGE = Concept("121322", "DCM", "Source image for image processing operation")
BASIC_PROFILE = Concept("113100", "DCM", "Basic Application Confidentiality Profile")
CLEAN_PIXEL_DATA = Concept("113101", "DCM", "Clean Pixel Data Option")
CLEAN_RECOGNIZABLE_VISUAL_FEATURES = Concept("113102", "DCM", "Clean Recognizable Visual Features Option")
ARTIFICIAL_INTELLIGENCE = Concept("123110", "DCM", "Artificial Intelligence")
SKIN = Concept("39937001", "SCT", "Skin")
MORPHOLOGICALLY_ABNORMAL_STRUCTURE = Concept("49755003", "SCT", "Morphologically Abnormal Structure")
SKIN_LESION = Concept("95324001", "SCT", "Skin lesion")
ERYTHEMA = Concept("247441003", "SCT", "Erythema")
HYPERPIGMENTATION = Concept("49765009", "SCT", "Hyperpigmentation of skin")
HYPOPIGMENTATION = Concept("23006000", "SCT", "Hypopigmentation of skin")

CONCEPTS: dict[tuple[str, str], Concept] = {
    (concept.scheme, concept.value): concept for concept in list(globals().values()) if isinstance(concept, Concept)
}
"""All of the above by scheme and value."""
