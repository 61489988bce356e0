"""The closed clinical vocabulary: what can be said of a photograph, field by field.

A prompt is one word for each field, or none where nothing is known. There is no free text, so every embedding can be
computed once and no phrase of a header ever reaches a model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

_LENGTHS = ("short", "average", "long")
_WIDTHS = ("narrow", "average", "wide")

PERSONA_FIELDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "face_length": _LENGTHS,
        "face_width": _WIDTHS,
        "jaw": _WIDTHS,
        "nose_width": _WIDTHS,
        "nose_length": _LENGTHS,
        "lips": ("thin", "average", "full"),
        "mouth_width": _WIDTHS,
        "eye_size": ("small", "average", "large"),
        "eye_spacing": ("close", "average", "wide"),
        "eye_colour": ("dark", "brown", "hazel", "green", "blue", "grey"),
        "brows": ("thin", "average", "thick"),
        "brow_height": ("low", "average", "high"),
        "weight": ("slim", "average", "heavy"),
        "hair_style": (
            "bob", "braid", "long", "ponytail", "short slick", "short messy", "short crop", "short quiff", "afro",
            "cap", "buzz cut", "bald",
        ),
        "hair_colour": ("black", "dark brown", "brown", "light brown", "blond", "red", "grey", "white"),
        "beard": ("none", "stubble", "beard"),
        "glasses": ("none", "worn"),
    }
)  # fmt: skip
"""What makes a face somebody's. A header is silent on all of it."""

PERSONAS = tuple(f"persona {number:02d}" for number in range(1, 25))
"""People who do not exist, known to the model by name: the renderer's identities ``FIRST_PERSONA_SEED`` and on."""
FIRST_PERSONA_SEED = 1_500_000

UNNAMED_LESION = "lesion"
"""A lesion whose kind nobody named."""

FIELDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "view": ("face", "close-up", "dermoscopy"),
        "sex": ("female", "male"),
        "age": ("adolescent", "young adult", "middle-aged", "elderly"),
        "skin_type": ("I", "II", "III", "IV", "V", "VI"),
        "lesion": ("healthy", "erythema", "papules", "plaque", "naevus", "vitiligo", UNNAMED_LESION),
        "severity": ("mild", "moderate", "severe"),
        "site": (
            "cheeks and nose", "right cheek", "left cheek", "forehead", "chin", "right temple", "left temple",
            "perioral", "periocular", "nose", "whole face", "multiple", "skin patch",
        ),
        **PERSONA_FIELDS,
        "persona": PERSONAS,
    }
)  # fmt: skip
"""Every field with its words, in the order in which the model reads them. A word's token is its place, from 1."""


def token_of(name: str, word: str | None) -> int:
    """The token of ``word`` in field ``name``; 0 for ``None``. ``KeyError``/``ValueError`` for anything unheard of."""
    return 0 if word is None else FIELDS[name].index(word) + 1


@dataclass(frozen=True)
class ClinicalPrompt:
    """Words by field; a field that is absent is unspecified. An unknown field or word is refused."""

    words: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, word in self.words.items():
            if word not in FIELDS.get(name, ()):
                raise ValueError(f"{name}={word!r} is not in the clinical vocabulary")
        object.__setattr__(self, "words", MappingProxyType(dict(self.words)))

    def tokens(self) -> tuple[int, ...]:
        """One token for each of ``FIELDS``, in their order."""
        return tuple(token_of(name, self.words.get(name)) for name in FIELDS)

    def saying(self, **words: str | None) -> ClinicalPrompt:
        """The same prompt with some fields said otherwise, or, with ``None``, left unsaid."""
        merged = {**self.words, **words}
        return ClinicalPrompt({name: word for name, word in merged.items() if word is not None})
