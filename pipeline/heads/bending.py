"""The photograph bent, so that the patient's outline and lips come to where the new head's are."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import RBFInterpolator

from pipeline.heads.light import blurred
from pipeline.heads.mesh import Points
from pipeline.heads.topology import ANCHORS, INNER_LIPS, OVAL

Field = NDArray[np.float32]
"""Float32 (height, width, 2): right and down, in pixels."""

RING = 1.9
"""Beyond the outline by this factor nothing is moved by it."""
_GRID = 64
"""Places along each side at which the bend is worked out; it is smooth."""
_SMOOTHING = 2e-4
_FURTHEST = 0.045
"""How far hair and rim are moved at random, over the face's width…"""
_WAVE = 0.10
"""…and the size of those moves, likewise. They tell nothing of the patient and leave no texture where it was."""
_STILL = 0.5
"""Moves below this variance of the field they are drawn from are less than the furthest."""
_REACH = 0.95
"""Half width around the face in which they move, over the face's width."""
_BORDER = 0.15
"""Where they fade out at the picture's edge, likewise."""
_PLACES = list(dict.fromkeys((*OVAL, *INNER_LIPS, *ANCHORS)))
_OUTLINE = list(OVAL)


def bend(
    shape: tuple[int, int], points: Points, targets: Points, chance: np.random.Generator, stirred: float = 1.0
) -> Field:
    """From where each pixel of the bent photograph is taken, as a shift; nothing moves at the picture's edge.

    ``shape``: height and width. ``points``: the patient's mesh in it; ``targets``: the new head's. ``stirred``: over
    the usual moves of hair and rim.
    """
    height, width = shape
    size = float(np.ptp(points[_OUTLINE, 0]))
    centre = points[_OUTLINE, :2].mean(0)
    ring = centre + (points[_OUTLINE, :2] - centre) * RING
    edge = _edge(height, width)
    held = np.concatenate([targets[_PLACES, :2], ring, edge])
    moved = np.concatenate([(points - targets)[_PLACES, :2], np.zeros_like(ring), np.zeros_like(edge)])
    # Thin plates (Bookstein, IEEE TPAMI 11(6), 1989).
    plate = RBFInterpolator(held / size, moved, kernel="thin_plate_spline", smoothing=_SMOOTHING)
    rows, columns = np.meshgrid(np.linspace(0, height - 1, _GRID), np.linspace(0, width - 1, _GRID), indexing="ij")
    shifts = plate(np.stack([columns.ravel(), rows.ravel()], 1) / size).reshape(_GRID, _GRID, 2).astype(np.float32)
    return _enlarged(shifts, shape) + stirred * _at_random(shape, centre, size, chance)


def bent(picture: NDArray[np.uint8], field: Field) -> NDArray[np.uint8]:
    """``picture`` (height, width, 3) taken from where ``field`` says."""
    rows, columns = np.mgrid[: field.shape[0], : field.shape[1]].astype(np.float32)
    x, y = columns + field[..., 0], rows + field[..., 1]
    return np.asarray(cv2.remap(picture, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def _at_random(shape: tuple[int, int], centre: NDArray[np.float64], size: float, chance: np.random.Generator) -> Field:
    height, width = shape
    shrink = max(1.0, size / 60)
    small = (max(8, round(height / shrink)), max(8, round(width / shrink)))
    noise = [blurred(chance.standard_normal(small).astype(np.float32), _WAVE * size / shrink) for _ in range(2)]
    waves = np.stack([wave / max(float(wave.std()), 1e-6) for wave in noise], -1)
    # Nearly everything moves by nearly as much: what stood still would be recognised.
    waves /= np.sqrt((waves**2).sum(-1, keepdims=True) + _STILL)
    waves = _enlarged(waves, shape)
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    near = np.exp(-((np.hypot(columns - centre[0], rows - centre[1]) / (_REACH * size)) ** 4))
    to_edge = np.minimum(np.minimum(columns, width - 1 - columns), np.minimum(rows, height - 1 - rows))
    near *= np.clip(to_edge / (_BORDER * size), 0, 1)
    return np.asarray(waves * (_FURTHEST * size) * near[..., None], np.float32)


def _edge(height: int, width: int) -> NDArray[np.float64]:
    along, down = np.linspace(0, width, 7), np.linspace(0, height, 7)
    return np.array([[x, y] for x in along for y in down if x in (0, width) or y in (0, height)])


def _enlarged(field: Field, shape: tuple[int, int]) -> Field:
    return np.asarray(cv2.resize(field, shape[::-1], interpolation=cv2.INTER_CUBIC), np.float32)
