"""The swap of a photographed face: a composed head is drawn in its place, and FlowEdit applies it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from operator import itemgetter

from pipeline.edits.edit import EditKnobs, edited
from pipeline.edits.resolution import laid_over, reduced_by
from pipeline.errors import Refusal
from pipeline.faces import Face, FaceFinder, Recognisers, overlap, retained_texture
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

_DRAWS, _MOVED = 3, 0.5
"""A head is drawn anew up to so often, while texture of any region agrees by more than that: how hair and rim are moved
is drawn at random, and some draws leave them where they were."""
_FARTHER = 0.25
"""By how much more hair and rim are moved at each further try: what did not do at first will not again."""
_KNOBS = EditKnobs(1.0, 1)
"""What the flow leads to is drawn and not learned: one step arrives."""


_ANOTHER_EXPRESSION = 0.7
"""Added to the likeness of a head with which eyes or mouth look open that were shut, or shut that were open."""
_FINEST = 1280
"""Pixels of the longer side of a head's region up to which it is drawn as fine as the photograph is. A larger one loses
its finest texture; drawn in 12 megapixels it took 24 s and 3.1 GB."""
_TRIED_ON_SIDE = 320
"""Pixels of the longer side of a head's region in which heads are tried on: recognisers see no more."""


class HeadSwap:
    """Exchanges heads in photographs. Serves one thread."""

    def __init__(self, bank: HeadBank, recognisers: Recognisers, personas: Personas) -> None:
        """Raises ModelError when the face mesh's weights are missing or altered."""
        self._bank, self._recognisers, self._personas = bank, recognisers, personas
        self._finder, self._mesh = FaceFinder(), FaceMesh()
        self._drawing = Drawing(bank.frame)
        self._flow = HeadFlow(self._drawing, bank.digest)

    def swapped(self, rgb: Rgb, face: Face, head: Head, attempt: int = 0) -> Rgb:
        """``rgb`` with ``head`` where its ``face`` is; each further ``attempt`` moves what is around it farther.

        Raises Undecided where the face mesh sees no face.
        """
        points = self._mesh.points(rgb, face.landmarks)
        region = Region.around(points, rgb.shape)
        whole = region.of(rgb)
        scale = min(1.0, _FINEST / max(whole.shape[:2]))
        small = reduced_by(whole, scale)
        sitter = Sitter(small, region.within(points) * scale, 1 + _FARTHER * attempt)
        nobody, twins = self._flow.embed((None, sitter)), list[tuple[float, Rgb]]()
        while len(twins) < _DRAWS and (not twins or twins[-1][0] > _MOVED):
            prompts = [nobody, self._flow.embed((head, sitter))]
            drawn = edited(self._flow, pixels_from_rgb(small), prompts, _KNOBS)
            twin = region.put_back(rgb, laid_over(whole, small, drawn))
            twins.append((max(retained_texture(rgb, twin, face).values(), default=1.0), twin))
        return min(twins, key=itemgetter(0))[1]

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
        open_or_shut = self._bank.frame.opened(points)
        region = Region.around(points, original.shape)
        small = _Small.of(region.of(original), region.within(points), face, (region.left, region.top))

        def tried_on(name: str) -> float:
            """How alike the patient stays with that head, and whether it has their expression."""
            twin = self._drawing.drawn(small.rgb, small.points, self._bank.head(name))
            try:
                # As the gate will: where the twin's face is seen, not where the patient's was.
                faces = self._finder.find(twin)
                if not faces:
                    return WORST
                seen = max(faces, key=lambda other: overlap(other, small.face))
                new_sface = self._recognisers.sface.describe(twin, seen)
                new_dlib = self._recognisers.dlib.describe(twin, seen)
                shown = self._bank.frame.opened(self._mesh.points(twin, seen.landmarks))
            except Refusal:
                return WORST
            cosine = self._recognisers.sface.score(sface, new_sface)
            retained = max(retained_texture(small.rgb, twin, small.face).values(), default=1.0)
            alike = likeness(cosine, self._recognisers.dlib.score(dlib, new_dlib), retained)
            return alike if shown == open_or_shut else alike + _ANOTHER_EXPRESSION

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
        small = reduced_by(rgb, scale)
        return cls(small if scale < 1 else small.copy(), points * scale, Face(box, landmarks, face.score))
