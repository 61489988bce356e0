"""The rows: one for every accepted instance, durable before its sender is told Success.

The table lives in the SQLite file that the job queue keeps its own tables in. It holds digests and paths inside the
spool, nothing else of the source. Every change of state goes through the table in ``job_states``.
"""

from __future__ import annotations

import hashlib
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from plugin.durable import private_folder
from plugin.ledger.job_states import Event, State, after

SCHEMA = """
CREATE TABLE IF NOT EXISTS twinveil_instances (
    name     TEXT PRIMARY KEY,   -- path below the spool's folder
    digest   TEXT NOT NULL,      -- keyed digest of the SOP Instance UID
    study    TEXT NOT NULL,      -- keyed digest of the Study Instance UID
    state    TEXT NOT NULL,
    received REAL NOT NULL,      -- seconds since 1970
    job      TEXT                -- set when it is queued
) STRICT;
CREATE TABLE IF NOT EXISTS twinveil_releases (
    name     TEXT PRIMARY KEY,   -- of an instance that a reviewer sent through the pipeline again
    times    INTEGER NOT NULL,
    waived   TEXT NOT NULL       -- the checks that reviewers answered for, with spaces between
) STRICT;
CREATE INDEX IF NOT EXISTS twinveil_instances_by_state ON twinveil_instances (state, study);
CREATE INDEX IF NOT EXISTS twinveil_instances_by_job ON twinveil_instances (job);
"""

DATABASE = "twinveil.sqlite"
"""Name of the file in a node's state folder."""

BUSY_SECONDS = 30.0
"""How long a writer waits for another one."""

MOST_IDLE = 4
"""Connections to one database that are kept for the next transaction."""

_idle: dict[tuple[Path, int, int], list[sqlite3.Connection]] = {}
_idle_lock = threading.Lock()


@dataclass(frozen=True)
class Row:
    """One instance. ``name``: its path below the spool's folder.

    ``releases``: how often a reviewer sent it through again; ``waived``: the checks that reviewers answered for.
    """

    name: str
    digest: str
    study: str
    state: State
    received: float
    job: str | None
    releases: int = 0
    waived: tuple[str, ...] = ()


