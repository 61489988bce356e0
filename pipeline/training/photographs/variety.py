"""Examples of faces varied once more after they are drawn, so that a network has less use for a face it knows by heart.

Two faces become one: half of the view from one example, half from another (CutMix, Yun et al., arXiv 1905.04899, here
with a soft seam; an edge would be taken for a lesion's). What stands out stands out more or less, in each colour by
itself, and now and then a comparison is left out, so that none is leant on alone.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from pipeline.heads import MOST, OF_A_FACE, OF_FURTHER, OF_OTHER_SIDE
from pipeline.training.photographs.canvas import Array

Example = tuple[Array, Array, Array]
"""Planes (PLANES, V, V) as of ``standing_out``, where disease is (V, V), and by what it changes the logarithms of
intensities (V / 2, V / 2, 3)."""

_JOINED = 0.5
"""Share of examples."""
_BESIDE = 1 / 7
"""Of the view's side: standard deviation of how far from its middle the seam lies."""
_SEAM = (0.01, 0.1)
"""Of the view's side: how wide it is."""
_CONTRAST, _OF_A_COLOUR = 0.12, 0.05
"""Standard deviations of the logarithm by which contrast is multiplied: of all colours, of each beside."""
_COLOURS = 3
_LEFT_OUT = 0.08
"""Share of examples in which a comparison is, each by itself."""


def varied(examples: list[Example], random: np.random.Generator) -> list[Example]:
    """As many ``examples``; halves are taken from others of them."""
    joined = [
        _joined(each, examples[int(random.integers(len(examples)))], random) if random.random() < _JOINED else each
        for each in examples
    ]
    return [(_more_or_less(planes, random), where, change) for planes, where, change in joined]


def _joined(one: Example, other: Example, random: np.random.Generator) -> Example:
    """``one`` on one side of a straight line, ``other`` on the other."""
    planes, where, change = one
    share = _half(where.shape[0], random)
    theirs = share > 0.5
    coarse = cv2.resize(theirs.astype(np.uint8), change.shape[1::-1], interpolation=cv2.INTER_NEAREST) > 0
    return (
        np.asarray(planes + (other[0] - planes) * share, np.float32),
        np.where(theirs, other[1], where),
        np.where(coarse[..., None], other[2], change),
    )


def _half(side: int, random: np.random.Generator) -> Array:
    """In [0, 1], (side, side): how much of the other example is shown."""
    turn = random.uniform(0, 2 * math.pi)
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    beyond = x * math.cos(turn) + y * math.sin(turn) - random.normal(0, _BESIDE * side)
    width = side * math.exp(random.uniform(*np.log(_SEAM)))
    return np.asarray((1 + np.tanh(beyond / width)) / 2, np.float32)


def _more_or_less(planes: Array, random: np.random.Generator) -> Array:
    contrast = np.exp(random.normal(0, _CONTRAST) + random.normal(0, _OF_A_COLOUR, _COLOURS))
    factors = np.ones(len(planes), np.float32)
    factors[:-1] = np.tile(contrast, len(planes) // _COLOURS)  # the last says what is shown
    for comparison in (OF_A_FACE, OF_FURTHER, OF_OTHER_SIDE):
        if random.random() < _LEFT_OUT:
            factors[comparison] = 0
    return np.asarray(np.clip(planes * factors[:, None, None], -MOST, MOST), np.float32)
