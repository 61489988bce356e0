"""``twinveil evaluate --photographs``: pictures of people through the whole pipeline, and the scorecard of it all."""

from __future__ import annotations

import json
import multiprocessing
import os
import platform
import resource
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import torch
from rich.console import Console
from rich.progress import Progress

from pipeline.errors import UnusablePhotograph
from pipeline.photograph import View
from plugin.commands.evaluate import KEPT_EVERY, without_nan
from plugin.durable import write_file
from plugin.errors import ConfigurationRefused, PackageMissing

if TYPE_CHECKING:
    from pipeline.albums import PhotographFile
    from pipeline.edits import PublishedChoice, TwinMaker
    from pipeline.evaluation import PersonCase, PersonExaminer
    from pipeline.evaluation.photographs import PhotographCase
    from plugin.commands.photograph_examiner import Examined, PhotographExaminer, Unusable


@dataclass(frozen=True)
class Request:
    """What is asked for. ``view``: of photographs of which no index says one. ``held_out``: only those that no training
    may see. ``limit``: photographs of each source. ``model``: a folder of weights instead of the shipped ones, or of a
    larger model, which ``device``, ``knobs`` and ``bank`` are for. ``processes``: photographs examined at a time.
    ``leaks``: of so many photographs of people, twins that keep a part of the person are put to the gate as well."""

    sources: tuple[Path, ...]
    out: Path
    view: View | None = None
    held_out: bool = False
    limit: int | None = None
    model: Path | None = None
    processes: int = 1
    leaks: int = 0
    device: str = "cpu"
    knobs: Path | None = None
    bank: Path | None = None

    @property
    def larger(self) -> PublishedChoice | None:
        """The larger model in ``model``. Raises ConfigurationRefused where there is none and something is for one."""
        from pipeline.edits import PublishedChoice

        if self.model is not None and (self.model / "model_index.json").is_file():
            return PublishedChoice(self.model, self.device, knobs=self.knobs, bank=self.bank)
        if self.knobs or self.bank or self.device != "cpu":
            raise ConfigurationRefused(
                "--knobs, --bank and --device are for a larger model: name its folder by --model"
            )
        return None


