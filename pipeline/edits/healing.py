"""Healing by the embedded model.

A face that the renderer drew is healed as a whole, by a network that knows no others. Of a photographed one the skin is
looked at in parts, by a network that knows close-ups of skin, and what that one changes counts there alone: lips, lids,
brows and what hair covers stay as they are. *Where* disease is, is said on photographed faces by a network of its own,
which is asked for colours too where the one that heals is not sure, and through a dermatoscope by both together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from pipeline.edits.crop import resized
from pipeline.edits.edit import EditKnobs, edited
from pipeline.edits.face_lesions import FaceLesionFinder, FaceLooked
from pipeline.edits.hues import in_hue_from_around
from pipeline.edits.models import ModelFacts, Square
from pipeline.edits.parts import Field, corners, mixed, seen
from pipeline.errors import Undecided
from pipeline.heads import FaceMesh
from pipeline.models import EmbeddedModel, Found, HealingFlow, pixels_from_rgb
from pipeline.photograph import Rgb
from pipeline.vocabulary import ClinicalPrompt, as_it_is, healed, of_skin_alone

FACE_SIDE = 512
"""Pixels along each side of a photographed face's square."""
_PARTS = 4
"""Along each side, each as large as the network sees. Twice as large ones, and both sizes together, found less."""
_LEAST_SKIN = 0.02
"""Share of a part below which it holds too little skin to be looked at."""
_PART_KNOBS = EditKnobs(1.0, 1)
"""Each step costs as much as the first. *Skin*, with which this network began, lost next to nothing by one instead of
four (model card); of this one it was not measured."""


class EmbeddedHealer:
    """``Healer`` by the embedded model's healing networks, each in the size that it knows. Serves one thread."""

    def __init__(self, model: EmbeddedModel, knobs: EditKnobs) -> None:
        """Raises ModelError when the face mesh's weights are missing or altered."""
        self.facts = ModelFacts(model.name, model.licence, model.size, model.digest)
        self._model, self._knobs, self._mesh = model, knobs, FaceMesh()
        self._on_faces = FaceLesionFinder(model.face_lesions)

    @property
    def precise(self) -> bool:
        return True

    def side(self, square: int, *, of_face: bool, photographed: bool = False) -> int:
        return FACE_SIDE if of_face and photographed else self._network(of_face).resolution

    def heal(self, squares: Sequence[Square]) -> list[tuple[Rgb, Rgb]]:
        return [(square.rgb, self._healed(square)) for square in squares]

    def _healed(self, square: Square) -> Rgb:
        network, rgb = self._network(square.of_face), square.rgb
        if not square.of_face:
            dermoscopic = square.seen.words.get("view") == "dermoscopy"
            return _edit(network, rgb, square.seen, self._knobs, self._found(rgb) if dermoscopic else None)
        if square.landmarks is None:
            return _edit(network, rgb, square.seen, self._knobs)
        looked = self._looked_at(rgb, square.landmarks)
        closely = changed_closely(self._model.closer, rgb, square.seen, looked)
        closely_healed = np.clip(np.rint(rgb + closely * looked.skin[..., None]), 0, 255).astype(np.uint8)
        return in_hue_from_around(rgb, closely_healed, looked.skin)

    def _looked_at(self, rgb: Rgb, landmarks: NDArray[np.float64]) -> FaceLooked:
        """No skin is where the mesh sees no face, which the swap will say."""
        try:
            points = self._mesh.points(rgb, landmarks)
        except Undecided:
            nowhere = np.zeros(rgb.shape[:2], np.float32)
            return FaceLooked(nowhere, nowhere, np.zeros(rgb.shape, np.float32))
        return self._on_faces.look(rgb, points, landmarks)

    def _found(self, rgb: Rgb) -> Found:
        """Where disease was found on skin seen through a dermatoscope. Of other photographs the finder knows less than
        the network that heals (model card)."""
        finder = self._model.lesions
        said = finder.logits(pixels_from_rgb(resized(rgb, finder.resolution)))
        return Found(functional.interpolate(said, size=len(rgb), mode="bilinear"))

    def _network(self, of_face: bool) -> HealingFlow:
        return self._model.healing if of_face else self._model.skin


def changed_closely(network: HealingFlow, rgb: Rgb, said: ClinicalPrompt, looked: FaceLooked) -> Field:
    """What ``network`` changes in the parts of a square of a face, (side, side, 3), where there is skin."""
    words, changes, reach = of_skin_alone(said, None), [], network.resolution
    for corner in corners(len(rgb), reach, _PARTS):
        here = seen(corner, reach)
        if looked.skin[here].mean() > _LEAST_SKIN:
            shown = np.ascontiguousarray(rgb[here])
            there = Found(_planes(looked.logits[here][..., None]), _planes(looked.gain[here]))
            changes.append((corner, _edit(network, shown, words, _PART_KNOBS, there).astype(np.float32) - shown))
    return mixed(len(rgb), changes)


def _planes(values: Field) -> Tensor:
    """(R, R, n) as [1, n, R, R]."""
    return torch.from_numpy(np.ascontiguousarray(values.transpose(2, 0, 1)))[None]


def _edit(model: HealingFlow, rgb: Rgb, said: ClinicalPrompt, knobs: EditKnobs, found: Found | None = None) -> Rgb:
    """``rgb`` healed; ``found``: what another network found in it."""
    photograph = pixels_from_rgb(rgb)
    source, target = (model.embed((prompt, photograph)) for prompt in (as_it_is(said), healed(said)))
    return edited(model, photograph, [source, replace(target, found=found)], knobs)
