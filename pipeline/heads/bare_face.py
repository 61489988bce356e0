"""Where in a picture the bare skin of a face is, by its mesh: not its eyes, brows, lips and nostrils."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.heads.mesh import Points
from pipeline.heads.skin_square import Mask
from pipeline.heads.topology import (
    LEFT_BROW,
    LEFT_EYE,
    NOSTRILS,
    OUTER_LIPS,
    OVAL,
    RIGHT_BROW,
    RIGHT_EYE,
)

_GROWN = {LEFT_EYE: 0.035, RIGHT_EYE: 0.035, LEFT_BROW: 0.02, RIGHT_BROW: 0.02, OUTER_LIPS: 0.02, NOSTRILS: 0.01}
"""What is no bare skin, and how far around it none is either, in widths of the face: lashes, creases, shadows."""
_SOFTENED = 0.012
_HIGHER = 0.45
"""Of what the mesh shows of the forehead, what lies above it: the mesh ends in the midst of it."""
_BETWEEN_BROWS, _FOREHEAD, _CHIN = 9, 10, 152


def bare_skin(points: Points, side: int) -> Mask:
    """float32 (side, side) in [0, 1], softened, of a square in whose pixels ``points`` are."""
    width = float(np.ptp(points[np.array(OVAL), 0]))
    skin = within_outline(points, side)
    for feature, grown in _GROWN.items():
        taken = np.zeros_like(skin)
        cv2.fillConvexPoly(taken, np.asarray(cv2.convexHull(_at(points, feature)), np.int32), 1)
        reach = 2 * max(1, round(grown * width)) + 1
        skin[cv2.dilate(taken, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))) > 0] = 0
    return np.asarray(cv2.GaussianBlur(skin.astype(np.float32), (0, 0), max(_SOFTENED * width, 0.5)), np.float32)


def within_outline(points: Points, side: int) -> NDArray[np.uint8]:
    """1 inside the outline of the face at ``points``, forehead and all, and 0 beyond it; (side, side)."""
    inside = np.zeros((side, side), np.uint8)
    cv2.fillPoly(inside, [np.rint(_outline(points)).astype(np.int32)], 1)
    return inside


def _outline(points: Points) -> NDArray[np.float64]:
    """The outline of the face up to where hair may begin, (n, 2)."""
    outline, up = points[np.array(OVAL), :2], points[_FOREHEAD, :2] - points[_CHIN, :2]
    up = up / max(float(np.hypot(*up)), 1e-6)
    height = np.clip((outline - points[_BETWEEN_BROWS, :2]) @ up, 0, None)
    return np.asarray(outline + _HIGHER * height[:, None] * up, np.float64)


def _at(points: Points, vertices: tuple[int, ...]) -> NDArray[np.int32]:
    return np.rint(points[np.array(vertices), :2]).astype(np.int32)
