"""What one process at a time does: held by a session of the database's server, and so for as long as the process lives.

A process that is killed loses it at once; a machine that is gone, once its connection is found to be dead. A process
that only stands still keeps it. When the server is restarted everybody has lost it, and asks anew.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import Any

import psycopg

from plugin.database.database import Database
from plugin.database.postgres import Postgres, connect, lock_number


class Exclusive:
    """The right to do ``name``, among all processes of one database. With SQLite there is one process, and it may."""

    def __init__(self, database: Database, name: str) -> None:
        self._database = database
        self._number = lock_number(name)
        self._lock = threading.Lock()
        self._session: psycopg.Connection[Any] | None = None
        self._has = False

    def held(self) -> bool:
        """Whether it is ours just now; asked for where it was nobody's. Raises where the server is away."""
        if not isinstance(self._database, Postgres):
            return True
        with self._lock:
            try:
                if self._session is None:
                    self._session = connect(self._database)
                if self._has:
                    self._session.execute("SELECT 1")
                else:
                    found = self._session.execute("SELECT pg_try_advisory_lock(%s)", (self._number,)).fetchone()
                    self._has = bool(found and found[0])
                return self._has
            except psycopg.Error:
                self._drop()
                raise

    def release(self) -> None:
        """Somebody else may, at once."""
        with self._lock:
            if self._session is not None and self._has:
                with suppress(psycopg.Error):  # else it goes with the session
                    self._session.execute("SELECT pg_advisory_unlock(%s)", (self._number,))
            self._drop()

    def _drop(self) -> None:
        self._has = False
        if self._session is not None:
            with suppress(psycopg.Error):
                self._session.close()
            self._session = None
