"""From YCbCr of full range to RGB (PS3.3 C.7.6.3.1.2, ITU-T T.871 section 7)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

CHROMA = np.arange(256) - 128
RED = np.rint(1.402 * CHROMA).astype(np.int16)
BLUE = np.rint(1.772 * CHROMA).astype(np.int16)
GREEN_OF_BLUE = np.rint(-0.344136 * 65536 * CHROMA).astype(np.int32)
GREEN_OF_RED = np.rint(-0.714136 * 65536 * CHROMA).astype(np.int32) + 32768
"""What each level of chroma adds to a channel; for green in 65536ths, since two are added up."""

ROWS_AT_ONCE = 256
"""A large photograph is converted in strips, or it would need six times its own memory."""


def from_ycbcr(samples: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """RGB of YCbCr ``samples``, both uint8 (height, width, 3); rounded, and cut off at 0 and 255."""
    rgb = np.empty_like(samples)
    for top in range(0, len(samples), ROWS_AT_ONCE):
        luma, blue, red = np.moveaxis(samples[top : top + ROWS_AT_ONCE], 2, 0)
        wide = luma.astype(np.int16)
        strip = rgb[top : top + ROWS_AT_ONCE]
        strip[..., 0] = (wide + RED[red]).clip(0, 255)
        strip[..., 1] = (wide + ((GREEN_OF_BLUE[blue] + GREEN_OF_RED[red]) >> 16).astype(np.int16)).clip(0, 255)
        strip[..., 2] = (wide + BLUE[blue]).clip(0, 255)
    return rgb
