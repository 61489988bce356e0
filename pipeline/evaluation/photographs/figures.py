"""The figures of all photographs together: each with its n, a 95 % interval and its bars, by source, view and kind."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.evaluation.figures import Bar, figure, grouped
from pipeline.evaluation.photographs.baselines import BASELINES
from pipeline.evaluation.photographs.case import PhotographCase

Values = NDArray[np.float64]

GROUPS = ("source", "view", "skin_type", "kind", "sex", "complexion", "age")
"""Attributes of a case by which every figure is shown as well."""

BARS = (
    Bar("photo_release_rate", "released within three tries", "share", "higher", None, None),
    Bar("photo_held_for_face", "of those that show no face by their view: held for one", "share", "lower", 0.03, 0.005),
    Bar("photo_held_for_text", "held for text", "share", "lower", 0.02, 0.005),
    Bar("photo_mask_iou", "mask against what people outlined, released or held", "mean", "higher", None, None),
    Bar("photo_mask_iou_median", "the same", "median", "higher", None, None),
    Bar("photo_mask_iou_above_half", "photographs of which it is above .5", "share", "higher", None, None),
    Bar("photo_mask_iou_released", "of those released alone", "mean", "higher", None, None),
    *(Bar(f"photo_iou_{name}", f"without a model: {meaning}", "mean", "higher", None, None)
      for name, (meaning, _) in BASELINES.items()),
    Bar("photo_iou_above_colour", "mask IoU less the colour rule's, photograph by photograph", "mean", "higher",
        0.0, 0.12, strict=True),
    Bar("photo_false_area", "called diseased where nothing was outlined: of the head for faces, of the picture else",
        "mean", "lower", 0.005, 0.001),
    Bar("photo_false_area_beside", "called diseased of what people left outside of their outline", "mean", "lower",
        None, None),
    Bar("photo_heal_delta_e_before", "CIEDE2000 between the disease and the skin around it", "median", "lower",
        None, None),
    Bar("photo_heal_delta_e", "the same once it is healed", "median", "lower", None, None),
    Bar("photo_class_right", "class right, where the kind is known", "share", "higher", 0.85, 0.95),
    Bar("photo_seconds", "the whole way of one photograph", "median", "lower", 20.0, 5.0),
)  # fmt: skip


def photograph_figures(cases: Sequence[PhotographCase]) -> dict[str, Any]:
    """All figures by name: value, interval, n, bars, and the same by ``GROUPS``. ``ValueError`` without cases."""
    if not cases:
        raise ValueError("no photograph was examined")
    values = _values(cases)
    return {
        bar.name: {
            **figure(bar, values[bar.name]),
            **{
                f"by_{group}": grouped(bar, values[bar.name], [str(getattr(case, group)) for case in cases])
                for group in GROUPS
            },
        }
        for bar in BARS
    }


def verdict(figures: dict[str, Any]) -> str:
    """Whether the healer is worth anything: in one sentence, with the figures that say so."""
    healer, rule, apart = (figures[name] for name in ("photo_mask_iou", "photo_iou_colour", "photo_iou_above_colour"))
    if not apart["n"]:
        return "no photograph with an outline: nothing tells whether the healer beats the colour rule"
    shown = f"mask IoU {healer['value']:.2f} against {rule['value']:.2f}, n = {apart['n']}"
    if apart["low"] > 0:
        return f"the healer beats the colour rule: {shown}"
    if apart["high"] < 0:
        return f"the colour rule beats the healer, which is worth nothing here: {shown}"
    return f"the healer and the colour rule cannot be told apart: {shown}"


def table_of(cases: Sequence[PhotographCase]) -> str:
    """One line a photograph, as CSV: what was found and why it was held."""
    columns = [each.name for each in fields(PhotographCase) if each.name != "pictures"]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for case in cases:
        values = (getattr(case, name) for name in columns)
        writer.writerow([_cell(value) for value in values])
    return text.getvalue()


def _cell(value: str | float) -> str:
    if isinstance(value, str):
        return value
    return "" if math.isnan(value) else f"{value:.4f}"


def _values(cases: Sequence[PhotographCase]) -> dict[str, Values]:
    """(n,) by the name of each bar; not numbers where there is nothing to measure."""

    def of(name: str) -> Values:
        return np.array([getattr(case, name) for case in cases], np.float64)

    released = of("released")
    faceless = np.array([case.view != "face" for case in cases])
    masks = of("mask_iou")
    return {
        "photo_release_rate": released,
        "photo_held_for_face": np.where(faceless, [case.held_for == "face" for case in cases], math.nan),
        "photo_held_for_text": np.array([case.held_for == "text" for case in cases], np.float64),
        "photo_mask_iou": masks,
        "photo_mask_iou_median": masks,
        "photo_mask_iou_above_half": np.where(np.isfinite(masks), masks > 0.5, math.nan),
        "photo_mask_iou_released": np.where(released > 0, masks, math.nan),
        **{f"photo_iou_{name}": of(f"iou_{name}") for name in BASELINES},
        "photo_iou_above_colour": of("above_colour"),
        "photo_false_area": of("false_area"),
        "photo_false_area_beside": of("false_area_beside"),
        "photo_heal_delta_e_before": of("heal_delta_e_before"),
        "photo_heal_delta_e": of("heal_delta_e"),
        "photo_class_right": of("class_right"),
        "photo_seconds": of("seconds"),
    }
