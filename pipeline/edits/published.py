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

import torch

from pipeline.edits.crop import FaceCrop
from pipeline.edits.edit import EditKnobs
from pipeline.edits.fidelity import Fidelity, target_only
from pipeline.edits.flowedit import flow_edit
from pipeline.edits.knobs import PublishedKnobs
from pipeline.edits.models import ModelFacts
from pipeline.faces import Face
from pipeline.models import Branch, Prompt, RectifiedFlow, pixels_from_rgb, rgb_from_pixels
from pipeline.photograph import Rgb
from pipeline.vocabulary import (
    PERSONAS,
    ClinicalPrompt,
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

    def edited(self, rgb: Rgb, words: EditWords, knobs: EditKnobs) -> tuple[Rgb, Rgb]:
        """``rgb`` (uint8, square, of a ``side``) as the model shows it, and edited. ``ModelError`` where that fails."""
        source = Branch(self._embedded(words.source), knobs.source_guidance)
        targets = [Branch(self._embedded(words.target), knobs.target_guidance)]
        if knobs.target_only:
            source, targets = target_only(source, targets)
        with torch.inference_mode():
            before = self._model.encode(pixels_from_rgb(rgb))
            (after,) = flow_edit(
                self._model, before, source, targets,
                sigma_start=knobs.sigma_start, steps=knobs.steps, n_avg=knobs.n_avg,
                fidelity=Fidelity(knobs.support, knobs.terminal),
            )  # fmt: skip
            shown, changed = (rgb_from_pixels(self._model.decode(z)) for z in (before, after))
        return shown, changed

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

    def side(self, square: int, *, of_face: bool) -> int:
        return self._edits.side(square)

    def heal(self, rgb: Rgb, seen: ClinicalPrompt, *, of_face: bool) -> tuple[Rgb, Rgb]:
        return self._edits.edited(rgb, healing_words(seen), self._edits.knobs.heal)


class PublishedSwapper:
    """``Swapper`` by a published model: the persona is a description (``pipeline.vocabulary``), the same each visit."""

    def __init__(self, edits: PublishedEdits, personas: Personas) -> None:
        self._edits, self._personas = edits, personas

    @property
    def facts(self) -> ModelFacts:
        return self._edits.facts

    def swap(self, rgb: Rgb, prompt: ClinicalPrompt, faces: Sequence[Face], seed: bytes, attempt: int) -> Rgb:
        kept = hashlib.sha256(b"described" + seed).digest()  # other models' decks of the same patient are others
        deck = self._personas.kept(kept, PERSONAS, lambda: deck_for(kept))
        for number, face in enumerate(faces):
            crop = FaceCrop.around(face, rgb.shape)
            words = swapping_words(prompt, persona_for(deck, attempt, number))
            before = crop.take(rgb, self._edits.side(crop.side))
            _, after = self._edits.edited(before, words, self._edits.knobs.swap_at(attempt))
            rgb = crop.put_back(rgb, after)
        return rgb
