"""Turns quiet studies into jobs, and buries jobs that ended without an outcome.

The job queue gets jobs as it has use for them: what waits is rows of the ledger, however many there are.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

from plugin.complaints import Complaints
from plugin.database import Exclusive
from plugin.ledger import Ledger, State
from plugin.node.custody import NodeCustody
from plugin.node.housekeeping import Housekeeping
from plugin.node.jobs import Jobs
from plugin.node.lanes import Lane

log = logging.getLogger(__name__)


MOST_WAITING = 64
"""Jobs of one lane that the job queue has and nobody has begun."""

MOST_SORTED = 256
"""Jobs whose lane is found out in one look: headers are read for it."""


class Dispatcher:
    """A thread that looks at the ledger every ``period_seconds``. New jobs go to ``destinations``.

    ``lane_of(job)``: where it waits. ``mine``: of several workers, one looks at a time.
    ``also``: what else that one does.
    """

    def __init__(
        self,
        ledger: Ledger,
        jobs: Jobs,
        custody: NodeCustody,
        housekeeping: Housekeeping,
        destinations: Sequence[str],
        lane_of: Callable[[str], Lane],
        mine: Exclusive,
        *,
        quiet_seconds: float,
        period_seconds: float = 1.0,
        also: Callable[[], None] = lambda: None,
    ) -> None:
        self._ledger = ledger
        self._jobs = jobs
        self._custody = custody
        self._housekeeping = housekeeping
        self._destinations = tuple(destinations)
        self._quiet_seconds = quiet_seconds
        self._period_seconds = period_seconds
        self._lane_of = lane_of
        self._mine = mine
        self._also = also
        self._complaints = Complaints(log)
        self._buried: set[str] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="dispatcher", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        self._mine.release()

    def look(self) -> None:
        """Once: queue what is quiet, submit what is queued (a crash may have come between), bury what is dead."""
        self._ledger.queue_quiet_studies(self._quiet_seconds, self._destinations)
        self._also()
        self._submit()
        dead = self._jobs.dead() - self._buried
        folders = self._custody.jobs_with_folders() if dead else set()
        for job in sorted(dead):
            if job in folders or any(row.state is State.QUEUED for row in self._ledger.of_job(job)):
                self._bury(job)
            else:
                self._buried.add(job)
        self._housekeeping.look()

    def _submit(self) -> None:
        if unsorted := self._ledger.to_submit("", MOST_SORTED):
            self._ledger.sort({job: self._lane_of(job) for job in unsorted})
        for lane in Lane:
            room = MOST_WAITING - self._jobs.waiting(lane)
            if room > 0 and (jobs := self._ledger.to_submit(lane, room)):
                for job in jobs:
                    self._jobs.submit(job, lane)
                self._ledger.submitted(jobs)

    def _bury(self, job: str) -> None:
        """One that cannot be buried keeps no other from it, and is spoken of once."""
        try:
            self._custody.bury(job)
            self._complaints.succeeded(job)
        except Exception as error:
            self._complaints.failed(job, error, "job %s ended without an outcome and cannot be buried yet: %s", job)

    def _run(self) -> None:
        while not self._stop.wait(self._period_seconds):
            try:
                if self._mine.held():
                    self.look()
                self._complaints.succeeded("looking")
            except Exception as error:  # the next look may succeed
                self._complaints.failed("looking", error, "looking for quiet studies failed (%s); trying again")
