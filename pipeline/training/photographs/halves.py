"""Two faces as one: half of the view from one example, half from another, with a soft seam.

A network that learns few faces by heart has no use for that where every face may go on as another one (CutMix, Yun et
al., arXiv 1905.04899; here with a seam that is no edge, which it would take for a lesion's).
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from pipeline.training.photographs.canvas import Array

Example = tuple[Array, Array, Array]
"""Planes (n, V, V), where disease is (V, V), what it changes (V / 2, V / 2, 3): as ``FrontalExamples`` draws them."""

_BESIDE = 1 / 7
"""Of the view's side: standard deviation of how far from its middle the seam lies."""
_SOFT = (0.01, 0.1)
"""Of the view's side: how wide the seam is."""


def joined(one: Example, other: Example, random: np.random.Generator) -> Example:
    """``one`` to one side of a straight line at random, ``other`` to the other side."""
    planes, where, change = one
    share = _half(where.shape[0], random)
    theirs = share > 0.5
    small = cv2.resize(theirs.astype(np.uint8), change.shape[1::-1], interpolation=cv2.INTER_NEAREST) > 0
    return (
        np.asarray(planes + (other[0] - planes) * share, np.float32),
        np.where(theirs, other[1], where),
        np.where(small[..., None], other[2], change),
    )


def _half(side: int, random: np.random.Generator) -> Array:
    """In [0, 1], (side, side): how much of the other example is shown."""
    turn = random.uniform(0, 2 * math.pi)
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    beyond = x * math.cos(turn) + y * math.sin(turn) - random.normal(0, _BESIDE * side)
    width = side * math.exp(random.uniform(*np.log(_SOFT)))
    return np.asarray(1 / (1 + np.exp(-2 * beyond / width)), np.float32)
