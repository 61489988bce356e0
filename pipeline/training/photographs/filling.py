"""What may lie under a lesion: the skin around it, drawn inwards, with its texture put back.

Nobody knows what is there. Colours come from around by pull and push, fine texture from a place of the same photograph
where no lesion is.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.heads import pulled_and_pushed
from pipeline.photograph import Rgb
from pipeline.training.photographs.canvas import blurred

_RIM = 0.025
"""Share of the picture's side by which an outline is widened: people draw it a little inside the last of the colour."""
_FINE = 3.0
"""Standard deviation in pixels of the blur that parts colour from texture."""
_MOVES = 16


def healthy_below(rgb: Rgb, mask: NDArray[np.bool_], random: np.random.Generator) -> Rgb:
    """``rgb`` uint8 (height, width, 3) with what ``mask`` covers filled from around it."""
    if not mask.any():
        return rgb.copy()
    reach = max(3, round(_RIM * max(mask.shape)) * 2 + 1)
    covered = cv2.dilate(mask.astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))) > 0
    picture = rgb.astype(np.float32)
    colour = blurred(pulled_and_pushed(picture, ~covered), _FINE)
    filled = colour + _texture(picture, covered, random)
    soft = blurred(covered.astype(np.float32), 1.5)[..., None]
    return np.clip(np.rint(picture * (1 - soft) + filled * soft), 0, 255).astype(np.uint8)


def _texture(
    picture: NDArray[np.float32], covered: NDArray[np.bool_], random: np.random.Generator
) -> NDArray[np.float32]:
    """Fine differences from ``picture``, moved so that little of what is ``covered`` is given what lies under it."""
    fine = picture - blurred(picture, _FINE)
    near = cv2.dilate(covered.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    fine = np.where(near[..., None], 0, fine)
    height, width = covered.shape
    best, least = fine, np.inf
    for _ in range(_MOVES):
        down, right = int(random.integers(height)), int(random.integers(width))
        lost = float((np.roll(near, (down, right), (0, 1)) & covered).sum())
        if lost < least:
            best, least = np.roll(fine, (down, right), (0, 1)), lost
    return np.asarray(np.clip(best, -25, 25), np.float32)
