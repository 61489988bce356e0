"""The job queue: each step of a study is remembered once it is done, and done again only if it was cut off.

Built on DBOS (durable execution in the database, MIT). A job is the workflow ``twin_study`` under an id that follows
from the study and its instances; asking for the same job twice is asking once.
"""

from __future__ import annotations

import errno
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, ParamSpec, TypeVar

from dbos import DBOS, DBOSConfig, SetWorkflowID

from plugin.database import Connection, Database, Postgres, is_away, reading, sqlalchemy_url
from plugin.ledger import Ledger
from plugin.node.lanes import QUEUES, Lane
from plugin.node.running import RunningSteps
from plugin.node.tenures import JobLost
from plugin.node.turns import Turns
from plugin.observer import Observer
from plugin.study import (
    InstanceRefused,
    Outcome,
    Refusal,
    Source,
    Stages,
    Study,
    Timings,
    refusal_of,
    twin_study,
)

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

WORKFLOW_VERSION = "2"
"""Raise it when steps change. Jobs of an earlier one are taken over at the start; see ``plugin.node.upgrade``."""

WORKFLOW = "twin_study"

UNFINISHED = frozenset({"PENDING", "ENQUEUED", "DELAYED"})
DEAD = frozenset({"ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"})
"""DBOS states in which a job ended without an outcome."""

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
"""A step that found the disk full waits for room: it is nobody's fault, and least of all the photograph's."""

LONGEST_WAIT_FOR_ROOM = 60.0

MOST_AT_ONCE = 500
"""Records that are removed in one statement."""

NO_OUTCOME = "NoOutcome"
WENT_DOWN = "the process went down while this step ran, more often than allowed"
"""Why an instance is held whose step took the process down."""


@dataclass(frozen=True)
class JobSettings:
    """``executor_id``: of this process alone. Who comes after it must bear the same, or take its jobs over by name.

    ``in_flight``: studies at a time from each of ``lanes``.
    """

    database: Database
    executor_id: str
    in_flight: int = 4
    lanes: tuple[Lane, ...] = tuple(Lane)
    max_recoveries: int = 5
    polling_seconds: float = 1.0


@dataclass(frozen=True)
class Done(Generic[T]):
    """What the database keeps of a step that went well: its value, which is small, and how long it took."""

    value: T
    seconds: float


@dataclass(frozen=True)
class Refused:
    """What the database keeps of a step that refused the instance."""

    refusal: Refusal
    seconds: float


