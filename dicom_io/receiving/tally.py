"""How often a log says the same of the same peer: a flood of connections must not become a flood of lines."""

from __future__ import annotations

import time

MOST_ADDRESSES = 1024
"""More than these are forgotten, all at once: whoever has a thousand addresses may cost a thousand lines."""


class Tally:
    """``every_seconds``: between two lines about one address. Two threads that ask at once may both be told yes."""

    def __init__(self, every_seconds: float = 60.0) -> None:
        self._every_seconds = every_seconds
        self._told: dict[str, float] = {}

    def is_worth_telling(self, address: str) -> bool:
        """Whether nothing was told of ``address`` for long enough; it counts as told now."""
        now = time.monotonic()
        if now - self._told.get(address, -self._every_seconds) < self._every_seconds:
            return False
        if len(self._told) >= MOST_ADDRESSES:
            self._told.clear()
        self._told[address] = now
        return True
