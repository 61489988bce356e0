"""Marks that tell who somebody is, looked for in a photograph as a whole and in four parts that overlap.

A tattoo on an ankle is a hundredth of a photograph of a room.
"""

from __future__ import annotations

import cv2
import numpy as np

from pipeline.edits.crop import FrameCrop, resized
from pipeline.edits.parts import Field, corners, seen
from pipeline.models import PlaceFinder
from pipeline.photograph import Rgb

_FINER = 2
"""Times the pixels of the whole, of which parts are cut."""
_REACH = 0.625
"""Side of a part, of the square's."""


def sureness_of_marks(finder: PlaceFinder, rgb: Rgb) -> Field:
    """How sure ``finder`` is of each place, as a whole or in a part: (R, R) in [0, 1], R its resolution, over the
    square that holds the photograph ``rgb``."""
    side = finder.resolution
    fine = FrameCrop.whole(rgb.shape).take(rgb, _FINER * side)
    sureness = _enlarged(finder.sureness(resized(fine, side)), side)
    reach = round(_REACH * side)
    for top, left in corners(side, reach, 2):
        part = fine[seen((_FINER * top, _FINER * left), _FINER * reach)]
        here = sureness[seen((top, left), reach)]
        np.maximum(here, _enlarged(finder.sureness(resized(np.ascontiguousarray(part), side)), reach), out=here)
    return sureness


def _enlarged(field: Field, side: int) -> Field:
    return np.asarray(cv2.resize(field, (side, side), interpolation=cv2.INTER_LINEAR), np.float32)
