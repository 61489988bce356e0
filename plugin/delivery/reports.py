"""Reports of commitment on their way to the senders that asked: tried until they are taken, or nobody waits any more.

What is reported is what is true at the moment of the report. A sender that is away has its reports wait, and those of
the others go on; none of it touches what is in work.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping

from dicom_io.commitment import CommitmentReport
from dicom_io.errors import DeliveryFailed
from dicom_io.sending import Destination, report_commitment
from plugin.commitment import Judgement, Requests, WaitingRequest
from plugin.delivery.patience import Patience

log = logging.getLogger(__name__)

DAY = 86400.0


class Reporter:
    """``callers``: by AE title, where those who asked take their reports. ``clock``: seconds that only go forward."""

    def __init__(
        self,
        requests: Requests,
        judgement: Judgement,
        callers: Mapping[str, Destination],
        patience: Patience,
        *,
        clock: Callable[[], float],
        days: float,
        report: Callable[[CommitmentReport, Destination], None] = report_commitment,
    ) -> None:
        self._requests = requests
        self._judgement = judgement
        self._callers = callers
        self._patience = patience
        self._clock = clock
        self._days = days
        self._report = report
        self._failures: dict[str, int] = {}
        self._not_before: dict[str, float] = {}

    def look(self) -> bool:
        """Report to each caller whose turn it is. Returns whether it is worth looking again at once."""
        tried: set[str] = set()
        for waiting in self._requests.waiting():
            if time.time() - waiting.asked > self._days * DAY:
                self._requests.done(waiting.name)
                log.error("%s never took a report of commitment; it is not tried any more", waiting.caller)
            elif self._is_due(waiting.caller, tried) and not self._told(waiting):
                tried.add(waiting.caller)  # the others of this caller wait with it
        return False

    def _is_due(self, caller: str, tried: set[str]) -> bool:
        rests = caller in tried or self._clock() < self._not_before.get(caller, 0.0)
        return caller in self._callers and not rests

    def _told(self, waiting: WaitingRequest) -> bool:
        request = self._requests.open(waiting.name)
        if request is None:
            return True
        report = self._judgement.of(request)
        try:
            self._report(report, self._callers[waiting.caller])
        except DeliveryFailed as error:
            failures = self._failures[waiting.caller] = self._failures.get(waiting.caller, 0) + 1
            self._not_before[waiting.caller] = self._clock() + self._patience.after(failures)
            log.warning("%s did not take a report of commitment: %s; tried on", waiting.caller, error.reason)
            return False
        self._failures.pop(waiting.caller, None)
        self._requests.done(waiting.name)
        log.info(
            "%s has its report of commitment: %d instances, and %d that were never accepted",
            waiting.caller, len(report.committed), len(report.failed),
        )  # fmt: skip
        return True
