"""Where in a picture there may be strokes of letters at all: the detector is shown no more.

Most of a large photograph is out of focus, smooth skin or backdrop. The detector takes as long for that as for a page
of print: 0.4 s of processor time for each million pixels, of which 12 million have 19 at all sizes and tiles.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.photograph import Rgb

Part = tuple[slice, slice]
"""Rows and columns."""

BLOCK = 32
"""Pixels: parts begin and end on multiples of it, as what the detector is shown does."""

_MARGIN = 2
"""Blocks around a stroke that are shown with it. Letters whose margins meet are shown together: gaps of 4 blocks."""

_PLAIN, _PLAIN_REACH, _PLAIN_BLUR = 9, 9, 1.0
"""Grey levels of 255 between the darkest and the lightest pixel within so many pixels, once noise is smoothed by so
much: below, there is no stroke. Letters of a contrast of 20, the faintest that are found at all, have more."""

_GRAIN = _PLAIN_REACH + 2
"""Pixels: where what stands out does not fill a square of so many, it is a grain of noise, which fills one of
``_PLAIN_REACH``. Of a telephone's noise nearly nothing is left so, of letters 8 pixels high with a contrast of 20 still
nine tenths, of those 10 pixels high all."""

_WORTH = 0.8
"""Share of the picture from which on it is shown whole: cut up it would take no less time."""


def parts_with_strokes(rgb: Rgb) -> list[Part]:
    """Of ``rgb`` (uint8), from above and the left; they do not overlap. None where nothing differs enough from what
    lies beside it to be read; the whole where little of it is plain."""
    height, width = rgb.shape[:2]
    blocks = _near(_blocks_with_strokes(rgb))
    if not blocks.any():
        return []
    _, _, found, _ = cv2.connectedComponentsWithStats(blocks, connectivity=8)
    boxes = _apart([(x, y, x + wide, y + high) for x, y, wide, high, _ in found[1:].tolist()])
    if sum((right - left) * (bottom - top) for left, top, right, bottom in boxes) >= _WORTH * blocks.size:
        return [(slice(0, height), slice(0, width))]
    return [
        (slice(BLOCK * top, min(BLOCK * bottom, height)), slice(BLOCK * left, min(BLOCK * right, width)))
        for left, top, right, bottom in sorted(boxes, key=lambda box: (box[1], box[0]))
    ]


def _blocks_with_strokes(rgb: Rgb) -> NDArray[np.uint8]:
    """1 for each block, a last one that is cut off included, in which something may be read."""
    grey = cv2.GaussianBlur(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), (0, 0), _PLAIN_BLUR)
    near = np.ones((_PLAIN_REACH, _PLAIN_REACH), np.uint8)
    stands_out = np.asarray(cv2.subtract(cv2.dilate(grey, near), cv2.erode(grey, near)) >= _PLAIN, np.uint8)
    strokes = cv2.morphologyEx(stands_out, cv2.MORPH_OPEN, np.ones((_GRAIN, _GRAIN), np.uint8))
    height, width = (-(-length // BLOCK) for length in rgb.shape[:2])
    whole = np.zeros((height * BLOCK, width * BLOCK), np.uint8)
    whole[: rgb.shape[0], : rgb.shape[1]] = strokes
    return np.asarray(whole.reshape(height, BLOCK, width, BLOCK).max(axis=(1, 3)), np.uint8)


def _near(blocks: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(cv2.dilate(blocks, np.ones((2 * _MARGIN + 1, 2 * _MARGIN + 1), np.uint8)), np.uint8)


def _apart(boxes: list[tuple[int, int, int, int]]) -> list[tuple[int, int, int, int]]:
    """``boxes`` (left, top, right, bottom) with those that overlap made one, until none do."""
    kept: list[tuple[int, int, int, int]] = []
    for box in boxes:
        while met := [each for each in kept if _meet(each, box)]:
            kept = [each for each in kept if each not in met]
            lefts, tops, rights, bottoms = zip(box, *met, strict=True)
            box = (min(lefts), min(tops), max(rights), max(bottoms))
        kept.append(box)
    return kept


def _meet(one: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
