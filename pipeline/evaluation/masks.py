"""Masks beside their truth, and what a person looks at of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from skimage.filters import threshold_otsu

from pipeline.photograph import Rgb

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Pictures:
    """What a person looks at."""

    photograph: Rgb
    sick: Rgb
    healthy: Rgb
    mask: Mask
    truth: Mask


def iou(mask: Mask, truth: Mask) -> float:
    """Intersection over union; 1 for two empty masks."""
    union = int((mask | truth).sum())
    return float((mask & truth).sum() / union) if union else 1.0


def redness_mask(lab: NDArray[np.float64]) -> Mask:
    """The baseline without a healthy twin: Otsu's threshold (IEEE Trans. SMC 9(1), 1979) on a* of ``lab`` (H, W, 3)."""
    redness = lab[..., 1]
    return np.asarray(redness > threshold_otsu(redness))
