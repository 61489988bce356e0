"""The courier of one destination: takes there what waits, one after another, and never tires.

Two things may be in the way, and they are told apart by what happens, not by what the destination says of itself:

    the destination    nobody answers, the association is rejected or breaks, or one object after another is not taken.
                       It is *down*: nothing but a try now and then, until it takes one.
    an object          it is not taken while others are. It alone waits, longer each time; the others go on.

While a destination is down, its objects take turns: what breaks it is not offered again and again before all others.
Neither ever ends the waiting, and neither touches what is in work.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from plugin.delivery.carriers import Carrier, NotTaken
from plugin.delivery.destinations import Destinations
from plugin.delivery.outbox import Outbox
from plugin.delivery.patience import Patience
from plugin.delivery.postings import Parcel, Postings
from plugin.ledger import study_of_job
from plugin.observer import Observer

log = logging.getLogger(__name__)

MOST_OBJECTS, MOST_BYTES = 16, 64 * 2**20
"""What is opened in memory and taken along at a time."""

REFUSED_BY_ALL = 3
"""So many objects that were not taken, with none between them that was, are the destination's matter."""

HOLD = Patience(first_seconds=30.0, factor=2.0, longest_seconds=6 * 3600.0)
"""For an object that is not taken while others are."""

TELL_SECONDS = 60.0
"""While nothing changes, this is how often it is put on record how the destination is doing."""


@dataclass
class Hold:
    """An object that was not taken. ``due``: by the courier's clock. ``proven``: another one was taken since."""

    times: int
    due: float
    proven: bool = False