def evaluate_photographs(
    request: Request, console: Console, load: Callable[[Path | None], TwinMaker] | None = None
) -> dict[str, Any]:
    """Write ``scorecard.json``, ``photographs.csv`` and ``report.html`` to ``request.out``, now and then of what was
    examined so far, and return the first.

    ``load``: another maker of twins than the embedded model. Raises PackageMissing without the report's packages,
    ConfigurationRefused where there is no photograph, ModelError for weights that are not whole.
    """
    try:
        from pipeline.evaluation import people_figures
        from pipeline.evaluation.photographs import photograph_figures, photograph_report, table_of, verdict
        from plugin.commands.photograph_examiner import Unusable
    except ModuleNotFoundError as error:
        raise PackageMissing(f"{error.name} is missing: the report is written by twinveil[train]") from error
    files = chosen(request)
    maker = load_maker(request) if load is None else load(request.model)
    key = os.urandom(32)
    cases: list[PhotographCase] = []
    people: list[PersonCase] = []
    unusable: list[Unusable] = []

    def written() -> dict[str, Any]:
        figures, of_people = photograph_figures(cases), {}
        if people:
            # The way of a study above says what is released; people are judged beside it, with other heads.
            figures |= {name: each for name, each in people_figures(people).items() if name not in figures}
            of_people = {"people": figures.pop("people"), "photographs of them": figures.pop("photographs")}
        conditions = {
            "photographs": len(cases),
            "asked for": len(files),
            "sources": ", ".join(str(source) for source in request.sources),
            "of these": "those held out from every training" if request.held_out else "all",
            "at most of each source": request.limit or "all",
            "could not be measured": "; ".join(f"{each.name}: {each.reason}" for each in unusable) or "none",
            **of_people,
            "partial leaks judged of": f"{min(request.leaks, len(people))} photographs of people",
            "model": f"{maker.name}, {maker.digest[:12]}",
            "machine": f"{os.cpu_count()} cores, {platform.machine()}; {request.processes} photographs at a time",
            "peak memory of a process": f"{_peak_megabytes()} MB",
        }
        card = {"conditions": conditions, "verdict": verdict(figures), "figures": without_nan(figures)}
        request.out.mkdir(parents=True, exist_ok=True)
        write_file(request.out / "scorecard.json", (json.dumps(card, indent=1) + "\n").encode(), mode=0o644)
        write_file(request.out / "photographs.csv", table_of(cases).encode(), mode=0o644)
        page = photograph_report(figures, cases, conditions)
        write_file(request.out / "report.html", page.encode(), mode=0o644)
        return card

    with Progress(console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("examining", total=len(files))
        for done, case in enumerate(_examined(files, request, maker, key), start=1):
            if isinstance(case, Unusable):
                unusable.append(case)
                line = f"{case.name}: cannot be measured: {case.reason}"
            else:
                cases.append(case.case)
                people += [case.person] if case.person is not None else []
                line = _line(case.case)
            bar.update(task, advance=1, description=line)
            if not console.is_terminal:
                console.print(f"{done}/{len(files)} {line}", highlight=False, soft_wrap=True)
            if done % KEPT_EVERY == 0 and done < len(files) and cases:
                written()
    if not cases:
        raise ConfigurationRefused(f"nothing could be measured: {unusable[0].name}: {unusable[0].reason}")
    return written()


def chosen(request: Request) -> list[PhotographFile]:
    """The photographs that are asked for. Raises ConfigurationRefused where there is none."""
    from pipeline.albums import photographs_in

    files: list[PhotographFile] = []
    try:
        for source in request.sources:
            of_source = [
                file for file in photographs_in([source], request.view) if file.held_out or not request.held_out
            ]
            files += of_source[: request.limit]
    except UnusablePhotograph as error:
        raise ConfigurationRefused(str(error)) from error
    if not files:
        raise ConfigurationRefused("no photograph is held out in what was given")
    return files


def load_maker(request: Request) -> TwinMaker:
    """Whose twins are examined: the larger model's that is asked for, else the embedded one's."""
    if (larger := request.larger) is None:
        return load_model(request.model)
    from pipeline.edits import ModelChoice, load_twin_maker

    return load_twin_maker(ModelChoice(larger))


def load_model(folder: Path | None) -> TwinMaker:
    """The embedded model of ``folder``, else the shipped one, with the gate that a service has."""
    from pipeline.edits import load_flow_twin_maker
    from pipeline.models import FOLDER

    return load_flow_twin_maker(folder or FOLDER)


def load_judge(folder: Path | None, maker: TwinMaker, key: bytes) -> PersonExaminer | None:
    """Who judges people in photographs; None where the model of ``folder`` knows none. ``key``: decides who becomes
    whom."""
    from pipeline.evaluation import PersonExaminer
    from pipeline.heads import read_heads
    from pipeline.models import FOLDER, load_embedded

    digest = load_embedded(folder or FOLDER).heads
    if digest is None:
        return None
    bank = read_heads(folder or FOLDER, digest)
    return PersonExaminer(maker, bank.frame, bank.known, key)


def _examined(
    files: Sequence[PhotographFile], request: Request, maker: TwinMaker, key: bytes
) -> Iterator[Examined | Unusable]:
    """One after the other here, or several at a time, each process with the request's model and one thread."""
    faces = [number for number, file in enumerate(files) if file.view == "face"]
    tasks = [(file, number in faces[: request.leaks]) for number, file in enumerate(files)]
    judged = request, key if faces else None
    if request.processes == 1:
        examiner = _examiner(maker, *judged)
        yield from (examiner.examine(*task) for task in tasks)
        return
    context = multiprocessing.get_context("spawn")
    with context.Pool(request.processes, _begin, judged) as pool:
        yield from pool.imap(_examine, tasks)


def _examiner(maker: TwinMaker, request: Request, key: bytes | None) -> PhotographExaminer:
    from plugin.commands.photograph_examiner import PhotographExaminer

    folder = (
        request.model if request.larger is None else None
    )  # a larger model's people are judged as the shipped one's
    return PhotographExaminer(maker, None if key is None else load_judge(folder, maker, key))


_worker: PhotographExaminer | None = None


def _begin(request: Request, key: bytes | None) -> None:
    global _worker
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    cv2.setNumThreads(1)
    _worker = _examiner(load_maker(request), request, key)


def _examine(task: tuple[PhotographFile, bool]) -> Examined | Unusable:
    assert _worker is not None
    return _worker.examine(*task)


def _line(case: PhotographCase) -> str:
    found = f"mask IoU {case.mask_iou:.2f}, colour rule {case.iou_colour:.2f}"
    if case.mask_iou != case.mask_iou:
        found = f"called diseased {case.false_area:.4f}"
    return f"{case.source} {case.name}: {f'held for {case.held_for}' if case.held_for else 'released'}, {found}"


def _peak_megabytes() -> int:
    """Resident set of the largest of this process and those that it began."""
    return max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) // 1024
