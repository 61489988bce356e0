"""sRGB's transfer function (IEC 61966-2-1): coded values, as pictures hold them, and intensities of light."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def intensities(coded: NDArray[np.uint8] | NDArray[np.floating]) -> NDArray[np.float32]:
    """Of coded values, uint8 or in [0, 1]: intensities in [0, 1]; what lies beyond is cut off."""
    if coded.dtype == np.uint8:
        return _OF_BYTES[coded]
    return _decoded(np.clip(coded, 0, 1)).astype(np.float32)


def coded(intensity: NDArray[np.floating]) -> NDArray[np.float32]:
    """Of intensities, cut off to [0, 1]: coded values in [0, 1]."""
    clipped = np.clip(intensity, 0, 1).astype(np.float32)
    values = np.where(clipped <= 0.0031308, clipped * 12.92, 1.055 * clipped ** np.float32(1 / 2.4) - 0.055)
    return np.asarray(values, np.float32)


def as_bytes(intensity: NDArray[np.floating]) -> NDArray[np.uint8]:
    """``coded``, as whole numbers of eight bits."""
    return np.rint(coded(intensity) * 255).astype(np.uint8)


def _decoded(values: NDArray[np.floating]) -> NDArray[np.floating]:
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


_OF_BYTES = _decoded(np.arange(256) / 255).astype(np.float32)