class Courier:
    """Serves one destination. Not to be called by two threads at a time.

    ``clock``: seconds that only ever go forward, so that no change of the wall clock keeps anything waiting.
    ``commits``: what is stored is not delivered before the destination answers for it.
    """

    def __init__(
        self,
        name: str,
        carrier: Carrier,
        outbox: Outbox,
        postings: Postings,
        destinations: Destinations,
        patience: Patience,
        *,
        clock: Callable[[], float],
        alarm_after: int = 3,
        hold: Patience = HOLD,
        commits: bool = False,
        observer: Observer | None = None,
    ) -> None:
        self.name = name
        self._carrier = carrier
        self._outbox = outbox
        self._postings = postings
        self._destinations = destinations
        self._patience = patience
        self._clock = clock
        self._alarm_after = alarm_after
        self._hold = hold
        self._commits = commits
        self._observer = observer or Observer()
        self._holds: dict[Parcel, Hold] = {}
        self._offered_in_vain: set[Parcel] = set()
        self._taken: list[tuple[Parcel, str]] = []  # by the destination, and not on record yet: parcel, remark
        self._failures = 0
        self._not_before = 0.0
        self._hurried = -1
        self._alarmed = False
        self._told_until = 0.0

    def look(self) -> bool:
        """Deliver one batch of what is due. Returns whether it is worth looking again at once.

        Raises what the database raises; what was taken by then is remembered, and not sent again.
        """
        self._put_on_record()
        standing = self._destinations.standing(self.name)
        if standing.hurried != self._hurried:
            if self._hurried >= 0:
                self._not_before, self._holds, self._offered_in_vain = 0.0, {}, set()
            self._hurried = standing.hurried
        if standing.paused or self._clock() < self._not_before:
            return False
        parcels = self._batch()
        if not parcels:
            return False
        return self._deliver(parcels)

    def rest(self) -> float:
        """Seconds until the destination is tried again, 0 while it takes what it is given."""
        return max(0.0, self._not_before - self._clock())

    def _batch(self) -> list[Parcel]:
        down = self._failures >= REFUSED_BY_ALL
        now = self._clock()
        held = {p for p, hold in self._holds.items() if now < hold.due and (hold.proven or not down)}
        most = 1 if self._failures else MOST_OBJECTS
        parcels = self._postings.next_for(self.name, besides=held | self._offered_in_vain, most=most)
        if not parcels and self._offered_in_vain:  # each had its turn
            self._offered_in_vain.clear()
            parcels = self._postings.next_for(self.name, besides=held, most=most)
        size = 0
        batch: list[Parcel] = []
        for parcel in parcels:
            size += parcel.size
            if batch and size > MOST_BYTES:
                break
            batch.append(parcel)
        return batch

    def _deliver(self, parcels: list[Parcel]) -> bool:
        stored: list[Parcel] = []
        study = study_of_job(parcels[0].job)
        self._observer.sending(self.name, study, len(parcels))
        try:
            return self._offer(parcels, stored)
        finally:
            if stored:
                self._observer.sent(self.name, study, len(stored))
            if len(stored) < len(parcels):
                self._observer.not_taken(self.name)

    def _offer(self, parcels: list[Parcel], stored: list[Parcel]) -> bool:
        """Whether it is worth looking again at once. What was taken is put into ``stored``."""

        def on_stored(number: int, remark: str = "") -> None:
            following = parcels[number + 1] if number + 1 < len(parcels) else None
            stored.append(parcels[number])
            self._taken.append((parcels[number], remark))
            self._put_on_record(following)
            self._took(parcels[number])

        try:
            with self._outbox.opened(parcels[0].folder, [parcel.number for parcel in parcels]) as paths:
                self._postings.offering(parcels[0], self.name)
                self._carrier.carry(paths, {parcel.uid for parcel in parcels if parcel.offered}, on_stored)
        except NotTaken as error:
            if len(stored) == len(parcels):  # it broke off after the last one
                return True
            self._failed(parcels[len(stored)], error.reason, tried=error.tried)
            return error.tried
        except Exception as error:  # a broken seal, a full descriptor table, a carrier's own mistake
            if self._taken:  # or a database that did not let us write: no object is to blame
                raise
            if len(stored) < len(parcels):
                self._failed(parcels[len(stored)], f"unforeseen: {type(error).__name__}", tried=True)
            return True
        return True

    def _put_on_record(self, following: Parcel | None = None) -> None:
        while self._taken:
            parcel, remark = self._taken[0]
            self._postings.stored(parcel, self.name, following, remark=remark, commits=self._commits)
            del self._taken[0]

    def _took(self, parcel: Parcel) -> None:
        was_down = self._failures >= REFUSED_BY_ALL
        self._holds.pop(parcel, None)
        self._offered_in_vain.clear()
        if was_down:
            # What was not taken in the meantime was not to blame.
            self._holds = {other: hold for other, hold in self._holds.items() if hold.proven}
        for hold in self._holds.values():
            hold.proven = True
        if self._alarmed:
            log.info("destination %s takes objects again", self.name)
        if self._failures or self._clock() >= self._told_until:
            self._destinations.took(self.name)
            self._told_until = self._clock() + TELL_SECONDS
        self._failures, self._not_before, self._alarmed = 0, 0.0, False

    def _failed(self, parcel: Parcel, reason: str, *, tried: bool) -> None:
        now = self._clock()
        self._failures += 1
        self._offered_in_vain.add(parcel)
        if tried:
            self._postings.refused(parcel, self.name, reason)
            hold = self._holds.get(parcel)
            times = 1 if hold is None else hold.times + 1
            self._holds[parcel] = Hold(times, now + self._hold.after(times), proven=hold is not None and hold.proven)
        if not tried or self._failures >= REFUSED_BY_ALL:
            self._not_before = now + self._patience.after(self._failures)
            if now >= self._told_until or self._failures <= self._alarm_after:
                self._destinations.failed(self.name, self._failures, reason)
                self._told_until = now + TELL_SECONDS
        if self._failures >= self._alarm_after and not self._alarmed:
            self._alarmed = True
            log.error("destination %s is down: %s; its objects wait, and it is tried on", self.name, reason)
        elif not self._alarmed:
            log.warning("destination %s: %s", self.name, reason)
