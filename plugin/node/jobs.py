"""The job queue: each step of a study is remembered once it is done, and done again only if it was cut off.

Built on DBOS (durable execution in the database, MIT). A job is the workflow ``twin_study`` under an id that follows
from the study and its instances; asking for the same job twice is asking once.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, ParamSpec, TypeVar

from dbos import DBOS, DBOSConfig, SetWorkflowID, StepOptions
from dbos import error as dbos_error

from plugin.study import (
    InstanceRefused,
    Outcome,
    Refusal,
    Source,
    Stages,
    Study,
    Timings,
    TryAgain,
    refusal_of,
    twin_study,
)

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

WORKFLOW_VERSION = "1"
"""Pinned: DBOS leaves jobs of another version alone. Raise it when steps change, and only once no job is under way."""

QUEUE = "studies"
WORKFLOW = "twin_study"
RUN_BESIDE = frozenset({"deliver"})
"""Steps that wait for others rather than work."""

DEAD = frozenset({"ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"})
"""DBOS states in which a job ended without an outcome."""


class NodeStopping(BaseException):
    """Ends a job between two steps when the node stops. Not an ``Exception``: the job must stay pending, not fail."""


@dataclass(frozen=True)
class JobSettings:
    """``executor_id`` is unique to the node and the same after a restart, or nobody resumes its jobs."""

    database: Path
    executor_id: str
    in_flight: int = 4
    max_recoveries: int = 5
    delivery_attempts: int = 8
    first_wait_seconds: float = 5.0
    backoff: float = 2.0
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
    """Runs ``twin_study`` durably. DBOS is one per process, and so is this."""

    def __init__(
        self,
        settings: JobSettings,
        stages: Stages,
        study_of: Callable[[str], Study],
        on_step: Callable[[str, str, float], None] | None = None,
    ) -> None:
        self._settings = settings
        self._stages = stages
        self._study_of = study_of
        self._on_step = on_step
        self._gate = StepGate()

    def start(self) -> None:
        """Launch the queue; jobs that an earlier process left unfinished go on at the step where they were cut off."""
        settings = self._settings
        config: DBOSConfig = {
            "name": "twinveil",
            "system_database_url": f"sqlite:///{settings.database}",
            "executor_id": settings.executor_id,
            "application_version": WORKFLOW_VERSION,
            "log_level": "CRITICAL",
            "console_log_level": "CRITICAL",
        }
        _silence_dbos()
        DBOS(config=config)

        def run(job: str) -> int:  # DBOS marks functions, which a bound method does not bear
            return self._run(job)

        self._workflow = DBOS.workflow(name=WORKFLOW, max_recovery_attempts=settings.max_recoveries)(run)
        DBOS.launch()
        DBOS.register_queue(QUEUE, worker_concurrency=settings.in_flight, polling_interval_sec=settings.polling_seconds)

    def stop(self, grace_seconds: float = 30.0) -> bool:
        """Let running steps end for ``grace_seconds``; no other begins. Returns whether all of them ended.

        A step that did not is cut off with the process and done again at the next start.
        """
        ended = self._gate.close(grace_seconds)
        DBOS.destroy()
        return ended

    def submit(self, job: str) -> None:
        """Durably asked for when this returns. Asking again changes nothing."""
        with SetWorkflowID(job):
            DBOS.enqueue_workflow(QUEUE, self._workflow, job)

    def dead(self) -> frozenset[str]:
        """Jobs that ended without an outcome: they failed outside any step, or took the process down too often."""
        found = DBOS.list_workflows(name=WORKFLOW, status=sorted(DEAD), load_input=False, load_output=False)
        return frozenset(workflow.workflow_id for workflow in found)

    def _run(self, job: str) -> int:
        study = self._study_of(job)
        log.info("study %s: %d instances", study.digest, len(study.sources))
        outcomes = twin_study(study, self._stages, DurableSteps(self._settings, self._gate, self._on_step))
        for outcome in outcomes:
            log.info("study %s: instance %s %s", study.digest, outcome.source.digest, told(outcome))
        return len(outcomes)


class StepGate:
    """Counts running steps, lets none begin once the node stops, and only deliveries run beside one another.

    There is one accelerator, and codecs that are C underneath (openjpeg by way of pylibjpeg among them) bring the
    process down when two threads are inside.
    """

    def __init__(self) -> None:
        self._alone = threading.Lock()
        self._condition = threading.Condition()
        self._running = 0
        self._stopping = False

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Around the work of one step, entered when its turn has come. Raises ``NodeStopping``."""
        with nullcontext() if name in RUN_BESIDE else self._alone, self._counted():
            yield

    @contextmanager
    def _counted(self) -> Iterator[None]:
        with self._condition:
            if self._stopping:
                raise NodeStopping
            self._running += 1
        try:
            yield
        finally:
            with self._condition:
                self._running -= 1
                self._condition.notify_all()

    def close(self, grace_seconds: float) -> bool:
        """No step begins from now on. Waits for those that run; returns whether all of them ended in time."""
        with self._condition:
            self._stopping = True
            return self._condition.wait_for(lambda: not self._running, grace_seconds)


class DurableSteps:
    """The steps of one job. A refusal is a result like any other: it is recorded, and raised again after a restart."""

    def __init__(
        self, settings: JobSettings, gate: StepGate, on_step: Callable[[str, str, float], None] | None = None
    ) -> None:
        self._gate = gate
        self._on_step = on_step
        self._timings = Timings()
        self._options: StepOptions = {
            "retries_allowed": settings.delivery_attempts > 1,
            "max_attempts": settings.delivery_attempts,
            "interval_seconds": settings.first_wait_seconds,
            "backoff_rate": settings.backoff,
            "should_retry": lambda error: isinstance(error, TryAgain),
        }

    def __call__(self, stage: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        name = stage.__name__

        def work() -> Done[T] | Refused:
            with self._gate.step(name):
                begun = time.perf_counter()
                try:
                    return Done(stage(*args, **kwargs), time.perf_counter() - begun)
                except TryAgain as error:
                    log.warning("%s: %s", name, error)
                    raise
                except Exception as error:
                    return Refused(refusal_of(name, error), time.perf_counter() - begun)

        try:
            result = DBOS.run_step({**self._options, "name": name}, work)
        except dbos_error.DBOSMaxStepRetriesExceeded as error:
            raise InstanceRefused(refusal_of(name, error.errors[-1])) from error
        except TryAgain as error:  # only one attempt is configured
            raise InstanceRefused(refusal_of(name, error)) from error
        subject = self._timings.add(name, args, result.seconds)
        if self._on_step is not None:
            self._on_step(subject, name, result.seconds)
        if isinstance(result, Refused):
            raise InstanceRefused(result.refusal)
        return result.value

    def seconds_of(self, source: Source) -> dict[str, float]:
        return self._timings.of(source.digest)


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
