"""What stands out in a face seen from the front, as a network that looks for disease is shown it.

Beside the colours themselves: what they differ by from what lies around, near and further, from the other side of the
same face, and from the most similar face that is only a face. A network that was shown the colours alone had, after
three times as many pictures, not yet begun to look at anything but where faces are.
"""

from __future__ import annotations

import cv2
import numpy as np

from pipeline.heads.frontal import Values
from pipeline.heads.typical import TypicalFace
from pipeline.photograph import Rgb

PLANES = 16
_DARKEST = 0.02
"""Intensity that is added before the logarithm."""
_BARE, _FEWEST = 0.5, 50
"""Where skin counts as bare, and pixels of it below which the whole view tells a face's middling colour."""
_MOST = 2.0
"""Of a plane, either way."""
_COLOURS, _MOST_COLOURS = 1.0, 1.5
_BESIDE_A_FACE = 4.0
_NEAR, _BESIDE_NEAR = 3.5, 8.0
"""Standard deviation of the Gaussian, and what the difference is multiplied by."""
_FURTHER, _BESIDE_FURTHER = 12.0, 5.0
_BESIDE_OTHER_SIDE = 3.0


def relative_colours(view: Rgb | Values, bare: Values) -> Values:
    """Logarithms of the intensities of ``view`` (n, n, 3), coded as uint8 or in [0, 1], less the bare skin's median."""
    coded = np.clip(view / np.float32(255) if view.dtype == np.uint8 else view, 0, 1)
    intensity = np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)  # IEC 61966-2-1
    logarithms, skin = np.log(intensity + _DARKEST), bare > _BARE
    middling = np.median(logarithms[skin] if skin.sum() > _FEWEST else logarithms.reshape(-1, 3), 0)
    return np.asarray(logarithms - middling, np.float32)


def standing_out(relative: Values, bare: Values, typical: TypicalFace) -> Values:
    """The planes (PLANES, n, n) of ``relative_colours`` (n, n, 3); nothing where no skin is ``bare`` (n, n)."""
    relative, skin = np.clip(relative, -_MOST, _MOST), np.ascontiguousarray(bare)
    other, both = relative[:, ::-1], skin * skin[:, ::-1]

    def plane(difference: Values, times: float, where: Values, most: float = _MOST) -> Values:
        return np.asarray(np.clip(difference * times, -most, most) * where[..., None], np.float32)

    planes = [
        plane(relative, _COLOURS, skin, _MOST_COLOURS),
        plane(relative - typical.nearest(relative, skin), _BESIDE_A_FACE, skin),
        plane(relative - _around(relative, skin, _NEAR), _BESIDE_NEAR, skin),
        plane(relative - _around(relative, skin, _FURTHER), _BESIDE_FURTHER, skin),
        plane(relative - other, _BESIDE_OTHER_SIDE, both),
        skin[..., None],
    ]
    return np.ascontiguousarray(np.concatenate(planes, -1).transpose(2, 0, 1), np.float32)


def _around(values: Values, skin: Values, deviation: float) -> Values:
    """The mean of the skin around each place."""
    total = cv2.GaussianBlur(values * skin[..., None], (0, 0), deviation)
    return np.asarray(total / np.maximum(cv2.GaussianBlur(skin, (0, 0), deviation), 1e-2)[..., None], np.float32)
