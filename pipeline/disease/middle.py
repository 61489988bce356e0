"""What a photograph was taken of: through a dermatoscope one lesion, and it lies in the middle."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

_THREAD = 0.1
"""Of the square root of a part's area: parts that hang together by what is thinner than twice that are two."""
_NEAR = 0.3
"""Standard deviation of the Gaussian by which a place counts, of half the photograph's sides."""
_BESIDE = 0.5
"""Of what counts most: a part that counts less is another lesion, a hair or a bubble."""
_EIGHT = np.ones((3, 3))


def examined(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Of the parts of ``mask`` (height, width) those at which a dermatoscope was aimed.

    Photographs for tuning, 105 dermoscopic: mask IoU .735 with all parts, .746 of the largest alone, .758 of those in
    the middle, .766 where threads are cut first.
    """
    parts, count = ndimage.label(_without_threads(mask), _EIGHT)
    if count < 2:
        return mask if count == 0 else parts > 0
    y, x = (np.linspace(-1, 1, length) for length in mask.shape)
    near = np.exp(-(y[:, None] ** 2 + x**2) / (2 * _NEAR**2))
    weights = ndimage.sum_labels(near, parts, np.arange(1, count + 1))
    return np.asarray(np.concatenate([[False], weights >= _BESIDE * weights.max()])[parts])


def _without_threads(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Each part opened; the photograph's edge is none of a part's."""
    parts, count = ndimage.label(mask, _EIGHT)
    thick = np.zeros(mask.shape, bool)
    for number in range(1, count + 1):
        part = parts == number
        radius = round(_THREAD * math.sqrt(part.sum()))
        if radius:
            disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
            beyond = np.pad(part.astype(np.uint8), radius, mode="edge")
            part = cv2.morphologyEx(beyond, cv2.MORPH_OPEN, disc)[radius:-radius, radius:-radius] > 0
        thick |= part
    return thick
