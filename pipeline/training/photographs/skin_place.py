"""Where something may be painted on a photograph: its skin, as colours and landmarks say, roughly."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.photograph import Rgb
from pipeline.training.photographs.canvas import Array, blurred

_ALIKE = 15.0
"""Distance in a* and b* (OpenCV's scaled CIELAB) from the cheeks' colour."""
_ALIKE_AROUND = 40.0
"""Distance in OpenCV's scaled CIELAB from the skin around a lesion, within which something is skin."""


def face_skin(square: Rgb, landmarks: NDArray[np.floating]) -> Array:
    """float32 (R, R) in [0, 1] over a canonical square, with ``landmarks`` (5, 2) in its pixels."""
    side = square.shape[0]
    y, x = np.mgrid[:side, :side].astype(np.float32)
    lab = cv2.cvtColor(square, cv2.COLOR_RGB2LAB).astype(np.float32)
    right_eye, left_eye, nose, right_mouth, left_mouth = landmarks
    eyes, mouth = (right_eye + left_eye) / 2, (right_mouth + left_mouth) / 2
    apart = max(float(np.hypot(*(left_eye - right_eye))), float(np.hypot(*(mouth - eyes))))
    seen = [(right_eye + 2 * right_mouth) / 3, (left_eye + 2 * left_mouth) / 3, nose, eyes - 0.5 * (mouth - eyes)]
    at = np.clip(np.rint(np.array(seen)), 3, side - 4).astype(int)
    cheeks = np.median([np.median(lab[b - 3 : b + 4, a - 3 : a + 4], (0, 1)) for a, b in at], 0)

    def ellipse(centre: NDArray[np.floating], half_width: float, half_height: float) -> NDArray[np.bool_]:
        return np.asarray(((x - centre[0]) / half_width) ** 2 + ((y - centre[1]) / half_height) ** 2 < 1)

    head = ellipse(np.mean(landmarks, 0) - [0, 0.15 * apart], 1.05 * apart, 1.4 * apart)
    skin = head & (np.linalg.norm((lab - cheeks)[..., 1:], axis=-1) < _ALIKE) & (np.abs(lab[..., 0] - cheeks[0]) < 75)
    for eye in (right_eye, left_eye):
        skin &= ~ellipse(eye - [0, 0.05 * apart], 0.33 * apart, 0.22 * apart)
    skin &= ~ellipse(mouth, 0.52 * apart, 0.24 * apart)
    opened = cv2.morphologyEx(skin.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    closed = cv2.morphologyEx(opened, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    return np.asarray(blurred(closed.astype(np.float32), 1.5), np.float32)


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
