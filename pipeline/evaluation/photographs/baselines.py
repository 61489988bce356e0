"""Masks that need no model: what a healer must beat to be worth anything.

otsu_a    Otsu's threshold on a*: what is redder
otsu_l    the same on L*: what is darker
colour    distance of colour from the outer skin, Otsu's threshold, the part nearest the middle
ellipse   an ellipse in the middle, half as wide and half as high as the photograph, whatever it shows
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.filters import threshold_otsu

from pipeline.evaluation.masks import Mask, redness_mask

Lab = NDArray[np.float64]
"""CIELAB, shape (height, width, 3)."""

OUTER = 0.2
"""Share of the shorter side on each edge that is taken for skin around the lesion."""
SMOOTHING = 0.02
"""Standard deviation over the shorter side: hairs and noise are no lesion."""


def darkness_mask(lab: Lab) -> Mask:
    """Otsu's threshold (IEEE Trans. SMC 9(1), 1979) on L*."""
    lightness = lab[..., 0]
    return np.asarray(lightness < threshold_otsu(lightness))


def colour_mask(lab: Lab) -> Mask:
    """The part of what differs in colour from the outer skin that lies nearest the middle, without holes."""
    height, width = lab.shape[:2]
    short = min(height, width)
    rim = max(1, round(OUTER * short))
    outer = np.ones((height, width), bool)
    outer[rim : height - rim, rim : width - rim] = False
    distance = np.linalg.norm(lab - np.median(lab[outer], axis=0), axis=-1)
    distance = ndimage.gaussian_filter(distance, SMOOTHING * short)
    if np.ptp(distance) == 0:
        return np.zeros((height, width), bool)
    parts, count = ndimage.label(distance > threshold_otsu(distance))
    if not count:
        return np.zeros((height, width), bool)
    y, x = _from_the_middle(height, width)
    nearness = np.exp(-(x**2 + y**2) / 2)
    central = 1 + int(np.argmax(ndimage.sum_labels(nearness, parts, np.arange(1, count + 1))))
    return np.asarray(ndimage.binary_fill_holes(parts == central), np.bool_)


def ellipse_mask(lab: Lab) -> Mask:
    """The same for every photograph."""
    y, x = _from_the_middle(*lab.shape[:2])
    return np.asarray(x**2 + y**2 < 1)


def _from_the_middle(height: int, width: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Rows and columns in quarters of the photograph's sides."""
    rows, columns = np.mgrid[:height, :width].astype(np.float64)
    return (rows - (height - 1) / 2) / (height / 4), (columns - (width - 1) / 2) / (width / 4)


BASELINES: dict[str, tuple[str, Callable[[Lab], Mask]]] = {
    "otsu_a": ("Otsu's threshold on a*", redness_mask),
    "otsu_l": ("Otsu's threshold on L*", darkness_mask),
    "colour": ("distance of colour from the outer skin, Otsu, the central part", colour_mask),
    "ellipse": ("an ellipse in the middle", ellipse_mask),
}
"""By the end of the figure's name: what it is, and the rule."""
