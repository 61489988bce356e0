"""The persona's skin in the patient's light, and as sharp as the photograph is."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.heads.skin_square import Mask

Picture = NDArray[np.float32]
"""Float32 (height, width, 3), 0 to 255."""

_COARSE = 25.0
"""Pixels of the square, about an eighth of the face: shades that are larger are light, smaller ones are features."""
_DARKEST = 6.0
"""Added to both sides of a ratio of intensities."""
_PATCH = 5.0
"""Pixels of the square, likewise: a patch of skin that is smaller keeps what makes it skin."""
_SHEEN, _SHEEN_KEPT = 0.06, 0.35
"""Natural logarithm of how much brighter than around it a patch may be, and what is left of what is above that."""
_LEAST_CONTRAST, _MOST_CONTRAST = 0.85, 1.8
_BESIDE_RIM = 1.05
"""Contrast that is aimed at over the patient's: at the outline, where head and photograph fade, some is lost."""
_HALVINGS = 6
"""Of what lies between the two until contrast is the patient's: to a hundredth."""
_THINNED = 5
"""Of so many places one is looked at meanwhile."""
_BRIGHTEST, _LEAST_BRIGHT, _KNEE = 99.0, 0.12, 0.04
"""Percentile of a patient's places that counts as their brightest, natural logarithm of how bright against the skin
around it anyone's may be, and how softly what is brighter is held."""
_DARKEST_PLACES, _LEAST_DARK = 0.3, 0.6
"""The same of the darkest, against the skin around them: everybody's eyes and brows are darker than that."""
_MOST_COLOURFUL = 3.0
"""Times as far as the patient's may the channels of features lie apart: lips are redder than others' by that much."""
_BANDS = (0.008, 0.016, 0.032)
"""Standard deviations of the Gaussians between which sharpness is matched, over the face's width."""
_NARROWEST = 0.5
"""Pixels below which a band holds nothing."""
_LEAST_GAIN, _MOST_GAIN = 0.7, 2.2
_STILL = 0.15
"""Intensities below which a band is noise of the file."""
_NORMAL_MEDIAN = 0.4549
"""Median of the square of a standard normal."""
_FEWEST = 200
_WIDE = 6.0
"""Pixels of a Gaussian that needs no smaller picture."""


