"""The colours in which a signed difference between two pictures is shown."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.photograph import Rgb

FULL_SCALE = 20.0
"""CIELAB units at which the colours end."""

_DIVERGING = np.array(
    [(33, 102, 172), (103, 169, 207), (209, 229, 240), (247, 247, 247), (253, 219, 199), (239, 138, 98), (178, 24, 43)],
    np.float64,
)
"""ColorBrewer's RdBu in seven classes, turned round: blue is less, red is more, equally light on both sides."""


def diverging(values: NDArray[np.floating]) -> Rgb:
    """Colours of ``values``, -1 (blue) over 0 (white) to 1 (red), clipped beyond: uint8 (..., 3)."""
    at = (np.clip(values, -1, 1) + 1) / 2 * (len(_DIVERGING) - 1)
    low = np.minimum(at.astype(int), len(_DIVERGING) - 2)
    part = (at - low)[..., None]
    colours: Rgb = np.round(_DIVERGING[low] * (1 - part) + _DIVERGING[low + 1] * part).astype(np.uint8)
    return colours
