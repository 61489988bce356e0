"""A field that was measured on a smaller picture, laid over the large one band by band.

What a lesion changes has no finer detail than the network that found it. On a photograph of 12 megapixels the field is
therefore kept at the resolution that it has, and enlarged only where it is used, a band of rows at a time: all of it at
once would take four times the photograph's memory.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

BAND = 256
"""Rows that are worked on at a time."""


def bands(height: int) -> Iterator[slice]:
    """Rows 0 to ``height``, ``BAND`` at a time."""
    for top in range(0, height, BAND):
        yield slice(top, min(top + BAND, height))


def rows_of(field: NDArray[np.float32], shape: tuple[int, ...], rows: slice) -> NDArray[np.float32]:
    """``rows`` of ``field`` (h, w[, k]) once it is as large as ``shape`` (height, width, ...): bilinear, the same as
    those of the whole enlarged at once. A field of that size is handed on as it is."""
    height, width = shape[:2]
    if field.shape[:2] == (height, width):
        return field[rows]
    at = np.clip((np.arange(rows.start, rows.stop) + 0.5) * (field.shape[0] / height) - 0.5, 0, field.shape[0] - 1)
    above = np.floor(at).astype(int)
    below = np.minimum(above + 1, field.shape[0] - 1)
    share = (at - above).astype(np.float32).reshape(-1, *[1] * (field.ndim - 1))
    band = np.ascontiguousarray(field[above] * (1 - share) + field[below] * share)
    return np.asarray(cv2.resize(band, (width, len(at)), interpolation=cv2.INTER_LINEAR), np.float32)


def as_large_as(field: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """All of ``field`` (h, w) at ``shape`` (height, width, ...)."""
    if field.shape[:2] == tuple(shape[:2]):
        return field
    return np.asarray(cv2.resize(field, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR), np.float32)
