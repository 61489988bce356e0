"""What the disease changes, as a picture for people."""

from __future__ import annotations

from scipy import ndimage

from pipeline.disease.colour_scale import FULL_SCALE, diverging
from pipeline.disease.subtraction import signed_difference
from pipeline.photograph import Rgb

SHOWN_IN_LIGHTNESS = frozenset({"pigmented", "depigmented"})
"""Lesion classes whose difference is one of L*; that of the others is one of a*."""


def difference_picture(sick: Rgb, healthy: Rgb, lesion_class: str) -> Rgb:
    """What the disease changes, sick minus healthy: L* of pigment, a* (redness) of all else; white is nothing."""
    channel = 0 if lesion_class in SHOWN_IN_LIGHTNESS else 1
    difference = ndimage.gaussian_filter(signed_difference(sick, healthy)[..., channel], max(sick.shape) / 400)
    return diverging(difference / FULL_SCALE)
