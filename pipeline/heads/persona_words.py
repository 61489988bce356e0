"""What is said of a head, and of a patient who is to get one: sex, age and complexion, coarse enough for a lesion to be
read. What the header does not say is seen in the face."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.faces import Descriptor
from pipeline.heads.skin_square import Mask
from pipeline.photograph import Hints, Rgb, Sex

Age = Literal["young adult", "middle-aged", "elderly"]
Complexion = Literal["light", "medium", "dark"]
AGES: tuple[Age, ...] = ("young adult", "middle-aged", "elderly")
COMPLEXIONS: tuple[Complexion, ...] = ("light", "medium", "dark")

_BANDS = (35, 60)
"""Years at which a band ends. Who is younger than an adult becomes a young one: children are nobody's persona."""
_SKIN_TYPES: dict[str, Complexion] = {
    "I": "light", "II": "light", "III": "medium", "IV": "medium", "V": "dark", "VI": "dark",
}  # fmt: skip
_LIGHT, _MEDIUM = 28.0, -10.0
"""Individual typology angle in degrees (Chardon et al., Int J Cosmet Sci 13, 1991): light skin above 28, dark below
-10. What light a photograph was taken in shifts it, so it tells coarse bands alone."""
_FEWEST = 200


@dataclass(frozen=True)
class Words:
    """Of one person."""

    sex: Sex
    age: Age
    complexion: Complexion


@dataclass(frozen=True, eq=False)
class Known:
    """Linear read-outs [2, 257] of a face's descriptors, SFace's at unit length beside dlib's, and 1.

    The first is above 0 for women; the second is the age's place among ``AGES``, from 0. Fitted to faces whose sex and
    age were judged by eye.
    """

    weights: NDArray[np.float64]

    def sex(self, sface: Descriptor, dlib: Descriptor) -> Sex:
        return "female" if self._read(sface, dlib)[0] > 0 else "male"

    def age(self, sface: Descriptor, dlib: Descriptor) -> Age:
        return AGES[int(np.clip(round(float(self._read(sface, dlib)[1])), 0, len(AGES) - 1))]

    def _read(self, sface: Descriptor, dlib: Descriptor) -> NDArray[np.float64]:
        return np.asarray(self.weights @ np.concatenate([sface / np.linalg.norm(sface), dlib, [1.0]]))


def words_for(hints: Hints, sface: Descriptor, dlib: Descriptor, known: Known, seen: Complexion) -> Words:
    """Of a patient: by the header where it says it, else as it is ``known`` from the face and ``seen`` in its skin."""
    age = known.age(sface, dlib)
    if hints.age_years is not None:
        age = AGES[sum(hints.age_years >= limit for limit in _BANDS)]
    complexion = _SKIN_TYPES[hints.skin_type] if hints.skin_type else seen
    return Words(hints.sex or known.sex(sface, dlib), age, complexion)


def complexion_of(face: Rgb, skin: Mask) -> Complexion:
    """Of the face laid out in the square, where it shows ``skin``."""
    shown = skin > 0.5
    if shown.sum() < _FEWEST:
        return "medium"
    lab = cv2.cvtColor(face.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[shown]
    lightness, yellow = np.median(lab[:, 0]), np.median(lab[:, 2])
    angle = float(np.degrees(np.arctan2(lightness - 50, max(float(yellow), 1e-3))))
    return "light" if angle > _LIGHT else "medium" if angle > _MEDIUM else "dark"
