"""The figures of all patients together, each with its n, a 95 % interval, its bars and its worst group."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from pipeline.evaluation.case import STAGES, Case
from pipeline.evaluation.composites import FIRST_TRY, FULL_SWAP, KINDS, LEAKS
from pipeline.evaluation.reidentification import RECOGNISERS, gate_limit, likeness, nearer_to_goal, same_over_visits
from pipeline.gate import Calibration

Kind = Literal["share", "mean", "median"]
Better = Literal["lower", "higher"]
CONFIDENCE = 0.95
_DRAWS = 2000

_TITLES = dict(zip(RECOGNISERS, ("SFace", "dlib"), strict=True))
_ATTACKS = {"once": "one run backwards", "averaged": "a run backwards, averaged over four noises"}


@dataclass(frozen=True)
class Bar:
    """What is asked of a figure; ``first`` and ``goal`` are None where it is only reported."""

    name: str
    meaning: str
    kind: Kind
    better: Better
    first: float | None
    goal: float | None
    strict: bool = False
    """The bar itself does not pass."""
    of_skin: bool = False
    """Of the close-ups, not of the faces."""

    def meets(self, value: float, bar: float | None) -> bool | None:
        if bar is None:
            return None
        compare = {
            ("lower", False): operator.le, ("lower", True): operator.lt,
            ("higher", False): operator.ge, ("higher", True): operator.gt,
        }[self.better, self.strict]  # fmt: skip
        return bool(compare(value, bar))


def composite_figure(kind: str) -> str:
    """The name of the figure for one of ``composites.KINDS``."""
    return f"composite_released_{kind}"


SKIN_FIGURES: tuple[tuple[str, str, Kind, Better], ...] = (
    ("released", "released", "share", "higher"),
    ("mask_iou_truth", "subtraction mask against the rendered truth", "mean", "higher"),
    ("otsu_iou", "the baseline", "mean", "higher"),
    ("healthy_false_area", "share called diseased where nothing is", "mean", "lower"),
)
BARS = (
    *(
        Bar(f"reid_tar_at_far_1e3_{name}", f"ungated sick twins that {title} still takes for their patient",
            "share", "lower", 0.10, 0.01)
        for name, title in _TITLES.items()
    ),
    *(
        Bar(f"reid_rank1_{name}", f"patients whom {title} finds first in a gallery of the originals",
            "share", "lower", 0.10, 0.02)
        for name, title in _TITLES.items()
    ),
    *(
        Bar(f"same_over_visits_{name}", f"twins of later visits that {title} takes for the first visit's person",
            "mean", "higher", None, None)
        for name, title in _TITLES.items()
    ),
    *(
        Bar(f"nearer_to_goal_{name}", f"ungated twins that {title} finds more like a true swap than like their patient",
            "share", "higher", None, None)
        for name, title in _TITLES.items()
    ),
    Bar("released_wrongly", "released, though at a FAR of 1e-3 a recogniser says it is the patient", "share", "lower",
        0.0, 0.0),
    Bar("release_rate", "released within three tries", "share", "higher", 0.90, 0.99),
    *(
        Bar(composite_figure(kind), f"released by the gate: {shown}", "share", "lower", 0.01, 0.0)
        for kind, shown in LEAKS.items()
    ),
    Bar(composite_figure(FULL_SWAP), "released by the gate within three tries: a true swap into the personas dealt",
        "share", "higher", 0.95, 0.99),
    Bar(composite_figure(FIRST_TRY), "the same at the first try", "share", "higher", None, None),
    Bar("mask_iou_truth", "subtraction mask against the rendered truth", "mean", "higher", 0.55, 0.80),
    Bar("otsu_iou", "the baseline: Otsu's threshold on a* of the sick twin, without a healthy one", "mean", "higher",
        None, None),
    Bar("mask_iou_stability", "between the masks of one patient under four personas", "mean", "higher", 0.67, 0.85,
        strict=True),
    *(
        Bar(f"skin_{name}", f"on close-ups without a face: {meaning}", kind, better, None, None, of_skin=True)
        for name, meaning, kind, better in SKIN_FIGURES
    ),
    Bar("lesion_delta_a", "difference of the lesion's redness (a*) between photograph and twin", "median", "lower",
        2.5, 1.0),
    Bar("healthy_false_area", "share of the photograph called diseased where nothing is", "mean", "lower", 0.02, 0.005),
    Bar("distractor_rate", "lip, brow, glasses and jewellery pixels marked", "mean", "lower", 0.05, 0.01),
    Bar("outside_delta_e", "CIEDE2000 between the twins outside the lesion", "median", "lower", 2.0, 0.7),
    Bar("reverse_edit_psnr", "best reconstruction of the patient's head by running the edit backwards, dB", "mean",
        "lower", None, 14.0),
    *(
        Bar(f"reverse_edit_{measure}_{attack}_{name}", f"patients whom {title} knows {again} after {shown}", "share",
            "lower", None, None)
        for measure, again in (("matched", "by the gate's threshold"), ("tar_at_far_1e3", "at a FAR of 1e-3"))
        for attack, shown in _ATTACKS.items()
        for name, title in _TITLES.items()
    ),
    Bar("seconds_per_photo", "swap, gate, healing and subtraction of one photograph, tries included", "median",
        "lower", 20.0, 3.0),
    *(
        Bar(f"seconds_{stage}", f"of these, {stage}", "median", "lower", None, None)
        for stage in STAGES
    ),
)  # fmt: skip
"""``worst_group_gap``, the loss of ``mask_iou_truth`` in the worst skin type, is added to them: it has no n itself."""

GAP = Bar("worst_group_gap", "loss of mask_iou_truth in the worst skin type", "mean", "lower", 0.15, 0.05)


@dataclass(frozen=True)
class Estimate:
    """A figure with its interval; NaN throughout where there is nothing to measure."""

    value: float
    low: float
    high: float
    n: int


def scorecard(cases: Sequence[Case], calibration: Calibration) -> dict[str, Any]:
    """All figures by name: value, interval, n, bars, and the same by lesion kind and by Fitzpatrick type.

    ``calibration``: the gate's, for the kind of picture that the patients are. ``ValueError`` without cases.
    """
    if not cases:
        raise ValueError("no patient was examined")
    values = _values(cases, calibration)
    figures: dict[str, Any] = {}
    for bar in BARS:
        each = values[bar.name]
        overall = estimate(each, bar.kind)
        shown = [case.skin for case in cases if case.skin is not None] if bar.of_skin else cases
        by_skin_type = _grouped(each, [case.skin_type for case in shown], bar.kind)
        figures[bar.name] = {
            "meaning": bar.meaning,
            **asdict(overall),
            **_bars(bar, overall.value),
            "worst_skin_type": _worst(by_skin_type, bar),
            "by_skin_type": by_skin_type,
            "by_lesion": _grouped(each, [case.lesion for case in shown], bar.kind),
        }
    masks = figures["mask_iou_truth"]
    gap = masks["value"] - min(group["value"] for group in masks["by_skin_type"].values())
    figures[GAP.name] = {"meaning": GAP.meaning, "value": gap, "n": len(cases), **_bars(GAP, gap)}
    return figures


def estimate(values: NDArray[np.float64], kind: Kind) -> Estimate:
    """Of (n,) values: Wilson's interval for a share, else the percentiles of bootstrap draws; NaN values left out."""
    known = values[np.isfinite(values)]
    if not len(known):
        return Estimate(math.nan, math.nan, math.nan, 0)
    if kind == "share":
        interval = binomtest(round(float(known.sum())), len(known)).proportion_ci(CONFIDENCE, "wilson")
        return Estimate(float(known.mean()), float(interval.low), float(interval.high), len(known))
    statistic: Callable[..., Any] = np.mean if kind == "mean" else np.median
    draws = known[np.random.default_rng(0).integers(0, len(known), (_DRAWS, len(known)))]
    low, high = np.quantile(statistic(draws, axis=1), [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Estimate(float(statistic(known)), float(low), float(high), len(known))


def figure(bar: Bar, values: NDArray[np.float64]) -> dict[str, Any]:
    """All that is shown of ``values`` (n,) under ``bar``; whether they meet it is None where nothing was measured."""
    overall = estimate(values, bar.kind)
    known = math.isfinite(overall.value)
    return {
        "meaning": bar.meaning,
        **asdict(overall),
        "better": bar.better,
        "first_bar": bar.first,
        "goal": bar.goal,
        "meets_first_bar": bar.meets(overall.value, bar.first) if known else None,
        "meets_goal": bar.meets(overall.value, bar.goal) if known else None,
    }


def grouped(bar: Bar, values: NDArray[np.float64], words: Sequence[str]) -> dict[str, dict[str, float]]:
    """The estimate of those of ``values`` (n,) that have each of their ``words``."""
    of_all = np.array(words)
    return {word: asdict(estimate(values[of_all == word], bar.kind)) for word in sorted(set(words))}


def _values(cases: Sequence[Case], calibration: Calibration) -> dict[str, NDArray[np.float64]]:
    """(n,) by the name of each bar; of skin, without the patients who have no close-up."""
    named = {bar.name for bar in BARS} & set(dir(cases[0]))
    values = {name: np.array([getattr(case, name) for case in cases], np.float64) for name in named}
    released = np.array([case.released for case in cases])
    domain = calibration.domain
    attacked = np.where(np.isfinite(values["reverse_edit_psnr"]), 1.0, math.nan)
    known_again = np.zeros(len(cases), bool)
    for recogniser in RECOGNISERS:
        first = likeness(cases, recogniser, "ungated", domain)
        values[f"reid_tar_at_far_1e3_{recogniser}"] = first.matched.astype(np.float64)
        values[f"reid_rank1_{recogniser}"] = first.ranked_first.astype(np.float64)
        values[f"nearer_to_goal_{recogniser}"] = nearer_to_goal(cases, recogniser, domain)
        values[f"same_over_visits_{recogniser}"] = same_over_visits(cases, recogniser, domain)
        for attack in _ATTACKS:
            reversed_edit = likeness(cases, recogniser, f"reversed_{attack}", domain)
            at_gate = reversed_edit.matched_at(gate_limit(calibration, recogniser))
            values[f"reverse_edit_matched_{attack}_{recogniser}"] = attacked * at_gate
            values[f"reverse_edit_tar_at_far_1e3_{attack}_{recogniser}"] = attacked * reversed_edit.matched
        known_again |= likeness(cases, recogniser, "twin", domain).matched
    values["released_wrongly"] = (known_again & released).astype(np.float64)
    values["release_rate"] = released.astype(np.float64)
    for stage in STAGES:
        values[f"seconds_{stage}"] = np.array([case.seconds[stage] for case in cases])
    skins = [case.skin for case in cases if case.skin is not None]
    for name, *_ in SKIN_FIGURES:
        values[f"skin_{name}"] = np.array([getattr(skin, name) for skin in skins], np.float64)
    for kind in KINDS:
        values[composite_figure(kind)] = np.array([case.composites[kind] is None for case in cases], np.float64)
    return values


def _grouped(values: NDArray[np.float64], groups: Sequence[str], kind: Kind) -> dict[str, dict[str, float]]:
    names = np.array(groups)
    return {name: asdict(estimate(values[names == name], kind)) for name in sorted(set(groups))}


def _worst(groups: dict[str, dict[str, float]], bar: Bar) -> str:
    known = {name: group["value"] for name, group in groups.items() if math.isfinite(group["value"])}
    if not known:
        return ""
    return (max if bar.better == "lower" else min)(known, key=lambda name: known[name])


def _bars(bar: Bar, value: float) -> dict[str, Any]:
    return {
        "better": bar.better,
        "first_bar": bar.first,
        "goal": bar.goal,
        "meets_first_bar": bar.meets(value, bar.first),
        "meets_goal": bar.meets(value, bar.goal),
    }
