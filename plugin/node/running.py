"""Which step runs just now, so that a process that goes down tells the next one what it was doing.

    running/<job>.<subject>.<stage>     an empty file as long as that step runs

What stands there at the start is charged for it: that step alone, and not the studies that only waited beside it.
Nothing is put on disk for good here: when the machine loses its power, no photograph is to blame.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from plugin.durable import private_folder
from plugin.ledger import Ledger


class RunningSteps:
    """The marks in ``folder``, and what earlier processes are charged with in the ledger."""

    def __init__(self, folder: Path, ledger: Ledger) -> None:
        self._folder = private_folder(folder)
        for mark in sorted(self._folder.iterdir()):
            ledger.charge(*_parts(mark.name))
            mark.unlink()
        self._charges = ledger.charges()

    def charges(self, job: str, subject: str, stage: str) -> int:
        """How often the process went down while this step ran."""
        return self._charges.get((job, subject, stage), 0)

    @contextmanager
    def noted(self, job: str, subject: str, stage: str) -> Iterator[None]:
        """Around a step while it runs."""
        mark = self._folder / f"{job}.{subject}.{stage}"
        mark.touch(mode=0o600)
        try:
            yield
        finally:
            mark.unlink(missing_ok=True)

    def forgive(self) -> None:
        """Whatever runs is cut off because somebody stopped the node, and is not to blame."""
        for mark in self._folder.iterdir():
            mark.unlink(missing_ok=True)


def _parts(name: str) -> tuple[str, str, str]:
    job, subject, stage = name.split(".")
    return job, subject, stage
