"""Disease looked for on a photographed face as a whole, laid out as it is seen from the front."""

from __future__ import annotations

import cv2
import numpy as np
import torch

from pipeline.edits.crop import resized
from pipeline.edits.parts import Field
from pipeline.heads import FrontalView, Points, TypicalFace, bare_skin, relative_colours, standing_out
from pipeline.models import FaceLesionNet, PlaceFinder
from pipeline.photograph import Rgb

EXAMINED = 256
"""Pixels along each side of the square that is laid out: as fine as the photographs that taught it."""
_BEYOND = -9.0
"""Logit of what the view does not show."""


class FaceLesionFinder:
    """Says of each pixel of a face's square how likely disease is there. Serves one thread."""

    def __init__(self, net: FaceLesionNet) -> None:
        known = net.faces
        self._frontal = known.frontal
        self._typical = TypicalFace(known.mean, known.components, known.fitted, known.left)
        self._finder = PlaceFinder(net)

    def logits(self, square: Rgb, points: Points) -> Field:
        """Float32 (n, n) of a ``square`` uint8 (n, n, 3) in whose pixels the face's ``points`` are."""
        scale = EXAMINED / len(square)
        small, there = resized(square, EXAMINED), points * scale
        view = FrontalView(there, self._frontal, EXAMINED)
        bare = view.unrolled(bare_skin(there, EXAMINED))
        relative = relative_colours(view.unrolled(small), bare)
        planes = standing_out(relative, bare, self._typical)
        said = self._finder.logits(torch.from_numpy(planes)[None])[0, 0].numpy()
        laid = view.laid_back(said, _BEYOND)
        return np.asarray(cv2.resize(laid, (len(square), len(square)), interpolation=cv2.INTER_LINEAR), np.float32)
