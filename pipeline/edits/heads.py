"""The swap of a photographed face: a composed head is drawn in its place, and FlowEdit applies it."""

from __future__ import annotations

import hashlib

from pipeline.edits.edit import EditKnobs, edited
from pipeline.faces import Face, Recognisers
from pipeline.heads import Drawing, FaceMesh, Head, HeadBank, HeadFlow, Region, Sitter, complexion_of, dealt, words_for
from pipeline.models import pixels_from_rgb
from pipeline.photograph import Hints, Rgb
from pipeline.vocabulary import Personas, persona_for

_KNOBS = EditKnobs(1.0, 1)
"""What the flow leads to is drawn and not learned: one step arrives."""


class HeadSwap:
    """Exchanges heads in photographs. Serves one thread."""

    def __init__(self, bank: HeadBank, recognisers: Recognisers, personas: Personas) -> None:
        """Raises ModelError when the face mesh's weights are missing or altered."""
        self._bank, self._recognisers, self._personas = bank, recognisers, personas
        self._mesh = FaceMesh()
        self._drawing = Drawing(bank.frame)
        self._flow = HeadFlow(self._drawing, bank.digest)

    def swapped(self, rgb: Rgb, face: Face, head: Head) -> Rgb:
        """``rgb`` with ``head`` where its ``face`` is. Raises Undecided where the face mesh sees none."""
        points = self._mesh.points(rgb, face.landmarks)
        region = Region.around(points, rgb.shape)
        sitter = Sitter(region.of(rgb), region.within(points))
        prompts = [self._flow.embed((whose, sitter)) for whose in (None, head)]
        return region.put_back(rgb, edited(self._flow, pixels_from_rgb(sitter.rgb), prompts, _KNOBS))

    def head_for(self, original: Rgb, face: Face, hints: Hints, seed: bytes, attempt: int, number: int) -> Head:
        """The head that the patient of ``seed`` gets: dealt once, by the ``face`` in the ``original``, and kept.

        ``number``: which face of the photograph it is for, from 0; ``face`` is the patient's, the first.
        """
        kept = hashlib.sha256(b"head" + seed).digest()  # the portraits' deck of the same patient is another
        deck = self._personas.kept(kept, self._bank.names, lambda: self._dealt(original, face, hints, kept))
        return self._bank.head(persona_for(deck, attempt, number))

    def _dealt(self, original: Rgb, face: Face, hints: Hints, seed: bytes) -> tuple[str, ...]:
        sface = self._recognisers.sface.describe(original, face)
        dlib = self._recognisers.dlib.describe(original, face)
        square = self._drawing.square
        laid, seen = square.unwrapped(original, self._mesh.points(original, face.landmarks))
        complexion = complexion_of(laid, square.skin * seen)
        words = words_for(hints, sface, dlib, self._bank.known, complexion)
        return dealt(self._bank, seed, words, sface, dlib)
