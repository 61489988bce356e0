"""The hue of skin that a lesion was taken off: that of the skin around it.

Under what is red, blue or black nobody sees which hue the skin has, and a network guesses it from what is left of it.
The skin around knows better. How light it is there is another matter, since a face's own shades run across a lesion:
that stays as it was healed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pipeline.edits.parts import Field
from pipeline.heads import DARKEST, blurred, pulled_and_pushed
from pipeline.photograph import Rgb
from pipeline.srgb import as_bytes, intensities

_CHANGED = 0.04
"""Mean over colours of the logarithm of an intensity by which a pixel is changed at all."""
_FAINT, _STRONG = 0.25, 0.55
"""The same of a lesion, in that colour in which it is strongest: below the first its healed hue is believed, above the
second that of the skin around it."""
_FINE = 0.024
"""Of the square's side: standard deviation in pixels of the blur below which hue is left as it was healed."""
_RIM = 0.004
"""Of the square's side: pixels beside what was changed that are not taken for the skin around it either."""
_NEAR = 0.05
"""Of the square's side: how far from what was changed skin tells which colours are skin's there…"""
_ALIKE = 0.2
"""…and by how much the logarithm of an intensity differs from theirs in what counts a third as much."""
_LEAST = np.float32(1e-4)
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)
"""Of linear sRGB (IEC 61966-2-1)."""


def in_hue_from_around(rgb: Rgb, healed: Rgb, skin: Field) -> Rgb:
    """``healed``, made of ``rgb`` (both uint8 (side, side, 3)), in the hue of the ``skin`` around if it differs much.

    ``skin`` (side, side) in [0, 1]: what may have been healed. Where none is near, hues stay as they were healed.
    """
    before, after = (np.log(intensities(each) + DARKEST).astype(np.float32) for each in (rgb, healed))
    changed = np.abs(after - before)
    share = _of_strength(changed)
    if not share.any():
        return healed
    side, inside = len(rgb), (changed.mean(-1) > _CHANGED).astype(np.float32)
    around = _skin_around(after, inside > 0, skin)
    if around is None:
        return healed
    wanted = pulled_and_pushed(after, around)
    difference = (wanted - after) * inside[..., None]
    sigma = _FINE * side
    smooth = blurred(difference, sigma) / np.maximum(blurred(inside, sigma), _LEAST)[..., None]
    hue = smooth - (smooth @ _LUMINANCE)[..., None]
    corrected = as_bytes(np.exp(after + hue * share[..., None]) - DARKEST)
    return np.where(share[..., None] > 0, corrected, healed)


def _skin_around(colours: Field, changed: NDArray[np.bool_], skin: Field) -> Field | None:
    """In [0, 1], (side, side): what is unchanged skin, and of the colour that most of it has near what is ``changed``;
    None where there is none near. ``colours``: logarithms of intensities."""
    side = len(changed)
    away = ndimage.distance_transform_edt(~changed)
    free = away > _RIM * side
    near = free & (away < _NEAR * side) & (skin > 0.5)
    if not near.any():
        return None
    unlike = np.abs(colours - np.median(colours[near], 0)).max(-1)
    return np.asarray(free * np.maximum(skin * np.exp(-((unlike / _ALIKE) ** 2)), _LEAST), np.float32)


def _of_strength(changed: Field) -> Field:
    """In [0, 1], (side, side): how much of the hue from around each place is given, by the lesion that it is in."""
    mean = changed.mean(-1)
    lesions, count = ndimage.label(mean > _CHANGED, np.ones((3, 3)))
    if not count:
        return np.zeros_like(mean)
    each = np.arange(1, count + 1)
    strength = np.max([ndimage.mean(changed[..., colour], lesions, each) for colour in range(3)], axis=0)
    given = np.clip((strength - _FAINT) / (_STRONG - _FAINT), 0, 1)
    typical = ndimage.mean(mean, lesions, each)
    there = np.clip(mean / np.concatenate([[np.inf], typical])[lesions], 0, 1)
    return np.asarray(np.concatenate([[0.0], given])[lesions] * there, np.float32)
