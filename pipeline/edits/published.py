"""Heal and swap with published models that read sentences, each a FlowEdit edit of one square.

A square is edited at the model's own resolution, or at the square's where that is smaller: a face of 600 pixels has no
more to show at 1024. A published model sees a picture through its autoencoder, which changes every pixel a little; so
healing is the difference between two pictures that both came out of it, and only that is laid on the photograph.
"""

from __future__ import annotations

import hashlib
import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.edits.crop import FaceCrop
from pipeline.edits.edit import EditKnobs
from pipeline.edits.fidelity import Fidelity, target_only
from pipeline.edits.flowedit import Edit, flow_edits
from pipeline.edits.knobs import PublishedKnobs
from pipeline.edits.models import ModelFacts, Sitting, Square
from pipeline.models import Branch, Prompt, RectifiedFlow, pixels_from_rgb, rgb_from_pixels
from pipeline.photograph import Rgb
from pipeline.vocabulary import (
    PERSONAS,
    EditWords,
    Personas,
    deck_for,
    healing_words,
    persona_for,
    swapping_words,
)

SMALLEST = 0.5
"""Of the model's own side: smaller pictures than that are unlike all that it was trained on."""

_REMEMBERED = 32
"""Prompts whose embeddings are kept: a photograph asks for four, megabytes each."""


@dataclass(frozen=True, eq=False)
class Asked:
    """One edit of a square: ``rgb`` (uint8, of a ``side``), from and to which ``words``."""

    rgb: Rgb
    words: EditWords
    knobs: EditKnobs


class PublishedEdits:
    """Edits of squares by a published model, as its ``knobs`` say. Serves one thread."""

    def __init__(
        self,
        model: RectifiedFlow[str],
        facts: ModelFacts,
        knobs: PublishedKnobs,
        embed: Callable[[str], Prompt] | None = None,
    ) -> None:
        """``embed``: where prompts come from, if not from the model's own encoders."""
        self.facts, self.knobs = facts, knobs
        self._model, self._multiple, self._embed = model, model.latent_multiple, embed or model.embed
        self._prompts: OrderedDict[str, Prompt] = OrderedDict()

    @property
    def guidance(self) -> str:
        """How the model takes a guidance scale, as ``DiffusersFlow`` says it."""
        return str(getattr(self._model, "guidance", "classifier-free"))

    def side(self, square: int) -> int:
        """Pixels at which a square of ``square`` photograph pixels a side is edited."""
        largest = max(self.knobs.side // self._multiple, 1)
        enough, smallest = math.ceil(square / self._multiple), math.ceil(largest * SMALLEST)
        return min(max(enough, smallest), largest) * self._multiple

    def edited(self, asked: Sequence[Asked]) -> list[tuple[Rgb, Rgb]]:
        """Each square as the model shows it, and edited. ``ModelError`` where that fails.

        Squares of one size with the same knobs go through the network together, whatever is said of each.
        """
        answers: dict[int, tuple[Rgb, Rgb]] = {}
        alike: dict[tuple[int, EditKnobs], list[int]] = {}
        for number, each in enumerate(asked):
            alike.setdefault((len(each.rgb), each.knobs), []).append(number)
        with torch.inference_mode():
            for (_, knobs), numbers in alike.items():
                answers |= zip(numbers, self._together([asked[number] for number in numbers], knobs), strict=True)
        return [answers[number] for number in range(len(asked))]

    def _together(self, asked: Sequence[Asked], knobs: EditKnobs) -> list[tuple[Rgb, Rgb]]:
        """The autoencoder takes one picture after the other: it needs the most memory and the least time."""
        edits = [self._edit(each) for each in asked]
        changed = flow_edits(
            self._model, edits,
            sigma_start=knobs.sigma_start, steps=knobs.steps, n_avg=knobs.n_avg,
            fidelity=Fidelity(knobs.support, knobs.terminal),
        )  # fmt: skip
        return [(self._shown(edit.x_src), self._shown(after)) for edit, (after,) in zip(edits, changed, strict=True)]

    def _edit(self, asked: Asked) -> Edit:
        source = Branch(self._embedded(asked.words.source), asked.knobs.source_guidance)
        targets = [Branch(self._embedded(asked.words.target), asked.knobs.target_guidance)]
        if asked.knobs.target_only:
            source, targets = target_only(source, targets)
        return Edit(self._model.encode(pixels_from_rgb(asked.rgb)), source, targets)

    def _shown(self, z: Tensor) -> Rgb:
        return rgb_from_pixels(self._model.decode(z))

    def _embedded(self, words: str) -> Prompt:
        if words not in self._prompts:
            self._prompts[words] = self._embed(words)
        self._prompts.move_to_end(words)
        if len(self._prompts) > _REMEMBERED:
            self._prompts.popitem(last=False)
        return self._prompts[words]


class PublishedHealer:
    """``Healer`` by a published model."""

    def __init__(self, edits: PublishedEdits) -> None:
        self._edits = edits

    @property
    def facts(self) -> ModelFacts:
        return self._edits.facts

    @property
    def precise(self) -> bool:
        return False

    def side(self, square: int, *, of_face: bool, photographed: bool = False) -> int:
        return self._edits.side(square)

    def heal(self, squares: Sequence[Square]) -> list[tuple[Rgb, Rgb]]:
        knobs = self._edits.knobs.heal
        return self._edits.edited([Asked(square.rgb, healing_words(square.seen), knobs) for square in squares])


class PublishedSwapper:
    """``Swapper`` by a published model: the persona is a description (``pipeline.vocabulary``), the same each visit."""

    def __init__(self, edits: PublishedEdits, personas: Personas) -> None:
        self._edits, self._personas = edits, personas

    @property
    def facts(self) -> ModelFacts:
        return self._edits.facts

    def swap(self, sittings: Sequence[Sitting]) -> list[Rgb]:
        """The first face of each photograph, then the second: those of one may lie in each other's square."""
        twins = [sitting.rgb for sitting in sittings]
        for number in range(max((len(sitting.faces) for sitting in sittings), default=0)):
            with_it = [index for index, sitting in enumerate(sittings) if number < len(sitting.faces)]
            crops = [FaceCrop.around(sittings[index].faces[number], twins[index].shape) for index in with_it]
            asked = [
                Asked(
                    crop.take(twins[index], self._edits.side(crop.side)),
                    self._words(sittings[index], number),
                    self._edits.knobs.swap_at(sittings[index].attempt),
                )
                for index, crop in zip(with_it, crops, strict=True)
            ]
            for index, crop, (_, after) in zip(with_it, crops, self._edits.edited(asked), strict=True):
                twins[index] = crop.put_back(twins[index], after)
        return twins

    def _words(self, sitting: Sitting, number: int) -> EditWords:
        # Other models' decks of the same patient are others.
        kept = hashlib.sha256(b"described" + sitting.seed).digest()
        deck = self._personas.kept(kept, PERSONAS, lambda: deck_for(kept))
        return swapping_words(sitting.prompt, persona_for(deck, sitting.attempt, number))
