"""The part of a node that works on studies: the job queue, what feeds it, and the taking over from the dead."""

from __future__ import annotations

import logging
import socket
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from dicom_io.header import SiteKey
from dicom_io.reading import announced_pixels
from plugin.config import Configuration
from plugin.database import Exclusive, Postgres
from plugin.delivery import Outbox, Postings, kept_results, shown_days
from plugin.durable import write_file
from plugin.errors import StateRefused
from plugin.intake import Intake, SpoolNames
from plugin.node.custody import NodeCustody
from plugin.node.dispatcher import Dispatcher
from plugin.node.housekeeping import Housekeeping
from plugin.node.jobs import WORKFLOW_VERSION, Jobs, JobSettings
from plugin.node.lanes import Lane, lane_of
from plugin.node.running import RunningSteps
from plugin.node.upgrade import take_over
from plugin.roles import Member, Role, Roster
from plugin.study import Stages

log = logging.getLogger(__name__)

LONGEST_PERIOD = 1.0
"""Seconds between two looks for quiet studies; a quarter of a quiet time that is shorter than four of them."""

ORPHANS_SECONDS = 5.0
"""How often it is asked whether jobs are left of a process that is on no roster."""


class Worker:
    """Works on studies, alone or beside others on one database. ``model``: digest of the one that ``stages`` use."""

    def __init__(
        self,
        configuration: Configuration,
        key: SiteKey,
        intake: Intake,
        custody: NodeCustody,
        outbox: Outbox,
        postings: Postings,
        stages: Stages,
        *,
        model: str,
        role: Role,
        on_step: Callable[[str, str, float], None] | None = None,
    ) -> None:
        state, self._database = configuration.state_folder, configuration.records
        self._ledger, self._custody, self._names = intake.ledger, custody, SpoolNames(key)
        self._destinations = tuple(section.name for section in configuration.destinations)
        self._large_pixels = configuration.worker.large_pixels
        self._shared = isinstance(self._database, Postgres)
        self._roster = Roster(self._database)
        self._dead_after = configuration.worker.dead_after_seconds
        self._launched = False
        executor = executor_name() if self._shared else executor_id(state)
        lanes = tuple(map(Lane, configuration.worker.lanes)) if self._shared else tuple(Lane)
        self.member = Member(executor, role, socket.gethostname(), WORKFLOW_VERSION, model, lanes)
        self._running = RunningSteps(state / "running", executor, self._ledger)
        period = period_of(configuration)
        self.jobs = Jobs(
            JobSettings(
                database=self._database,
                executor_id=executor,
                in_flight=configuration.study.in_flight,
                lanes=lanes,
                max_recoveries=configuration.study.max_recoveries,
                polling_seconds=period,
            ),
            stages,
            custody.study_of,
            self._ledger,
            self._running,
            on_step,
            custody.abandon,
            intake.observer,
        )
        housekeeping = Housekeeping(
            custody, intake.spool, self._ledger, self.jobs, outbox, postings, configuration.retention,
            kept=(Outbox(kept_results(configuration), key), shown_days(configuration)),
        )  # fmt: skip
        self.dispatcher = Dispatcher(
            self._ledger,
            self.jobs,
            custody,
            housekeeping,
            self._destinations,
            self._lane_of,
            Exclusive(self._database, "dispatching"),
            quiet_seconds=configuration.study.quiet_seconds,
            period_seconds=period,
            also=self._look_for_orphans,
        )
        self._orphans_due = 0.0

    def begin(self, join: Callable[[], None]) -> None:
        """Before the queue is launched: jobs of other versions are adopted, then we ``join`` those who work already.

        Raises ``StateRefused`` for jobs of a later version, and where we do not fit in with the others.
        """
        if not self._shared:
            take_over(
                self._database, self.member.executor, self._ledger, self._custody, self._names, self._destinations
            )
            return
        beginning = Exclusive(self._database, "beginning")
        while not beginning.held():  # one after another: nobody joins while somebody adopts
            time.sleep(0.1)
        try:
            others = [member for member in self._roster.members() if member.version]
            strangers = [member for member in others if not fits(self.member, member)]
            if strangers and (alive := self._alive(strangers)):
                check_company(self.member, alive)
            if others == strangers:
                take_over(self._database, None, self._ledger, self._custody, self._names, self._destinations)
            join()
        finally:
            beginning.release()

    def _alive(self, members: list[Member]) -> list[Member]:
        """Those of ``members`` who beat within the time after which one is dead; the others are struck off."""
        until = time.monotonic() + self._dead_after
        while time.monotonic() < until:
            time.sleep(min(0.5, self._dead_after / 4))
            now = {member.executor: member.beat for member in self._roster.members()}
            if alive := [member for member in members if now.get(member.executor, member.beat) != member.beat]:
                return alive
        for member in members:
            if self._roster.strike(member.executor):
                self._running.charge_dead(member.executor)
        return []

    def start(self) -> None:
        self.jobs.start()
        self._launched = True
        self.dispatcher.start()

    def stop(self, grace_seconds: float) -> bool:
        """Let running steps end. Returns whether they did. What is begun is anybody's once we are off the roster."""
        self.dispatcher.stop()
        ended = self.jobs.stop(grace_seconds)
        if self._shared:
            self._running.leave()
        return ended

    def take_over(self, dead: Member) -> None:
        """``dead`` does not beat any more: what it had begun goes on with whoever is free, and what ran is charged."""
        if not self._launched or not self._roster.strike(dead.executor):
            return  # we are told again, or another one was quicker
        self._running.charge_dead(dead.executor)
        count = self.jobs.take_over(dead.executor)
        log.warning("%s on %s is gone; %d jobs of its are taken over", dead.role, dead.host, count)

    def _look_for_orphans(self) -> None:
        """Whoever left in an orderly way, or was struck off by one that died over it, may have left jobs."""
        if not self._shared or time.monotonic() < self._orphans_due:
            return
        self._orphans_due = time.monotonic() + ORPHANS_SECONDS
        executors = self.jobs.executors()  # asked first: whoever begins a job is on the roster before
        for executor in sorted(executors - {member.executor for member in self._roster.members()}):
            self._running.charge_dead(executor)
            log.warning("%d jobs of a process that is gone are taken over", self.jobs.take_over(executor))

    def _lane_of(self, job: str) -> Lane:
        study = self._custody.study_of(job)
        pixels = 0 if study.urgent else sum(announced_pixels(source.path) for source in study.sources)
        return lane_of(urgent=study.urgent, pixels=pixels, large_pixels=self._large_pixels)


