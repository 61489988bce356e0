"""Jobs that another version began, or another process: taken over at the start, or refused by name.

A job's recorded steps mean something only to the version that recorded them. One of another version begins anew,
unless something of it may have left already; the job queue itself would leave it alone, without a word.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from plugin.database import Connection, Database, columns_of, scrub, tables_of, transaction
from plugin.errors import StateRefused
from plugin.intake import SpoolNames
from plugin.ledger import Ledger
from plugin.node.custody import NodeCustody
from plugin.node.jobs import UNFINISHED, WORKFLOW, WORKFLOW_VERSION, statuses_table
from plugin.node.tenures import folders_of
from plugin.quarantine import MAYBE_SENT

log = logging.getLogger(__name__)

DELIVERED_WITHIN_THE_JOB = frozenset({"1"})
"""Versions in which a job delivered its results itself, so that part of them may have left before it was cut off."""


def take_over(database: Database, executor_id: str | None, ledger: Ledger, custody: NodeCustody, names: SpoolNames,
              destinations: Sequence[str]) -> None:  # fmt: skip
    """Before the queue is launched: what an earlier process had begun is ours, under whatever name it ran.

    The lock on the state folder says that nobody else runs it, or the roster that no other worker does; then jobs of
    the dead are taken over as they are found, and ``executor_id`` is None. Jobs of another version are queued again by
    us; one of which something may have left is held for a person, since made again it would be other pixels under UIDs
    that a destination knows. Raises ``StateRefused`` for jobs of a later version.
    """
    statuses = statuses_table(database)
    with transaction(database) as connection:
        launched = statuses in tables_of(database, connection)
        others = _of_other_versions(connection, statuses) if launched else []
    later = sorted({version for _, version in others if version.isdigit() and int(version) > int(WORKFLOW_VERSION)})
    if later:
        raise StateRefused(
            f"jobs in this state folder were begun by a later version of Twinveil (steps of version {later[0]}, ours "
            f"are {WORKFLOW_VERSION}): start that version again until its queue is empty"
        )
    for workflow, version in others:
        job = workflow if ledger.of_job(workflow) else names.job(workflow)
        written = (path for folder in folders_of(custody.jobs, job) for path in folder.glob("*/out/*.dcm"))
        held = version in DELIVERED_WITHIN_THE_JOB and any(written)
        posted = custody.posted(job)
        if held or posted:
            custody.bury(job, MAYBE_SENT)
        else:
            custody.clear(job)
        what = "is on its way already" if posted else "is held" if held else "begins anew"
        log.warning("job %s of another version (%s) %s", job, version, what)
        ledger.submitted([job], False)
    for job in ledger.unsettled_jobs():
        ledger.begin(job, destinations)
    if not launched:
        return
    with transaction(database) as connection:
        forgotten = _forget_other_versions(database, connection, statuses)
        if executor_id is not None:
            connection.execute(
                f"UPDATE {statuses} SET executor_id = ? WHERE name = ? AND status = 'PENDING'", (executor_id, WORKFLOW)
            )
    if forgotten:
        scrub(database)


def _of_other_versions(connection: Connection, statuses: str) -> list[tuple[str, str]]:
    """Unfinished jobs of other versions than ours, as the job queue names them, and their versions."""
    marks = ", ".join("?" * len(UNFINISHED))
    return connection.execute(
        f"SELECT workflow_uuid, coalesce(application_version, '') FROM {statuses} "
        f"WHERE name = ? AND status IN ({marks}) AND coalesce(application_version, '') <> ?",
        (WORKFLOW, *sorted(UNFINISHED), WORKFLOW_VERSION),
    ).fetchall()


def _forget_other_versions(database: Database, connection: Connection, statuses: str) -> int:
    """Nothing that other versions recorded of their steps is left. Returns how many jobs that was."""
    forgotten = 0
    condition = f"SELECT workflow_uuid FROM {statuses} WHERE name = ? AND coalesce(application_version, '') <> ?"
    for table in sorted(tables_of(database, connection), key=lambda name: name == statuses):  # that one last
        if "workflow_uuid" in columns_of(database, connection, table):
            forgotten = connection.execute(
                f"DELETE FROM {table} WHERE workflow_uuid IN ({condition})", (WORKFLOW, WORKFLOW_VERSION)
            ).rowcount
    return forgotten
