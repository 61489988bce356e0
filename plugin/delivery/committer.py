"""Asks a destination to answer for what it has stored, where the configuration wants its word before sources go.

All objects of a job are stored there first; then it is asked, once for all of them. Its report may come at once, or
hours later on an association of its own. What it does not answer for is sent again, the same bytes, and asked about
again, later each time. A destination that never reports is asked again after a while. Nothing is purged meanwhile.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from dicom_io.commitment import CommitmentReport, CommitmentRequest, Reference, new_request
from dicom_io.errors import DeliveryFailed
from dicom_io.sending import sop_class_of
from plugin.commitment import Answer, Transactions
from plugin.delivery.destinations import Destinations
from plugin.delivery.outbox import Outbox
from plugin.delivery.patience import Patience
from plugin.delivery.postings import Postings

log = logging.getLogger(__name__)

Ask = Callable[[CommitmentRequest], CommitmentReport | None]
"""Asks; the report, where it comes at once. Raises DeliveryFailed where the request was not taken."""

REFUSED = Patience(first_seconds=30.0, factor=2.0, longest_seconds=6 * 3600.0)
"""Before a destination is asked again about what it did not answer for."""


class Committer:
    """Serves one destination. Not to be called by two threads at a time.

    ``clock``: seconds that only ever go forward. ``wait_seconds``: after so long without a report it is asked again.
    """

    def __init__(
        self,
        name: str,
        ask: Ask,
        outbox: Outbox,
        postings: Postings,
        destinations: Destinations,
        transactions: Transactions,
        patience: Patience,
        *,
        clock: Callable[[], float],
        wait_seconds: float,
        refused: Patience = REFUSED,
    ) -> None:
        self.name = name
        self._ask = ask
        self._outbox = outbox
        self._postings = postings
        self._destinations = destinations
        self._transactions = transactions
        self._patience = patience
        self._clock = clock
        self._wait_seconds = wait_seconds
        self._refused = refused
        self._failures = 0
        self._not_before = 0.0
        self._refusals: dict[str, int] = {}
        # By job: not to be asked about before. What an earlier process asked is waited for as if it were asked now.
        self._due = dict.fromkeys(transactions.unanswered(name), clock() + wait_seconds)

    def look(self) -> bool:
        """Take in what was reported, and ask about what is all stored. Returns False: nothing is worth hurrying."""
        for answer in self._transactions.answered(self.name):
            self._take_in(answer)
        if self._clock() < self._not_before or self._destinations.standing(self.name).paused:
            return False
        for job in self._postings.uncommitted(self.name):
            if self._clock() >= self._due.get(job, 0.0) and not self._asked(job):
                return False
        return False

    def _asked(self, job: str) -> bool:
        """Ask about everything of ``job`` that has no answer yet. False where the destination did not take that."""
        if job in self._transactions.unanswered(self.name):
            reason = f"it was asked for commitment and has not reported for {self._wait_seconds:g} s; asked again"
            self._postings.unanswered(job, self.name, reason)
            log.warning("destination %s, job %s: %s", self.name, job, reason)
        request = new_request(self._references(job))
        self._transactions.open(request.transaction_uid, self.name, job)
        try:
            report = self._ask(request)
        except DeliveryFailed as error:
            self._transactions.close(request.transaction_uid)
            self._failures += 1
            self._not_before = self._clock() + self._patience.after(self._failures)
            self._postings.unanswered(job, self.name, error.reason)
            log.warning("destination %s was not asked for commitment: %s; tried on", self.name, error.reason)
            return False
        self._failures = 0
        self._due[job] = self._clock() + self._wait_seconds
        if report is not None and self._transactions.answer(report):
            for answer in self._transactions.answered(self.name):
                self._take_in(answer)
        return True

    def _references(self, job: str) -> Sequence[Reference]:
        objects = self._postings.uncommitted_of(job, self.name)
        references = []
        folder = self._postings.folder_of(job)
        for number, uid in objects:
            with self._outbox.opened(folder, [number]) as (path,):
                references.append(Reference(sop_class_of(path), uid))
        return references

    def _take_in(self, answer: Answer) -> None:
        """What is said is on record before its transaction is forgotten; done again, it changes nothing."""
        self._postings.committed(answer.job, self.name, answer.committed, answer.failed)
        self._transactions.close(answer.transaction_uid)
        log.info("destination %s answers for %d objects", self.name, len(answer.committed))
        if not answer.failed and not self._postings.uncommitted_of(answer.job, self.name):
            self._refusals.pop(answer.job, None)
            self._due.pop(answer.job, None)
            self._transactions.forget(self.name, answer.job)  # questions that it never answered
            return
        times = self._refusals[answer.job] = self._refusals.get(answer.job, 0) + 1
        self._due[answer.job] = self._clock() + self._refused.after(times)
        if answer.failed:
            log.error(
                "destination %s does not answer for %d objects: %s; they are sent again",
                self.name, len(answer.failed), next(iter(answer.failed.values())),
            )  # fmt: skip
