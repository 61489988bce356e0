"""Large photographs at the resolution that the work needs, and what was found back on the whole of them."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from pipeline.disease import as_large_as
from pipeline.photograph import Rgb, Subtraction


def reduced(rgb: Rgb, shape: tuple[int, ...]) -> Rgb:
    """``rgb`` at ``shape`` (height, width, ...), which is no larger; means of the pixels."""
    if rgb.shape[:2] == tuple(shape[:2]):
        return rgb
    return np.asarray(cv2.resize(rgb, (shape[1], shape[0]), interpolation=cv2.INTER_AREA), np.uint8)


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
