"""Many patients on all cores: each worker has a renderer, a model and a gate of its own."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from pipeline.edits import TwinSettings, load_flow_twin_maker
from pipeline.errors import Refusal
from pipeline.evaluation.case import Case, Examiner
from pipeline.evaluation.unseen import unseen_patient
from pipeline.faces import FaceFinder, Recognisers
from pipeline.renderer import Renderer, mpfb2_folder
from pipeline.vocabulary import Personas


@dataclass(frozen=True)
class Crowd:
    """Whom to examine, with which model, and what the renderer needs (see ``Renderer``)."""

    patients: int
    first_seed: int
    model: Path
    assets: Path | None
    renderer_cache: Path
    settings: TwinSettings | None = None
    """Knobs other than the shipped ones."""

    def renderer(self) -> Renderer:
        return Renderer(mpfb2_folder(), self.assets, self.renderer_cache)

    def examined(self) -> Iterator[Case | Unexamined]:
        """The patients in order of their seeds; seeds whose lesion cannot be seen are left out."""
        self.renderer()  # what is baked once is there before the workers ask for it
        workers, seed, left = os.cpu_count() or 1, self.first_seed, self.patients
        context = multiprocessing.get_context("spawn")
        with context.Pool(workers, _begin, (self,)) as pool:
            while left:
                ahead = min(left, 4 * workers)
                for case in pool.imap(_examine, range(seed, seed + ahead)):
                    if case is not None:
                        left -= 1
                        yield case
                seed += ahead


@dataclass(frozen=True)
class Unexamined:
    """A patient whose photograph was refused before there was a twin of it to measure."""

    seed: int
    reason: str


_worker: tuple[Renderer, Examiner] | None = None


def _begin(crowd: Crowd) -> None:
    global _worker
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    personas = Personas()
    maker = load_flow_twin_maker(crowd.model, crowd.settings, personas)
    renderer = crowd.renderer()
    _worker = renderer, Examiner(maker, personas, FaceFinder(), Recognisers.load(), renderer)


def _examine(seed: int) -> Case | Unexamined | None:
    assert _worker is not None
    renderer, examiner = _worker
    patient = unseen_patient(renderer, seed)
    if patient is None:
        return None
    try:
        return examiner.examine(patient)
    except Refusal as refusal:
        return Unexamined(seed, f"{type(refusal).__name__}: {refusal}")
