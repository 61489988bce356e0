"""A composed head drawn on a photograph: posed as the patient is, in the patient's light, behind what hangs before it.

The photograph is bent so that the patient's outline becomes the persona's; the persona's skin is laid on the mesh; at
the outline the one fades into the other. Where lips part, the bent photograph shows through.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.heads.bending import bend, bent
from pipeline.heads.in_front import hanging_before
from pipeline.heads.light import Picture, as_contrasty, as_sharp, blurred, evened, relit
from pipeline.heads.mesh import Points
from pipeline.heads.shapes import Frame
from pipeline.heads.skin_square import Mask, SkinSquare
from pipeline.heads.topology import INNER_LIPS, LOWER_LIP, OVAL, UPPER_LIP
from pipeline.photograph import Rgb

_FEATHER = 0.07
"""Of the outline, over the face's width."""
_PARTED = 0.022
"""Gap between the lips, over the face's width, from which something is seen between them."""
_OUTLINE, _LIPS = list(OVAL), list(INNER_LIPS)
_RIM, _WELL_SEEN = 22.0, 0.5
"""Pixels of the square from the outline, and how well a place is seen, from which contrast is compared."""
_EDGE_ON = 1e-3
"""Twice the area in pixels below which a triangle is not drawn; of one that turns away it is negative."""
_SUBPIXEL_BITS = 4
_SUBPIXELS = 1 << _SUBPIXEL_BITS
_REACH = 1.45
"""Half side of the region around a head that is drawn anew, over the face's larger extent."""


@dataclass(frozen=True, eq=False)
class Head:
    """A persona: skin, uint8 (SIDE, SIDE, 3), and neutral shape, (468, 3) in the frame."""

    name: str
    skin: Rgb
    shape: Points


@dataclass(frozen=True)
class Region:
    """A part of a photograph, in whole pixels."""

    top: int
    left: int
    bottom: int
    right: int

    @classmethod
    def around(cls, points: Points, shape: tuple[int, ...]) -> Region:
        """What drawing a head at ``points`` may change in a photograph of ``shape``."""
        low, high = points[_OUTLINE, :2].min(0), points[_OUTLINE, :2].max(0)
        centre, half = (low + high) / 2, _REACH * float((high - low).max())
        left, top = np.clip(np.floor(centre - half), 0, [shape[1], shape[0]]).astype(int)
        right, bottom = np.clip(np.ceil(centre + half), 0, [shape[1], shape[0]]).astype(int)
        return cls(int(top), int(left), int(bottom), int(right))

    def of(self, rgb: Rgb) -> Rgb:
        return rgb[self.top : self.bottom, self.left : self.right]

    def within(self, points: Points) -> Points:
        """``points`` of the photograph as pixels of the region."""
        return points - [self.left, self.top, 0]

    def put_back(self, rgb: Rgb, edited: Rgb) -> Rgb:
        """A copy of ``rgb`` with ``edited``, of the region's size, in its place."""
        whole = rgb.copy()
        whole[self.top : self.bottom, self.left : self.right] = edited
        return whole


@dataclass(frozen=True, eq=False)
class _Patient:
    """A patient's skin in the square. ``weight``: how well it is seen; ``before``: how surely something hangs before
    it; ``inner``: where its contrast is compared."""

    skin: Picture
    weight: Mask
    before: Mask
    inner: Mask


