"""What is done at the start and once a day: records that must agree are compared, and what has had its time goes."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from dicom_io.receiving import Spool
from plugin.config import RetentionSection
from plugin.delivery import Outbox, Postings
from plugin.ledger import Ledger, State
from plugin.node.custody import NodeCustody
from plugin.node.jobs import Jobs
from plugin.node.tenures import job_of

log = logging.getLogger(__name__)

DAY = 86400.0


class Housekeeping:
    """``clock``: seconds that only ever go forward, by which a day is measured.

    ``kept``: delivered results that stay to be looked at, and for how many days.
    """

    def __init__(
        self,
        custody: NodeCustody,
        spool: Spool,
        ledger: Ledger,
        jobs: Jobs,
        outbox: Outbox,
        postings: Postings,
        retention: RetentionSection,
        *,
        kept: tuple[Outbox, float] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._custody = custody
        self._spool = spool
        self._ledger = ledger
        self._jobs = jobs
        self._outbox = outbox
        self._postings = postings
        self._retention = retention
        self._kept = kept
        self._clock = clock
        self._due = 0.0

    def look(self) -> None:
        """Do it where a day has passed since the last time."""
        if self._clock() >= self._due:
            self._due = self._clock() + DAY
            self.tidy()
            self.forget()

    def tidy(self) -> None:
        """Nothing that belongs to no job is left in the open, and no job waits that nobody would ever do."""
        # In this order: what begins meanwhile is not taken for a leftover.
        folders, sealed, untold = self._custody.jobs_with_folders(), self._outbox.folders(), self._postings.untold()
        queued, unfinished = set(self._ledger.jobs_in(State.QUEUED)), self._jobs.unfinished()
        stuck = queued - unfinished - self._ledger.to_be_submitted()
        # A job that is queued for us and over for the job queue would wait for ever, and so would one it never got.
        ended = self._jobs.ended() if stuck else frozenset()
        for job in sorted(stuck & ended):
            self._custody.bury(job)
        if unknown := sorted(stuck - ended):
            self._ledger.submitted(unknown, False)
        for job in sorted((folders | untold) - queued - unfinished):
            self._custody.bury(job)
        for name in sorted(sealed - self._postings.needed_folders()):
            if job_of(name) not in queued | unfinished:
                self._outbox.remove(name)

    def forget(self) -> None:
        """Remove what is older than the configuration lets it grow."""
        now = time.time()
        if self._kept is not None:
            results, days = self._kept
            results.remove_older(now - days * DAY)
        if days := self._retention.jobs_days:
            self._jobs.forget(now - days * DAY)
            self._postings.forget(now - days * DAY)
        if days := self._retention.markers_days:
            for name in self._ledger.forget({State.PURGED, State.DISCARDED, State.MISSING}, now - days * DAY):
                self._spool.forget(self._spool.folder / name)
        if (days := self._retention.manifests_days) and self._custody.manifests.is_dir():
            for manifest in self._custody.manifests.glob("*.json"):
                if manifest.stat().st_mtime < now - days * DAY:
                    manifest.unlink()


class Reconciling:
    """A thread of the process that receives: spool and records agree soon after its start, and once a day."""

    def __init__(self, custody: NodeCustody) -> None:
        self._custody = custody
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="reconciling", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def again(self) -> None:
        """Now, and not only when a day is over: something was cut off."""
        self._wake.set()

    def stop(self, grace_seconds: float) -> None:
        """Wait for what is under way, but not for long: it is done again at the next start."""
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(grace_seconds)

    def _run(self) -> None:
        wait = 0.0
        while True:
            self._wake.wait(wait)
            self._wake.clear()
            if self._stopping:
                return
            try:
                self._custody.reconcile_and_tell()
                wait = DAY
            except Exception as error:
                log.error("spool and records could not be compared (%s); tried again", type(error).__name__)
                wait = 60.0
