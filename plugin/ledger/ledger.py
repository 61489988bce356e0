"""The rows: one for every accepted instance, durable before its sender is told Success.

The table lives in the database that the job queue keeps its own tables in. It holds digests and paths inside the
spool, nothing else of the source. Every change of state goes through the table in ``job_states``.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from plugin.database import Connection, Database, Postgres, add_columns, create_tables, reading, statement, transaction
from plugin.durable import private_folder
from plugin.ledger.job_states import FINISHED, Event, State, after
from plugin.ledger.rows import (
    ADDED,
    INDEXES,
    SCHEMA,
    JobRow,
    Row,
    Unfinished,
    batch_name,
    made_again,
)

FORGOTTEN = "times that rows were forgotten"

NEW_ROW = (
    "INSERT INTO twinveil_instances (name, digest, study, state, received, making, changed, sop_class) "
    "VALUES (?, ?, ?, ?, ?, coalesce((SELECT value || '.0' FROM twinveil_facts WHERE name = ? "
    "AND value > 0), ''), ?, ?) ON CONFLICT (name) DO NOTHING"
)
"""Of an instance that is new, as nearly every one is: a single statement. Its making is making_of(FORGOTTEN, 0)."""


class Ledger:
    """The table of instances. Any thread may call any method; each is one transaction.

    ``clock``: seconds that only ever go forward. A study is quiet by that one: the wall clock may jump.
    """

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        if isinstance(database, Path):
            private_folder(database.parent)
        self._database = database
        self._clock = clock
        self._seen: dict[str, tuple[tuple[int, float], float]] | None = None
        with transaction(self._database) as connection:
            create_tables(connection, SCHEMA)
            for table, columns in ADDED.items():
                add_columns(database, connection, table, columns)
            create_tables(connection, INDEXES)
        if isinstance(database, Path):
            database.chmod(0o600)

    def record(self, name: str, *, digest: str, study: str, sop_class: str = "") -> bool:
        """The row of a new instance, or of one that is wanted again; a repeat leaves the old one as it is.

        Returns whether it is taken.
        """
        now = time.time()
        values = (name, digest, study, State.RECEIVED, now, FORGOTTEN, now, sop_class)
        # Its file is on disk: a row that a power cut undid is made again at the next start.
        with statement(self._database, wait_for_disk=False) as connection:
            if connection.execute(NEW_ROW, values).rowcount == 1:
                return True
        with transaction(self._database, wait_for_disk=False) as connection:
            if connection.execute(NEW_ROW, values).rowcount == 1:  # forgotten meanwhile
                return True
            (row,) = self._select(connection, "name = ?", name)
            if not taken_again(row.state):
                return False
            making = made_again(row.making) if row.state is State.WANTED else row.making
            connection.execute(
                "UPDATE twinveil_instances SET received = ?, making = ? WHERE name = ?", (now, making, name)
            )
            self._change(connection, row, Event.RECEIVE, None)
            return True

    def queue_quiet_studies(self, quiet_seconds: float, destinations: Sequence[str] = ()) -> list[str]:
        """Gather the received instances of each study that had none for ``quiet_seconds``; the names of the new jobs.

        Their results go to ``destinations``, whatever is configured by the time there are any. What a reviewer released
        is gathered at once, and what a person wants made again apart from the rest: somebody waits for both. A job's
        name follows from the study, the instances and how often each was released or made, so that the same batch never
        becomes two jobs.
        """
        now = self._clock()
        jobs: list[str] = []
        with reading(self._database) as connection:
            if not connection.execute(
                "SELECT 1 FROM twinveil_instances WHERE state = ? LIMIT 1", (State.RECEIVED,)
            ).fetchone():
                self._seen = {}
                return jobs
        with transaction(self._database) as connection:
            for study, quiet, released in self._look_at_received(connection, now, quiet_seconds):
                if not quiet and not released:
                    continue
                rows = self._select(connection, "study = ? AND state = ?", study, State.RECEIVED)
                at_once = [row for row in rows if row.releases]
                others = [row for row in rows if not row.releases] if quiet else []
                wanted = [row for row in others if was_wanted(row)]
                rest = [row for row in others if not was_wanted(row)]
                for batch in filter(None, (at_once, wanted, rest)):
                    name = hashlib.sha256("\n".join(map(batch_name, batch)).encode()).hexdigest()
                    job = f"{study}-{name[:20]}"  # see study_of_job
                    for row in batch:
                        self._change(connection, row, Event.QUEUE, job)
                    _begin(connection, job, destinations, urgent=batch is not rest)
                    jobs.append(job)
        return jobs

    def _look_at_received(
        self, connection: Connection, now: float, quiet_seconds: float
    ) -> list[tuple[str, bool, int]]:
        """Studies with received instances: whether each is quiet, and how many of it a reviewer released."""
        found = connection.execute(
            "SELECT study, count(*), max(received), count(times) FROM twinveil_instances "
            "LEFT JOIN twinveil_releases USING (name) WHERE state = ? GROUP BY study",
            (State.RECEIVED,),
        ).fetchall()
        if self._seen is None:  # the first look of this process: only the wall clock knows of the time before
            wall = time.time()
            # Another machine's wall clock is nothing to go by.
            most = 0.0 if isinstance(self._database, Postgres) else quiet_seconds
            self._seen = {
                study: ((count, last), now - min(max(wall - last, 0.0), most)) for study, count, last, _ in found
            }
        seen = {}
        for study, count, last, _ in found:
            same, since = self._seen.get(study, (None, now))
            seen[study] = ((count, last), since if same == (count, last) else now)
        self._seen = seen
        return [(study, now - seen[study][1] >= quiet_seconds, released) for study, _, _, released in found]

    def job(self, job: str) -> JobRow | None:
        """What was settled when ``job`` began, None where nothing was."""
        with reading(self._database) as connection:
            found = connection.execute(
                "SELECT destinations, urgent, tenure FROM twinveil_jobs WHERE job = ?", (job,)
            ).fetchone()
        return JobRow(tuple(json.loads(found[0])), bool(found[1]), found[2]) if found else None

    def to_submit(self, lane: str, most: int) -> list[str]:
        """Jobs of ``lane`` that the job queue has not got yet, the oldest first; "": of which no lane is known."""
        with reading(self._database) as connection:
            found = connection.execute(
                "SELECT job FROM twinveil_jobs AS j WHERE submitted = 0 AND lane = ? AND EXISTS "
                "(SELECT 1 FROM twinveil_instances AS i WHERE i.job = j.job AND i.state = ?) ORDER BY begun LIMIT ?",
                (lane, State.QUEUED, most),
            ).fetchall()
        return [job for (job,) in found]

    def sort(self, lanes: Mapping[str, str]) -> None:
        """From now on the lane of each of these jobs is known."""
        with transaction(self._database) as connection:
            connection.executemany(
                "UPDATE twinveil_jobs SET lane = ? WHERE job = ?", [(lane, job) for job, lane in lanes.items()]
            )

    def to_be_submitted(self) -> set[str]:
        """All jobs that the job queue has not got yet, or had before that was put on record."""
        with reading(self._database) as connection:
            return {job for (job,) in connection.execute("SELECT job FROM twinveil_jobs WHERE submitted = 0")}

    def submitted(self, jobs: Sequence[str], submitted: bool = True) -> None:
        """The job queue has them, or has them no longer."""
        with transaction(self._database) as connection:
            connection.executemany(
                "UPDATE twinveil_jobs SET submitted = ? WHERE job = ?", [(int(submitted), job) for job in jobs]
            )

    def occupy(self, job: str, ours: Callable[[Connection], bool]) -> int | None:
        """A process begins ``job`` or goes on with it: the number of this tenure, from 1. None where it is not ours.

        Whoever had it before may still be at it without knowing. What it writes bears the number of its own tenure.
        """
        with transaction(self._database) as connection:
            if not ours(connection):
                return None
            connection.execute("UPDATE twinveil_jobs SET tenure = tenure + 1 WHERE job = ?", (job,))
            found = connection.execute("SELECT tenure FROM twinveil_jobs WHERE job = ?", (job,)).fetchone()
        return found[0] if found else 0

    def is_tenure(self, connection: Connection, job: str, tenure: int) -> bool:
        """Whether ``tenure`` is the last of ``job``, in a transaction that somebody else began."""
        found = connection.execute("SELECT tenure FROM twinveil_jobs WHERE job = ?", (job,)).fetchone()
        return found is None or found[0] == tenure

    def unsettled_jobs(self) -> list[str]:
        """Queued jobs of an earlier version, for which nothing was settled when they began."""
        with reading(self._database) as connection:
            found = connection.execute(
                "SELECT DISTINCT job FROM twinveil_instances WHERE state = ? AND job NOT IN "
                "(SELECT job FROM twinveil_jobs)",
                (State.QUEUED,),
            ).fetchall()
        return [job for (job,) in found]

    def begin(self, job: str, destinations: Sequence[str]) -> None:
        """Settle for a job of an earlier version what was not settled when it began."""
        with transaction(self._database) as connection:
            _begin(connection, job, destinations, urgent=False)

    def charge(self, job: str, subject: str, stage: str) -> None:
        """The process went down while this step ran."""
        with transaction(self._database) as connection:
            connection.execute(
                "INSERT INTO twinveil_charges VALUES (?, ?, ?, 1) "
                "ON CONFLICT (job, subject, stage) DO UPDATE SET times = twinveil_charges.times + 1",
                (job, subject, stage),
            )

    def charges(self, job: str, subject: str, stage: str) -> int:
        """How often a process went down while this step ran."""
        with reading(self._database) as connection:
            found = connection.execute(
                "SELECT times FROM twinveil_charges WHERE job = ? AND subject = ? AND stage = ?", (job, subject, stage)
            ).fetchone()
        return found[0] if found else 0

    def change(self, names: Sequence[str], event: Event) -> None:
        """``event`` happened to ``names``, all or none. Raises ``UnknownTransition``, ``KeyError`` without a row."""
        with transaction(self._database) as connection:
            self.change_within(connection, names, event)

    def change_within(self, connection: Connection, names: Sequence[str], event: Event) -> None:
        """The same as part of a transaction that somebody else began."""
        for name in names:
            rows = self._select(connection, "name = ?", name)
            if not rows:
                raise KeyError(name)
            self._change(connection, rows[0], event, rows[0].job)

    def release(self, name: str, waived: tuple[str, ...], *, anew: bool = False) -> None:
        """A reviewer sends ``name`` through again and answers for ``waived``. Raises ``UnknownTransition``.

        ``anew``: something that was made of it may have left; what is made now gets other UIDs.
        """
        with transaction(self._database) as connection:
            (row,) = self._select(connection, "name = ?", name)
            self._change(connection, row, Event.RELEASE, row.job)
            if anew:
                connection.execute(
                    "UPDATE twinveil_instances SET making = ? WHERE name = ?", (made_again(row.making), name)
                )
            connection.execute(
                "INSERT INTO twinveil_releases VALUES (?, 1, ?) "
                "ON CONFLICT (name) DO UPDATE SET times = twinveil_releases.times + 1, waived = excluded.waived",
                (name, " ".join(waived)),
            )

    def of_source(self, digest: str) -> list[Row]:
        """The rows of one SOP Instance UID: more than one when other bytes came under it later."""
        with reading(self._database) as connection:
            return self._select(connection, "digest = ?", digest)

    def beginning(self, digest: str) -> list[Row]:
        """The rows whose instance or study has a digest that begins so."""
        pattern = digest.replace("%", "").replace("_", "") + "%"
        with reading(self._database) as connection:
            return self._select(connection, "digest LIKE ? OR study LIKE ?", pattern, pattern)

    def of_job(self, job: str) -> list[Row]:
        """The rows of ``job``, always in the same order."""
        with reading(self._database) as connection:
            return self._select(connection, "job = ?", job)

    def in_states(self, *states: State) -> list[Row]:
        """The rows in one of ``states``."""
        with reading(self._database) as connection:
            return self._select(connection, f"state IN ({', '.join('?' * len(states))})", *states)

    def jobs_in(self, *states: State) -> list[str]:
        """Names of the jobs that have an instance in one of ``states``."""
        marks = ", ".join("?" * len(states))
        with reading(self._database) as connection:
            found = connection.execute(
                f"SELECT DISTINCT job FROM twinveil_instances WHERE state IN ({marks}) AND job IS NOT NULL",
                states,
            ).fetchall()
        return [job for (job,) in found]

    def unfinished(self) -> list[Unfinished]:
        """What is not finished, by study, job and state, the oldest first."""
        going_on = tuple(state for state in State if state not in FINISHED)
        marks = ", ".join("?" * len(going_on))
        with reading(self._database) as connection:
            found = connection.execute(
                "SELECT study, job, state, count(*), min(received) FROM twinveil_instances "
                f"WHERE state IN ({marks}) GROUP BY study, job, state ORDER BY min(received)",
                going_on,
            ).fetchall()
        return [Unfinished(study, job, State(state), count, since) for study, job, state, count, since in found]

    def state_of(self, name: str) -> State | None:
        """The state of one instance, None without a row."""
        rows = self.named([name])
        return rows[0].state if rows else None

    def named(self, names: Sequence[str]) -> list[Row]:
        """The rows of those of ``names`` that have one; some hundreds at a time."""
        with reading(self._database) as connection:
            return self._select(connection, f"name IN ({', '.join('?' * len(names))})", *names)

    def counts(self) -> dict[State, int]:
        """Instances by state."""
        with reading(self._database) as connection:
            found = connection.execute("SELECT state, count(*) FROM twinveil_instances GROUP BY state").fetchall()
        return {State(state): count for state, count in found}

    def rename(
        self, named: Callable[[str], str], entries: Callable[[str, str], str], jobs: Callable[[str], str]
    ) -> None:
        """Every instance gets the name that ``named`` makes of its name, every job that of ``jobs``.

        What is in quarantine stays what ``entries(digest, name)`` called it there.
        """
        with transaction(self._database) as connection:
            for row in self._select(connection, "1 = 1"):
                if (name := named(row.name)) == row.name:
                    continue
                job = None if row.job is None else jobs(row.job)
                connection.execute(
                    "UPDATE twinveil_instances SET name = ?, job = ?, entry = ? WHERE name = ?",
                    (name, job, entries(row.digest, row.name), row.name),
                )
                connection.execute("UPDATE twinveil_releases SET name = ? WHERE name = ?", (name, row.name))

    def forget(self, states: Collection[State], before: float) -> list[str]:
        """Remove the rows that have stood in ``states`` since before that moment; their names.

        What is not known any more cannot be told from what was never there. If it comes again, it may be made again:
        from now on new instances get UIDs that none before them can have had.
        """
        marks = ", ".join("?" * len(states))
        with transaction(self._database) as connection:
            found = connection.execute(
                f"SELECT name FROM twinveil_instances WHERE state IN ({marks}) AND changed < ? AND received < ?",
                (*states, before, before),
            ).fetchall()
            for (name,) in found:
                connection.execute("DELETE FROM twinveil_instances WHERE name = ?", (name,))
                connection.execute("DELETE FROM twinveil_releases WHERE name = ?", (name,))
            if found:
                connection.execute(
                    "INSERT INTO twinveil_facts VALUES (?, 1) "
                    "ON CONFLICT (name) DO UPDATE SET value = twinveil_facts.value + 1",
                    (FORGOTTEN,),
                )
            for table in ("twinveil_jobs", "twinveil_charges"):
                connection.execute(f"DELETE FROM {table} WHERE job NOT IN (SELECT job FROM twinveil_instances "
                                   "WHERE job IS NOT NULL)")  # fmt: skip
        return [name for (name,) in found]

    @staticmethod
    def _select(connection: Connection, condition: str, *values: str) -> list[Row]:
        found = connection.execute(
            "SELECT name, digest, study, state, received, job, making, entry, coalesce(times, 0), "
            "coalesce(waived, ''), sop_class "
            f"FROM twinveil_instances LEFT JOIN twinveil_releases USING (name) WHERE {condition} ORDER BY name",
            values,
        )
        return [
            Row(name, digest, study, State(state), at, job, making, entry, releases, tuple(waived.split()), sop_class)
            for name, digest, study, state, at, job, making, entry, releases, waived, sop_class in found
        ]

    @staticmethod
    def _change(connection: Connection, row: Row, event: Event, job: str | None) -> None:
        connection.execute(
            "UPDATE twinveil_instances SET state = ?, job = ?, changed = ? WHERE name = ?",
            (after(row.state, event), job, time.time(), row.name),
        )


def taken_again(state: State | None) -> bool:
    """Whether an instance that stands so is taken when it is sent again."""
    return state in {State.WANTED, State.MISSING}


def was_wanted(row: Row) -> bool:
    """Whether a person wanted it made again, after it had been delivered or discarded."""
    return not (row.making or "0.0").endswith(".0")


def _begin(connection: Connection, job: str, destinations: Sequence[str], *, urgent: bool) -> None:
    connection.execute(
        "INSERT INTO twinveil_jobs (job, destinations, urgent, begun) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (job, json.dumps(list(destinations)), int(urgent), time.time()),
    )