def blurred(values: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """By a Gaussian of ``sigma`` pixels; a wide one is worked out on a smaller picture, where it costs little."""
    shrink = sigma / _WIDE
    height, width = values.shape[:2]
    if shrink <= 1 or min(height, width) < 4 * sigma:
        return np.asarray(cv2.GaussianBlur(values, (0, 0), sigma), np.float32)
    size = (max(1, round(width / shrink)), max(1, round(height / shrink)))
    small = cv2.GaussianBlur(cv2.resize(values, size, interpolation=cv2.INTER_AREA), (0, 0), _WIDE)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def mean_around(picture: Picture, weight: Mask, sigma: float) -> Picture:
    """The mean of what has ``weight`` around each place (normalised convolution)."""
    total = blurred(weight, sigma) + 1e-3
    return np.asarray(blurred(picture * weight[..., None], sigma) / total[..., None], np.float32)


def pulled_and_pushed(
    picture: NDArray[np.float32], known: NDArray[np.bool_] | NDArray[np.float32]
) -> NDArray[np.float32]:
    """``picture`` (height, width, 3) where it is ``known``; elsewhere smooth colours from what is known around (Gortler
    et al., "The Lumigraph", SIGGRAPH 1996, section 3.3.3)."""
    weight = known.astype(np.float32)
    levels = [(picture * weight[..., None], weight)]
    while min(levels[-1][1].shape) > 2:
        colour, share = (np.asarray(cv2.pyrDown(each), np.float32) for each in levels[-1])
        levels.append((colour, share))
    total, share = levels[-1]
    drawn = total / np.maximum(share, 1e-4)[..., None]
    for total, share in reversed(levels[:-1]):
        size = (share.shape[1], share.shape[0])
        from_below = cv2.resize(drawn, size, interpolation=cv2.INTER_LINEAR)
        sure = np.clip(share, 0, 1)[..., None]
        drawn = total / np.maximum(share, 1e-4)[..., None] * sure + from_below * (1 - sure)
    return np.asarray(drawn, np.float32)


def relit(skin: Picture, patient: Picture, weight: Mask) -> Picture:
    """``skin`` with its large shades exchanged for the patient's, both laid out in the square.

    ``weight``: where both show skin that is seen. Features are left out on both sides, so that they keep their own
    contrast.
    """
    ratio = (mean_around(patient, weight, _COARSE) + _DARKEST) / (mean_around(skin, weight, _COARSE) + _DARKEST)
    return np.clip(skin * ratio, 0, 255).astype(np.float32)


def evened(skin: Picture, bare: Mask) -> Picture:
    """``skin`` without what lamps left on those whom it was composed of: patches of another colour, burnt-out ridges.

    ``bare``: where it is skin and no feature. In the patient's light they would be white or grey spots.
    """
    density = np.log(skin + _DARKEST)
    patch = mean_around(density, bare, _PATCH) - mean_around(density, bare, _COARSE)
    brighter = patch.mean(-1, keepdims=True)
    sheen = (1 - _SHEEN_KEPT) * np.maximum(brighter - _SHEEN, 0)
    where = blurred(bare, _PATCH / 2)[..., None]
    even = np.exp(density - (patch - brighter + sheen) * where) - _DARKEST
    return np.asarray(np.clip(even, 0, 255), np.float32)


def as_contrasty(skin: Picture, patient: Picture, weight: Mask, compared: Mask) -> Picture:
    """``skin``, already in the patient's light, with features that stand out as the patient's do.

    Taken over, of where it is ``compared``, are the spread of lightness, how bright by channel the patient's
    brightest places are, in all and against the skin around them, how dark against it the darkest, and within bounds
    how colourful features are. What is brighter in the ``skin`` was a lamp's glint or a pale lip on darker skin: in the
    light of a fairer patient it would be a white spot. What is redder would be the only colour in a photograph without
    any.
    """
    inner = compared > 0.5
    if inner.sum() < _FEWEST:
        return skin
    shades = mean_around(skin, weight, _COARSE)
    theirs = np.log(patient + _DARKEST) - np.log(mean_around(patient, weight, _COARSE) + _DARKEST)
    brightest = np.maximum(np.percentile(theirs[inner], _BRIGHTEST, axis=0), _LEAST_BRIGHT).astype(np.float32)
    top = np.log(np.percentile(patient[inner], _BRIGHTEST, axis=0) + _DARKEST).astype(np.float32)
    darkest = np.minimum(np.percentile(theirs[inner], _DARKEST_PLACES, axis=0), -_LEAST_DARK).astype(np.float32)
    light = np.log(shades + _DARKEST)
    stands_out = np.log(skin + _DARKEST) - light
    colours = stands_out - stands_out.mean(-1, keepdims=True)
    most = _MOST_COLOURFUL * _colourfulness(theirs[inner])
    stands_out -= colours * np.float32(1 - min(1.0, most / max(_colourfulness(stands_out[inner]), 1e-6)))
    few = np.flatnonzero(inner)[::_THINNED]
    seen_light, seen_out = light.reshape(-1, 3)[few], stands_out.reshape(-1, 3)[few]

    def at(gain: float, light: Picture, stands_out: Picture) -> Picture:
        # In logarithms: what is dark keeps its colour, where a difference of intensities would leave red alone.
        density = light + stands_out * np.float32(gain)
        density -= _KNEE * np.logaddexp(np.float32(0), (density - np.minimum(light + brightest, top)) / _KNEE)
        density += _KNEE * np.logaddexp(np.float32(0), (light + darkest - density) / _KNEE)
        return np.asarray(np.clip(np.exp(density) - _DARKEST, 0, 255), np.float32)

    wanted = _BESIDE_RIM * _spread_of_lightness(patient.reshape(-1, 3)[few])
    low, high = _LEAST_CONTRAST, _MOST_CONTRAST
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        enough = _spread_of_lightness(at(middle, seen_light, seen_out)) >= wanted
        low, high = (low, middle) if enough else (middle, high)
    return at((low + high) / 2, light, stands_out)


def _colourfulness(logarithms: NDArray[np.float32]) -> float:
    """How far the channels of (n, 3) lie apart: root mean square."""
    return float(np.sqrt(np.square(logarithms - logarithms.mean(-1, keepdims=True)).mean()))


def _spread_of_lightness(colours: NDArray[np.float32]) -> float:
    """Standard deviation of CIELAB's L* of (n, 3), 0 to 255."""
    lab = cv2.cvtColor(colours[None] / np.float32(255), cv2.COLOR_RGB2LAB)
    return float(lab[..., 0].std())


def as_sharp(face: Picture, photograph: Picture, skin: Mask, width: float) -> Picture:
    """``face`` as sharp as the ``photograph`` where ``skin`` is, band by band; ``width``: the face's, in pixels."""
    compared = skin > 0.9
    if compared.sum() < _FEWEST:
        return face

    def energy(band: Picture) -> float:
        return float(np.sqrt(np.median(band[compared].mean(-1) ** 2) / _NORMAL_MEDIAN)) + _STILL

    sharper, finer, other = face.copy(), face, photograph
    for share in _BANDS:
        if share * width < _NARROWEST:
            continue
        coarser, other_coarser = blurred(face, share * width), blurred(photograph, share * width)
        gain = float(np.clip(energy(other - other_coarser) / energy(finer - coarser), _LEAST_GAIN, _MOST_GAIN))
        sharper += (finer - coarser) * (gain - 1)
        finer, other = coarser, other_coarser
    return sharper