class Jobs:
    """Runs ``twin_study`` durably. DBOS is one per process, and so is this.

    ``study_of(job, tenure)``: what it works on. ``abandon``: another process has the job, and nothing of ours may stay.
    """

    def __init__(
        self,
        settings: JobSettings,
        stages: Stages,
        study_of: Callable[[str, int], Study],
        ledger: Ledger,
        running: RunningSteps,
        on_step: Callable[[str, str, float], None] | None = None,
        abandon: Callable[[Study], None] = lambda study: None,
        observer: Observer | None = None,
    ) -> None:
        self._settings = settings
        self._stages = stages
        self._study_of = study_of
        self._ledger = ledger
        self._abandon = abandon
        self._running = running
        self._on_step = on_step
        self._statuses = statuses_table(settings.database)
        self._observer = observer or Observer()
        self._turns = Turns()

    def start(self) -> None:
        """Launch the queue; jobs that an earlier process left unfinished go on at the step where they were cut off."""
        settings = self._settings
        config: DBOSConfig = {
            "name": "twinveil",
            "system_database_url": sqlalchemy_url(settings.database),
            "executor_id": settings.executor_id,
            "application_version": WORKFLOW_VERSION,
            "log_level": "CRITICAL",
            "console_log_level": "CRITICAL",
        }
        _silence_dbos()
        DBOS(config=config)

        def run(job: str) -> int:  # DBOS marks functions, which a bound method does not bear
            return self._run(job)

        # How often a job was resumed says nothing of it: many are resumed when one takes the process down. What is
        # counted is which step ran then.
        self._workflow = DBOS.workflow(name=WORKFLOW, max_recovery_attempts=None)(run)
        DBOS.listen_queues([QUEUES[lane] for lane in settings.lanes])
        DBOS.launch()
        for queue in QUEUES.values():
            DBOS.register_queue(
                queue,
                worker_concurrency=settings.in_flight,
                polling_interval_sec=settings.polling_seconds,
                on_conflict="always_update",
            )

    def stop(self, grace_seconds: float = 30.0) -> bool:
        """Let running steps end for ``grace_seconds``; no other begins. Returns whether all of them ended.

        A step that did not is cut off with the process and done again at the next start.
        """
        ended = self._turns.close(grace_seconds)
        if not ended:
            self._running.forgive()
        DBOS.destroy()
        return ended

    def submit(self, job: str, lane: Lane) -> None:
        """Durably asked for when this returns. Asking again changes nothing."""
        with SetWorkflowID(job):
            DBOS.enqueue_workflow(QUEUES[lane], self._workflow, job)

    def take_over(self, executor: str) -> int:
        """What ``executor`` had begun goes on with whoever is free; it is dead. Returns how many jobs that is."""
        return len(DBOS._recover_pending_workflows([executor]))

    def executors(self) -> frozenset[str]:
        """Processes that have begun jobs and not ended them, as the job queue knows them."""
        found = DBOS.list_workflows(name=WORKFLOW, status="PENDING", load_input=False, load_output=False)
        return frozenset(job.executor_id for job in found if job.executor_id)

    def waiting(self, lane: Lane) -> int:
        """How many jobs of ``lane`` it has that nobody has begun yet."""
        with reading(self._settings.database) as connection:
            found = connection.execute(
                f"SELECT count(*) FROM {self._statuses} WHERE queue_name = ? AND status = 'ENQUEUED'", (QUEUES[lane],)
            ).fetchone()
        return int(found[0])

    def dead(self) -> frozenset[str]:
        """Jobs that ended without an outcome: they failed outside any step, or took the process down too often."""
        return self._in(DEAD)

    def ended(self) -> frozenset[str]:
        """Jobs that are over, whether there was an outcome or not."""
        return self._in(frozenset({*DEAD, "SUCCESS"}))

    def unfinished(self) -> frozenset[str]:
        """Jobs that go on by themselves."""
        return self._in(UNFINISHED)

    def forget(self, before: float) -> int:
        """Remove the records of jobs that ended before that moment, seconds since 1970. Returns how many."""
        status = sorted({*DEAD, "SUCCESS"})
        found = DBOS.list_workflows(name=WORKFLOW, status=status, load_input=False, load_output=False)
        old = [job.workflow_id for job in found if (job.updated_at or 0) < before * 1000]
        for start in range(0, len(old), MOST_AT_ONCE):
            DBOS.delete_workflows(old[start : start + MOST_AT_ONCE])
        return len(old)

    @staticmethod
    def _in(states: frozenset[str]) -> frozenset[str]:
        found = DBOS.list_workflows(name=WORKFLOW, status=sorted(states), load_input=False, load_output=False)
        return frozenset(workflow.workflow_id for workflow in found)

    def _run(self, job: str) -> int:
        tenure = self._occupied(job)
        study = self._turns.when_there(lambda: self._study_of(job, tenure))
        log.info("study %s: %d instances", study.digest, len(study.sources))
        steps = DurableSteps(
            study, self._settings.max_recoveries, self._turns, self._running, self._on_step, self._observer
        )
        try:
            outcomes = twin_study(study, self._stages, steps)
        except BaseException:
            self._abandon_if_lost(study)
            raise
        for outcome in outcomes:
            log.info("study %s: instance %s %s", study.digest, outcome.source.digest, told(outcome))
        return len(outcomes)

    def _abandon_if_lost(self, study: Study) -> None:
        with suppress(Exception):  # the database is away, and perhaps it is ours still
            with reading(self._settings.database) as connection:
                lost = not self._ledger.is_tenure(connection, study.job, study.tenure)
            if lost:
                log.warning("job %s was taken over by another process", study.job)
                self._abandon(study)

    def _occupied(self, job: str) -> int:
        """The number of our tenure. Raises ``JobLost`` where another process has the job already."""

        def ours(connection: Connection) -> bool:
            found = connection.execute(
                f"SELECT executor_id FROM {self._statuses} WHERE workflow_uuid = ? AND status = 'PENDING'", (job,)
            ).fetchone()
            return found is not None and found[0] == self._settings.executor_id

        tenure = self._turns.when_there(lambda: self._ledger.occupy(job, ours))
        if tenure is None:
            raise JobLost(job)
        return tenure


