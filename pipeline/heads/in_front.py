"""What hangs before a face: hair over the forehead and beside the cheeks, a hat's rim. It stays where it is."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.heads.light import blurred
from pipeline.heads.skin_square import SIDE, Mask, SkinSquare
from pipeline.heads.topology import LEFT_BROW, LEFT_CORNER, RIGHT_BROW, RIGHT_CORNER
from pipeline.photograph import Rgb

_BETWEEN_BROWS, _BROW = 9, 105
_WELL_WITHIN = 18.0
_ROUNDS = 3
_OUTLIER = 2.5
_FEWEST = 200
_LEAST_SPREAD = (2.0, 1.0, 1.0)
"""Of skin's L*, a* and b* around what the light makes of it."""
_WEIGHTS = (1 / 2.2, 0.71 / 2.5, 0.71 / 2.5)
_DOUBT, _CERTAIN = 1.6, 2.8
_ABOVE_BROWS, _RAMP = 2.0, 10.0
_RIM = 26.0
"""Pixels from the outline within which hair beside the cheeks is looked for."""


def hanging_before(square: SkinSquare, face: Rgb, seen: Mask) -> Mask:
    """How surely something stands before the skin of ``face``, as ``SkinSquare.unwrapped`` gives both.

    By colour, on the forehead and near the outline alone: elsewhere a face's own features and its disease differ from
    skin as well. Darker than skin counts, lighter does not: that is a highlight.
    """
    lab = np.asarray(cv2.cvtColor(face.astype(np.float32) / 255, cv2.COLOR_RGB2LAB), np.float32)
    y, x = (np.mgrid[:SIDE, :SIDE] / SIDE - 0.5).astype(np.float32)
    light = np.stack([np.ones_like(x), x, y, x * y], -1)  # (SIDE, SIDE, 4)
    below = np.mgrid[:SIDE, :SIDE][0] > square.points[_BETWEEN_BROWS, 1]
    skin = (square.skin * seen > 0.5) & (square.depth > _WELL_WITHIN) & below
    if skin.sum() < _FEWEST:
        return np.zeros((SIDE, SIDE), np.float32)
    off = [_unlike(lab[..., channel], light, skin, least) for channel, least in enumerate(_LEAST_SPREAD)]
    off[0] = np.minimum(off[0], 0)
    distance = np.sqrt(sum((each * weight) ** 2 for each, weight in zip(off, _WEIGHTS, strict=True)))
    doubt = blurred(distance.astype(np.float32), 2.0)
    found = np.clip((doubt - _DOUBT) / (_CERTAIN - _DOUBT), 0, 1)
    return np.asarray(found * _where_it_may_be(square) * square.oval, np.float32)


def _unlike(
    values: NDArray[np.float32], light: NDArray[np.float32], skin: NDArray[np.bool_], least: float
) -> NDArray[np.float32]:
    """How far each place is from what the light makes of skin there, in spreads of skin; fitted robustly."""
    fitted, spread, off = skin, least, np.zeros_like(values)
    for _ in range(_ROUNDS):
        plane, *_ = np.linalg.lstsq(light[fitted], values[fitted], rcond=None)
        off = values - light @ plane
        spread = max(1.4826 * float(np.median(abs(off[fitted]))), least)
        nearer = skin & (abs(off) < _OUTLIER * spread)
        if nearer.sum() < _FEWEST:
            break
        fitted = nearer
    return np.asarray(off / spread, np.float32)


def _where_it_may_be(square: SkinSquare) -> Mask:
    rows = np.mgrid[:SIDE, :SIDE][0]
    forehead = np.clip((square.points[_BROW, 1] - _ABOVE_BROWS - rows) / _RAMP, 0, 1)
    above_mouth = rows < square.points[[RIGHT_CORNER, LEFT_CORNER], 1].mean()
    beside = np.clip((_RIM - square.depth) / _RAMP, 0, 1) * above_mouth
    brows = np.clip(square.around(RIGHT_BROW, 3) + square.around(LEFT_BROW, 3), 0, 1)
    return np.asarray(np.maximum(forehead, beside) * (1 - brows), np.float32)
