"""Sick twin minus healthy twin: the disease as a signed map in CIELAB, a probability and a mask.

The idea is that of Moutselos & Maglogiannis (arXiv 2602.00821): lips, jewellery, shadows and clothes are the same in
both twins and cancel. Their thresholds are not published; these are ours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.color import rgb2lab
from skimage.filters import apply_hysteresis_threshold
from skimage.morphology import remove_small_objects

from pipeline.disease.lesion import DARKEST
from pipeline.photograph import LesionClass, Rgb, Subtraction, any_channel
from pipeline.srgb import intensities


@dataclass(frozen=True)
class SubtractionRule:
    """How a difference becomes a mask. Distances are CIELAB delta E (CIE 1976)."""

    smoothing: float = 0.8
    """Standard deviation of the Gaussian in the model's pixels: finer than this the edit means nothing."""
    low: float = 2.0
    """Above the noise floor a pixel may belong to the lesion if it touches one that surely does…"""
    high: float = 4.0
    """…and this far above it surely does."""
    share: float = 0.2
    """Of a part's typical strength: where its difference falls below, the lesion ends. A dark naevus spreads in the
    photograph's blur further than a faint plaque does. (Tuning photographs, 60 dermoscopic and 14 of wounds: .15 gives
    mask IoU .774 and .392, .25 gives .765 and .421.)"""
    weakest: float = 0.3
    """Of the strongest part's strength: a part below it is no lesion but the edit's restlessness, as on coloured paper
    that lies beside one…"""
    plain: float = 10.0
    """…unless it is as strong as this, which anybody sees, whatever lies beside it. (Tuning photographs, 90 dermoscopic
    and 14 of wounds: mask IoU .708 and .448, without the rule .691 and .422; 40 rendered patients .638 and .637.)"""
    highest_floor: float = 3.0
    """The noise floor is never measured higher: an edit that touched the lesion alone has no outside to tell it."""
    smallest: float = 4.0
    """Area in the model's pixels below which a part is dropped."""
    largest_hole: float = 0.3
    """Of a part's area: a hole in it that is smaller is filled. What people outline has no holes, and the middle of a
    black lesion is the last that an edit takes off."""


DEFAULT_RULE = SubtractionRule()


def signed_difference(sick: Rgb, healthy: Rgb) -> NDArray[np.float32]:
    """``sick - healthy`` in CIELAB (D65), float32 (height, width, 3)."""
    difference: NDArray[np.float32] = (rgb2lab(sick) - rgb2lab(healthy)).astype(np.float32)
    return difference


def subtract(
    sick: Rgb,
    healthy: Rgb,
    model_pixel: float,
    rule: SubtractionRule = DEFAULT_RULE,
    *,
    floor: float | None = None,
) -> Subtraction:
    """Map, probability, mask and class.

    ``model_pixel``: photograph pixels to one of the model's, >= some fraction. ``floor``: delta E of skin that did not
    change, where it is known; else it is measured.
    """
    if sick.shape != healthy.shape:
        raise ValueError(f"the twins differ in shape: {sick.shape} and {healthy.shape}")
    raw = signed_difference(sick, healthy)
    blur = rule.smoothing * model_pixel
    difference = np.stack([ndimage.gaussian_filter(raw[..., k], blur) for k in range(3)], -1).astype(np.float32)
    distance = np.linalg.norm(difference, axis=-1)
    if floor is None:
        edited = ndimage.binary_dilation(any_channel(sick != healthy), iterations=2)
        floor = min(noise_floor(distance, edited), rule.highest_floor)
    low, high = floor + rule.low, floor + rule.high
    edge = _edges(distance, apply_hysteresis_threshold(distance, low, high), rule, low)
    mask = distance > edge
    smallest = max(1, round(rule.smallest * model_pixel**2))
    mask = remove_small_objects(_without_holes(mask, rule.largest_hole), max_size=smallest)
    certain = np.where(np.isfinite(edge), edge, (low + high) / 2)
    probability = 1 / (1 + np.exp(-(distance - certain) / max(0.25 * (high - low), 1e-3)))
    # A pixel outside the mask is not called diseased, however the slope of the logistic falls.
    probability = np.where(mask, np.maximum(probability, 0.5), np.minimum(probability, 0.499))
    probability[(distance <= floor) & ~mask] = 0.0
    return Subtraction(
        difference=difference,
        probability=probability.astype(np.float32),
        mask=mask,
        lesion_class=lesion_class(sick, healthy, mask),
    )


