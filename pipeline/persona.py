"""The person whom a patient becomes, and what can be said of both in the closed vocabulary.

A persona is one of the people the model knows by name, none of whom exists. Which one is drawn from an HMAC of the
patient under the site's key: the same patient becomes the same new person at every visit, for as long as the key
stands, and without the key nothing ties the two together. Many patients share a persona, which tells less of each.
"""

from __future__ import annotations

import hashlib

from pipeline.photograph import Hints
from pipeline.prompts import PERSONAS, UNNAMED_LESION, ClinicalPrompt

AGE_BANDS = ((18, "adolescent"), (35, "young adult"), (60, "middle-aged"))
"""Years below which a band ends; beyond the last one is elderly."""
SHORTEST_SEED = 16


def persona_for(seed: bytes, attempt: int, face: int = 0) -> str:
    """The persona of ``seed`` for its ``attempt`` and for the ``face``-th face of a photograph, both from 0.

    Attempts and faces walk through a shuffled deck: no persona comes again before all were dealt.
    """
    if len(seed) < SHORTEST_SEED:
        raise ValueError(f"a persona's seed needs at least {SHORTEST_SEED} bytes: it must not be guessable")
    deck = sorted(PERSONAS, key=lambda name: hashlib.sha256(seed + name.encode()).digest())
    return deck[(attempt + 5 * face) % len(deck)]


def describe(hints: Hints) -> ClinicalPrompt:
    """What the header told of the photograph, in words. A lesion that nobody named is still a lesion."""
    words = {"view": hints.view or "face", "lesion": hints.lesion or UNNAMED_LESION}
    if hints.sex is not None:
        words["sex"] = hints.sex
    if hints.age_years is not None:
        words["age"] = next((band for limit, band in AGE_BANDS if hints.age_years < limit), "elderly")
    if hints.skin_type is not None:
        words["skin_type"] = hints.skin_type
    return ClinicalPrompt(words)


def as_persona(prompt: ClinicalPrompt, persona: str) -> ClinicalPrompt:
    """The same description of somebody else: age, skin and disease stay; sex and face are the persona's."""
    return prompt.saying(persona=persona, sex=None)


def healed(prompt: ClinicalPrompt) -> ClinicalPrompt:
    """The same description of healthy skin."""
    return prompt.saying(lesion="healthy", severity=None, site=None)