def fits(me: Member, other: Member) -> bool:
    """Whether a job may go from one to the other."""
    return (other.version, other.model) == (me.version, me.model)


def check_company(me: Member, others: list[Member]) -> None:
    """Workers of one database are of one version, and have one model: a job may go from one to another.

    Raises ``StateRefused``, by name, for one that differs.
    """
    for other in others:
        if other.version != me.version:
            raise StateRefused(
                f"a worker of another version of Twinveil runs on {other.host} (steps of version {other.version}, ours "
                f"are {me.version}): stop all workers first, then start all of one version"
            )
        if other.model != me.model:
            raise StateRefused(
                f"the worker on {other.host} has another model ({other.model[:12]}, ours is {me.model[:12]}): a study "
                "that went from one to the other would be made of both. Give all workers the same [model], or stop them"
            )


def executor_name() -> str:
    """Of a process among several: drawn anew by each, so that no two ever bear the same."""
    return uuid.uuid4().hex


def executor_id(state: Path) -> str:
    """Drawn once for each state folder; where the file is gone, its jobs are taken over under a new name."""
    path = state / "executor"
    if not path.exists() or not path.read_text().strip():
        write_file(path, uuid.uuid4().hex.encode())
    return path.read_text().strip()


def period_of(configuration: Configuration) -> float:
    """Seconds between two looks."""
    return min(LONGEST_PERIOD, configuration.study.quiet_seconds / 4)
