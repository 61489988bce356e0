"""The tuning itself: first the healing, then, with what it found, the swap."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from pipeline.disease import Lesion
from pipeline.edits import EditKnobs, PublishedKnobs, TwinMaker
from pipeline.errors import ModelError, Refusal
from pipeline.faces import Face, FaceFinder, Recognisers
from pipeline.photograph import Photograph, Rgb, Twins
from pipeline.tuning.score import HealScore, SwapScore, TuningPhotograph, heal_score, swap_score
from pipeline.tuning.trials import Found, Knobs, Range, search

_KEY = b"twinveil tune"


@dataclass(frozen=True)
class Budget:
    """``candidates``: of each edit, tried on ``few`` photographs each; a third of them and small steps from the best
    see all photographs, in so many ``rounds``. ``seed``: of where the candidates lie."""

    candidates: int = 16
    few: int = 3
    seed: int = 0
    rounds: int = 3


@dataclass(frozen=True)
class Tuned:
    """``knobs``: the chosen ones. ``heal``, ``swap``: what was tried on all photographs, the chosen first; empty where
    nothing could be learned: no photograph has an outlined disease, or none a face."""

    knobs: PublishedKnobs
    heal: tuple[Found[HealScore], ...]
    swap: tuple[Found[SwapScore], ...]


Progress = Callable[[str], None]
"""Called after each photograph of each trial with what was done."""


def tune(
    photographs: Sequence[TuningPhotograph],
    start: PublishedKnobs,
    maker_with: Callable[[PublishedKnobs], TwinMaker],
    budget: Budget | None = None,
    progress: Progress = lambda what: None,
    guided: bool = False,
) -> Tuned:
    """The best knobs for ``photographs``, from ``start`` on. ``maker_with``: twins by the model with these knobs.
    ``guided``: whether its guidance is classifier-free.

    Raises ``ModelError`` where there is neither an outlined disease nor a face in any of them.
    """
    bench = _Bench(photographs, maker_with, progress)
    spent = budget or Budget()
    faced = [number for number, faces in enumerate(bench.faces) if faces]
    if not any(each.diseased for each in photographs) and not faced:
        raise ModelError("no photograph has an outlined disease or a face: there is nothing to tune by")
    knobs = start
    healings: list[Found[HealScore]] = []
    if any(each.diseased for each in photographs):
        order = sorted(range(len(photographs)), key=lambda number: not photographs[number].diseased)

        def heals(tried: Knobs, few: int | None) -> HealScore:
            with_them = replace(start, heal=_edit(start.heal, tried))
            return HealScore.mean([bench.heal(number, with_them) for number in order[:few]])

        ranges = _ranges(start.heal, _OF_HEALING, guided)
        begin = _knobs(start.heal, _OF_HEALING)
        healings = search(begin, ranges, heals, spent.candidates, spent.few, spent.seed, spent.rounds)
        knobs = replace(knobs, heal=_edit(start.heal, healings[0].knobs))
    swaps: list[Found[SwapScore]] = []
    if faced:
        lesions = {number: bench.lesion(number, knobs) for number in faced}

        def swaps_with(tried: Knobs, few: int | None) -> SwapScore:
            with_them = replace(knobs, swap=_edit(start.swap, tried))
            return SwapScore.mean([bench.swap(number, lesions[number], with_them) for number in faced[:few]])

        ranges = _ranges(start.swap, _TURNED, guided)
        begin = _knobs(start.swap, _TURNED)
        swaps = search(begin, ranges, swaps_with, spent.candidates, spent.few, spent.seed, spent.rounds)
        knobs = replace(knobs, swap=_edit(start.swap, swaps[0].knobs))
    return Tuned(knobs, tuple(healings), tuple(swaps))


class _Bench:
    """Photographs with what is known of them, and trials on them."""

    def __init__(
        self,
        photographs: Sequence[TuningPhotograph],
        maker_with: Callable[[PublishedKnobs], TwinMaker],
        progress: Progress,
    ) -> None:
        self._photographs, self._maker_with, self._progress = photographs, maker_with, progress
        self._finder, self._recognisers = FaceFinder(), Recognisers.load()
        self.faces = [self._faces(each.photograph) for each in photographs]

    def heal(self, number: int, knobs: PublishedKnobs) -> HealScore:
        each = self._photographs[number]
        begun = time.monotonic()
        lesion = self._maker_with(knobs).heal(each.photograph)
        seconds = time.monotonic() - begun
        self._progress(f"healing {each.name}")
        return heal_score(each, lesion, seconds)

    def lesion(self, number: int, knobs: PublishedKnobs) -> Lesion:
        return self._maker_with(knobs).heal(self._photographs[number].photograph)

    def swap(self, number: int, lesion: Lesion, knobs: PublishedKnobs) -> SwapScore:
        each, maker = self._photographs[number], self._maker_with(knobs)
        seed = hashlib.sha256(_KEY + each.name.encode()).digest()  # the same persona in every trial
        begun = time.monotonic()
        twins = maker.swap(each.photograph, lesion, seed, attempt=0)
        seconds = time.monotonic() - begun
        try:
            maker.judge(each.photograph, twins)
            refused = False
        except Refusal:
            refused = True
        rgb, faces = each.photograph.rgb, self.faces[number]
        known = max(self._likeness(rgb, twins, face) for face in faces)
        self._progress(f"swapping {each.name}")
        return swap_score(rgb, twins, lesion, faces, refused=refused, known=known, seconds=seconds)

    def _likeness(self, rgb: Rgb, twins: Twins, face: Face) -> float:
        """SFace's cosine of patient and twin, both looked at where the patient's face is; 1 where it cannot be told."""
        try:
            patient, twin = (self._recognisers.sface.describe(picture, face) for picture in (rgb, twins.sick))
        except Refusal:
            return 1.0
        score = self._recognisers.sface.score(patient, twin)
        return score if math.isfinite(score) else 1.0

    def _faces(self, photograph: Photograph) -> list[Face]:
        return self._finder.find(photograph.rgb) if photograph.hints.view in (None, "face") else []


_TURNED = ("sigma_start", "steps", "source_guidance", "target_guidance")
_OF_HEALING = (*_TURNED, "support", "terminal", "target_only")


def _knobs(edit: EditKnobs, names: Sequence[str]) -> dict[str, float]:
    return {name: float(getattr(edit, name)) for name in names}


def _edit(edit: EditKnobs, knobs: Knobs) -> EditKnobs:
    kinds = {"steps": int, "target_only": bool}
    return replace(edit, **{name: kinds.get(name, float)(value) for name, value in knobs.items()})


def _ranges(start: EditKnobs, names: Sequence[str], guided: bool) -> dict[str, Range]:
    """Around what is known: from a third of the steps to half as many more, from no guidance to twice the given.
    Of a model that takes none, or starts without, none is searched. ``guided``: whether it is classifier-free."""

    def guidance(given: float) -> Range:
        return Range(1.0, 2 * given) if given != 1.0 else Range(1.0, 1.0)

    ranges = {
        "sigma_start": Range(max(0.2, start.sigma_start - 0.4), 1.0),
        "steps": Range(max(1, start.steps // 3), math.ceil(1.5 * start.steps), whole=True),
        "source_guidance": guidance(start.source_guidance),
        "target_guidance": guidance(start.target_guidance),
        "support": Range(0.0, 0.5),
        "terminal": Range(0.0, 0.05),
        "target_only": Range(0.0, float(guided and start.target_guidance != 1.0), whole=True),
    }
    return {name: ranges[name] for name in names}
