"""The scorecard as a page that needs nothing beside it: tables, plots and the best, median and worst patients."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import jinja2
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from pipeline.evaluation.case import Case
from pipeline.evaluation.composites import KINDS
from pipeline.evaluation.figures import composite_figure
from pipeline.evaluation.pictures import row_of
from pipeline.evaluation.reidentification import RECOGNISERS, likeness
from pipeline.evaluation.skin import SkinCase
from pipeline.gate import Domain
from pipeline.photograph import Rgb

SHOWN = 10
"""Patients in each of the three galleries."""
BY_SKIN_TYPE = {
    "The gate": ("release_rate", "released_wrongly", *(f"reid_tar_at_far_1e3_{name}" for name in RECOGNISERS)),
    "Partial leaks put to the gate": tuple(map(composite_figure, KINDS)),
    "The edit run backwards": tuple(
        f"reverse_edit_matched_{attack}_{name}" for attack in ("once", "averaged") for name in RECOGNISERS
    ),
}
"""Figures that decide whom the gate protects: each is shown for every Fitzpatrick type, under its heading."""


def report(figures: dict[str, Any], cases: Sequence[Case], conditions: dict[str, Any], domain: Domain | None) -> str:
    """The page, as HTML. ``conditions``: what else a reader must know, by name."""
    ranked = sorted(cases, key=lambda case: -case.mask_iou_truth)
    middle = max((len(ranked) - SHOWN) // 2, 0)
    galleries = {
        "Best by mask": ranked[:SHOWN],
        "Median": ranked[middle : middle + SHOWN],
        "Worst": ranked[::-1][:SHOWN],
    }
    released = (case.skin for case in cases if case.skin is not None and case.skin.released)
    skins = sorted(released, key=lambda skin: -skin.mask_iou_truth)
    without_face = {"Skin without a face, best": skins[:SHOWN], "Skin without a face, worst": skins[::-1][:SHOWN]}
    in_galleries: dict[str, Sequence[Case | SkinCase]] = {**galleries, **without_face}
    template = jinja2.Environment(autoescape=True).from_string(
        files("pipeline.evaluation").joinpath("templates/report.html").read_text(encoding="utf-8")
    )
    return template.render(
        figures=figures,
        conditions=conditions,
        shown=shown,
        bounds=bounds,
        by_skin_type=BY_SKIN_TYPE,
        plots=[_plot_masks(figures), _plot_identity(cases, domain)],
        galleries={
            title: [(case, data_url(row_of(case.pictures))) for case in chosen]
            for title, chosen in in_galleries.items()
        },
    )


def shown(value: float | None) -> str:
    """Three places, and nothing of what could not be measured."""
    return "" if value is None or math.isnan(value) else f"{value:.3f}"


def bounds(figure: dict[str, Any]) -> str:
    """The 95 % interval; of none or of all the one bound that says something, named as such: not seen is not never."""
    if figure["value"] == 0 < figure["high"]:
        return f"at most {shown(figure['high'])}"
    if figure["low"] < figure["value"] == 1:
        return f"at least {shown(figure['low'])}"
    return f"{shown(figure['low'])} to {shown(figure['high'])}" if figure["n"] else ""


def data_url(rgb: Rgb) -> str:
    """The picture inside a page."""
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "JPEG", quality=88)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def _plot_masks(figures: dict[str, Any]) -> str:
    """IoU by lesion kind and by skin type, with intervals, beside the baseline."""
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    for axes, grouping, title in zip(
        figure.subplots(1, 2), ("by_lesion", "by_skin_type"), ("lesion", "Fitzpatrick type"), strict=True
    ):
        names = list(figures["mask_iou_truth"][grouping])
        for shift, name, label in ((-0.2, "mask_iou_truth", "twins"), (0.2, "otsu_iou", "Otsu on a*")):
            groups = [figures[name][grouping][group] for group in names]
            heights = np.array([group["value"] for group in groups])
            bounds = np.array([[g["value"] - g["low"], g["high"] - g["value"]] for g in groups]).T
            axes.bar(np.arange(len(names)) + shift, heights, 0.38, yerr=np.maximum(bounds, 0), label=label, capsize=2)
        axes.set_xticks(np.arange(len(names)), names)
        axes.set_ylim(0, 1)
        axes.set_ylabel("mask IoU")
        axes.set_xlabel(title)
    axes.legend()
    return _svg(figure)


def _plot_identity(cases: Sequence[Case], domain: Domain | None) -> str:
    """Scores of ungated twins against their own patient and against all others."""
    figure = Figure(figsize=(9, 2.8), layout="constrained")
    for axes, recogniser in zip(figure.subplots(1, 2), RECOGNISERS, strict=True):
        scores = likeness(cases, recogniser, "ungated", domain)
        own = np.diag(scores.twins)
        others = scores.twins[~np.eye(len(cases), dtype=bool)]
        known: list[NDArray[np.float64]] = [values[np.isfinite(values)] for values in (own, others)]
        if any(len(values) for values in known):
            bins = np.linspace(min(v.min() for v in known if len(v)), max(v.max() for v in known if len(v)), 40)
            axes.hist(known[1], bins, density=True, alpha=0.6, label="somebody else")
            axes.hist(known[0], bins, density=True, alpha=0.6, label="the twin's patient")
        if math.isfinite(scores.threshold):
            axes.axvline(scores.threshold, color="black", linewidth=1, label="FAR 1e-3")
        axes.set_xlabel("SFace cosine, centred" if recogniser == "sface" else "dlib, negative distance")
        axes.set_yticks([])
    axes.legend()
    return _svg(figure)


def _svg(figure: Figure) -> str:
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg")
    text = buffer.getvalue()
    return text[text.index("<svg") :]
