"""A face moved by its landmarks to a place that a recogniser or a comparison expects."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.errors import Undecided
from pipeline.photograph import Rgb

_BLUR = 0.4
"""Standard deviation of the Gaussian before a face shrinks, over how much it shrinks."""
_LEFT_TO_SHRINK = 4.0
"""At least so much is left to the Gaussian and the warp."""


def similarity(points: NDArray[np.float64], template: NDArray[np.float64]) -> NDArray[np.float64]:
    """The turn, scale and shift (2, 3) that take ``points`` (n, 2) nearest to ``template`` (n, 2); never a mirror.

    Umeyama, IEEE TPAMI 13(4), 1991. Raises Undecided when the points are one point or not numbers.
    """
    if not np.isfinite(points).all():
        raise Undecided("a face's landmarks are not numbers")
    from_mean, to_mean = points.mean(0), template.mean(0)
    source, target = points - from_mean, template - to_mean
    # In the plane a turn with a scale is one complex factor, so least squares has a closed form.
    a, b = source @ np.array([1, 1j]), target @ np.array([1, 1j])
    spread = float((a * a.conj()).real.sum())
    if spread < 1e-6:
        raise Undecided("a face's landmarks fall into one point")
    factor = (a.conj() @ b) / spread
    turn = np.array([[factor.real, -factor.imag], [factor.imag, factor.real]])
    return np.hstack([turn, (to_mean - turn @ from_mean)[:, None]])


def warp(rgb: Rgb, matrix: NDArray[np.float64], side: int) -> Rgb:
    """``rgb`` under ``matrix`` (2, 3) as uint8 (side, side, 3); smoothed first when it shrinks, black outside."""
    shrink = 1 / max(float(np.hypot(*matrix[:, 0])), 1e-6)
    corners = np.array([[0, 0], [side, 0], [0, side], [side, side]], np.float64)
    corners = (corners - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T
    margin = 4 * max(shrink, 1)
    left, top = np.clip(np.floor(corners.min(0) - margin), 0, [rgb.shape[1], rgb.shape[0]]).astype(int)
    right, bottom = np.clip(np.ceil(corners.max(0) + margin), 0, [rgb.shape[1], rgb.shape[0]]).astype(int)
    if right <= left or bottom <= top:
        raise Undecided("a face lies outside the photograph")
    shifted = matrix.copy()
    shifted[:, 2] += matrix[:, :2] @ np.array([left, top], np.float64)
    part, block = _in_blocks(rgb[top:bottom, left:right], shrink)
    if block > 1:  # the middle of the first block, which is pixel 0 now, was half a block from the middle of pixel 0
        shifted[:, 2] += shifted[:, :2] @ np.full(2, (block - 1) / 2)
        shifted[:, :2] *= block
    if shrink > 1.5:
        # What averaging blocks blurred is taken off: variances add up.
        deviation = math.sqrt((_BLUR * shrink) ** 2 - (block**2 - 1) / 12) / block
        part = np.asarray(cv2.GaussianBlur(part, (0, 0), deviation), np.uint8)
    return np.asarray(cv2.warpAffine(part, shifted, (side, side), flags=cv2.INTER_LINEAR), np.uint8)


def _in_blocks(part: Rgb, shrink: float) -> tuple[Rgb, int]:
    """``part``, of a photograph that is to shrink that much, with square blocks of pixels averaged, and their side.

    A telephone's face is twenty times as large as its chip: a Gaussian over all of its pixels took seconds.
    """
    block = int(shrink / _LEFT_TO_SHRINK)
    if block <= 1:
        return part, 1
    rows, columns = -(-part.shape[0] // block), -(-part.shape[1] // block)
    missing = (rows * block - part.shape[0], columns * block - part.shape[1])
    whole = cv2.copyMakeBorder(part, 0, missing[0], 0, missing[1], cv2.BORDER_REPLICATE) if any(missing) else part
    return np.asarray(cv2.resize(whole, (columns, rows), interpolation=cv2.INTER_AREA), np.uint8), block