_TYPICAL = 90.0
"""Percentile of a part's differences that stands for its strength: its maximum may be a single hair."""


def _edges(
    distance: NDArray[np.floating], marked: NDArray[np.bool_], rule: SubtractionRule, low: float
) -> NDArray[np.floating]:
    """Delta E (height, width) above which a pixel belongs to the lesion: in each connected part of ``marked`` a share
    of its strength, at least ``low``; infinite outside of them, and in those that are too weak beside the strongest."""
    parts, count = ndimage.label(marked, np.ones((3, 3)))
    if not count:
        return np.full(distance.shape, np.inf)

    def typical(values: NDArray[np.floating]) -> float:
        return float(np.percentile(values, _TYPICAL))

    strengths = ndimage.labeled_comprehension(distance, parts, np.arange(1, count + 1), typical, float, 0.0)
    restless = strengths < min(rule.weakest * strengths.max(), rule.plain)
    edges = np.where(restless, np.inf, np.maximum(rule.share * strengths, low))
    return np.asarray(np.concatenate([[np.inf], edges])[parts])


def _without_holes(mask: NDArray[np.bool_], largest: float) -> NDArray[np.bool_]:
    """``mask`` with those holes filled that are smaller than ``largest`` of the part that they are in."""
    filled = ndimage.binary_fill_holes(mask)
    holes, count = ndimage.label(filled & ~mask)
    if not count:
        return mask
    parts, several = ndimage.label(filled, np.ones((3, 3)))
    numbers = np.arange(1, count + 1)
    sizes = ndimage.sum_labels(np.ones_like(mask), holes, numbers)
    within = ndimage.maximum(parts, holes, numbers).astype(int)
    areas = ndimage.sum_labels(mask, parts, np.arange(1, several + 1))
    small = np.concatenate([[False], sizes <= largest * areas[within - 1]])
    return np.asarray(mask | small[holes])


def noise_floor(distance: NDArray[np.floating], edited: NDArray[np.bool_]) -> float:
    """Typical delta E of skin that did not change: the median over what was edited at all.

    A lesion that covers less than half of the edited square leaves the median where the edit's own restlessness is.
    """
    values = distance[edited]
    return float(np.median(values)) if values.size else 0.0


_VISIBLE = 0.02
"""Natural logarithm of a ratio of intensities below which a lesion is neither darker nor lighter than its skin."""
RED_OF_MELANIN, BLUE_OF_MELANIN = 0.75, 1.1
"""Shares of green's density from which red's, or blue's, tells melanin. Haemoglobin takes most of the green and lets
red pass; melanin takes the more the shorter the wave (Dawson et al., Phys. Med. Biol. 25, 695, 1980), until nothing is
left of blue and red goes too. Photographs of pigmented lesions: blue 1.06 to 1.8, red .2 to .7; rendered naevi: red .9
to 2; rendered erythema: blue to 1.08, red .4 to .6; ulcers: blue .6 to 1.2, red below .5 in most."""


def lesion_class(sick: Rgb, healthy: Rgb, mask: NDArray[np.bool_]) -> LesionClass:
    """What the lesion does to light, by its optical densities: it takes green most (blood), blue or red as well
    (melanin), or nothing and sends back more (depigmented)."""
    if not mask.any():
        return "none"
    density = np.log(intensities(healthy[mask]) + DARKEST) - np.log(intensities(sick[mask]) + DARKEST)
    red, green, blue = np.median(density, axis=0)
    if green < _VISIBLE:
        return "depigmented"
    return "pigmented" if red > RED_OF_MELANIN * green or blue > BLUE_OF_MELANIN * green else "erythema"
