"""How long to wait before the next try: longer after each failure, never twice the same, and never for ever.

Tries go on for as long as it takes. What grows is the wait, up to a longest one that is short enough for a
destination to be served soon after its return.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

MOST_DOUBLINGS = 64
"""Beyond this many failures the wait has long reached its longest; a float is not to overflow."""


@dataclass(frozen=True)
class Patience:
    """Waits in seconds. ``jitter``: a number in [0, 1) drawn for each wait, which takes off up to a half.

    Half of a wait is fixed and half is drawn, so that many nodes do not return to one archive in the same second.
    """

    first_seconds: float = 5.0
    factor: float = 2.0
    longest_seconds: float = 30.0
    jitter: Callable[[], float] = random.random

    def after(self, failures: int) -> float:
        """The wait after so many failures in a row, one or more."""
        grown = self.first_seconds * self.factor ** min(failures - 1, MOST_DOUBLINGS)
        return min(grown, self.longest_seconds) * (1 - self.jitter() / 2)