class DurableSteps:
    """The steps of one job. A refusal is a result like any other: it is recorded, and raised again after a restart."""

    def __init__(
        self,
        study: Study,
        max_recoveries: int,
        turns: Turns,
        running: RunningSteps,
        on_step: Callable[[str, str, float], None] | None = None,
        observer: Observer | None = None,
    ) -> None:
        self._study = study
        self._max_recoveries = max_recoveries
        self._turns = turns
        self._running = running
        self._on_step = on_step
        self._observer = observer or Observer()
        self._timings = Timings()
        self._had = 0.0

    def __call__(self, stage: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        name = stage.__name__
        source = next((arg for arg in args if isinstance(arg, Source)), None)
        subject = "" if source is None else source.digest
        waits_for: list[str] = []

        def once() -> Done[T] | Refused | None:
            """The result, or None where there is no room for it on the disk, or no database."""
            with self._turns.turn(urgent=self._study.urgent, had=self._had):
                begun = time.perf_counter()
                try:
                    if self._running.charges(self._study.job, subject, name) > self._max_recoveries:
                        return Refused(Refusal(name, NO_OUTCOME, WENT_DOWN), 0.0)
                    with self._running.noted(self._study.job, subject, name):
                        return Done(stage(*args, **kwargs), time.perf_counter() - begun)
                except Exception as error:
                    if is_away(error) or (isinstance(error, OSError) and error.errno in NO_ROOM):
                        waits_for.append("the database is away" if is_away(error) else "the disk is full")
                        return None
                    return Refused(refusal_of(name, error), time.perf_counter() - begun)

        def work() -> Done[T] | Refused:
            wait = 1.0
            while (result := once()) is None:
                level = logging.ERROR if wait == 1.0 else logging.DEBUG
                log.log(level, "%s: %s; it is done again", name, waits_for.pop())
                self._turns.wait(wait)
                wait = min(2 * wait, LONGEST_WAIT_FOR_ROOM)
            self._observer.step_ended(name, result.seconds)
            return result

        result = DBOS.run_step({"name": name}, work)
        self._timings.add(name, args, result.seconds)
        self._had += result.seconds
        if self._on_step is not None:
            self._on_step(subject, name, result.seconds)
        if isinstance(result, Refused):
            raise InstanceRefused(result.refusal)
        return result.value

    def seconds_of(self, source: Source) -> dict[str, float]:
        return self._timings.of(source.digest)


def statuses_table(database: Database) -> str:
    """The job queue's own table of jobs, which is there once it has been launched."""
    return "dbos.workflow_status" if isinstance(database, Postgres) else "workflow_status"


def _silence_dbos() -> None:
    """Its lines carry tracebacks, which may quote data, and it would tie itself to the terminal of the first start."""
    logger = logging.getLogger("dbos")
    logger.propagate = False
    logger.setLevel(logging.CRITICAL)
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())


def told(outcome: Outcome) -> str:
    """One outcome in a log line."""
    if outcome.refusal is None:
        return f"released, {len(outcome.outputs)} objects"
    return f"quarantined at {outcome.refusal.stage}: {outcome.refusal.error}: {outcome.refusal.reason}"
