"""The square in which skins lie: the mean face seen from the front, its triangles, and what lies where in it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import Delaunay

from pipeline.heads.mesh import Points
from pipeline.heads.topology import (
    INNER_LIPS,
    LEFT_BROW,
    LEFT_EYE,
    NOSTRILS,
    OUTER_LIPS,
    OVAL,
    RIGHT_BROW,
    RIGHT_EYE,
)
from pipeline.photograph import Rgb

SIDE = 256
"""Pixels."""
_SCALE = 72.0
"""Pixels to the frame's unit: the face is about 190 wide."""
_LOWER = 4.0
_OUTLINE = np.array(OVAL)
_FINEST_WIDTH = 255.0
"""Pixels of a face's width beyond which it is smoothed before it is laid out."""
_EDGE_ON, _SEEN = 0.08, 0.28
"""Area of a triangle, over what it has from the front: below the first nothing is seen of it, from the second all."""

Mask = NDArray[np.float32]
"""Float32 (SIDE, SIDE), 0 to 1."""


class SkinSquare:
    """Where each vertex lies in the square, and which triangles span it."""

    def __init__(self, mean: Points) -> None:
        self.points = mean[:, :2] * _SCALE + [SIDE / 2, SIDE / 2 + _LOWER]
        mesh = Delaunay(self.points)
        inner = set(INNER_LIPS)
        within = np.array([not inner.issuperset(corners) for corners in mesh.simplices])  # lips that part show no skin
        self.triangles = _wound(mesh.simplices[within], self.points)
        rows, columns = np.mgrid[:SIDE, :SIDE]
        places = np.stack([columns.ravel(), rows.ravel()], 1).astype(np.float64)
        found = mesh.find_simplex(places)
        inverse = mesh.transform[found]
        weights = np.einsum("nij,nj->ni", inverse[:, :2], places - inverse[:, 2])
        self._weights = np.c_[weights, 1 - weights.sum(1)]  # barycentric
        self._corners = mesh.simplices[found]
        self._inside = found >= 0

    def unwrapped(self, rgb: Rgb, points: Points) -> tuple[Rgb, Mask]:
        """The face at ``points`` laid out in the square, uint8 (SIDE, SIDE, 3), and how well each place is seen."""
        there = (points[self._corners][..., :2] * self._weights[..., None]).sum(1)
        there[~self._inside] = -1e4
        place = there.reshape(SIDE, SIDE, 2).astype(np.float32)
        shrink = float(np.ptp(points[_OUTLINE, 0])) / _FINEST_WIDTH
        if shrink > 1:
            rgb = np.asarray(cv2.GaussianBlur(rgb, (0, 0), 0.6 * shrink), np.uint8)
        laid = cv2.remap(rgb, place[..., 0], place[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        flat = _areas(self.points, self._corners)
        area = _areas(points[:, :2], self._corners) / np.where(abs(flat) < 1e-9, 1, flat)
        area = np.where(self._inside, area, 0).reshape(SIDE, SIDE)
        area = area / max(float(np.median(area[self.oval > 0])), 1e-6)
        height, width = rgb.shape[:2]
        photographed = (place >= 0).all(-1) & (place[..., 0] < width) & (place[..., 1] < height)
        seen = np.clip((area - _EDGE_ON) / (_SEEN - _EDGE_ON), 0, 1) * photographed
        return np.asarray(laid, np.uint8), seen.astype(np.float32)

    def around(self, vertices: Sequence[int], grown: int = 0, softened: float = 0.0) -> Mask:
        """What a convex line around ``vertices`` holds, ``grown`` pixels in all, its edge ``softened``."""
        return self._filled(np.asarray(cv2.convexHull(self._at(vertices)), np.int32), grown, softened)

    @cached_property
    def oval(self) -> Mask:
        """The face within its outline."""
        return self._filled(self._at(OVAL))

    @cached_property
    def depth(self) -> NDArray[np.float32]:
        """Pixels to the outline, within it."""
        return np.asarray(cv2.distanceTransform((self.oval > 0).astype(np.uint8), cv2.DIST_L2, 5), np.float32)

    @cached_property
    def skin(self) -> Mask:
        """The face without eyes, brows, lips and nostrils."""
        features = (
            self.around(RIGHT_EYE, 13)
            + self.around(LEFT_EYE, 13)
            + self.around(RIGHT_BROW, 9)
            + self.around(LEFT_BROW, 9)
            + self.around(OUTER_LIPS, 5)
            + self.around(NOSTRILS, 5)
        )
        eroded = cv2.erode(self.oval, np.ones((5, 5), np.uint8))
        return np.asarray(eroded * (1 - np.clip(features, 0, 1)), np.float32)

    def _at(self, vertices: Sequence[int]) -> NDArray[np.int32]:
        return self.points[list(vertices)].round().astype(np.int32)

    def _filled(self, line: NDArray[np.int32], grown: int = 0, softened: float = 0.0) -> Mask:
        mask = np.zeros((SIDE, SIDE), np.uint8)
        cv2.fillPoly(mask, [line], 255)
        if grown:
            kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (grown, grown))
            mask = np.asarray(cv2.dilate(mask, kernel), np.uint8)
        soft = mask.astype(np.float32) / 255
        return np.asarray(cv2.GaussianBlur(soft, (0, 0), softened) if softened else soft, np.float32)


def _areas(points: NDArray[np.float64], corners: NDArray[np.int32]) -> NDArray[np.float64]:
    """Twice the signed area of each triangle (n, 3)."""
    first, second = points[corners[:, 1]] - points[corners[:, 0]], points[corners[:, 2]] - points[corners[:, 0]]
    return np.asarray(first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0])


def _wound(triangles: NDArray[np.int32], points: NDArray[np.float64]) -> NDArray[np.int32]:
    """The same triangles, all wound one way: those that turn away are known by it."""
    flipped = _areas(points, triangles) < 0
    return np.where(flipped[:, None], triangles[:, [0, 2, 1]], triangles)
