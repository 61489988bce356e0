"""Where something may be painted on a photograph of skin without a face: what has the colour of that skin."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.photograph import Rgb
from pipeline.training.photographs.canvas import Array, blurred

_ALIKE_AROUND = 40.0
"""Distance in OpenCV's scaled CIELAB from the skin around a lesion, within which something is skin."""


def skin_around(square: Rgb, outline: NDArray[np.bool_]) -> Array:
    """float32 (R, R) in [0, 1]: what has the colour of the skin around the outlined disease, and lies beside it.

    ``outline`` (R, R) is true on disease. Where nothing is outlined, the whole square's median is taken for skin's.
    """
    diseased = outline.astype(np.uint8)
    beside = cv2.dilate(diseased, np.ones((15, 15), np.uint8)) == 0
    around = (cv2.dilate(diseased, np.ones((41, 41), np.uint8)) > 0) & beside
    lab = cv2.cvtColor(square, cv2.COLOR_RGB2LAB).astype(np.float32)
    colour = np.median(lab[around] if around.any() else lab.reshape(-1, 3), 0)
    alike = beside & (np.linalg.norm(lab - colour, axis=-1) < _ALIKE_AROUND)
    return np.asarray(blurred(alike.astype(np.float32), 1.0), np.float32)
