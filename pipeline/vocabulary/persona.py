"""The person whom a patient becomes, and what can be said of both in the closed vocabulary.

A persona is one of the people the model knows by name, none of whom exists. Which one is drawn from an HMAC of the
patient under the site's key, among those who resemble the patient least; it is kept, so the same patient becomes the
same new person at every visit. Without the key nothing ties the two together. Many patients share a persona, which
tells less of each.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence

from pipeline.photograph import Hints
from pipeline.vocabulary.prompts import PERSONAS, UNNAMED_LESION, ClinicalPrompt

AGE_BANDS = ((18, "adolescent"), (35, "young adult"), (60, "middle-aged"))
"""Years below which a band ends; beyond the last one is elderly."""
SHORTEST_SEED = 16


LEAST_ALIKE = 6
"""Of so many personas, those least like the patient, the first is drawn; who resembles them comes up later."""


def deck_for(seed: bytes, likeness: Sequence[float] | None = None) -> tuple[str, ...]:
    """All personas in the order in which the patient of ``seed`` is to become them.

    ``likeness``: of each of ``PERSONAS`` to the patient, any scale, higher for more alike: a persona who resembles the
    patient by chance would leave them recognisable. Shuffled by the seed within the least alike, and within the others.
    """
    if len(seed) < SHORTEST_SEED:
        raise ValueError(f"a persona's seed needs at least {SHORTEST_SEED} bytes: it must not be guessable")
    shuffled = sorted(PERSONAS, key=lambda name: hashlib.sha256(seed + name.encode()).digest())
    if likeness is None:
        return tuple(shuffled)
    if len(likeness) != len(PERSONAS) or not all(map(math.isfinite, likeness)):
        raise ValueError(f"{len(PERSONAS)} finite likenesses are needed")
    ranked = sorted(range(len(PERSONAS)), key=lambda number: likeness[number])
    preferred = {PERSONAS[number] for number in ranked[:LEAST_ALIKE]}
    return tuple(sorted(shuffled, key=lambda name: name not in preferred))


def persona_for(deck: Sequence[str], attempt: int, face: int = 0) -> str:
    """The persona for an ``attempt`` and for the ``face``-th face of a photograph, both from 0.

    Attempts and faces walk through the deck: no persona comes again before all were dealt.
    """
    return deck[(attempt + 5 * face) % len(deck)]


class Personas:
    """Who has become whom, so that a patient becomes the same new person at every visit.

    Likeness is seen in one photograph and would differ in the next: a patient's deck is therefore dealt at the first
    visit and kept. This one remembers for as long as the process runs; a node keeps decks where it keeps its jobs.
    """

    def __init__(self) -> None:
        self._decks: dict[bytes, tuple[str, ...]] = {}

    def deck(self, seed: bytes, likeness: Callable[[], Sequence[float] | None]) -> tuple[str, ...]:
        """The deck of ``seed`` over ``PERSONAS``, dealt now if it never was. ``likeness`` is asked only then."""
        return self.kept(seed, PERSONAS, lambda: deck_for(seed, likeness()))

    def kept(self, seed: bytes, names: Sequence[str], deal: Callable[[], tuple[str, ...]]) -> tuple[str, ...]:
        """The deck of ``seed`` over ``names``; ``deal`` is asked where there is none.

        Another version of the model may know other people; then the patient is dealt anew.
        """
        if len(seed) < SHORTEST_SEED:
            raise ValueError(f"a persona's seed needs at least {SHORTEST_SEED} bytes: it must not be guessable")
        deck = self._recall(seed)
        if deck is None or sorted(deck) != sorted(names):
            return self._keep(seed, deal(), instead_of=deck)
        return deck

    def _recall(self, seed: bytes) -> tuple[str, ...] | None:
        return self._decks.get(seed)

    def _keep(self, seed: bytes, deck: tuple[str, ...], *, instead_of: tuple[str, ...] | None) -> tuple[str, ...]:
        """The deck that is kept from now on: another one where somebody else dealt first."""
        self._decks[seed] = deck
        return deck


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


def of_skin_alone(prompt: ClinicalPrompt, view: str | None) -> ClinicalPrompt:
    """The same description of skin without a face, a close-up if nobody said otherwise; silent on sex and age.

    Close-ups are trained without them, as nobody tells them from a patch of skin: a model that heard both of a
    dermoscopic naevus looked for a face, and left the naevus.
    """
    return prompt.saying(view=view or "close-up", sex=None, age=None)


def as_it_is(prompt: ClinicalPrompt) -> ClinicalPrompt:
    """The same description with no word of disease: what is there stays."""
    return prompt.saying(lesion=None, severity=None, site=None)


def healed(prompt: ClinicalPrompt) -> ClinicalPrompt:
    """The same description of healthy skin."""
    return prompt.saying(lesion="healthy", severity=None, site=None)
