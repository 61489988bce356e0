"""A square seen in parts that overlap, and what was changed in each laid back over it.

Each part fades out towards its edges, and where parts overlap they are averaged by how far from its edge each sees a
place (as tiles of large pictures are mixed, e.g. MultiDiffusion, Bar-Tal et al., arXiv 2302.08113).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]

_LEAST = np.float32(1e-12)


def corners(side: int, reach: int, count: int) -> list[tuple[int, int]]:
    """Where parts of ``reach`` pixels begin, (row, column), ``count`` evenly along each side of a square."""
    starts = [round(start) for start in np.linspace(0, side - reach, count)]
    return [(top, left) for top in starts for left in starts]


def seen(corner: tuple[int, int], reach: int) -> tuple[slice, slice]:
    """The part of ``reach`` pixels from ``corner`` on, of a picture."""
    top, left = corner
    return np.s_[top : top + reach, left : left + reach]


def mixed(side: int, parts: Sequence[tuple[tuple[int, int], Field]]) -> Field:
    """The changes (reach, reach, 3) of ``parts`` on a square (side, side, 3); 0 where none of them is."""
    total, weight = np.zeros((side, side, 3), np.float32), np.zeros((side, side, 1), np.float32)
    for corner, change in parts:
        here, fading = seen(corner, len(change)), _fading(len(change))
        total[here] += change * fading
        weight[here] += fading
    return np.asarray(total / np.maximum(weight, _LEAST), np.float32)


def _fading(reach: int) -> Field:
    """Hann's window (reach, reach, 1), nowhere 0."""
    axis = np.hanning(reach + 2)[1:-1].astype(np.float32)
    return np.asarray((axis[:, None] * axis[None, :])[..., None], np.float32)
