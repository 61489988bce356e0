"""``twinveil train``: one network of the embedded model, from rendered patients and photographs."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from rich.console import Console

from plugin.errors import PackageMissing


def train(
    edit: Literal["heal", "skin", "closer", "swap", "marks", "lesions", "face_lesions"],
    work: Path,
    out: Path | None,
    assets: Path | None,
    faces: int | None,
    close_ups: int | None,
    images: int | None,
    begin_with: Path | None,
    photographs: Path | None,
    rate: float | None,
    console: Console,
) -> None:
    """Render, train and write the weights to ``out``, by default over the shipped ones.

    Raises PackageMissing without the renderer's packages.
    """
    try:
        from pipeline.models import FOLDER
        from pipeline.training import Plan
        from pipeline.training import train as run
    except ImportError as error:
        raise PackageMissing(f"{error.name} is missing: patients are rendered by twinveil[train]") from error

    plan = Plan(edit, work, out or FOLDER, assets, faces, close_ups, images, begin_with, photographs, rate)
    run(plan, lambda line: console.print(line, highlight=False, soft_wrap=True))
