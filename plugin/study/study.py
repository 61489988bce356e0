"""The way of a study, from the spool to its destinations. Read ``twin_study`` first: it is the whole product.

Nothing in here knows whether a step is durable. The node runs the steps under its job queue, which remembers each one
that finished; the command line runs them one after the other. Pixels never pass between steps, only names and findings:
arrays lie in the job's folder, the source lies in the spool and is never copied.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ParamSpec, Protocol, TypeVar

from dicom_io.errors import DicomError, in_words
from pipeline.errors import FaceDenied, PipelineError, Rejected, Undecided
from pipeline.photograph import Findings, LesionClass
from pipeline.text import BurnedInText
from plugin.study.advice import advice_for

P = ParamSpec("P")
T = TypeVar("T")

TRY_ANOTHER_PERSONA = frozenset({Rejected.__name__, Undecided.__name__, FaceDenied.__name__})
"""Refusals of the gate that another persona may mend. Whatever else goes wrong there does so again."""


@dataclass(frozen=True)
class Source:
    """One accepted instance. ``digest`` names it everywhere outside the spool; ``path`` is where it lies.

    ``waived``: the checks that a reviewer answered for when releasing it from quarantine; see ``plugin.quarantine``.
    ``making``: "" the first time that something is made of it; else what keeps its new UIDs apart from those before.
    """

    digest: str
    path: Path
    waived: tuple[str, ...] = ()
    making: str = ""


@dataclass(frozen=True)
class Study:
    """The instances of one study that are worked on together. ``job`` names the batch, the same after a restart.

    ``destinations``: who gets the results, by name, as it was settled when the job began. ``urgent``: a person waits.
    ``tenure``: how often a process has begun the job or gone on with it.
    """

    job: str
    digest: str
    sources: tuple[Source, ...]
    destinations: tuple[str, ...] = ()
    urgent: bool = False
    tenure: int = 0

    @property
    def folder(self) -> str:
        """Where its files lie: each tenure's apart, so that nobody who lost the job writes into what is worked on."""
        return f"{self.job}.{self.tenure}" if self.tenure else self.job


@dataclass(frozen=True)
class Output:
    """One object to be delivered. ``role``: "sick-twin", "healthy-twin" or "segmentation". UIDs are the new ones."""

    role: str
    study_instance_uid: str
    sop_instance_uid: str
    path: Path


@dataclass(frozen=True)
class Refusal:
    """Why an instance does not leave. ``error``: the name of the error; ``reason``: its message."""

    stage: str
    error: str
    reason: str

    @property
    def advice(self) -> str:
        """What somebody can do about it."""
        return advice_for(self.error)


CONFLICT = Refusal("receive", "Conflict", "another data set was accepted before under the same SOP Instance UID")


@dataclass(frozen=True)
class Measured:
    """What a subtraction showed, as figures. ``area``: share of the photograph inside the mask, 0 to 1."""

    lesion_class: LesionClass
    area: float


@dataclass(frozen=True)
class Outcome:
    """What became of one instance. Released when ``refusal`` is None; ``text`` as far as it was
    looked for; ``left_behind``: what was appended to the picture and did not come along; ``seconds`` by stage."""

    source: Source
    refusal: Refusal | None = None
    text: BurnedInText | None = None
    left_behind: tuple[str, ...] = ()
    attempts: int = 0
    findings: Findings | None = None
    measured: Measured | None = None
    outputs: tuple[Output, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)


UNFORESEEN = "Unforeseen"
"""The error of a refusal that no class of ours stands for: a fault of the product, or of what it is built on."""

NO_DESTINATION = Refusal("deliver", "NoDestination", "no destination is configured, and results are not thrown away")


