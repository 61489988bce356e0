"""A photographed face laid out as it is seen from the front, where everybody's cheek lies in one place.

Thin plates (Bookstein, IEEE TPAMI 11(6), 1989) through the mesh's vertices, which go on beyond its outline: foreheads
end above it. Of a face that is turned away the far side is drawn out; what is said of it there is laid back where it
came from.
"""

from __future__ import annotations

from typing import TypeVar, cast

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import RBFInterpolator

from pipeline.heads.mesh import Points

VIEW_SIDE = 192
"""Pixels along each side of the view: a face is about 140 wide in it."""
_SCALE, _LOWER = 52.0, 18.0
"""Pixels to the mean face's unit, and how far below the middle its own middle lies: room for a forehead."""
_SMOOTHING = 1e-3
_GRID = 40
"""Places along each side at which the plates are worked out; they are smooth."""

Values = NDArray[np.float32]
Picture = TypeVar("Picture", NDArray[np.uint8], NDArray[np.float32])


def frontal_points(mean: Points) -> NDArray[np.float64]:
    """Where the vertices of the ``mean`` face (468, 3) lie in the view, (468, 2)."""
    return np.asarray(mean[:, :2] * _SCALE + [VIEW_SIDE / 2, VIEW_SIDE / 2 + _LOWER], np.float64)


class FrontalView:
    """The view of the face at ``points`` (468, 3) of a square of ``side`` pixels. ``frontal``: as ``frontal_points``.

    ``moves`` float32 (VIEW_SIDE, VIEW_SIDE, 2): the square's pixel (x, y) that each pixel of the view shows.
    """

    def __init__(self, points: Points, frontal: NDArray[np.float64], side: int) -> None:
        there, here = points[:, :2] / side, frontal / VIEW_SIDE
        self.moves = _bent(here, there, VIEW_SIDE, side)
        self._back = _bent(there, here, side, VIEW_SIDE)

    def unrolled(self, values: Picture) -> Picture:
        """What the square shows, (side, side[, 3]), in the view and of the same type."""
        return taken_from(values, self.moves)

    def laid_back(self, said: Values, beyond: float) -> Values:
        """What is ``said`` of each place of the view (VIEW_SIDE, VIEW_SIDE), in the square; ``beyond`` it that."""
        x, y = np.ascontiguousarray(self._back[..., 0]), np.ascontiguousarray(self._back[..., 1])
        laid = cv2.remap(
            np.ascontiguousarray(said), x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=beyond
        )
        return np.asarray(laid, np.float32)


def taken_from(values: Picture, moves: Values) -> Picture:
    """``values`` at the places (x, y) that ``moves`` (n, n, 2) says; at an edge the edge goes on."""
    x, y = np.ascontiguousarray(moves[..., 0]), np.ascontiguousarray(moves[..., 1])
    taken = cv2.remap(np.ascontiguousarray(values), x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return cast(Picture, np.asarray(taken, values.dtype))


def _bent(held: NDArray[np.float64], moved: NDArray[np.float64], side: int, into: int) -> Values:
    """The plates that take ``held`` to ``moved``, both as shares of their squares: (side, side, 2) in pixels of one
    that is ``into`` wide, at the pixels of one that is ``side`` wide."""
    plate = RBFInterpolator(held, moved, kernel="thin_plate_spline", smoothing=_SMOOTHING)
    rows, columns = np.meshgrid(*[np.linspace(0, side - 1, _GRID)] * 2, indexing="ij")
    coarse = plate(np.stack([columns.ravel(), rows.ravel()], 1) / side).reshape(_GRID, _GRID, 2) * into
    along = np.linspace(0, _GRID - 1, side).astype(np.float32)
    x, y = np.meshgrid(along, along)
    fine = cv2.remap(coarse.astype(np.float32), x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(fine, np.float32)
