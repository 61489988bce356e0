"""Where in a picture the skin of a head is: ears, neck and what hair leaves free too, which no mesh of a face holds."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.heads.skin_square import Mask
from pipeline.photograph import Rgb

_ALIKE = 15.0
"""Distance in a* and b* (OpenCV's scaled CIELAB) from the cheeks' colour."""
_CLOSED = 17 / 256
"""Of the square's side: what is narrower between skin and skin is looked at with it. A lesion has not skin's colour."""
_SOFTENED = 1.5


def face_skin(square: Rgb, landmarks: NDArray[np.floating]) -> Mask:
    """float32 (R, R) in [0, 1] over a canonical square, with ``landmarks`` (5, 2) in its pixels: what of the head has
    the cheeks' colour, beside eyes and mouth."""
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
    return np.asarray(cv2.GaussianBlur(closed.astype(np.float32), (0, 0), _SOFTENED), np.float32)


def shown_skin(bare: Mask, coloured: Mask) -> Mask:
    """What of a square is looked at for disease, as large: ``bare`` skin by the mesh and what has skin's colour."""
    either, reach = np.maximum(bare, coloured), round(_CLOSED * len(bare))
    around = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    closed = cv2.morphologyEx((either > 0.5).astype(np.uint8), cv2.MORPH_CLOSE, around).astype(np.float32)
    return np.asarray(np.maximum(either, cv2.GaussianBlur(closed, (0, 0), _SOFTENED)), np.float32)
