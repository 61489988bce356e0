"""The closed clinical vocabulary of a rendered patient: every word stands for something that can be seen.

A value is one of the words of its field, or ``None`` where the view shows nothing of it: a close-up of skin has no
nose, healthy skin no severity.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

from pipeline.vocabulary import FIELDS as PROMPT_FIELDS
from pipeline.vocabulary import UNNAMED_LESION

FIELDS: dict[str, tuple[str, ...]] = {
    name: tuple(word for word in words if word != UNNAMED_LESION)
    for name, words in PROMPT_FIELDS.items()
    if name != "persona"
}
"""Field to its words: the vocabulary of prompts without what only a prompt can say, a lesion that nobody named and a
persona. Skin types are Fitzpatrick's, read from the individual typology angle."""

CLINICAL_FIELDS = ("view", "sex", "age", "skin_type", "lesion", "severity", "site")
PERSONA_FIELDS = tuple(name for name in FIELDS if name not in CLINICAL_FIELDS)
"""What makes a persona, beside sex: it can change without changing the disease."""


@dataclass(frozen=True)
class Description:
    """One word per field of ``FIELDS``, or ``None`` where the view shows nothing of it. Raises ValueError on others."""

    view: str
    skin_type: str
    lesion: str = "healthy"
    severity: str | None = None
    site: str | None = None
    sex: str | None = None
    age: str | None = None
    face_length: str | None = None
    face_width: str | None = None
    jaw: str | None = None
    nose_width: str | None = None
    nose_length: str | None = None
    lips: str | None = None
    mouth_width: str | None = None
    eye_size: str | None = None
    eye_spacing: str | None = None
    eye_colour: str | None = None
    brows: str | None = None
    brow_height: str | None = None
    weight: str | None = None
    hair_style: str | None = None
    hair_colour: str | None = None
    beard: str | None = None
    glasses: str | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            word = getattr(self, field.name)
            if word is not None and word not in FIELDS[field.name]:
                raise ValueError(f"{field.name} is {word!r}; known are {', '.join(FIELDS[field.name])}")
        if self.lesion == "healthy" and (self.severity is not None or self.site is not None):
            raise ValueError("healthy skin has neither severity nor site")

    def with_(self, **words: Any) -> Description:
        """The same description but for ``words``."""
        return replace(self, **words)

    def healthy(self) -> Description:
        """The description of the healthy twin."""
        return replace(self, lesion="healthy", severity=None, site=None)

    def words(self) -> dict[str, str | None]:
        """Field to word, in the order of ``FIELDS``."""
        return {name: getattr(self, name) for name in FIELDS}

    def sentence(self) -> str:
        """One clinical sentence, for figures and for models that read text."""
        person = {"female": "woman", "male": "man", None: "person"}[self.sex]
        lead = {
            "face": "Clinical photograph of the face of",
            "close-up": "Clinical close-up photograph of the skin of",
            "dermoscopy": "Dermoscopic photograph of the skin of",
        }[self.view]
        age = "" if self.age is None else f"{self.age} "
        article = "an" if f"{age}{person}"[0] in "aeiou" else "a"
        opening = f"{lead} {article} {age}{person}, Fitzpatrick skin type {self.skin_type}"
        if self.lesion == "healthy":
            return f"{opening}, with healthy skin."
        disease = {
            "erythema": "{} diffuse erythema",
            "papules": "{} inflammatory papules",
            "plaque": "{} scaly plaques",
            "naevus": "a {} pigmented naevus",
            "vitiligo": "{} depigmented patches of vitiligo",
        }[self.lesion]
        named = " ".join(disease.format(self.severity or "").split())
        return f"{opening}, with {named}{'' if self.site is None else f' ({self.site})'}."
