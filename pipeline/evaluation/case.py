"""One unseen patient put through the pipeline as in service, and every figure that the truth allows."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import chain, combinations
from typing import TypeVar

import numpy as np
from skimage.color import deltaE_ciede2000, rgb2lab

from pipeline.edits import FlowTwinMaker
from pipeline.errors import Refusal, Undecided
from pipeline.evaluation.attack import reversed_edit
from pipeline.evaluation.composites import judged_composites
from pipeline.evaluation.first_twins import false_area, first_twins
from pipeline.evaluation.masks import Mask, Pictures, iou, redness_mask
from pipeline.evaluation.skin import SkinCase, examine_skin
from pipeline.evaluation.unseen import UnseenPatient, true_swap
from pipeline.faces import Descriptor, FaceFinder, Recognisers
from pipeline.photograph import Findings, Rgb, Twins
from pipeline.renderer import Renderer
from pipeline.vocabulary import Personas, persona_for

TRIES = 3
STAGES = ("heal", "swap", "gate", "subtract")
PERSONAS_COMPARED = 4
OUTSIDE = 0.02
"""Below this share of lesion a pixel lies outside of it."""

T = TypeVar("T")


@dataclass(frozen=True)
class Described:
    """What both recognisers make of the largest face; None where one of them sees none."""

    sface: Descriptor | None
    dlib: Descriptor | None


@dataclass(frozen=True)
class Case:
    """Figures of one patient; IoUs and shares in [0, 1], colour in CIELAB, PSNR in dB.

    ``ungated`` is the first twin, whatever the gate says of it; the other figures are of the released one, or of the
    last that was tried.
    """

    seed: int
    lesion: str
    skin_type: str
    released: bool
    tries: int
    refusals: list[str]
    original: Described
    ungated: Described
    twin: Described
    goal: Described
    """A true swap into the persona of the first twin: who that twin should be."""
    later: list[Described]
    """The first twins of the later visits."""
    mask_iou_truth: float
    otsu_iou: float
    mask_iou_stability: float
    lesion_delta_a: float
    healthy_false_area: float
    distractor_rate: float
    outside_delta_e: float
    reverse_edit_psnr: float
    reversed_once: Described
    """The attacker's picture of the patient; nobody where no face was found in the twin."""
    reversed_averaged: Described
    composites: dict[str, str | None]
    """Why the gate holds back each of ``composites.KINDS``; None where it releases."""
    seconds: dict[str, float]
    pictures: Pictures = field(repr=False)
    skin: SkinCase | None = field(repr=False)
    """A close-up of other skin; None where its lesion cannot be seen."""

    @property
    def seconds_per_photo(self) -> float:
        return sum(self.seconds.values())


class Examiner:
    """Puts patients through ``maker``; one examiner serves one thread."""

    def __init__(
        self,
        maker: FlowTwinMaker,
        personas: Personas,
        finder: FaceFinder,
        recognisers: Recognisers,
        renderer: Renderer,
    ) -> None:
        """``personas``: the ones that ``maker`` deals from. ``renderer``: the patients', for true swaps of them."""
        self._maker, self._personas, self._finder, self._recognisers = maker, personas, finder, recognisers
        self._renderer = renderer

    def examine(self, patient: UnseenPatient) -> Case:
        """Every figure of one patient."""
        truth, photograph, seed = patient.rendered, patient.photograph, patient.persona_seed
        seconds = dict.fromkeys(STAGES, 0.0)

        def timed(stage: str, work: Callable[[], T]) -> T:
            began = time.perf_counter()
            result = work()
            seconds[stage] += time.perf_counter() - began
            return result

        findings: Findings | None = None
        refusals: list[str] = []
        twins: list[Twins] = []
        disease = timed("heal", lambda: self._maker.heal(photograph))
        while findings is None and len(twins) < TRIES:
            twins.append(timed("swap", lambda: self._maker.swap(photograph, disease, seed, len(twins))))
            try:
                findings = timed("gate", lambda: self._maker.judge(photograph, twins[-1]))
            except Refusal as refusal:
                refusals.append(f"{type(refusal).__name__}: {refusal}")
        sick, healthy = twins[-1].sick, twins[-1].healthy
        found = timed("subtract", lambda: self._maker.subtract(twins[-1]))
        deck = self._personas.deck(seed, lambda: None)  # dealt at the first swap
        attack = reversed_edit(self._maker, self._finder, patient, sick, persona_for(deck, len(twins) - 1))
        goal = true_swap(self._renderer, patient, persona_for(deck, 0))
        others = (true_swap(self._renderer, patient, persona_for(deck, attempt)) for attempt in range(1, TRIES))
        for attempt in range(len(twins), PERSONAS_COMPARED):
            twins.append(self._maker.swap(photograph, disease, seed, attempt))
        sick_lab, healthy_lab = rgb2lab(sick), rgb2lab(healthy)
        change = rgb2lab(truth.photograph) - rgb2lab(truth.healthy_twin)
        outside = truth.lesion_soft < OUTSIDE
        moved = np.median((sick_lab - healthy_lab)[truth.mask][:, 1]) - np.median(change[truth.mask][:, 1])
        return Case(
            seed=patient.seed,
            lesion=truth.description.lesion,
            skin_type=truth.description.skin_type,
            released=findings is not None,
            tries=len(refusals) + (findings is not None),
            refusals=refusals,
            original=self._described(photograph.rgb),
            ungated=self._described(twins[0].sick),
            twin=self._described(sick),
            goal=self._described(goal.photograph),
            later=[self._described(first_twins(self._maker, visit, seed).sick) for visit in patient.visits],
            mask_iou_truth=iou(found.mask, truth.mask),
            otsu_iou=iou(redness_mask(sick_lab), truth.mask),
            mask_iou_stability=_mean_iou([self._maker.subtract(each).mask for each in twins[:PERSONAS_COMPARED]]),
            lesion_delta_a=float(abs(moved)),
            healthy_false_area=false_area(self._maker, patient.healthy, seed),
            distractor_rate=_share(found.mask & ~truth.mask, patient.distractors & ~truth.mask),
            outside_delta_e=float(np.median(deltaE_ciede2000(sick_lab, healthy_lab)[outside])),
            reverse_edit_psnr=attack.psnr,
            reversed_once=self._described(attack.once),
            reversed_averaged=self._described(attack.averaged),
            composites=judged_composites(self._maker, patient, chain([goal], others)),
            seconds=seconds,
            pictures=Pictures(photograph.rgb, sick, healthy, found.mask, truth.mask),
            skin=None if patient.skin is None else examine_skin(self._maker, patient.skin),
        )

    def _described(self, rgb: Rgb | None) -> Described:
        faces = [] if rgb is None else self._finder.find(rgb)
        if rgb is None or not faces:
            return Described(None, None)
        seen: list[Descriptor | None] = []
        for recogniser in (self._recognisers.sface, self._recognisers.dlib):
            try:
                seen.append(recogniser.describe(rgb, faces[0]))
            except Undecided:
                seen.append(None)
        return Described(*seen)


def _mean_iou(masks: list[Mask]) -> float:
    return float(np.mean([iou(one, other) for one, other in combinations(masks, 2)]))


def _share(part: Mask, whole: Mask) -> float:
    return float((part & whole).sum() / max(int(whole.sum()), 1))
