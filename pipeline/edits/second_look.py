"""A second, closer look at what is small: a lesion of a few of the model's pixels is hardly seen, and hardly ruled out.

Each small part that the first look marked is cut out with what surrounds it and healed again, enlarged; what is seen
then counts, whether it is more, or less, or nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pipeline.edits.crop import PartCrop

SMALL = 0.25
"""Share of the frame's side below which a part is small."""
AROUND = 3.0
"""Times a part's own extent that a closer look shows: what is not skin is told by what is around it."""
CLOSEST = 0.22
"""Share of the frame's side that is shown at least; closer, nothing was ever seen in training."""
MOST = 6
"""Closer looks at one photograph, the largest parts first; each costs as much as the first look."""


@dataclass(frozen=True)
class _Part:
    top: float
    left: float
    bottom: float
    right: float

    @property
    def extent(self) -> float:
        return max(self.bottom - self.top, self.right - self.left)

    @property
    def centre(self) -> tuple[float, float]:
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2


def closer_looks(marked: NDArray[np.bool_], side: int) -> list[PartCrop]:
    """Where to look again in a photograph whose ``marked`` (height, width) pixels were called diseased.

    ``side``: of the square that the first look was shown, in pixels. Squares may overlap; none is looked at twice.
    """
    labels, count = ndimage.label(marked, np.ones((3, 3)))
    parts = [
        _Part(rows.start, columns.start, rows.stop, columns.stop) for rows, columns in ndimage.find_objects(labels)
    ] if count else []  # fmt: skip
    areas = ndimage.sum_labels(marked, labels, np.arange(1, count + 1)) if count else []
    by_area = sorted(zip(areas, parts, strict=True), key=lambda pair: -pair[0])
    small = [part for _, part in by_area if part.extent < SMALL * side]
    crops: list[PartCrop] = []
    for part in small:
        x, y = part.centre
        if any(crop.holds(x, y) for crop in crops):
            continue
        crops.append(PartCrop.around(x, y, max(AROUND * part.extent, CLOSEST * side), marked.shape))
        if len(crops) == MOST:
            break
    return crops
