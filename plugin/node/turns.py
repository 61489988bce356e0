"""Whose step is next. One step runs at a time; who has had least of the machine goes first, and a person before all.

There is one accelerator, and codecs that are C underneath (openjpeg by way of pylibjpeg among them) bring the process
down when two threads are inside. What a step will cost nobody knows before; what its job has cost so far is known. A
photograph of a few kilobytes that unpacks to fifty megapixels is therefore at the end of the line after its first step,
and the small ones go past it. It waits, and waiting counts in its favour.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from plugin.database import is_away

T = TypeVar("T")

WAITED_FOR_HAD = 10.0
"""So many seconds of waiting outweigh one second of work: nobody waits for ever."""


class NodeStopping(BaseException):
    """Ends a job between two steps when the node stops. Not an ``Exception``: the job must stay pending, not fail."""


@dataclass(frozen=True)
class Ticket:
    """One step that waits. ``had``: seconds of work that its job has had so far; ``since``: by the turns' clock."""

    number: int
    urgent: bool
    had: float
    since: float

    def rank(self, now: float) -> tuple[bool, float, int]:
        """The lowest goes first."""
        return not self.urgent, self.had - (now - self.since) / WAITED_FOR_HAD, self.number


class Turns:
    """Gives turns to steps, one at a time, until the node stops. Any thread may ask."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._condition = threading.Condition()
        self._numbers = itertools.count()
        self._waiting: set[Ticket] = set()
        self._busy = False
        self._stopping = False

    @contextmanager
    def turn(self, *, urgent: bool = False, had: float = 0.0) -> Iterator[None]:
        """Around the work of one step, entered when its turn has come. Raises ``NodeStopping``."""
        with self._condition:
            ticket = Ticket(next(self._numbers), urgent, had, self._clock())
            self._waiting.add(ticket)
            self._condition.wait_for(lambda: self._stopping or (not self._busy and self._next() is ticket))
            self._waiting.discard(ticket)
            if self._stopping:
                raise NodeStopping
            self._busy = True
        try:
            yield
        finally:
            with self._condition:
                self._busy = False
                self._condition.notify_all()

    def when_there(self, ask: Callable[[], T]) -> T:
        """What ``ask`` returns, asked again for as long as the database is away. Raises ``NodeStopping``."""
        while True:
            try:
                return ask()
            except Exception as error:
                if not is_away(error):
                    raise
            self.wait(1.0)

    def wait(self, seconds: float) -> None:
        """Return after ``seconds``. Raises ``NodeStopping`` as soon as the node stops."""
        with self._condition:
            if self._condition.wait_for(lambda: self._stopping, seconds):
                raise NodeStopping

    def waiting(self) -> int:
        """How many steps wait for their turn."""
        with self._condition:
            return len(self._waiting)

    def close(self, grace_seconds: float) -> bool:
        """No step begins from now on. Waits for the one that runs; returns whether it ended in time."""
        with self._condition:
            self._stopping = True
            self._condition.notify_all()
            return self._condition.wait_for(lambda: not self._busy, grace_seconds)

    def _next(self) -> Ticket:
        now = self._clock()
        return min(self._waiting, key=lambda ticket: ticket.rank(now))
