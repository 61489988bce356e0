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
from pipeline.srgb import intensities

PLANES = 16
OF_A_FACE, OF_FURTHER, OF_OTHER_SIDE = slice(3, 6), slice(9, 12), slice(12, 15)
"""Which of them tell what the colours differ by from the most similar face, from further around, from the other side.
"""
DARKEST = 0.02
"""Intensity that is added before the logarithm."""
_BARE, _FEWEST = 0.5, 50
"""Where skin counts as bare, and pixels of it below which the whole view tells a face's middling colour."""
MOST = 2.0
"""Of a plane, either way."""
_COLOURS, _MOST_COLOURS = 1.0, 1.5
_BESIDE_A_FACE = 4.0
_NEAR, _BESIDE_NEAR = 3.5, 8.0
"""Standard deviation of the Gaussian, and what the difference is multiplied by."""
_FURTHER, _BESIDE_FURTHER = 12.0, 5.0
_COARSER = 4
"""Times smaller is what the mean further around is taken of: a wide Gaussian sees no more of the whole."""
_BESIDE_OTHER_SIDE = 3.0


def relative_colours(view: Rgb | Values, bare: Values) -> Values:
    """Logarithms of the intensities of ``view`` (n, n, 3), coded as uint8 or in [0, 1], less the bare skin's median."""
    logarithms, skin = np.log(intensities(view) + np.float32(DARKEST)), bare > _BARE
    middling = np.median(logarithms[skin] if skin.sum() > _FEWEST else logarithms.reshape(-1, 3), 0)
    return np.asarray(logarithms - middling, np.float32)


def standing_out(relative: Values, bare: Values, shown: Values, typical: TypicalFace) -> Values:
    """The planes (PLANES, n, n) of ``relative_colours`` (n, n, 3); nothing where no skin is ``shown`` (n, n). What
    faces look like is known where skin is ``bare`` (n, n)."""
    relative = np.clip(relative, -MOST, MOST)
    other, both = relative[:, ::-1], shown * shown[:, ::-1]

    def plane(difference: Values, times: float, where: Values, most: float = MOST) -> Values:
        return np.asarray(np.clip(difference * (times * where)[..., None], -most, most), np.float32)

    planes = [
        plane(relative, _COLOURS, shown, _MOST_COLOURS),
        plane(relative - typical.nearest(relative, bare), _BESIDE_A_FACE, bare),
        plane(relative - _around(relative, shown, _NEAR), _BESIDE_NEAR, shown),
        plane(relative - _further_around(relative, shown), _BESIDE_FURTHER, shown),
        plane(relative - other, _BESIDE_OTHER_SIDE, both),
        shown[..., None],
    ]
    return np.ascontiguousarray(np.concatenate(planes, -1).transpose(2, 0, 1), np.float32)


def _further_around(values: Values, skin: Values) -> Values:
    """As ``_around``, in the wide."""
    side, coarser = len(skin), (len(skin) // _COARSER,) * 2
    share = np.asarray(cv2.resize(skin, coarser, interpolation=cv2.INTER_AREA), np.float32)
    total = np.asarray(cv2.resize(values * skin[..., None], coarser, interpolation=cv2.INTER_AREA), np.float32)
    mean = _mean_of(total, share, _FURTHER / _COARSER)
    return np.asarray(cv2.resize(mean, (side, side), interpolation=cv2.INTER_LINEAR), np.float32)


def _around(values: Values, skin: Values, deviation: float) -> Values:
    """The mean of the skin around each place."""
    return _mean_of(values * skin[..., None], skin, deviation)


def _mean_of(total: Values, share: Values, deviation: float) -> Values:
    """Of what is in ``total``, each already by its ``share``."""
    spread = cv2.GaussianBlur(total, (0, 0), deviation)
    return np.asarray(spread / np.maximum(cv2.GaussianBlur(share, (0, 0), deviation), 1e-2)[..., None], np.float32)
