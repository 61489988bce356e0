"""The scorecard of photographs as a page that needs nothing beside it. It shows them: keep it as they are kept.

Of each source the best, the median and the worst ten: by mask where a disease was outlined, else by the area that is
called diseased though nothing is.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import jinja2

from pipeline.evaluation.html_report import bounds, data_url, shown
from pipeline.evaluation.people import GROUPS as PEOPLE_GROUPS
from pipeline.evaluation.photographs.case import PhotographCase
from pipeline.evaluation.photographs.figures import verdict
from pipeline.evaluation.pictures import row_of

SHOWN = 10
"""Photographs in each gallery."""


def photograph_report(figures: dict[str, Any], cases: Sequence[PhotographCase], conditions: dict[str, Any]) -> str:
    """The page, as HTML. ``conditions``: what else a reader must know, by name."""
    of_people = [name for name, figure in figures.items() if "by_sex" in figure and "by_source" not in figure]
    template = jinja2.Environment(autoescape=True).from_string(
        files("pipeline.evaluation").joinpath("templates/photographs.html").read_text(encoding="utf-8")
    )
    return template.render(
        figures=figures,
        conditions=conditions,
        verdict=verdict(figures),
        shown=shown,
        bounds=bounds,
        of_people=["photo_release_rate", *of_people] if of_people else [],
        people_groups=[
            (f"by_{group}", word)
            for group in PEOPLE_GROUPS
            for word in (figures[of_people[0]][f"by_{group}"] if of_people else ())
        ],
        reasons=Counter((case.source, case.held_for, case.reason) for case in cases if not case.released).most_common(),
        galleries={
            title: [(case, _caption(case), data_url(row_of(case.pictures))) for case in chosen]
            for title, chosen in _galleries(cases).items()
        },
    )


def _galleries(cases: Sequence[PhotographCase]) -> dict[str, Sequence[PhotographCase]]:
    """By title; of fewer photographs than three galleries hold, all in one."""
    galleries: dict[str, Sequence[PhotographCase]] = {}
    for source in sorted({case.source for case in cases}):
        of_source = [case for case in cases if case.source == source]
        outlined = [case for case in of_source if math.isfinite(case.mask_iou)]
        healthy = [case for case in of_source if math.isfinite(case.false_area)]
        for what, ranked in (
            ("by mask", sorted(outlined, key=lambda case: -case.mask_iou)),
            ("nothing outlined, by the area called diseased", sorted(healthy, key=lambda case: case.false_area)),
        ):
            if len(ranked) <= 3 * SHOWN:
                galleries |= {f"{source}, {what}": ranked} if ranked else {}
                continue
            middle = (len(ranked) - SHOWN) // 2
            galleries[f"{source}, best {what}"] = ranked[:SHOWN]
            galleries[f"{source}, median {what}"] = ranked[middle : middle + SHOWN]
            galleries[f"{source}, worst {what}"] = ranked[::-1][:SHOWN]
    return galleries


def _caption(case: PhotographCase) -> str:
    found = f"mask IoU {case.mask_iou:.2f}, colour rule {case.iou_colour:.2f}"
    if not math.isfinite(case.mask_iou):
        found = f"called diseased {case.false_area:.4f}"
    held = f"held for {case.held_for}: {case.reason}" if case.held_for else "released"
    return f"{case.name}, {case.view}, {case.kind}: {found}, class {case.lesion_class}; {held}"
