"""Whether a node is ready for work, part by part, and in words what is lacking."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from plugin.ledger import Ledger


class Readiness:
    """``port_open`` and ``models_loaded`` are asked each time; None where this process has no port, or no model and
    ``started`` is asked instead. Any thread may ask.

    ``folder``: where the disk is looked at; ``kept_free``: bytes, the limit below which nothing is accepted.
    """

    def __init__(
        self,
        *,
        port_open: Callable[[], bool] | None,
        models_loaded: Callable[[], bool] | None,
        ledger: Ledger,
        folder: Path,
        kept_free: int,
        started: Callable[[], bool] = lambda: True,
    ) -> None:
        self._port_open = port_open
        self._models_loaded = models_loaded
        self._started = started
        self._ledger = ledger
        self._folder = folder
        self._kept_free = kept_free

    def report(self) -> dict[str, str]:
        """By part what is lacking; "" where nothing is."""
        found = {}
        if self._port_open is not None:
            found["port"] = "" if self._port_open() else "the port is closed"
        if self._models_loaded is not None:
            found["models"] = "" if self._models_loaded() else "the models are not loaded yet"
        else:
            found["start"] = "" if self._started() else "this process has not started yet"
        return {**found, "database": self._database(), "disk": self._disk()}

    def _database(self) -> str:
        try:
            self._ledger.state_of("")
        except Exception as error:  # whatever a database may raise; its text may name a machine
            return f"the database does not answer ({type(error).__name__})"
        return ""

    def _disk(self) -> str:
        try:
            free = shutil.disk_usage(self._folder).free
        except OSError as error:
            return f"the disk cannot be looked at (errno {error.errno})"
        return "" if free > self._kept_free else f"{free} bytes are free, {self._kept_free} are kept free"
