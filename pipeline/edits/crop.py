"""The square that a model edits: cut out of a photograph and blended back into it at full resolution.

The canonical square (see ``framing``) is cut by landmarks, so that every head, in training and in use, stands at the
same place in it; it is rounded to whole pixels here, so that what goes back lies exactly where it was taken.

What lies outside the square or in its feathered border stays the patient's: long hair, neck and clothes. They are not
faces to a recogniser, but a person who knows the patient may know a necklace or a tattoo on the neck.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, overload

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.disease import bands
from pipeline.errors import UnusablePhotograph
from pipeline.faces import Face, square_around
from pipeline.photograph import Rgb

Mask = NDArray[np.float32]
"""Float32, shape (side, side), 0 to 1."""

Share = Callable[[slice], Mask]
"""Rows of a mask, all of whose columns it gives: the whole of one costs as much as the photograph itself."""

# Half axes of the head in half sides of the canonical square, wide enough for the ears of a head turned by 20 degrees,
# and where its feather ends, in half axes. The edge of the square is at 1.
_HEAD_HALF_WIDTH = 0.86
_HEAD_HALF_HEIGHT = 0.87
_FEATHER_END = 1.13
_SMALLEST_SIDE = 4
_RIM = 0.06
"""Share of the side over which a difference fades out at an edge of the square that lies inside the photograph."""


@dataclass(frozen=True)
class _Square:
    """An axis-aligned square on whole pixels of a photograph of ``height`` x ``width``; it may reach over the edge."""

    left: int
    top: int
    side: int
    height: int
    width: int

    def take(self, rgb: Rgb, side: int = 128) -> Rgb:
        """The square as uint8 (side, side, 3); outside the photograph its edge pixels are repeated.

        Area interpolation when the square shrinks, cubic when it grows.
        """
        self._expect(rgb)
        rows = np.clip(np.arange(self.top, self.top + self.side), 0, self.height - 1)
        columns = np.clip(np.arange(self.left, self.left + self.side), 0, self.width - 1)
        return resized(rgb[rows[:, None], columns], side)

    def within(self, points: NDArray[np.floating], side: int = 128) -> NDArray[np.float64]:
        """``points`` (n, 2) of the photograph in pixels of what ``take`` gives."""
        return np.asarray((points - [self.left, self.top]) * (side / self.side), np.float64)

    def _add(self, rgb: Rgb, addition: NDArray[np.float32] | Rgb, share: Share, keep: bool) -> Rgb:
        """``addition`` (side, side, 3) times ``share`` inside the square, with ``keep`` on what is there, else on what
        ``share`` leaves of it. The photograph elsewhere. In bands: a head may fill a large photograph."""
        top, left = max(self.top, 0), max(self.left, 0)
        bottom, right = min(self.top + self.side, self.height), min(self.left + self.side, self.width)
        out = rgb.copy()
        if bottom <= top or right <= left:
            return out
        columns = slice(left - self.left, right - self.left)
        for rows in bands(bottom - top):
            within = slice(top - self.top + rows.start, top - self.top + rows.stop)
            there = np.s_[top + rows.start : top + rows.stop, left:right]
            here = share(within)[:, columns, None]
            mixed = (out[there] if keep else out[there] * (1 - here)) + addition[within, columns] * here
            out[there] = np.clip(np.rint(mixed), 0, 255).astype(np.uint8)
        return out

    def _add_difference(self, rgb: Rgb, before: Rgb, after: Rgb, window: Share) -> Rgb:
        self._expect(rgb)
        if before.shape != after.shape:
            raise ValueError(f"before is {before.shape} and after {after.shape}")
        delta = resized(after.astype(np.float32) - before.astype(np.float32), self.side)
        return self._add(rgb, delta, window, keep=True)

    def _expect(self, rgb: Rgb) -> None:
        if rgb.shape[:2] != (self.height, self.width):
            raise ValueError(f"cut for {self.width} x {self.height} pixels, not {rgb.shape[1]} x {rgb.shape[0]}")


@dataclass(frozen=True)
class FaceCrop(_Square):
    """The canonical square around one face."""

    @classmethod
    def around(cls, face: Face, shape: tuple[int, ...]) -> FaceCrop:
        """The canonical square of ``face`` in a photograph of ``shape`` (height, width, ...).

        Raises UnusablePhotograph when the landmarks fall into one point.
        """
        square = square_around(face.landmarks)
        if not np.isfinite(square.side) or square.side < _SMALLEST_SIDE:
            raise UnusablePhotograph("a face's landmarks fall into one point")
        side = round(square.side)
        left, top = round(square.centre_x - side / 2), round(square.centre_y - side / 2)
        return cls(left, top, side, shape[0], shape[1])

    def put_back(self, rgb: Rgb, edited: Rgb) -> Rgb:
        """A copy of ``rgb`` with the head replaced by ``edited`` (uint8, square, any size).

        Nothing of ``rgb`` remains where the mask is 1, neither its colours nor its fine texture.
        """
        self._expect(rgb)
        return self._add(rgb, resized(edited, self.side), lambda rows: head_matte(self.side, rows=rows), keep=False)

    def put_difference(self, rgb: Rgb, before: Rgb, after: Rgb) -> Rgb:
        """A copy of ``rgb`` with ``after - before`` (two edits' states of this square, same size) added.

        The fine texture of ``rgb`` stays. The difference fades out at those edges of the square that lie inside the
        photograph.
        """
        return self._add_difference(rgb, before, after, self._window())

    def _window(self) -> Share:
        def ramp(start: int, length: int) -> Mask:
            """1 inside, falling to 0 at each end that is not beyond the photograph's own edge."""
            distance = np.arange(self.side, dtype=np.float32) + 0.5
            window = np.ones(self.side, np.float32)
            if start > 0:
                window *= _smooth_step(distance / (_RIM * self.side))
            if start + self.side < length:
                window *= _smooth_step((self.side - distance) / (_RIM * self.side))
            return window

        down, across = ramp(self.top, self.height), ramp(self.left, self.width)
        return lambda rows: down[rows, None] * across


@dataclass(frozen=True)
class FrameCrop(_Square):
    """The whole photograph in the smallest square that holds it: for photographs without a face."""

    @classmethod
    def whole(cls, shape: tuple[int, ...]) -> FrameCrop:
        """The square around a photograph of ``shape`` (height, width, ...), centred; the shorter side is padded."""
        height, width = shape[:2]
        side = max(height, width)
        return cls((width - side) // 2, (height - side) // 2, side, height, width)

    def put_difference(self, rgb: Rgb, before: Rgb, after: Rgb) -> Rgb:
        """A copy of ``rgb`` with ``after - before`` added everywhere, enlarged to its resolution; texture stays."""
        everywhere = np.ones((1, self.side), np.float32)
        return self._add_difference(rgb, before, after, lambda rows: everywhere)


def head_matte(side: int, reach: float = 1.0, rows: slice = slice(None)) -> Mask:
    """The head in the canonical square, or in one ``reach`` times as large around it: 1 from hairline to chin and from
    ear to ear, feathered to 0 before the canonical square's edge, so that no seam can appear there. Of it ``rows``."""
    axis = ((2 * np.arange(side, dtype=np.float32) + 1) / side - 1) * reach
    radius = np.hypot(axis[None, :] / _HEAD_HALF_WIDTH, axis[rows, None] / _HEAD_HALF_HEIGHT)
    return _smooth_step((_FEATHER_END - radius.astype(np.float32)) / (_FEATHER_END - 1))


@overload
def resized(values: NDArray[np.uint8], side: int) -> NDArray[np.uint8]: ...
@overload
def resized(values: NDArray[np.float32], side: int) -> NDArray[np.float32]: ...
def resized(values: NDArray[Any], side: int) -> NDArray[Any]:
    """(n, n, 3) to (side, side, 3) of the same type: area when shrinking, cubic when growing."""
    grow = values.shape[0] < side
    return np.asarray(
        cv2.resize(values, (side, side), interpolation=cv2.INTER_CUBIC if grow else cv2.INTER_AREA), values.dtype
    )


def _smooth_step(value: Mask) -> Mask:
    clipped = np.clip(value, 0, 1)
    return (clipped * clipped * (3 - 2 * clipped)).astype(np.float32)
