"""Turns quiet studies into jobs, and buries jobs that ended without an outcome."""

from __future__ import annotations

import logging
import threading

from plugin.ledger import Ledger, State
from plugin.node.custody import NodeCustody
from plugin.node.jobs import Jobs

log = logging.getLogger(__name__)


class Dispatcher:
    """A thread that looks at the ledger every ``period_seconds``."""

    def __init__(
        self, ledger: Ledger, jobs: Jobs, custody: NodeCustody, *, quiet_seconds: float, period_seconds: float = 1.0
    ) -> None:
        self._ledger = ledger
        self._jobs = jobs
        self._custody = custody
        self._quiet_seconds = quiet_seconds
        self._period_seconds = period_seconds
        self._submitted: set[str] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="dispatcher", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def look(self) -> None:
        """Once: queue what is quiet, submit what is queued (a crash may have come between), bury what is dead."""
        self._ledger.queue_quiet_studies(self._quiet_seconds)
        queued = set(self._ledger.jobs_in(State.QUEUED))
        for job in sorted(queued - self._submitted):
            self._jobs.submit(job)
        self._submitted = queued
        unfinished = queued | set(self._ledger.jobs_in(State.DELIVERED))
        for job in sorted(unfinished & self._jobs.dead()) if unfinished else ():
            self._custody.bury(job)

    def _run(self) -> None:
        while not self._stop.wait(self._period_seconds):
            try:
                self.look()
            except Exception as error:  # the next look may succeed: a full disk is emptied, a lock is released
                log.error("looking for quiet studies failed (%s); trying again", type(error).__name__)
