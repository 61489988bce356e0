"""The patient's own pixels left in a twin: what a recogniser overlooks when only the eyes or only the rim were kept.

Normalised cross-correlation (NCC) of high-passed grey, region by region, with the *original's* landmarks laid on both
photographs: what is looked for is fine texture that stayed in its place, so nothing is searched for elsewhere. A face
that was moved or redrawn is the recognisers' business.

Contrast is evened out first, as in a retina (divisive normalisation; Heeger, Visual Neuroscience 9(2), 1992). NCC
weighs by energy: where a stranger's face was laid over the inner one, the sharp edges of that spoke louder than all of
the patient's hair and skin around it.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.faces.alignment import similarity, warp
from pipeline.faces.finder import Face
from pipeline.photograph import Rgb

REVISION = "3"
"""Changes whenever the figures change: a calibration made for another revision is refused."""

REGIONS = ("eyes", "nose", "mouth", "rim")

SIDE = 160
"""Pixels of the square in which faces are compared; it is the canonical square of ``framing``."""

_UNIT = SIDE / 3.9
_FINE, _COARSE = 0.8, 3.0
"""Pixels: standard deviations of the two Gaussians between which texture is looked at; below lies sensor noise."""
_EVENED, _FAINT = 8.0, 1.0
"""Pixels: standard deviation of the Gaussian in which contrast is measured; and grey levels, of 255, below which it is
not raised. Of 2,316 rims of people for training that were kept around a stranger's inner face, .3 % have an NCC below
.6; 1.1 % had before contrast was evened out."""
_FEWEST_PIXELS = 250
"""Pixels of a region that must lie inside the photograph for it to be compared: a third of the nose, the smallest.
Fewer agree by chance. Not a share: a third of the rim is more than both eyes, and would give the patient away."""
_FEWEST_BESIDE = 0.3
"""Share of a region that must remain beside a lesion for the lesion to be left out of it."""

# Right eye, left eye, nose tip, right and left corner of the mouth in face units from the square's centre: SFace's
# template, so that both measures look at faces of one size.
_POINTS = SIDE / 2 + _UNIT * np.array(
    [[-0.435, -0.216], [0.430, -0.222], [0.000, 0.275], [-0.355, 0.783], [0.360, 0.777]]
)


def retained_texture(
    original: Rgb, twin: Rgb, face: Face, lesion: NDArray[np.bool_] | None = None
) -> dict[str, float]:
    """NCC, -1 to 1, of each region of REGIONS that lies in the photograph; 1 means that the pixels were kept.

    ``original`` and ``twin``: uint8, of one shape; ``face``: found in ``original``. A region without any texture in one
    of the two keeps nothing and gives 0. ``lesion`` (height, width): what is kept on purpose, a naevus say, is left out
    of a region where enough of it remains without; a region that it fills is compared as it is. An empty dictionary
    means that no region lies inside the photograph. Raises Undecided when the landmarks cannot be aligned.
    """
    matrix = similarity(face.landmarks, _POINTS)
    photographed = warp(np.full(original.shape, 255, np.uint8), matrix, SIDE)[..., 0] == 255
    # Next to the photograph's edge the filters see one side alone, and the same light would look like texture in both.
    reach = math.ceil(_COARSE) + 1
    inside = _eroded(photographed, reach)
    beside = np.ones_like(inside)
    if lesion is not None:
        marked = warp(np.repeat(np.uint8(255) * lesion[..., None], 3, axis=2), matrix, SIDE)[..., 0] > 0
        beside = _eroded(~marked, math.ceil(2 * _COARSE))
    first, second = (_texture(warp(rgb, matrix, SIDE), photographed) for rgb in (original, twin))
    retained = {}
    for name, region in _regions().items():
        compared = region & inside
        if (compared & beside).sum() >= _FEWEST_BESIDE * region.sum():
            compared &= beside
        if compared.sum() >= _FEWEST_PIXELS:
            retained[name] = _ncc(first[compared], second[compared])
    return retained


def _texture(chip: Rgb, photographed: NDArray[np.bool_]) -> NDArray[np.float64]:
    """High-passed grey of evened contrast.

    Normalised convolution (Knutsson and Westin, CVPR 1993): the means are of what was photographed alone, so that the
    photograph's edge is no edge here.
    """
    known = photographed.astype(np.float64)

    def around(values: NDArray[np.float64], sigma: float) -> NDArray[np.float64]:
        total = cv2.GaussianBlur(values * known, (0, 0), sigma)
        return np.asarray(total / np.maximum(cv2.GaussianBlur(known, (0, 0), sigma), 1e-6))

    grey = cv2.cvtColor(chip, cv2.COLOR_RGB2GRAY).astype(np.float64)
    passed = around(grey, _FINE) - around(grey, _COARSE)
    return np.asarray(passed / np.maximum(np.sqrt(around(passed**2, _EVENED)), _FAINT))


def _eroded(mask: NDArray[np.bool_], pixels: int) -> NDArray[np.bool_]:
    """Without the ``pixels`` next to its border; the square's own border is none."""
    return np.asarray(cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8), iterations=pixels) > 0)


def _ncc(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    first, second = first - first.mean(), second - second.mean()
    energy = float(np.sqrt((first @ first) * (second @ second)))
    return float(first @ second) / energy if energy > 1e-3 * first.size else 0.0


def _regions() -> dict[str, NDArray[np.bool_]]:
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float64)

    def box(centre: NDArray[np.float64], half_width: float, half_height: float) -> NDArray[np.bool_]:
        """Half sides in face units."""
        near: NDArray[np.bool_] = (abs(x - centre[0]) < half_width * _UNIT) & (abs(y - centre[1]) < half_height * _UNIT)
        return near

    right_eye, left_eye, nose, right_mouth, left_mouth = _POINTS
    radius = np.hypot((x - SIDE / 2) / 0.86, (y - SIDE / 2) / 0.87) / (SIDE / 2)  # of the head that is swapped
    return {
        "eyes": box(right_eye, 0.38, 0.28) | box(left_eye, 0.38, 0.28),
        "nose": box(nose - [0, 0.1 * _UNIT], 0.35, 0.35),
        "mouth": box((right_mouth + left_mouth) / 2, 0.60, 0.28),
        "rim": (radius > 0.66) & (radius < 1.0),
    }
