"""``twinveil tune``: the knobs of a larger model's edits, found on a site's own photographs."""

from __future__ import annotations

import hashlib
import io
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from PIL import Image
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from pipeline.albums import photographs_in
from pipeline.edits import (
    PublishedChoice,
    PublishedEdits,
    PublishedHealer,
    PublishedKnobs,
    PublishedSwapper,
    TwinMaker,
    load_flow_twin_maker,
    load_published,
    write_knobs,
)
from pipeline.errors import UnusablePhotograph
from pipeline.gate import Calibration
from pipeline.photograph import Hints, Photograph, View
from pipeline.tuning import Budget, Found, Row, Tuned, TuningPhotograph, front, sheet, tune
from pipeline.vocabulary import Personas
from plugin.commands.terminal import plain_table
from plugin.durable import write_file
from plugin.errors import ConfigurationRefused

SHOWN = 6
"""Photographs of which the sheet shows what the chosen knobs make."""


@dataclass(frozen=True)
class TuneRequest:
    """What is asked for. ``view``: of photographs of which no index says one. ``limit``: photographs in all.
    ``side``: pixels of the edited square, where not the model's own."""

    choice: PublishedChoice
    sources: tuple[Path, ...]
    out: Path
    view: View | None = None
    limit: int = 12
    side: int | None = None
    budget: Budget = field(default_factory=Budget)


def run(request: TuneRequest, calibration: Calibration | None, console: Console) -> Tuned:
    """Write the knobs to ``request.out``, beside it the sheet (.png) and what was tried (.json); show that as well.

    Raises ConfigurationRefused without a photograph or where the file is there already, ModelError as loading does.
    """
    if request.out.exists():
        raise ConfigurationRefused(f"{request.out} exists and is kept; name another file, or move it away")
    photographs = _photographs(request)
    edits = load_published(request.choice)
    start = edits.knobs if request.side is None else replace(edits.knobs, side=request.side)
    makers = _makers(edits, calibration)
    with Progress(
        SpinnerColumn(), TextColumn("{task.description}", markup=False), MofNCompleteColumn(),
        TextColumn("edits", markup=False), TimeElapsedColumn(), console=console, disable=not console.is_terminal,
    ) as bar:  # fmt: skip
        task = bar.add_task("beginning", total=None)

        def progress(what: str) -> None:
            bar.update(task, advance=1, description=what)
            if not console.is_terminal:
                console.print(what, highlight=False, soft_wrap=True)

        guided = edits.guidance == "classifier-free"
        tuned = tune(photographs, start, makers, request.budget, progress, guided)
        rows = [_row(each, makers(tuned.knobs)) for each in photographs[:SHOWN]]
    origin = f"twinveil tune on {len(photographs)} photographs: {_in_words(tuned)}"
    request.out.parent.mkdir(parents=True, exist_ok=True)
    write_knobs(request.out, tuned.knobs, edits.facts.digest, origin)
    picture = io.BytesIO()
    Image.fromarray(sheet(tuned, rows)).save(picture, "PNG")
    write_file(request.out.with_suffix(".png"), picture.getvalue())
    write_file(request.out.with_suffix(".json"), json.dumps(_tried(tuned), indent=1).encode())
    for title, found in (("heal", tuned.heal), ("swap", tuned.swap)):
        _show(title, found, console)
    return tuned


def _photographs(request: TuneRequest) -> list[TuningPhotograph]:
    """Outlined ones and others in turn, as many as are asked for."""
    found: list[TuningPhotograph] = []
    try:
        files = photographs_in(request.sources, request.view)
        files.sort(key=lambda file: (file.mask is None, hashlib.sha256(file.name.encode()).digest()))
        outlined, others = ([f for f in files if (f.mask is None) is lacks] for lacks in (False, True))
        half = max(request.limit - len(others), request.limit // 2)
        for file in [*outlined[:half], *others][: request.limit]:
            rgb = file.rgb()
            photograph = Photograph(rgb, Hints(view=file.view, skin_type=file.skin_type))
            found.append(TuningPhotograph(file.name, photograph, file.truth(rgb.shape)))
    except UnusablePhotograph as error:
        raise ConfigurationRefused(str(error)) from error
    return found


def _makers(edits: PublishedEdits, calibration: Calibration | None) -> Callable[[PublishedKnobs], TwinMaker]:
    """One maker of twins, given other knobs each time."""
    healer, swapper = PublishedHealer(edits), PublishedSwapper(edits, Personas())
    maker = load_flow_twin_maker(calibration=calibration, healer=healer, swapper=swapper)

    def with_knobs(knobs: PublishedKnobs) -> TwinMaker:
        edits.knobs = knobs
        return maker

    return with_knobs


def _row(each: TuningPhotograph, maker: TwinMaker) -> Row:
    rgb = each.photograph.rgb
    lesion = maker.heal(each.photograph)
    healed = lesion.taken_off(rgb)
    if each.photograph.hints.view != "face":
        return Row(each.name, (rgb, healed))
    twins = maker.swap(each.photograph, lesion, hashlib.sha256(each.name.encode()).digest(), attempt=0)
    return Row(each.name, (rgb, healed, twins.healthy, twins.sick))


def _in_words(tuned: Tuned) -> str:
    parts = []
    if tuned.heal:
        score = tuned.heal[0].score
        parts.append(f"healing leaves {score.left:.2f}, changes {score.beside:.2f} beside, {score.seconds:.1f} s")
    if tuned.swap:
        swap = tuned.swap[0].score
        parts.append(f"swap refused {swap.refused:.2f}, SFace {swap.known:.2f}, {swap.seconds:.1f} s")
    return "; ".join(parts)


def _tried(tuned: Tuned) -> dict[str, list[dict[str, Any]]]:
    """By edit what was tried on all photographs, the chosen first; what is not a number is null."""

    def numbers(values: Mapping[str, float]) -> dict[str, float | None]:
        return {name: value if math.isfinite(value) else None for name, value in values.items()}

    def told(found: Sequence[Found[Any]]) -> list[dict[str, Any]]:
        best = front(found)
        return [
            {
                "knobs": numbers(each.knobs),
                "score": numbers(asdict(each.score)),
                "loss": each.score.loss,
                "chosen": number == 0,
                "unbeaten": each in best,
            }
            for number, each in enumerate(found)
        ]

    return {"heal": told(tuned.heal), "swap": told(tuned.swap)}


def _show(title: str, found: Sequence[Found[Any]], console: Console) -> None:
    """What was tried on all photographs, the chosen first."""
    if not found:
        console.print(f"{title}: nothing to tune by: the starting values stay")
        return
    knobs, figures = list(found[0].knobs), [each.name for each in fields(found[0].score)]
    table = plain_table(title, *knobs, *figures, "loss")
    for number, each in enumerate(found):
        values = [*each.knobs.values(), *(getattr(each.score, name) for name in figures), each.score.loss]
        table.add_row("" if number else "chosen", *(f"{value:.3g}" for value in values))
    console.print(table)
