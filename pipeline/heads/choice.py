"""Which head a patient gets: plausible for them, and unlike them to both recognisers, tried on before it is dealt."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pipeline.faces import Descriptor
from pipeline.heads.bank import HeadBank
from pipeline.heads.persona_words import AGES, COMPLEXIONS, Words

TRIED_ON, MOST_TRIED = 8, 40
"""So many plausible heads at a time, by what is known of them the least like the patient, are tried on, until enough
are unlike enough, and no more than so many in all…"""
PREFERRED = 4
FEWEST_PREFERRED = 2
"""…and of so many that were the least alike the first is drawn: more, and likeness grows; fewer, and patients meet.
Where fewer are unlike enough, of those, but never of one alone: the choice is to be the key's."""
UNLIKE = 0.6
"""Likeness up to which a head is unlike enough: what is drawn at random beside it varies by about as much."""
_STRANGER_COSINE, _STRANGER_DISTANCE = 0.13, 0.83
"""What two people score in the middle…"""
_COSINE_SPREAD, _DISTANCE_SPREAD = 0.12, 0.09
"""…and by how much that varies among them, so that both recognisers weigh alike."""
_CHANCE_NCC, _NCC_SPREAD = 0.42, 0.15
"""The same of the texture in the region that agrees best: where a head's nose stands as the patient's did, its edges
agree by chance."""
_ANOTHER_AGE, _ANOTHER_COMPLEXION = 1.0, 0.5
"""Added to the likeness for each band that a head's age or complexion is away, in those spreads."""
WORST = 1e3
"""Likeness of a head that could not be tried on."""


def likeness(cosine: float, distance: float, ncc: float = -1.0) -> float:
    """By whichever recogniser, or the texture, finds more: 0 for strangers, 1 for one spread nearer than they are."""
    return max(
        (cosine - _STRANGER_COSINE) / _COSINE_SPREAD,
        (_STRANGER_DISTANCE - distance) / _DISTANCE_SPREAD,
        (ncc - _CHANCE_NCC) / _NCC_SPREAD,
    )


def likenesses(bank: HeadBank, sface: Descriptor, dlib: Descriptor) -> NDArray[np.float64]:
    """Of each head to the face with these descriptors, by what others look like who have it."""
    cosines = bank.sface @ (sface / np.linalg.norm(sface))
    distances = np.linalg.norm(bank.dlib - dlib, axis=1)
    return np.array([likeness(*pair) for pair in zip(cosines.tolist(), distances.tolist(), strict=True)])


def dealt(
    bank: HeadBank,
    seed: bytes,
    patient: Words,
    sface: Descriptor,
    dlib: Descriptor,
    tried_on: Callable[[str], float] | None = None,
) -> tuple[str, ...]:
    """All heads' names in the order in which the patient of ``seed`` is to get them.

    First those of the patient's sex, of an age and complexion as near as may be, whom the patient least resembles who
    has ``tried_on`` the head of that name; the seed shuffles them. Then the others of that sex, the least alike first;
    then those of the other sex.
    """
    away = np.array([_away(words, patient) for words in bank.words])
    cost = likenesses(bank, sface, dlib) + away
    other_sex = np.array([words.sex != patient.sex for words in bank.words])
    ranked = sorted(range(len(cost)), key=lambda number: (bool(other_sex[number]), float(cost[number])))
    preferred = PREFERRED
    if tried_on is not None:
        ranked, unlike = _tried(ranked[: min(MOST_TRIED, int((~other_sex).sum()))], away, bank.names, tried_on, ranked)
        preferred = int(np.clip(unlike, FEWEST_PREFERRED, PREFERRED))
    names = [bank.names[number] for number in ranked]
    first = sorted(names[:preferred], key=lambda name: hashlib.sha256(seed + name.encode()).digest())
    return (*first, *names[preferred:])


def _away(words: Words, patient: Words) -> float:
    """What a head's age and complexion cost."""
    bands = abs(AGES.index(words.age) - AGES.index(patient.age))
    shades = abs(COMPLEXIONS.index(words.complexion) - COMPLEXIONS.index(patient.complexion))
    return _ANOTHER_AGE * bands + _ANOTHER_COMPLEXION * shades


def _tried(
    plausible: list[int],
    away: NDArray[np.float64],
    names: tuple[str, ...],
    tried_on: Callable[[str], float],
    ranked: list[int],
) -> tuple[list[int], int]:
    """``ranked`` with those that were tried on in front, the best first, and how many of them are unlike enough.

    Who is a stranger need not be more of one: of strangers those of the right age and complexion come first, and of the
    others those who are least alike.
    """
    found: dict[int, float] = {}
    for start in range(0, len(plausible), TRIED_ON):
        found |= {number: tried_on(names[number]) for number in plausible[start : start + TRIED_ON]}
        if sum(alike <= UNLIKE for alike in found.values()) >= PREFERRED:
            break

    def worth(number: int) -> tuple[bool, float]:
        alike = found[number]
        return (True, alike) if alike > UNLIKE else (False, max(alike, 0.0) + away[number])

    unlike = sum(alike <= UNLIKE for alike in found.values())
    return sorted(found, key=worth) + [number for number in ranked if number not in found], unlike
