"""Faces mingled with others as they are seen from the front: there are few, and a network learns those by heart.

What is laid over a face is the difference of two that have nothing, in logarithms of intensities, where both show skin:
a share of all of it, or more of its light and shade alone. A painted lesion stays as strong as it was.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.heads import DARKEST, taken_from
from pipeline.srgb import coded, intensities
from pipeline.training.photographs.canvas import Array, blurred

_MINGLED = 0.6
"""Share of examples."""
_WHOLE = 0.5
"""Share of those in which all of the difference is laid over, by…"""
_OF_ALL, _OF_SHADE = (0.1, 0.35), (0.25, 0.7)
"""…so much of it; of its light and shade, so much."""
_SEAM, _SHADE = 0.6, (4.0, 18.0)
"""Standard deviations in pixels of the view: of where skin ends, and of what is light and shade."""
_SHIFTED, _SCALED = 4.0, 0.05
"""Standard deviations by which the other face is moved: pixels, and the logarithm of a factor."""
_MOST = 0.7
"""Of the difference, either way: beyond it is hair."""


@dataclass(frozen=True, eq=False)
class Crowd:
    """Faces as they are seen from the front. ``relative`` float16 (n, V, V, 3): as ``relative_colours``; ``shown``
    uint8 (n, V, V): skin that is looked at; ``fold`` (n,): which faces may be mingled."""

    relative: NDArray[np.float16]
    shown: NDArray[np.uint8]
    fold: NDArray[np.int64]

    def mingled(self, view: Array, shown: Array, row: int, random: np.random.Generator) -> Array:
        """``view``, coded values (V, V, 3) of the face ``row`` with whatever is painted on it, among others."""
        if random.random() >= _MINGLED:
            return view
        other = int(random.choice(np.flatnonzero(self.fold == self.fold[row])))
        theirs, seen = self.relative[other].astype(np.float32), np.asarray(self.shown[other] / 255, np.float32)
        if random.random() < 0.5:
            theirs, seen = theirs[:, ::-1], seen[:, ::-1]
        places = _moved(len(seen), random)
        difference = taken_from(theirs, places) - self.relative[row].astype(np.float32)
        where = (shown * taken_from(seen, places))[..., None]
        laid_over = np.clip(difference, -_MOST, _MOST) * where
        if random.random() < _WHOLE:
            laid_over = blurred(laid_over, _SEAM) * np.float32(random.uniform(*_OF_ALL))
        else:
            deviation = math.exp(random.uniform(*np.log(_SHADE)))
            laid_over = blurred(laid_over, deviation) * np.float32(random.uniform(*_OF_SHADE))
        return coded((intensities(view) + np.float32(DARKEST)) * np.exp(laid_over) - np.float32(DARKEST))


def _moved(side: int, random: np.random.Generator) -> Array:
    scale, middle = math.exp(random.normal(0, _SCALED)), side / 2
    y, x = np.mgrid[:side, :side].astype(np.float32) - np.float32(middle)
    return np.asarray(np.stack([x, y], -1) * scale + middle + random.normal(0, _SHIFTED, 2), np.float32)
