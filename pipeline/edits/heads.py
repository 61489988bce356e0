"""The swap of a photographed face: a composed head is drawn in its place, and FlowEdit applies it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.edits.edit import EditKnobs, edited
from pipeline.errors import Refusal
from pipeline.faces import Face, Recognisers
from pipeline.heads import (
    WORST,
    Drawing,
    FaceMesh,
    Head,
    HeadBank,
    HeadFlow,
    Points,
    Region,
    Sitter,
    complexion_of,
    dealt,
    likeness,
    words_for,
)
from pipeline.models import pixels_from_rgb
from pipeline.photograph import Hints, Rgb
from pipeline.vocabulary import Personas, persona_for

_KNOBS = EditKnobs(1.0, 1)
"""What the flow leads to is drawn and not learned: one step arrives."""


_TRIED_ON_SIDE = 320
"""Pixels of the longer side of a head's region in which heads are tried on: recognisers see no more."""


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
        points = self._mesh.points(original, face.landmarks)
        laid, seen = self._drawing.square.unwrapped(original, points)
        complexion = complexion_of(laid, self._drawing.square.skin * seen)
        words = words_for(hints, sface, dlib, self._bank.known, complexion)
        region = Region.around(points, original.shape)
        small = _Small.of(region.of(original), region.within(points), face, (region.left, region.top))

        def tried_on(name: str) -> float:
            """How alike the patient stays with that head."""
            twin = self._drawing.drawn(small.rgb, small.points, self._bank.head(name))
            try:
                new_sface = self._recognisers.sface.describe(twin, small.face)
                new_dlib = self._recognisers.dlib.describe(twin, small.face)
            except Refusal:
                return WORST
            cosine = self._recognisers.sface.score(sface, new_sface)
            return likeness(cosine, self._recognisers.dlib.score(dlib, new_dlib))

        return dealt(self._bank, seed, words, sface, dlib, tried_on)


@dataclass(frozen=True, eq=False)
class _Small:
    """A head's region of a photograph, no larger than heads are tried on in."""

    rgb: Rgb
    points: Points
    face: Face

    @classmethod
    def of(cls, rgb: Rgb, points: Points, face: Face, corner: tuple[int, int]) -> _Small:
        scale = min(1.0, _TRIED_ON_SIDE / max(rgb.shape[:2]))
        landmarks, box = (face.landmarks - corner) * scale, (face.box.reshape(2, 2) - corner).ravel() * scale
        size = (max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale)))
        small = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8) if scale < 1 else rgb.copy()
        return cls(small, points * scale, Face(box, landmarks, face.score))
