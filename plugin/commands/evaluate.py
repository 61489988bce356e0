"""``twinveil evaluate``: unseen rendered patients through the pipeline, and the scorecard of it all."""

from __future__ import annotations

import io
import json
import math
import os
import platform
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress

from plugin.durable import write_file
from plugin.errors import PackageMissing

KEPT_EVERY = 10
"""Patients, or photographs, after which what is known so far is written: no power cut costs half an hour of work."""


def evaluate(
    patients: int, first_seed: int, out: Path, assets: Path | None, model: Path | None, console: Console
) -> dict[str, Any]:
    """Write ``scorecard.json``, ``report.html`` and ``overview.png`` to ``out``, now and then of the patients examined
    so far, and return the first.

    ``assets``: hair, brows and lashes for the renderer, whose baked data are kept beside the results. ``model``: a
    folder of weights instead of the shipped ones. Raises PackageMissing without the renderer's packages, ModelError for
    weights that are not whole.
    """
    try:
        from pipeline.evaluation import Case, Crowd, Unexamined, overview, report, scorecard
    except ImportError as error:
        raise PackageMissing(f"{error.name} is missing: patients are rendered by twinveil[train]") from error
    from pipeline.gate import load_calibration
    from pipeline.models import FOLDER, load_embedded

    embedded = load_embedded(model or FOLDER)
    calibration = load_calibration("rendered")
    out.mkdir(parents=True, exist_ok=True)
    crowd = Crowd(patients, first_seed, model or FOLDER, assets, out / "renderer")
    cases: list[Case] = []
    unexamined: list[str] = []

    def written() -> dict[str, Any]:
        figures = scorecard(cases, calibration)
        conditions = {
            "model": f"{embedded.name}, {embedded.digest[:12]}",
            "patients": len(cases),
            "asked for": patients,
            "first seed": first_seed,
            "refused before there was a twin, and in none of the figures": "; ".join(unexamined) or "none",
            "hair": "rendered with assets" if assets is not None else "caps and cropped hair alone",
            "machine": f"{os.cpu_count()} cores, {platform.machine()}; one core for each patient",
        }
        card: dict[str, Any] = {"conditions": conditions, "figures": without_nan(figures)}
        write_file(out / "scorecard.json", (json.dumps(card, indent=1) + "\n").encode(), mode=0o644)
        write_file(out / "report.html", report(figures, cases, conditions, calibration.domain).encode(), mode=0o644)
        picture = io.BytesIO()
        overview(cases).save(picture, "PNG", optimize=True)
        write_file(out / "overview.png", picture.getvalue(), mode=0o644)
        return card

    with Progress(console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("examining", total=patients)
        for case in crowd.examined():
            if isinstance(case, Unexamined):
                unexamined.append(f"{case.seed} ({case.reason})")
                bar.update(task, advance=1)
                continue
            cases.append(case)
            line = (
                f"patient {case.seed} {case.lesion} type {case.skin_type}: "
                f"{'released' if case.released else 'held back'} after {case.tries}, "
                f"mask IoU {case.mask_iou_truth:.2f}, {case.seconds_per_photo:.1f} s"
            )
            bar.update(task, advance=1, description=line)
            if not console.is_terminal:
                console.print(f"{len(cases)}/{patients} {line}", highlight=False, soft_wrap=True)
            if len(cases) % KEPT_EVERY == 0 and len(cases) < patients:
                written()
    return written()


def without_nan(value: Any) -> Any:
    """JSON knows no NaN: a figure that could not be measured is null."""
    if isinstance(value, dict):
        return {name: without_nan(each) for name, each in value.items()}
    return None if isinstance(value, float) and math.isnan(value) else value
