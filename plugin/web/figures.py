"""Figures: the scorecard, the gate's calibration, and what tuning found."""

from __future__ import annotations

import json
import tomllib
from typing import Any

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from pipeline.errors import ModelError
from pipeline.gate import Calibration, calibrations_in_force, find_calibration
from plugin.model_settings import EMBEDDED
from plugin.web.desk import Desk
from plugin.web.plots import Receiver, interval, receiver_curves, trade

RECOGNISERS = {"sface": "SFace", "dlib": "dlib"}
RATES = {"1e3": 1e-3, "1e4": 1e-4}
"""Of ``tar_at_far`` figures: what they are called, and the false accept rate they were measured at."""


def show_figures(desk: Desk, request: Request) -> Response:
    """Whatever of the three there is; what there is not is said."""
    calibrations = _calibrations(desk)
    return desk.page(
        request, "figures.html",
        scorecard=_scorecard(desk), asked=desk.configuration.page.scorecard,
        calibrations=calibrations, curves=_curves([calibration for _, calibration in calibrations]),
        knobs=_knobs(desk), tried=_tried(desk), model=desk.configuration.model.folder is not None,
    )  # fmt: skip


def _calibrations(desk: Desk) -> list[tuple[str, Calibration]]:
    """Those that the gate of this node judges by, each with the faces it judges; none where one cannot be read."""
    configuration = desk.configuration
    try:
        chosen = find_calibration(configuration.policy.calibration, configuration.folder)
        other_swapper = configuration.model.folder is not None and configuration.model.swapping != EMBEDDED
        own, others = calibrations_in_force(chosen, other_swapper=other_swapper)
    except ModelError:
        return []
    if own.domain is None:
        return [("every face", own)]
    return [("faces like those that it was measured on", own), ("every other face", others)]


def _curves(calibrations: list[Calibration]) -> list[tuple[str, Markup]]:
    """For each recogniser the curves of all calibrations, or the points of them that are known."""
    drawn = []
    for name, label in RECOGNISERS.items():
        measured = [each for calibration in calibrations if (each := _measured(calibration, name)).rates]
        if measured:
            drawn.append((label, receiver_curves(measured, f"ROC of {label}: true over false accept rate")))
    return drawn


def _measured(calibration: Calibration, recogniser: str) -> Receiver:
    if points := calibration.roc.get(recogniser):
        return Receiver(calibration.name, [(far, tar) for _, far, tar in points], whole=True)
    known, figures = [], calibration.figures
    for label, far in RATES.items():
        if (tar := figures.get(f"{recogniser}_tar_at_far_{label}")) is not None:
            known.append((far, tar))
    if (equal := figures.get(f"{recogniser}_eer")) is not None:
        known.append((equal, 1 - equal))
    return Receiver(calibration.name, sorted(known), whole=False)


def _scorecard(desk: Desk) -> list[dict[str, Any]]:
    """Rows of the scorecard's figures; none where none is named, or the file is none."""
    name = desk.configuration.page.scorecard
    if not name:
        return []
    try:
        figures = json.loads(desk.configuration.file(name).read_text(encoding="utf-8"))["figures"]
        return [
            {
                "name": figure,
                "meaning": str(each.get("meaning", "")),
                "n": each["n"],
                "value": each["value"],
                "low": each.get("low"),
                "high": each.get("high"),
                "bar": each.get("first_bar"),
                "met": each.get("meets_first_bar"),
                "drawn": _drawn(figure, each),
            }
            for figure, each in figures.items()
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []


def _drawn(name: str, figure: dict[str, Any]) -> Markup:
    value = figure["value"]
    if value is None or not 0 <= value <= 1:
        return Markup("")
    return interval(figure.get("low"), value, figure.get("high"), f"{name}: {value:.3f}")


def _knobs(desk: Desk) -> dict[str, dict[str, Any]]:
    """What tuning wrote, by edit; nothing where no such file is named."""
    name = desk.configuration.model.knobs
    if not name:
        return {}
    try:
        stated = tomllib.loads(desk.configuration.file(name).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return {}
    return {edit: dict(stated[edit]) for edit in ("heal", "swap") if isinstance(stated.get(edit), dict)}


def _tried(desk: Desk) -> dict[str, Markup]:
    """What tuning tried, by edit, drawn from the file that it wrote beside the knobs; nothing where there is none."""
    name = desk.configuration.model.knobs
    if not name:
        return {}
    try:
        stated = json.loads(desk.configuration.file(name).with_suffix(".json").read_text(encoding="utf-8"))
        return {
            edit: trade(
                [(float(each["score"]["seconds"]), float(each["loss"])) for each in stated[edit]],
                [bool(each["unbeaten"]) for each in stated[edit]],
                _title(edit, stated[edit]),
            )
            for edit in ("heal", "swap")
            if stated.get(edit)
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _title(edit: str, candidates: list[dict[str, Any]]) -> str:
    """What one sees in the plot, for those who do not."""
    loss, seconds = candidates[0]["loss"], candidates[0]["score"]["seconds"]
    chosen = f"chosen: loss {loss:.2f}, {seconds:.3g} s"
    return f"{edit}: loss over seconds a photograph, {len(candidates)} candidates; {chosen}"
