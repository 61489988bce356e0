"""Healing by the embedded model."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.edits.edit import EditKnobs, edited
from pipeline.edits.models import ModelFacts, Square
from pipeline.models import EmbeddedModel, HealingFlow, pixels_from_rgb
from pipeline.photograph import Rgb
from pipeline.vocabulary import as_it_is, healed


class EmbeddedHealer:
    """``Healer`` by the embedded model's two healing networks, of faces and of skin, each in the size that it knows."""

    def __init__(self, model: EmbeddedModel, knobs: EditKnobs) -> None:
        self.facts = ModelFacts(model.name, model.licence, model.size, model.digest)
        self._model, self._knobs = model, knobs

    def side(self, square: int, *, of_face: bool) -> int:
        return self._network(of_face).resolution

    def heal(self, squares: Sequence[Square]) -> list[tuple[Rgb, Rgb]]:
        return [(square.rgb, self._healed(square)) for square in squares]

    def _healed(self, square: Square) -> Rgb:
        photograph, model = pixels_from_rgb(square.rgb), self._network(square.of_face)
        prompts = [model.embed((prompt, photograph)) for prompt in (as_it_is(square.seen), healed(square.seen))]
        return edited(model, photograph, prompts, self._knobs)

    def _network(self, of_face: bool) -> HealingFlow:
        return self._model.healing if of_face else self._model.skin
