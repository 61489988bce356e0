"""Disease looked for on a photographed face as a whole, laid out as it is seen from the front."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from pipeline.edits.crop import resized
from pipeline.edits.parts import Field
from pipeline.heads import (
    DARKEST,
    FrontalView,
    Points,
    TypicalFace,
    bare_skin,
    face_skin,
    relative_colours,
    shown_skin,
    standing_out,
    within_outline,
)
from pipeline.models import FaceLesionNet, serving
from pipeline.photograph import Rgb
from pipeline.srgb import coded, intensities

EXAMINED = 256
"""Pixels along each side of the square that is laid out: as fine as the photographs that taught it."""
_LEAST = np.float32(1 / 255)
"""Added to coded values before the logarithm."""
_BEYOND = -9.0
"""Logit of what the view does not show."""


@dataclass(frozen=True, eq=False)
class FaceLooked:
    """Of each pixel of a face's square, float32 (side, side)."""

    skin: Field
    """In [0, 1]: how much of it is skin that may be healed. Within the face's outline that is what the mesh calls bare,
    beyond it what has the colour of the cheeks: lids, brows and lips stay as they are."""
    logits: Field
    """How likely disease is there."""
    gain: Field
    """(side, side, 3): natural logarithm of what coded values are multiplied by to heal it, if it is there."""


class FaceLesionFinder:
    """Looks for disease on a face. Serves one thread."""

    def __init__(self, net: FaceLesionNet) -> None:
        known = net.faces
        self._frontal = known.frontal
        self._typical = TypicalFace(known.mean, known.components, known.fitted, known.left)
        self._net = net.eval().requires_grad_(False)

    def look(self, square: Rgb, points: Points, landmarks: NDArray[np.floating]) -> FaceLooked:
        """``square`` uint8 (side, side, 3), in whose pixels the face's ``points`` and five ``landmarks`` are."""
        side, scale = len(square), EXAMINED / len(square)
        small, there = resized(square, EXAMINED), points * scale
        bare = bare_skin(there, EXAMINED)
        shown = shown_skin(bare, face_skin(small, landmarks * scale))
        view = FrontalView(there, self._frontal, EXAMINED)
        unrolled = view.unrolled(bare)
        relative = relative_colours(view.unrolled(small), unrolled)
        planes = torch.from_numpy(standing_out(relative, unrolled, view.unrolled(shown), self._typical))
        logits, change = self._said(planes)
        skin = np.maximum(bare, shown * (1 - within_outline(there, EXAMINED)))
        laid_back = _enlarged(view.laid_back(change, 0.0), side)
        return FaceLooked(
            _enlarged(skin, side), _enlarged(view.laid_back(logits, _BEYOND), side), _gain(square, laid_back)
        )

    def _said(self, planes: torch.Tensor) -> tuple[Field, Field]:
        """Logits (n, n), and by what a lesion changes the logarithms of intensities (n, n, 3): the means of what is
        said of the face and of its mirror image."""
        with serving():
            both = torch.cat(self._net.said_of_each_pixel(torch.stack([planes, planes.flip(-1)])), 1)
        seen, mirrored = both
        mean = np.asarray(((seen + mirrored.flip(-1)) / 2).permute(1, 2, 0).numpy(), np.float32)
        return mean[..., 0], mean[..., 1:]


def _gain(rgb: Rgb, change: Field) -> Field:
    """Of coded values, to take back what changed the logarithms of intensities by ``change``."""
    healed = (intensities(rgb) + DARKEST) * np.exp(-change) - DARKEST
    gain = np.log(coded(healed) + _LEAST) - np.log(rgb / np.float32(255) + _LEAST)
    return np.asarray(gain, np.float32)


def _enlarged(field: Field, side: int) -> Field:
    return np.asarray(cv2.resize(field, (side, side), interpolation=cv2.INTER_LINEAR), np.float32)
