"""The canonical square around a face: what the embedded model was trained on and what it is shown."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Square:
    """Axis-aligned; centre and side in pixels of the photograph."""

    centre_x: float
    centre_y: float
    side: float


def square_around(landmarks: NDArray[np.floating]) -> Square:
    """The square that holds a head from its crown to below the chin.

    ``landmarks``: (5, 2) pixels: right eye, left eye, nose tip, right and left mouth corner (the person's own right).
    The longer of eye distance and eye-to-mouth distance sets the scale, since a turned head shortens only the first.
    """
    eyes = landmarks[:2].mean(0)
    mouth = landmarks[3:].mean(0)
    down = mouth - eyes
    scale = max(float(np.hypot(*down)), float(np.hypot(*(landmarks[1] - landmarks[0]))))
    centre = (eyes + mouth) / 2 - 0.28 * scale * down / max(float(np.hypot(*down)), 1e-6)
    return Square(float(centre[0]), float(centre[1]), 3.9 * scale)
