"""What goes wrong again and again, said once."""

from __future__ import annotations

import logging


class Complaints:
    """Of each thing that is tried on until it succeeds: what was said of it last. Any thread may complain of its own.

    A full disk is emptied, a lock is released, a database comes back: whoever looks every second has no use for a line
    every second.
    """

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._last: dict[str, str] = {}

    def failed(self, what: str, error: Exception, message: str, *values: object) -> None:
        """``message`` has a place for each of ``values``, and a last one for the error's type. Nothing is said where it
        is the same type as before."""
        kind = type(error).__name__
        if self._last.get(what) != kind:
            self._last[what] = kind
            self._log.error(message, *values, kind)

    def succeeded(self, what: str) -> None:
        """If it fails again, that is news."""
        self._last.pop(what, None)
