"""``twinveil evaluate``: unseen rendered patients through the pipeline, and the scorecard of it all."""

from __future__ import annotations

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


def evaluate(
    patients: int, first_seed: int, out: Path, assets: Path | None, model: Path | None, console: Console
) -> dict[str, Any]:
    """Write ``scorecard.json`` and ``report.html`` to ``out`` and return the former.

    ``assets``: hair, brows and lashes for the renderer, whose baked data are kept beside the results. ``model``: a
    folder of weights instead of the shipped ones. Raises PackageMissing without the renderer's packages, ModelError for
    weights that are not whole.
    """
    try:
        from pipeline.evaluation.report import report
        from pipeline.renderer.mpfb2 import mpfb2_folder
        from pipeline.renderer.patient import Renderer
    except ImportError as error:
        raise PackageMissing(f"{error.name} is missing: patients are rendered by twinveil[train]") from error
    from pipeline.calibration import load_calibration
    from pipeline.evaluation.case import Examiner
    from pipeline.evaluation.scorecard import scorecard
    from pipeline.evaluation.unseen import unseen_patients
    from pipeline.faces import FaceFinder
    from pipeline.models.embedded import FOLDER
    from pipeline.persona import Personas
    from pipeline.recognisers import Recognisers
    from pipeline.twins import load_flow_twin_maker

    personas = Personas()
    maker = load_flow_twin_maker(model or FOLDER, personas=personas)
    renderer = Renderer(mpfb2_folder(), assets, out / "renderer")
    examiner = Examiner(maker, personas, FaceFinder(), Recognisers.load())
    domain = load_calibration("rendered").domain
    cases = []
    with Progress(console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("examining", total=patients)
        for patient in unseen_patients(renderer, patients, first_seed):
            case = examiner.examine(patient)
            cases.append(case)
            line = (
                f"patient {case.seed} {case.lesion} type {case.skin_type}: "
                f"{'released' if case.released else 'held back'} after {case.tries}, "
                f"mask IoU {case.mask_iou_truth:.2f}, {case.seconds_per_photo:.1f} s"
            )
            bar.update(task, advance=1, description=line)
            if not console.is_terminal:
                console.print(f"{len(cases)}/{patients} {line}", highlight=False, soft_wrap=True)
    figures = scorecard(cases, domain)
    conditions = {
        "model": f"{maker.name} {maker.version}, {maker.digest[:12]}",
        "patients": len(cases),
        "first seed": first_seed,
        "hair": "rendered with assets" if renderer.with_assets else "caps and cropped hair alone",
        "machine": f"{os.cpu_count()} cores, {platform.machine()}",
    }
    card: dict[str, Any] = {"conditions": conditions, "figures": _without_nan(figures)}
    out.mkdir(parents=True, exist_ok=True)
    write_file(out / "scorecard.json", (json.dumps(card, indent=1) + "\n").encode(), mode=0o644)
    write_file(out / "report.html", report(figures, cases, conditions, domain).encode(), mode=0o644)
    return card


def _without_nan(value: Any) -> Any:
    """JSON knows no NaN: a figure that could not be measured is null."""
    if isinstance(value, dict):
        return {name: _without_nan(each) for name, each in value.items()}
    return None if isinstance(value, float) and math.isnan(value) else value