class Drawing:
    """Draws heads of one frame. One object serves one thread."""

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.square = SkinSquare(frame.mean)
        self._last: tuple[tuple[object, ...], _Patient] | None = None

    def drawn(
        self,
        rgb: Rgb,
        points: Points,
        head: Head,
        chance: np.random.Generator | None = None,
        stirred: float = 1.0,
    ) -> Rgb:
        """``rgb`` with ``head`` on the face at ``points``; of its size. ``chance``: by default the system's entropy.
        ``stirred``: how far hair and rim are moved at random, over what is usual."""
        chance = chance or np.random.default_rng()
        shape, width = (rgb.shape[0], rgb.shape[1]), float(np.ptp(points[_OUTLINE, 0]))
        posed = self.frame.posed(head.shape, points)
        around = bent(rgb, bend(shape, points, posed, chance, stirred))
        patient = self._laid_out(rgb, points)
        skin = relit(evened(head.skin.astype(np.float32), self.square.skin), patient.skin, patient.weight)
        skin = as_contrasty(skin, patient.skin, patient.weight, patient.inner)
        place = laid(self.square, posed, shape)
        face = np.asarray(cv2.remap(skin, place[..., 0], place[..., 1], cv2.INTER_CUBIC), np.float32)
        share = _share(posed, place, width)
        share *= 1 - cv2.remap(patient.before, place[..., 0], place[..., 1], cv2.INTER_LINEAR)
        bare = cv2.remap(self.square.skin, place[..., 0], place[..., 1], cv2.INTER_LINEAR) * share
        bare = np.asarray(bare, np.float32)
        face = as_sharp(face, around.astype(np.float32), bare, width)
        mixed = around * (1 - share[..., None]) + face * share[..., None]
        return np.clip(np.rint(mixed), 0, 255).astype(np.uint8)

    def _laid_out(self, rgb: Rgb, points: Points) -> _Patient:
        """The face at ``points``, which is looked at once however many heads are tried on it in turn."""
        key = (hashlib.blake2b(np.ascontiguousarray(rgb).data).digest(), rgb.shape, points.tobytes())
        if self._last is None or self._last[0] != key:
            square = self.square
            patient, seen = square.unwrapped(rgb, points)
            before = hanging_before(square, patient, seen)
            # Where nothing of the patient's skin is seen the nearest that is stands for it.
            weight = (square.skin * seen * (1 - before) + 1e-4 * square.oval).astype(np.float32)
            inner = (square.oval * (square.depth > _RIM) * (seen > _WELL_SEEN) * (1 - before)).astype(np.float32)
            self._last = key, _Patient(patient.astype(np.float32), weight, before, inner)
        return self._last[1]


def laid(square: SkinSquare, points: Points, shape: tuple[int, int]) -> NDArray[np.float32]:
    """For each pixel of ``shape`` its place in the square, float32 (height, width, 2); -1 where the mesh is not seen.

    Triangles that turn away are left out; the nearest covers those behind it.
    """
    triangles = points[square.triangles]  # (triangles, 3 corners, 3)
    turned_here = np.linalg.det(triangles[:, 1:, :2] - triangles[:, :1, :2]) > _EDGE_ON
    order = np.argsort(-triangles[:, :, 2].mean(1))
    drawn = order[turned_here[order]]
    plane, there = triangles[drawn, :, :2], square.points[square.triangles[drawn]]
    which = np.full(shape, -1, np.int32)
    for number, corners in enumerate(np.rint(plane * _SUBPIXELS).astype(np.int32)):
        cv2.fillConvexPoly(which, corners, number, shift=_SUBPIXEL_BITS)
    to_square = np.linalg.inv(plane[:, 1:] - plane[:, :1]) @ (there[:, 1:] - there[:, :1])
    rows, columns = np.nonzero(which >= 0)
    of = which[rows, columns]
    right, down = (columns - plane[of, 0, 0])[:, None], (rows - plane[of, 0, 1])[:, None]
    places = np.full((*shape, 2), -1, np.float32)
    places[rows, columns] = there[of, 0] + right * to_square[of, 0] + down * to_square[of, 1]
    return places


def _share(posed: Points, place: NDArray[np.float32], width: float) -> NDArray[np.float32]:
    """How much of the head is shown at each pixel: 1 within, feathered at the outline, nothing between parted lips."""
    covered = (place[..., 0] >= 0).astype(np.uint8)
    lips = np.zeros_like(covered)
    cv2.fillPoly(lips, [posed[_LIPS, :2].round().astype(np.int32)], 1)
    feather = max(3, int(_FEATHER * width))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (feather, feather))
    eroded = np.asarray(cv2.erode(covered, np.ones((3, 3), np.uint8)), np.uint8)
    inner = cv2.erode(eroded | lips, kernel)
    share = blurred(inner.astype(np.float32), feather / 2.2) * covered
    if np.linalg.norm(posed[UPPER_LIP] - posed[LOWER_LIP]) > _PARTED * width:
        share *= 1 - blurred(lips.astype(np.float32), max(0.8, 0.006 * width))
    return np.asarray(share, np.float32)
