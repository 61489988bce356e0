"""How far a command is: a bar on a terminal, one plain line a step elsewhere."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

STAGES = ("read", "clean", "heal", "swap", "gate", "subtract", "write", "check")
"""Steps of one photograph, each counted once however often it is tried."""


class StudyProgress:
    """Counts the steps of ``photographs`` photographs. ``on_step`` may be called by any thread."""

    def __init__(self, photographs: int, console: Console) -> None:
        self._console = console
        self._photographs = photographs
        self._seen: dict[str, set[str]] = {}
        self._lock = threading.Lock()
        self._bar: Progress | None = None
        if console.is_terminal:
            self._bar = Progress(
                SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(),
                TextColumn("steps", markup=False), TimeElapsedColumn(), console=console,
            )  # fmt: skip
            self._task = self._bar.add_task("starting", total=photographs * len(STAGES))

    def on_step(self, source: str, stage: str, seconds: float) -> None:
        """``stage`` of ``source`` (its digest; "" for a whole study) has ended after ``seconds``."""
        with self._lock:
            if source:
                done = self._seen.setdefault(source, set())
                done.update(STAGES if stage == "quarantine" else {stage} & set(STAGES))
            self._show(source, stage, seconds)

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def _show(self, source: str, stage: str, seconds: float) -> None:
        number = list(self._seen).index(source) + 1 if source in self._seen else 0
        if self._bar is not None:
            what = f"photograph {number} of {self._photographs}: {stage}" if number else stage
            self._bar.update(self._task, completed=sum(map(len, self._seen.values())), description=what)
        elif number:
            self._console.print(
                f"photograph {number} of {self._photographs}  {source[:12]}  {stage:<10} {seconds:6.2f} s",
                highlight=False, soft_wrap=True,
            )  # fmt: skip
