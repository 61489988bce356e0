"""Turns quiet studies into jobs, and buries jobs that ended without an outcome."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence

from plugin.ledger import Ledger, State
from plugin.node.custody import NodeCustody
from plugin.node.housekeeping import Housekeeping
from plugin.node.jobs import Jobs

log = logging.getLogger(__name__)


class Dispatcher:
    """A thread that looks at the ledger every ``period_seconds``. New jobs go to ``destinations``."""

    def __init__(
        self,
        ledger: Ledger,
        jobs: Jobs,
        custody: NodeCustody,
        housekeeping: Housekeeping,
        destinations: Sequence[str],
        *,
        quiet_seconds: float,
        period_seconds: float = 1.0,
    ) -> None:
        self._ledger = ledger
        self._jobs = jobs
        self._custody = custody
        self._housekeeping = housekeeping
        self._destinations = tuple(destinations)
        self._quiet_seconds = quiet_seconds
        self._period_seconds = period_seconds
        self._submitted: set[str] = set()
        self._told: dict[str, str] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="dispatcher", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def look(self) -> None:
        """Once: queue what is quiet, submit what is queued (a crash may have come between), bury what is dead."""
        self._ledger.queue_quiet_studies(self._quiet_seconds, self._destinations)
        queued = set(self._ledger.jobs_in(State.QUEUED))
        for job in sorted(queued - self._submitted):
            begun = self._ledger.job(job)
            self._jobs.submit(job, urgent=begun is not None and begun.urgent)
        self._submitted = queued
        held = queued | self._custody.jobs_with_folders()
        for job in sorted(held & self._jobs.dead()) if held else ():
            self._bury(job)
        self._housekeeping.look()

    def _bury(self, job: str) -> None:
        """One that cannot be buried keeps no other from it, and is spoken of once."""
        try:
            self._custody.bury(job)
            self._told.pop(job, None)
        except Exception as error:
            if self._told.get(job) != type(error).__name__:
                self._told[job] = type(error).__name__
                log.error("job %s ended without an outcome and cannot be buried yet: %s", job, type(error).__name__)

    def _run(self) -> None:
        told = ""
        while not self._stop.wait(self._period_seconds):
            try:
                self.look()
                told = ""
            except Exception as error:  # the next look may succeed: a full disk is emptied, a lock is released
                if told != type(error).__name__:
                    told = type(error).__name__
                    log.error("looking for quiet studies failed (%s); trying again", told)
