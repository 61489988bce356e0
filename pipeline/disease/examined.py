"""What a photograph was taken of: through a dermatoscope one lesion, and it lies in the middle."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

_NEAR = 0.3
"""Standard deviation of the Gaussian by which a place counts, of half the photograph's sides."""
_BESIDE = 0.5
"""Of what counts most: a part that counts less is another lesion, a hair or a bubble. (Tuning photographs, 90
dermoscopic: mask IoU .735 with all parts, .766 with those that are left; the largest alone .746.)"""


def examined(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Of the connected parts of ``mask`` (height, width) those at which a dermatoscope was aimed."""
    parts, count = ndimage.label(mask, np.ones((3, 3)))
    if count < 2:
        return mask
    y, x = (np.linspace(-1, 1, length) for length in mask.shape)
    near = np.exp(-(y[:, None] ** 2 + x**2) / (2 * _NEAR**2))
    weights = ndimage.sum_labels(near, parts, np.arange(1, count + 1))
    return np.asarray(np.concatenate([[False], weights >= _BESIDE * weights.max()])[parts])
