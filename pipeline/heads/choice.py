"""Which head a patient gets: plausible for them, and unlike them to both recognisers, tried on before it is dealt."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pipeline.faces import Descriptor
from pipeline.heads.bank import HeadBank
from pipeline.heads.persona_words import AGES, COMPLEXIONS, Words

TRIED_ON = 8
"""Of so many plausible heads, by what is known of them the least like the patient, each is tried on…"""
PREFERRED = 4
"""…and of so many that were the least alike the first is drawn: more, and likeness grows; fewer, and patients meet."""
_STRANGER_COSINE, _STRANGER_DISTANCE = 0.13, 0.83
"""What two people score in the middle…"""
_COSINE_SPREAD, _DISTANCE_SPREAD = 0.12, 0.09
"""…and by how much that varies among them, so that both recognisers weigh alike."""
_ANOTHER_AGE, _ANOTHER_COMPLEXION = 1.0, 0.5
"""Added to the likeness for each band that a head's age or complexion is away, in those spreads."""
WORST = 1e3
"""Likeness of a head that could not be tried on."""


def likeness(cosine: float, distance: float) -> float:
    """By whichever recogniser finds more: 0 for strangers, 1 for one spread nearer than they are."""
    return max((cosine - _STRANGER_COSINE) / _COSINE_SPREAD, (_STRANGER_DISTANCE - distance) / _DISTANCE_SPREAD)


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
    cost = likenesses(bank, sface, dlib)
    for number, words in enumerate(bank.words):
        cost[number] += _ANOTHER_AGE * abs(AGES.index(words.age) - AGES.index(patient.age))
        cost[number] += _ANOTHER_COMPLEXION * abs(
            COMPLEXIONS.index(words.complexion) - COMPLEXIONS.index(patient.complexion)
        )
    other_sex = np.array([words.sex != patient.sex for words in bank.words])
    ranked = sorted(range(len(cost)), key=lambda number: (bool(other_sex[number]), float(cost[number])))
    names = [bank.names[number] for number in ranked]
    if tried_on is not None:
        names = sorted(names[:TRIED_ON], key=tried_on) + names[TRIED_ON:]
    first = sorted(names[:PREFERRED], key=lambda name: hashlib.sha256(seed + name.encode()).digest())
    return (*first, *names[PREFERRED:])
