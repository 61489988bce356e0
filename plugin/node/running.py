"""Which step runs just now, so that a process that goes down tells the next one what it was doing.

    running/<executor>/<job>.<subject>.<stage>     an empty file as long as that step runs

What a process leaves there when it goes down is charged for it: that step alone, and not the studies that only waited
beside it. Whoever takes over for that process charges it, the next one that runs under its name or another worker.
Nothing is put on disk for good here: when the machine loses its power, no photograph is to blame.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from plugin.durable import private_folder, remove_tree
from plugin.ledger import Ledger


class RunningSteps:
    """The marks of ``executor`` in ``folder``. What it left there before, under the same name, is charged now."""

    def __init__(self, folder: Path, executor: str, ledger: Ledger) -> None:
        self._all = private_folder(folder)
        self._folder = private_folder(folder / executor)
        self._ledger = ledger
        for mark in sorted(folder.glob("*.*")):  # by a version with one process
            ledger.charge(*_parts(mark.name))
            mark.unlink()
        self._charge(self._folder)

    def charges(self, job: str, subject: str, stage: str) -> int:
        """How often a process went down while this step ran."""
        return self._ledger.charges(job, subject, stage)

    def charge_dead(self, executor: str) -> None:
        """``executor`` went down and will not come back."""
        folder = self._all / executor
        if folder.is_dir():
            self._charge(folder)
            remove_tree(folder)

    def leave(self) -> None:
        """This process ends, and nobody will come back under its name."""
        remove_tree(self._folder)

    @contextmanager
    def noted(self, job: str, subject: str, stage: str) -> Iterator[None]:
        """Around a step while it runs."""
        mark = private_folder(self._folder) / f"{job}.{subject}.{stage}"  # gone where we were taken for dead
        mark.touch(mode=0o600)
        try:
            yield
        finally:
            mark.unlink(missing_ok=True)

    def forgive(self) -> None:
        """Whatever runs is cut off because somebody stopped the node, and is not to blame."""
        for mark in self._folder.iterdir():
            mark.unlink(missing_ok=True)

    def _charge(self, folder: Path) -> None:
        for mark in sorted(folder.iterdir()):
            self._ledger.charge(*_parts(mark.name))
            mark.unlink()


def _parts(name: str) -> tuple[str, str, str]:
    job, subject, stage = name.split(".")
    return job, subject, stage
