"""Jobs that another version began, or another process: taken over at the start, or refused by name.

A job's recorded steps mean something only to the version that recorded them. One of another version begins anew,
unless something of it may have left already; the job queue itself would leave it alone, without a word.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from plugin.errors import StateRefused
from plugin.intake import SpoolNames
from plugin.ledger import Ledger, State, scrub, transaction
from plugin.node.custody import NodeCustody
from plugin.node.jobs import UNFINISHED, WORKFLOW, WORKFLOW_VERSION
from plugin.quarantine import MAYBE_SENT

log = logging.getLogger(__name__)

DELIVERED_WITHIN_THE_JOB = frozenset({"1"})
"""Versions in which a job delivered its results itself, so that part of them may have left before it was cut off."""


def take_over(database: Path, executor_id: str, ledger: Ledger, custody: NodeCustody, names: SpoolNames,
              destinations: Sequence[str]) -> None:  # fmt: skip
    """Before the queue is launched: what an earlier process had begun is ours, under whatever name it ran.

    The lock on the state folder says that nobody else runs it. Jobs of another version are queued again by us; one of
    which something may have left is held for a person, since made again it would be other pixels under UIDs that a
    destination knows. Raises ``StateRefused`` for jobs of a later version.
    """
    with transaction(database) as connection:
        others = _of_other_versions(connection)
    later = sorted({version for _, version in others if version.isdigit() and int(version) > int(WORKFLOW_VERSION)})
    if later:
        raise StateRefused(
            f"jobs in this state folder were begun by a later version of Twinveil (steps of version {later[0]}, ours "
            f"are {WORKFLOW_VERSION}): start that version again until its queue is empty"
        )
    for workflow, version in others:
        job = workflow if ledger.of_job(workflow) else names.job(workflow)
        held = version in DELIVERED_WITHIN_THE_JOB and any((custody.jobs / job).glob("*/out/*.dcm"))
        posted = custody.posted(job)
        if held or posted:
            custody.bury(job, MAYBE_SENT)
        else:
            custody.clear(job)
        what = "is on its way already" if posted else "is held" if held else "begins anew"
        log.warning("job %s of another version (%s) %s", job, version, what)
    for job in ledger.jobs_in(State.QUEUED):
        if ledger.job(job) is None:
            ledger.begin(job, destinations)
    with transaction(database) as connection:
        forgotten = _forget_other_versions(connection)
        if _has(connection, "workflow_status"):
            connection.execute(
                "UPDATE workflow_status SET executor_id = ? WHERE name = ? AND status = 'PENDING'",
                (executor_id, WORKFLOW),
            )
    if forgotten:
        scrub(database)


def _of_other_versions(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    """Unfinished jobs of other versions than ours, as the job queue names them, and their versions."""
    if not _has(connection, "workflow_status"):
        return []
    marks = ", ".join("?" * len(UNFINISHED))
    return connection.execute(
        "SELECT workflow_uuid, coalesce(application_version, '') FROM workflow_status "
        f"WHERE name = ? AND status IN ({marks}) AND coalesce(application_version, '') <> ?",
        (WORKFLOW, *sorted(UNFINISHED), WORKFLOW_VERSION),
    ).fetchall()


def _forget_other_versions(connection: sqlite3.Connection) -> int:
    """Nothing that other versions recorded of their steps is left. Returns how many jobs that was."""
    if not _has(connection, "workflow_status"):
        return 0
    forgotten = 0
    condition = "SELECT workflow_uuid FROM workflow_status WHERE name = ? AND coalesce(application_version, '') <> ?"
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    for table in sorted(tables, key=lambda name: name == "workflow_status"):  # that one last
        columns = {row[1] for row in connection.execute(f'PRAGMA table_info("{table}")')}
        if "workflow_uuid" in columns:
            forgotten = connection.execute(
                f'DELETE FROM "{table}" WHERE workflow_uuid IN ({condition})', (WORKFLOW, WORKFLOW_VERSION)
            ).rowcount
    return forgotten


def _has(connection: sqlite3.Connection, table: str) -> bool:
    return connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone() is not None
