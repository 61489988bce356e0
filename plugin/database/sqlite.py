"""One SQLite file. Connections are kept open between transactions: opening costs more than most of them."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

DATABASE = "twinveil.sqlite"
"""Name of the file in a node's state folder."""

BUSY_SECONDS = 30.0
"""How long a writer waits for another one."""

MOST_IDLE = 4
"""Connections to one database that are kept for the next transaction."""

MOST_DATABASES = 2
"""Databases to which any are kept, those used last: each connection holds three files open."""


class _Kept(sqlite3.Connection):
    """A connection that knows how far its transactions wait for the disk."""

    _waits: bool | None = None

    def wait_for_disk(self, waits: bool) -> None:
        """Whether a transaction is on disk when it is committed, from the next one on."""
        if waits is not self._waits:
            self.execute(f"PRAGMA synchronous = {'FULL' if waits else 'NORMAL'}")
            self._waits = waits


_idle: dict[tuple[Path, int, int], list[_Kept]] = {}
_idle_lock = threading.Lock()


@contextmanager
def transaction(database: Path, *, wait_for_disk: bool) -> Iterator[sqlite3.Connection]:
    """As ``plugin.database.transaction``."""
    with _lent(database) as connection:
        connection.wait_for_disk(wait_for_disk)
        connection.execute("BEGIN IMMEDIATE")
        yield connection
        connection.execute("COMMIT")


@contextmanager
def statement(database: Path, *, wait_for_disk: bool) -> Iterator[sqlite3.Connection]:
    """As ``plugin.database.statement``."""
    with _lent(database) as connection:
        connection.wait_for_disk(wait_for_disk)
        yield connection


@contextmanager
def reading(database: Path) -> Iterator[sqlite3.Connection]:
    """As ``plugin.database.reading``."""
    with _lent(database) as connection:
        connection.execute("BEGIN")
        yield connection
        connection.execute("COMMIT")


def scrub(database: Path) -> None:
    """As ``plugin.database.scrub``."""
    connection = sqlite3.connect(database, timeout=BUSY_SECONDS, isolation_level=None)
    try:
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.close()


@contextmanager
def _lent(database: Path) -> Iterator[_Kept]:
    connection = _connection(database)
    try:
        yield connection
    except BaseException:
        connection.close()  # rolls back what was not committed
        raise
    with _idle_lock:
        identity = _identity(database)
        idle = _idle[identity] = _idle.pop(identity, [])  # the last to be used stands last
        idle.append(connection)
        forgotten = [idle.pop(0)] if len(idle) > MOST_IDLE else []
        while len(_idle) > MOST_DATABASES:
            forgotten += _idle.pop(next(iter(_idle)))
    for each in forgotten:
        each.close()


def _connection(database: Path) -> _Kept:
    """One that lies idle, else a new one: opening costs more than most transactions, closing the last a checkpoint."""
    with _idle_lock:
        idle = _idle.get(_identity(database))
        if idle:
            return idle.pop()
    connection = sqlite3.connect(
        database, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, factory=_Kept
    )
    try:
        connection.execute("PRAGMA journal_mode = WAL")
    except BaseException:
        connection.close()
        raise
    return connection


def _identity(database: Path) -> tuple[Path, int, int]:
    """Of the file, not of its name: another may have taken its place."""
    try:
        found = database.stat()
    except FileNotFoundError:
        return database, 0, 0
    return database, found.st_dev, found.st_ino
