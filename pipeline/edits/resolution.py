"""Large photographs at the resolution that the work needs, and what was found back on the whole of them."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from pipeline.disease import as_large_as, bands, rows_of
from pipeline.photograph import Rgb, Subtraction, any_channel

_ALTERED = 2
"""Grey levels that a pixel may differ by and count as it was: noise is rounded."""
_RIM = 4
"""Pixels of the smaller picture around what was altered that are taken from it too; from there on it fades out."""


def reduced(rgb: Rgb, shape: tuple[int, ...]) -> Rgb:
    """``rgb`` at ``shape`` (height, width, ...), which is no larger; means of the pixels."""
    if rgb.shape[:2] == tuple(shape[:2]):
        return rgb
    return np.asarray(cv2.resize(rgb, (shape[1], shape[0]), interpolation=cv2.INTER_AREA), np.uint8)


def reduced_by(rgb: Rgb, scale: float) -> Rgb:
    """``rgb`` at ``scale`` times its size, at most 1; at least one pixel each way."""
    return reduced(rgb, tuple(max(1, round(length * scale)) for length in rgb.shape[:2]))


def enlarged(found: Subtraction, shape: tuple[int, ...]) -> Subtraction:
    """``found`` with probability and mask of ``shape`` (height, width, ...); the difference stays as it was seen.

    As in the smaller picture, no pixel outside the mask is called diseased by its probability.
    """
    if found.mask.shape == tuple(shape[:2]):
        return found
    mask = as_large_as(found.mask.astype(np.float32), shape) >= 0.5
    probability = as_large_as(found.probability, shape)
    bounded = np.where(mask, np.maximum(probability, 0.5), np.minimum(probability, 0.499))
    return replace(found, mask=mask, probability=bounded.astype(np.float32))


def laid_over(rgb: Rgb, before: Rgb, after: Rgb) -> Rgb:
    """``rgb`` as ``after`` is, an edit of ``before``; both are smaller pictures of ``rgb``, or of its size.

    What was altered is as fine as the smaller picture, and nothing is left of ``rgb`` there; all else is its own.
    """
    if rgb.shape == before.shape:
        return after
    altered = any_channel(cv2.absdiff(before, after) > _ALTERED).astype(np.uint8)
    near = cv2.dilate(altered, np.ones((4 * _RIM + 1, 4 * _RIM + 1), np.uint8)).astype(np.float32)
    share = np.asarray(cv2.GaussianBlur(near, (0, 0), _RIM / 2), np.float32)
    share[cv2.dilate(altered, np.ones((2 * _RIM + 1, 2 * _RIM + 1), np.uint8)) > 0] = 1
    large = np.asarray(cv2.resize(after, (rgb.shape[1], rgb.shape[0]), interpolation=cv2.INTER_CUBIC), np.uint8)
    out = np.empty_like(rgb)
    for rows in bands(len(rgb)):
        here = rows_of(share, rgb.shape, rows)[..., None]
        out[rows] = np.rint(rgb[rows] * (1 - here) + large[rows] * here)
    return out
