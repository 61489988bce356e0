"""The post office: takes in what jobs made, has one courier for each destination, and settles what has arrived."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType

from plugin.complaints import Complaints
from plugin.database import Exclusive
from plugin.delivery.carriers import Carrier
from plugin.delivery.committer import Committer
from plugin.delivery.courier import Courier
from plugin.delivery.destinations import Destinations
from plugin.delivery.outbox import Outbox
from plugin.delivery.patience import Patience
from plugin.delivery.postings import Postings
from plugin.observer import Observer

log = logging.getLogger(__name__)


class PostOffice:
    """Runs a thread for each destination, so that none waits for another, and one that settles.

    ``settle(job)``: everything that ``job`` made has arrived; called again after a crash. ``committers``: those of the
    destinations that are to answer for what they store. ``beside``: what else goes out, by name: each looks in a thread
    of its own, and returns whether to look again at once. ``exclusive(name)``: the right to do what is called so, where
    several processes deliver: one of them at a time serves each destination.
    """

    def __init__(
        self,
        outbox: Outbox,
        postings: Postings,
        destinations: Destinations,
        carriers: Mapping[str, Carrier],
        patience: Patience,
        settle: Callable[[str], None],
        *,
        clock: Callable[[], float],
        alarm_after: int = 3,
        period_seconds: float = 1.0,
        committers: Mapping[str, Committer] = MappingProxyType({}),
        beside: Mapping[str, Callable[[], bool]] = MappingProxyType({}),
        exclusive: Callable[[str], Exclusive] | None = None,
        observer: Observer | None = None,
    ) -> None:
        self._beside = dict(beside)
        self.couriers = {
            name: Courier(
                name, carrier, outbox, postings, destinations, patience, clock=clock, alarm_after=alarm_after,
                commits=name in committers, observer=observer,
            )
            for name, carrier in carriers.items()
        }  # fmt: skip
        self.committers = dict(committers)
        self._outbox = outbox
        self._postings = postings
        self._settle = settle
        self._period_seconds = period_seconds
        self._exclusive = exclusive
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._complaints = Complaints(log)

    def start(self) -> None:
        """Go on where an earlier process stopped."""
        for name in sorted(self._postings.backlog().keys() - self.couriers.keys()):
            log.error(
                "destination %s is not configured, and studies that began with it wait for it: configure it again, or "
                "`twinveil destinations rename`, or `twinveil destinations give-up`", name,
            )  # fmt: skip
        for name in self.couriers.keys() - self.committers.keys():
            if freed := self._postings.no_commitment_from(name):
                log.warning("destination %s need not answer any more for %d objects that it stored", name, freed)
        self._begin("settling", self.look)
        for name, courier in self.couriers.items():
            self._begin(f"courier of {name}", courier.look)
        for name, committer in self.committers.items():
            self._begin(f"commitment of {name}", committer.look)
        for name, look in self._beside.items():
            self._begin(name, look)

    def stop(self, grace_seconds: float = 30.0) -> bool:
        """Nothing more is begun. Returns whether what was under way ended; else it is sent again, the same bytes."""
        self._stop.set()
        deadline = time.monotonic() + grace_seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def look(self) -> bool:
        """Settle what has arrived everywhere. One job that cannot be settled keeps no other from it."""
        for job in self._postings.arrived():
            try:
                self._settle(job)
                self._outbox.put_away(self._postings.folder_of(job))
                self._postings.settle(job)
                self._complaints.succeeded(job)
            except Exception as error:  # a full disk, a file that somebody took away: tried on
                self._complaints.failed(job, error, "job %s has arrived but is not settled yet: %s", job)
        return False

    def _begin(self, name: str, look: Callable[[], bool]) -> None:
        mine = None if self._exclusive is None else self._exclusive(name)
        thread = threading.Thread(target=self._run, args=(name, look, mine), name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _run(self, name: str, look: Callable[[], bool], mine: Exclusive | None) -> None:
        while not self._stop.is_set():
            again = False
            try:
                again = (mine is None or mine.held()) and look()
                self._complaints.succeeded(name)
            except Exception as error:  # a locked database, a full disk: tried on
                self._complaints.failed(name, error, "%s: %s; tried on", name)
            if not again:
                self._stop.wait(self._period_seconds)
        if mine is not None:
            mine.release()
