"""The beat of this process, and whose beat has stopped.

No two clocks are compared. Each process counts its own row up, and measures by a clock of its own that only goes
forward how long another one's row has stood still while it was watching. A database that was away for a while, or a
watcher that was stopped itself, has watched nobody: it begins anew.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from plugin.complaints import Complaints
from plugin.roles.roster import Member, Roster

log = logging.getLogger(__name__)

PERIOD_SECONDS = 1.0
DEAD_AFTER_SECONDS = 5.0
"""Whose beat stood still for so long is dead. A study that it had is with another worker within 15 s."""

LONGEST_GAP = 1 / 3
"""Whoever has not looked for a longer part of that time has not watched."""


class Watch:
    """A thread that beats for ``me`` and calls ``on_dead(executor)`` for everybody else whose beat has stopped.

    Called again for as long as the dead one stands on the roster: striking it off is for whoever takes over.
    """

    def __init__(
        self,
        roster: Roster,
        me: Member,
        on_dead: Callable[[Member], None],
        *,
        period_seconds: float = PERIOD_SECONDS,
        dead_after_seconds: float = DEAD_AFTER_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.me = me
        self._roster = roster
        self._on_dead = on_dead
        self._period_seconds = period_seconds
        self._dead_after_seconds = dead_after_seconds
        self._clock = clock
        self._seen: dict[str, tuple[int, float]] = {}  # the beat of each, and since when it is that
        self._looked = clock()
        self._joined = False
        self._complaints = Complaints(log)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def join(self) -> None:
        """On the roster when this returns, before anything is taken on."""
        self._roster.beat(self.me)
        self._joined = True

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Off the roster: what was ours is anybody's."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        self._roster.strike(self.me.executor)

    def look(self) -> None:
        """Beat once, and see who did not."""
        if not self._roster.beat(self.me) and self._joined:
            log.warning("this process was taken for dead, and its jobs were taken over; it goes on with others")
        self._joined = True
        now = self._clock()
        watched = now - self._looked <= self._period_seconds + LONGEST_GAP * self._dead_after_seconds
        self._looked = now
        before, self._seen = self._seen if watched else {}, {}
        for member in self._roster.members():
            beat, since = before.get(member.executor, (member.beat, now))
            self._seen[member.executor] = member.beat, since if beat == member.beat else now
            if member.executor != self.me.executor and now - self._seen[member.executor][1] > self._dead_after_seconds:
                self._on_dead(member)

    def _run(self) -> None:
        while not self._stop.wait(self._period_seconds):
            try:
                self.look()
                self._complaints.succeeded("roster")
            except Exception as error:  # the database is away: whoever cannot beat takes nothing over either
                self._complaints.failed("roster", error, "the roster cannot be kept (%s); tried on")
