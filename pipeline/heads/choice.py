"""Which head a patient gets: plausible for them, and unlike them to both recognisers."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from pipeline.faces import Descriptor
from pipeline.heads.bank import HeadBank
from pipeline.heads.persona_words import AGES, COMPLEXIONS, Words

PREFERRED = 8
"""Of so many plausible heads, those least like the patient, the first is drawn: more, and likeness grows; fewer, and
patients meet in them."""
_STRANGER_COSINE, _STRANGER_DISTANCE = 0.13, 0.83
"""What two people score in the middle; and by how much that varies among them, so that both recognisers weigh alike."""
_COSINE_SPREAD, _DISTANCE_SPREAD = 0.12, 0.09
_ANOTHER_AGE, _ANOTHER_COMPLEXION = 1.0, 1.0
"""Added to the likeness for each band that a head's age or complexion is away, in those spreads."""


def likenesses(bank: HeadBank, sface: Descriptor, dlib: Descriptor) -> NDArray[np.float64]:
    """Of each head to the face with these descriptors, by whichever recogniser finds more: 0 for a stranger."""
    cosine = bank.sface @ (sface / np.linalg.norm(sface))
    distance = np.linalg.norm(bank.dlib - dlib, axis=1)
    return np.asarray(
        np.maximum((cosine - _STRANGER_COSINE) / _COSINE_SPREAD, (_STRANGER_DISTANCE - distance) / _DISTANCE_SPREAD)
    )


def dealt(bank: HeadBank, seed: bytes, patient: Words, sface: Descriptor, dlib: Descriptor) -> tuple[str, ...]:
    """All heads' names in the order in which the patient of ``seed`` is to get them.

    First those of the patient's sex that are least alike, of an age and complexion as near as may be, shuffled by the
    seed; then the others of that sex, the least alike first; then those of the other sex.
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
    first = sorted(names[:PREFERRED], key=lambda name: hashlib.sha256(seed + name.encode()).digest())
    return (*first, *names[PREFERRED:])