class InstanceRefused(Exception):
    """A stage refused the instance, now or before a restart: the recorded refusal is raised again."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(f"{refusal.stage}: {refusal.error}: {refusal.reason}")
        self.refusal = refusal


class Steps(Protocol):
    """Runs stages. Raises ``InstanceRefused`` for every error of a stage, so that only its name travels on."""

    def __call__(self, stage: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T: ...

    def seconds_of(self, source: Source) -> dict[str, float]:
        """Seconds by stage that ``source`` took so far, attempts added up."""
        ...


class Stages(Protocol):
    """What is done in each step. Every stage may be done again: it overwrites its own result with the same kind."""

    attempts: int

    def read(self, source: Source) -> tuple[str, ...]: ...
    def clean(self, source: Source, study: Study) -> BurnedInText: ...
    def heal(self, source: Source, study: Study) -> None: ...
    def swap(self, source: Source, study: Study, attempt: int) -> None: ...
    def gate(self, source: Source, study: Study, attempt: int) -> Findings: ...
    def subtract(self, source: Source, study: Study, attempt: int) -> Measured: ...
    def write(
        self, source: Source, study: Study, attempt: int, findings: Findings, measured: Measured
    ) -> tuple[Output, ...]: ...
    def check(self, source: Source, study: Study, outputs: Sequence[Output]) -> None: ...
    def quarantine(self, source: Source, study: Study, refusal: Refusal) -> None: ...
    def deliver(self, study: Study, outcomes: Sequence[Outcome]) -> None: ...
    def commit(self, study: Study, outcomes: Sequence[Outcome]) -> None: ...
    def purge(self, study: Study, outcomes: Sequence[Outcome]) -> None: ...


def twin_study(study: Study, stages: Stages, step: Steps) -> tuple[Outcome, ...]:
    """Every photograph of ``study`` becomes its twins and their segmentation, or is quarantined with a reason."""
    outcomes = [twin_photograph(source, study, stages, step) for source in study.sources]
    outcomes = deliver_released(outcomes, study, stages, step)
    step(stages.commit, study, outcomes)
    step(stages.purge, study, outcomes)
    return tuple(outcomes)


def twin_photograph(source: Source, study: Study, stages: Stages, step: Steps) -> Outcome:
    """One photograph up to the objects that may leave; not yet delivered."""
    outcome = Outcome(source)
    try:
        outcome = replace(outcome, left_behind=step(stages.read, source))
        outcome = replace(outcome, text=step(stages.clean, source, study))
        step(stages.heal, source, study)
        for attempt in range(stages.attempts):
            outcome = replace(outcome, attempts=attempt + 1)
            step(stages.swap, source, study, attempt)
            try:
                findings = step(stages.gate, source, study, attempt)
                break
            except InstanceRefused as refused:
                if refused.refusal.error not in TRY_ANOTHER_PERSONA or attempt + 1 == stages.attempts:
                    raise
        measured = step(stages.subtract, source, study, attempt)
        outputs = step(stages.write, source, study, attempt, findings, measured)
        step(stages.check, source, study, outputs)
        outcome = replace(outcome, findings=findings, measured=measured, outputs=outputs)
    except InstanceRefused as refused:
        step(stages.quarantine, source, study, refused.refusal)
        outcome = replace(outcome, refusal=refused.refusal)
    return replace(outcome, seconds=step.seconds_of(source))


def deliver_released(outcomes: list[Outcome], study: Study, stages: Stages, step: Steps) -> list[Outcome]:
    """All that may leave goes on its way to every destination of the study. What was made once is what is sent.

    A node seals and posts it here, and takes it there in its own time (``plugin.delivery``): no destination that is
    down holds up a study, or leads to quarantine.
    """
    if not any(outcome.outputs for outcome in outcomes):
        return outcomes
    try:
        if not study.destinations:
            raise InstanceRefused(NO_DESTINATION)
        step(stages.deliver, study, outcomes)
    except InstanceRefused as refused:
        for outcome in outcomes:
            if outcome.refusal is None:
                step(stages.quarantine, outcome.source, study, refused.refusal)
        return [replace(outcome, refusal=outcome.refusal or refused.refusal, outputs=()) for outcome in outcomes]
    return outcomes


class DirectSteps:
    """Steps without memory, for the command line. ``on_step(source digest or "", stage, seconds)`` after each."""

    def __init__(self, on_step: Callable[[str, str, float], None] | None = None) -> None:
        self._on_step = on_step
        self.timings = Timings()

    def __call__(self, stage: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        begun = time.perf_counter()
        try:
            return stage(*args, **kwargs)
        except Exception as error:
            raise InstanceRefused(refusal_of(stage.__name__, error)) from error
        finally:
            seconds = time.perf_counter() - begun
            subject = self.timings.add(stage.__name__, args, seconds)
            if self._on_step is not None:
                self._on_step(subject, stage.__name__, seconds)

    def seconds_of(self, source: Source) -> dict[str, float]:
        return self.timings.of(source.digest)


class Timings:
    """Seconds by source and stage."""

    def __init__(self) -> None:
        self._seconds: dict[str, dict[str, float]] = {}

    def add(self, stage: str, args: Sequence[object], seconds: float) -> str:
        """Count ``seconds`` for the source that the stage was called for; its digest, or "" for a whole study."""
        subject = args[0].digest if args and isinstance(args[0], Source) else ""
        stages = self._seconds.setdefault(subject, {})
        stages[stage] = stages.get(stage, 0.0) + seconds
        return subject

    def of(self, subject: str) -> dict[str, float]:
        return dict(self._seconds.get(subject, {}))


def refusal_of(stage: str, error: Exception) -> Refusal:
    """``error`` as it may be recorded. One that nobody foresaw is told by its place alone: its text may quote data."""
    if isinstance(error, DicomError | PipelineError):
        return Refusal(stage, type(error).__name__, str(error))
    reason = f"nobody foresaw what went wrong in this step: {in_words(error)}, at {_place(error)}"
    return Refusal(stage, UNFORESEEN, reason)


def _place(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "a place unknown"
