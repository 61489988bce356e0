"""The tables of the ledger, and their rows as plain objects."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from plugin.ledger.job_states import State

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
CREATE INDEX IF NOT EXISTS twinveil_instances_by_digest ON twinveil_instances (digest);
CREATE TABLE IF NOT EXISTS twinveil_jobs (
    job          TEXT PRIMARY KEY,
    destinations TEXT NOT NULL,      -- names of those that were configured when it began, as JSON
    urgent       INTEGER NOT NULL,   -- 1 where a person waits for it
    begun        REAL NOT NULL       -- seconds since 1970
) STRICT;
CREATE TABLE IF NOT EXISTS twinveil_charges (
    job      TEXT NOT NULL,
    subject  TEXT NOT NULL,      -- keyed digest of the instance, empty for a step of the whole study
    stage    TEXT NOT NULL,
    times    INTEGER NOT NULL,   -- that the process went down while this step ran
    PRIMARY KEY (job, subject, stage)
) STRICT;
CREATE TABLE IF NOT EXISTS twinveil_facts (
    name     TEXT PRIMARY KEY,
    value    INTEGER NOT NULL
) STRICT
"""

ADDED = {
    "making": "TEXT NOT NULL DEFAULT ''",  # '' unless it is made anew: then part of what its new UIDs follow from
    "entry": "TEXT NOT NULL DEFAULT ''",  # what the quarantine calls it, where that does not follow from its name
    "changed": "REAL NOT NULL DEFAULT 0",  # seconds since 1970
    "sop_class": "TEXT NOT NULL DEFAULT ''",  # SOP Class UID; '' where an earlier version took it
}
"""Columns that earlier versions did not have."""

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
    ``entry``: what the quarantine calls it, where that does not follow from its name.
    ``making``: "" unless it may have been made before; then the new UIDs must be others. ``sop_class``: "" where it
    is not on record.
    """

    name: str
    digest: str
    study: str
    state: State
    received: float
    job: str | None
    making: str = ""
    entry: str = ""
    releases: int = 0
    waived: tuple[str, ...] = ()
    sop_class: str = ""


@dataclass(frozen=True)
class Unfinished:
    """Instances of one study and job in one state. ``since``: when the first was received, seconds since 1970."""

    study: str
    job: str | None
    state: State
    instances: int
    since: float


@dataclass(frozen=True)
class JobRow:
    """What was settled when a job began. ``destinations``: who gets its results; ``urgent``: a person waits for it."""

    destinations: tuple[str, ...]
    urgent: bool


@contextmanager
def transaction(database: Path, *, wait_for_disk: bool = True) -> Iterator[sqlite3.Connection]:
    """A connection of this call's own for as long as it lasts, committed at the end.

    Without ``wait_for_disk`` a power cut may undo it, though nothing that came later stays without it: that is for what
    the next start finds out again.
    """
    with _lent(database) as connection:
        connection.execute(f"PRAGMA synchronous = {'FULL' if wait_for_disk else 'NORMAL'}")
        connection.execute("BEGIN IMMEDIATE")
        yield connection
        connection.execute("COMMIT")


@contextmanager
def reading(database: Path) -> Iterator[sqlite3.Connection]:
    """The same to read one consistent state: it waits for no writer, and no writer waits for it."""
    with _lent(database) as connection:
        connection.execute("BEGIN")
        yield connection
        connection.execute("COMMIT")


@contextmanager
def _lent(database: Path) -> Iterator[sqlite3.Connection]:
    connection = _connection(database)
    try:
        yield connection
    except BaseException:
        connection.close()  # rolls back what was not committed
        raise
    with _idle_lock:
        idle = _idle.setdefault(_identity(database), [])
        if len(idle) < MOST_IDLE:
            idle.append(connection)
            return
    connection.close()


def scrub(database: Path) -> None:
    """Nothing of what was deleted or overwritten is left in the file or in its log. No transaction may be under way."""
    connection = sqlite3.connect(database, timeout=BUSY_SECONDS, isolation_level=None)
    try:
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
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