class Ledger:
    """The table of instances. Any thread may call any method; each is one transaction."""

    def __init__(self, database: Path) -> None:
        private_folder(database.parent)
        self._database = database
        with transaction(self._database) as connection:
            for statement in SCHEMA.split(";"):
                connection.execute(statement)
        database.chmod(0o600)

    def record(self, name: str, *, digest: str, study: str) -> bool:
        """The row of a new instance; a repeat leaves the old one as it is. Returns whether it is new."""
        # Its file is on disk: a row that a power cut undid is made again at the next start.
        with transaction(self._database, wait_for_disk=False) as connection:
            cursor = connection.execute(
                "INSERT INTO twinveil_instances VALUES (?, ?, ?, ?, ?, NULL) ON CONFLICT (name) DO NOTHING",
                (name, digest, study, State.RECEIVED, time.time()),
            )
            return cursor.rowcount == 1

    def queue_quiet_studies(self, quiet_seconds: float) -> list[str]:
        """Gather the received instances of each study that had none for ``quiet_seconds``; the names of the new jobs.

        A job's name follows from the study, the instances and how often each was released by a reviewer, so that the
        same batch never becomes two jobs.
        """
        before = time.time() - quiet_seconds
        jobs = []
        with transaction(self._database) as connection:
            quiet = connection.execute(
                "SELECT study FROM twinveil_instances WHERE state = ? GROUP BY study HAVING max(received) <= ?",
                (State.RECEIVED, before),
            ).fetchall()
            for (study,) in quiet:
                rows = self._select(connection, "study = ? AND state = ?", study, State.RECEIVED)
                batch = hashlib.sha256("\n".join(map(_batch_name, rows)).encode()).hexdigest()
                job = f"{study}-{batch[:16]}"
                for row in rows:
                    self._change(connection, row, Event.QUEUE, job)
                jobs.append(job)
        return jobs

    def change(self, names: Sequence[str], event: Event) -> None:
        """``event`` happened to ``names``, all or none. Raises ``UnknownTransition``, ``KeyError`` without a row."""
        with transaction(self._database) as connection:
            for name in names:
                rows = self._select(connection, "name = ?", name)
                if not rows:
                    raise KeyError(name)
                self._change(connection, rows[0], event, rows[0].job)

    def release(self, name: str, waived: tuple[str, ...]) -> None:
        """A reviewer sends ``name`` through again and answers for ``waived``. Raises ``UnknownTransition``."""
        with transaction(self._database) as connection:
            (row,) = self._select(connection, "name = ?", name)
            self._change(connection, row, Event.RELEASE, row.job)
            connection.execute(
                "INSERT INTO twinveil_releases VALUES (?, 1, ?) "
                "ON CONFLICT (name) DO UPDATE SET times = times + 1, waived = excluded.waived",
                (name, " ".join(waived)),
            )

    def of_source(self, digest: str) -> list[Row]:
        """The rows of one SOP Instance UID: more than one when other bytes came under it later."""
        with transaction(self._database) as connection:
            return self._select(connection, "digest = ?", digest)

    def of_job(self, job: str) -> list[Row]:
        """The rows of ``job``, always in the same order."""
        with transaction(self._database) as connection:
            return self._select(connection, "job = ?", job)

    def jobs_in(self, *states: State) -> list[str]:
        """Names of the jobs that have an instance in one of ``states``."""
        marks = ", ".join("?" * len(states))
        with transaction(self._database) as connection:
            found = connection.execute(
                f"SELECT DISTINCT job FROM twinveil_instances WHERE state IN ({marks}) AND job IS NOT NULL",
                states,
            ).fetchall()
        return [job for (job,) in found]

    def state_of(self, name: str) -> State | None:
        """The state of one instance, None without a row."""
        with transaction(self._database) as connection:
            rows = self._select(connection, "name = ?", name)
        return rows[0].state if rows else None

    def counts(self) -> dict[State, int]:
        """Instances by state."""
        with transaction(self._database) as connection:
            found = connection.execute("SELECT state, count(*) FROM twinveil_instances GROUP BY state").fetchall()
        return {State(state): count for state, count in found}

    @staticmethod
    def _select(connection: sqlite3.Connection, condition: str, *values: str) -> list[Row]:
        found = connection.execute(
            "SELECT name, digest, study, state, received, job, coalesce(times, 0), coalesce(waived, '') "
            f"FROM twinveil_instances LEFT JOIN twinveil_releases USING (name) WHERE {condition} ORDER BY name",
            values,
        )
        return [
            Row(name, digest, study, State(state), at, job, releases, tuple(waived.split()))
            for name, digest, study, state, at, job, releases, waived in found
        ]

    @staticmethod
    def _change(connection: sqlite3.Connection, row: Row, event: Event, job: str | None) -> None:
        connection.execute(
            "UPDATE twinveil_instances SET state = ?, job = ? WHERE name = ?", (after(row.state, event), job, row.name)
        )


@contextmanager
def transaction(database: Path, *, wait_for_disk: bool = True) -> Iterator[sqlite3.Connection]:
    """A connection of this call's own for as long as it lasts, committed at the end.

    Without ``wait_for_disk`` a power cut may undo it, though nothing that came later stays without it: that is for what
    the next start finds out again.
    """
    connection = _connection(database)
    try:
        connection.execute(f"PRAGMA synchronous = {'FULL' if wait_for_disk else 'NORMAL'}")
        connection.execute("BEGIN IMMEDIATE")
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        connection.close()  # rolls back what was not committed
        raise
    with _idle_lock:
        idle = _idle.setdefault(_identity(database), [])
        if len(idle) < MOST_IDLE:
            idle.append(connection)
            return
    connection.close()


def _connection(database: Path) -> sqlite3.Connection:
    """One that lies idle, else a new one: opening costs more than most transactions, closing the last a checkpoint."""
    with _idle_lock:
        idle = _idle.get(_identity(database))
        if idle:
            return idle.pop()
    connection = sqlite3.connect(database, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
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


def _batch_name(row: Row) -> str:
    return row.name if row.releases == 0 else f"{row.name} released {row.releases}"
