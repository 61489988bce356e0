"""The person whom a patient becomes: a choice of words, the same at every visit, that nobody can trace back.

The seed is an HMAC of the patient under the site's key, so the same patient becomes the same new person for as long as
the key stands, and without the key nothing ties the two together.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from pipeline.photograph import Hints
from pipeline.prompts import FIELDS, ClinicalPrompt

SHAPE_FIELDS = (
    "face_length",
    "face_width",
    "jaw",
    "nose_width",
    "nose_length",
    "lips",
    "mouth_width",
    "eye_size",
    "eye_spacing",
    "eye_colour",
    "brows",
    "brow_height",
    "weight",
)
"""What a persona chooses. Hair, beard and glasses stay as they are photographed: they reach beyond the face, a seam
would show, and a recogniser that judges by them can be fooled by a barber."""

AGE_BANDS = ((18, "adolescent"), (35, "young adult"), (60, "middle-aged"), (200, "elderly"))
"""Years below which a band ends."""


@dataclass(frozen=True)
class Persona:
    """Words for the new face by field, and whether the sex is to change."""

    words: dict[str, str]
    other_sex: bool


def persona_for(seed: bytes, attempt: int) -> Persona:
    """The persona of ``seed`` (32 bytes). Each attempt gives another one, always the same for the same attempt."""
    if len(seed) < 16:
        raise ValueError("a persona's seed needs at least 16 bytes: it must not be guessable")
    stream = iter(hashlib.shake_256(seed + attempt.to_bytes(4, "big")).digest(4 * (len(SHAPE_FIELDS) + 1)))

    def below(count: int) -> int:
        return int.from_bytes(bytes(next(stream) for _ in range(4)), "big") % count

    words = {}
    for name in SHAPE_FIELDS:
        choices = FIELDS[name]
        # The middle of three says least of a face: a persona is made of what stands out.
        if len(choices) == 3:
            choices = (choices[0], choices[2])
        words[name] = choices[below(len(choices))]
    return Persona(words, other_sex=bool(below(2)))


def describe(hints: Hints) -> ClinicalPrompt:
    """What the header told of the photograph, in words. A lesion nobody named is still a lesion."""
    words = {"view": hints.view or "face", "lesion": hints.lesion or "lesion"}
    if hints.sex is not None:
        words["sex"] = hints.sex
    if hints.age_years is not None:
        words["age"] = next(band for limit, band in AGE_BANDS if hints.age_years < limit)
    if hints.skin_type is not None:
        words["skin_type"] = hints.skin_type
    return ClinicalPrompt(words)


def as_persona(prompt: ClinicalPrompt, persona: Persona) -> ClinicalPrompt:
    """The same description of somebody else: age, skin and disease stay, the person does not."""
    sex = prompt.words.get("sex")
    if persona.other_sex and sex is not None:
        sex = "male" if sex == "female" else "female"
    return prompt.saying(**persona.words, sex=sex)


def healed(prompt: ClinicalPrompt) -> ClinicalPrompt:
    """The same description of healthy skin."""
    return prompt.saying(lesion="healthy", severity=None, site=None)
