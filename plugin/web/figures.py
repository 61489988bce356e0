"""Figures: the scorecard, the gate's calibration, and what tuning found."""

from __future__ import annotations

import json
import tomllib
from typing import Any

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from pipeline.errors import ModelError
from pipeline.gate import Calibration, find_calibration
from plugin.web.desk import Desk
from plugin.web.plots import interval, receiver_curve, trade

RECOGNISERS = {"sface": "SFace", "sface_cosine": "SFace", "dlib": "dlib", "dlib_distance": "dlib"}


def show_figures(desk: Desk, request: Request) -> Response:
    """Whatever of the three there is; what there is not is said."""
    calibration = _calibration(desk)
    curves: list[Markup] = []
    if calibration is not None:
        curves = [
            receiver_curve(points, f"ROC of {RECOGNISERS.get(name, name)}: true over false accept rate")
            for name, points in calibration.roc.items()
        ]
    return desk.page(
        request, "figures.html",
        scorecard=_scorecard(desk), asked=desk.configuration.page.scorecard, calibration=calibration, curves=curves,
        curve_names=[RECOGNISERS.get(name, name) for name in (calibration.roc if calibration else {})],
        knobs=_knobs(desk), tried=_tried(desk), model=desk.configuration.model.folder is not None,
    )  # fmt: skip


def _calibration(desk: Desk) -> Calibration | None:
    try:
        return find_calibration(desk.configuration.policy.calibration, desk.configuration.folder)
    except ModelError:
        return None


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
                f"{edit}: loss over seconds a photograph, {len(stated[edit])} candidates",
            )
            for edit in ("heal", "swap")
            if stated.get(edit)
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
