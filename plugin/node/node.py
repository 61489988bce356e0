"""The composition root: everything that runs is built here from the configuration, and nowhere else."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from dicom_io.header import Pseudonyms, SiteKey
from dicom_io.reading import Limits
from dicom_io.receiving import Listener
from dicom_io.sending import ClientTls, Destination, WebDestination, ask_for_commitment
from dicom_io.writing import Algorithm
from pipeline.text import load_text_remover
from plugin.config import Caller, Configuration, DestinationSection
from plugin.database import Exclusive, Postgres
from plugin.delivery import (
    ArchiveCarrier,
    Carrier,
    Committer,
    Destinations,
    Outbox,
    Patience,
    Postings,
    PostOffice,
    Reporter,
    WebCarrier,
    kept_results,
    shown_days,
)
from plugin.durable import private_folder
from plugin.errors import ConfigurationRefused
from plugin.intake import Intake
from plugin.node.custody import NodeCustody
from plugin.node.dispatcher import Dispatcher
from plugin.node.housekeeping import Reconciling
from plugin.node.jobs import Jobs
from plugin.node.worker import Worker, executor_name, period_of
from plugin.profile_settings import profile_of
from plugin.quarantine import Quarantine
from plugin.roles import DUTIES, Duty, Member, Role, Roster, Watch
from plugin.study import OutputWriter, PhotographStages, StageSettings

if TYPE_CHECKING:
    from pipeline.edits import TwinMaker


class Node:
    """A running node, or one process of it. ``start`` resumes unfinished work, ``stop`` ends without losing any.

    ``twins``: None in a role that works on no study. ``intake``: the door, where it is open already; else the node has
    one of its own. Raises ``NodeBusy`` then, ``ConfigurationRefused`` for a part of a node without a server.
    Whoever watches the door watches the node.
    """

    def __init__(
        self,
        configuration: Configuration,
        key: SiteKey,
        twins: TwinMaker | None,
        *,
        role: Role = Role.ALL,
        intake: Intake | None = None,
        on_step: Callable[[str, str, float], None] | None = None,
    ) -> None:
        database, duties = configuration.records, DUTIES[role]
        check_role(configuration, role)
        state = private_folder(configuration.state_folder)
        self._receives = Duty.RECEIVE in duties
        self._intake = intake or Intake(configuration, key, receives=self._receives)
        self.ledger = self._intake.ledger
        self.quarantine = Quarantine(state / "quarantine", key)
        self.postings = Postings(database)
        self.destinations = Destinations(database)
        kept = kept_results(configuration) if shown_days(configuration) else None
        outbox = Outbox(state / "outbox", key, kept)
        self.custody = NodeCustody(
            state, self._intake.spool, self.ledger, self.quarantine, outbox, self.postings, self._intake.pseudonyms,
            None if twins is None else algorithm_of(twins), self._intake.observer,
        )  # fmt: skip
        self.manifests = self.custody.manifests
        self._worker: Worker | None = None
        self._post_office: PostOffice | None = None
        if Duty.WORK in duties:
            assert twins is not None, "whoever works has a model"
            stages = PhotographStages(
                stage_settings(configuration, private_folder(self.custody.jobs)),
                self._intake.pseudonyms,
                twins,
                load_text_remover(),
                output_writer(configuration, self._intake.pseudonyms, algorithm_of(twins)),
                self.custody,
                self.custody,
            )
            self._worker = Worker(
                configuration, key, self._intake, self.custody, outbox, self.postings, stages,
                model=twins.digest, role=role, on_step=on_step,
            )  # fmt: skip
        if Duty.DELIVER in duties:
            self._post_office = _post_office(
                configuration, self._intake, outbox, self.postings, self.destinations, self.custody
            )
        self._reconciling = Reconciling(self.custody) if self._receives else None
        self._watch: Watch | None = None
        if isinstance(database, Postgres):
            me = Member(executor_name(), role, socket.gethostname()) if self._worker is None else self._worker.member
            on_dead = self._worker.take_over if self._worker else lambda dead: None
            dead_after = configuration.worker.dead_after_seconds
            self._watch = Watch(
                Roster(database), me, on_dead, period_seconds=min(1.0, dead_after / 4), dead_after_seconds=dead_after
            )

    @property
    def listener(self) -> Listener:
        """The door of a process that receives."""
        return self._intake.listener

    @property
    def jobs(self) -> Jobs:
        """The job queue of a process that works."""
        assert self._worker is not None, "this process works on no study"
        return self._worker.jobs

    @property
    def dispatcher(self) -> Dispatcher:
        """What feeds the job queue of a process that works."""
        assert self._worker is not None, "this process works on no study"
        return self._worker.dispatcher

    @property
    def post_office(self) -> PostOffice:
        """The post office of a process that delivers."""
        assert self._post_office is not None, "this process delivers nothing"
        return self._post_office

    def start(self) -> None:
        """Listen, then resume what was cut off. Raises ``OSError`` when the port is taken."""
        if self._receives:
            self._intake.open()
            self._intake.hand_over(self.custody.accept, self._compare)
            self.custody.mend_quarantine()
        if self._worker is not None:
            self._worker.begin(self._join)
        else:
            self._join()
        if self._watch is not None:
            self._watch.start()
        if self._worker is not None:
            self._worker.start()
        for part in (self._post_office, self._reconciling):
            if part is not None:
                part.start()

    def _join(self) -> None:
        if self._watch is not None:
            self._watch.join()

    def _compare(self) -> None:
        if self._reconciling is not None:
            self._reconciling.again()

    def stop(self, grace_seconds: float = 30.0) -> bool:
        """Take nothing more, let running steps end. Returns whether they did; otherwise they are done again."""
        self._intake.close()
        ended = True
        if self._reconciling is not None:
            self._reconciling.stop(grace_seconds)
        if self._worker is not None:
            ended &= self._worker.stop(grace_seconds)
        if self._post_office is not None:
            ended &= self._post_office.stop(grace_seconds)
        if self._watch is not None:
            self._watch.stop()
        self._intake.leave()
        return ended


def check_role(configuration: Configuration, role: Role) -> None:
    """Raises ``ConfigurationRefused`` where ``role`` is a part of a node, and its records are for one process."""
    if role is not Role.ALL and not isinstance(configuration.records, Postgres):
        raise ConfigurationRefused(
            f"--role {role} is for a node of several processes, whose records lie in PostgreSQL: name it in "
            "[database], or run everything in one process with --role all"
        )


def _post_office(
    configuration: Configuration,
    intake: Intake,
    outbox: Outbox,
    postings: Postings,
    destinations: Destinations,
    custody: NodeCustody,
) -> PostOffice:
    retries, database = configuration.retries, configuration.records
    patience = Patience(retries.first_wait_seconds, retries.backoff, retries.longest_wait_seconds)
    reporter = Reporter(
        intake.requests,
        intake.judgement,
        requestors_of(configuration),
        patience,
        clock=time.monotonic,
        days=configuration.commitment.report_days,
    )
    return PostOffice(
        outbox,
        postings,
        destinations,
        {section.name: carrier_of(section, configuration) for section in configuration.destinations},
        patience,
        custody.settle,
        clock=time.monotonic,
        alarm_after=retries.attempts,
        observer=intake.observer,
        period_seconds=period_of(configuration),
        committers={
            section.name: Committer(
                section.name,
                partial(ask_for_commitment, destination=destination_of(section, configuration)),
                outbox,
                postings,
                destinations,
                intake.transactions,
                patience,
                clock=time.monotonic,
                wait_seconds=configuration.commitment.wait_seconds,
            )
            for section in configuration.destinations
            if section.commitment
        },
        beside={"reports of commitment": reporter.look},
        exclusive=lambda name: Exclusive(database, name),
    )


def algorithm_of(twins: TwinMaker) -> Algorithm:
    """What objects and manifests say of the model."""
    return Algorithm(name=twins.name, version=twins.version, digest=twins.digest, facts=dict(twins.facts))


def output_writer(configuration: Configuration, pseudonyms: Pseudonyms, algorithm: Algorithm) -> OutputWriter:
    """What leaves, as configured."""
    return OutputWriter(
        pseudonyms,
        profile_of(configuration, pseudonyms),
        algorithm,
        healthy_twins=configuration.output.healthy_twins,
        lossless=configuration.output.lossless,
    )


def stage_settings(configuration: Configuration, jobs: Path) -> StageSettings:
    """How photographs are worked on, as configured, in the folder ``jobs``."""
    limits = configuration.limits
    return StageSettings(
        jobs=jobs,
        limits=Limits(
            max_pixels=limits.max_pixels,
            max_file_bytes=limits.max_instance_bytes,
            max_pixels_per_byte=limits.max_pixels_per_byte,
        ),
        attempts=configuration.study.attempts,
        together=configuration.model.together,
    )


def destination_of(section: DestinationSection, configuration: Configuration) -> Destination:
    """An archive as ``dicom_io`` knows it."""
    tls = None
    if section.tls:
        names = (section.authorities, section.certificate, section.key)
        tls = ClientTls(*(configuration.file(name) if name else None for name in names))
    return Destination(
        name=section.name,
        host=section.host,
        port=section.port,
        ae_title=section.ae_title,
        calling_ae_title=section.calling_ae_title,
        tls=tls,
    )


def web_destination_of(section: DestinationSection, configuration: Configuration) -> WebDestination:
    """A Studies Service as ``dicom_io`` knows it."""

    def file(name: str) -> Path | None:
        return configuration.file(name) if name else None

    return WebDestination(
        name=section.name,
        url=section.url,
        authorities=file(section.authorities),
        token=file(section.token_file),
        certificate=file(section.certificate),
        key=file(section.key),
    )


def carrier_of(section: DestinationSection, configuration: Configuration) -> Carrier:
    """How objects get there."""
    if section.url:
        return WebCarrier(web_destination_of(section, configuration))
    return ArchiveCarrier(destination_of(section, configuration))


def requestors_of(configuration: Configuration) -> dict[str, Destination]:
    """By AE title, where callers take their reports of Storage Commitment."""
    ours = configuration.listener.ae_title
    return {caller.ae_title: _requestor(caller, ours) for caller in configuration.callers if caller.host}


def _requestor(caller: Caller, calling_ae_title: str) -> Destination:
    return Destination(
        name=caller.ae_title,
        host=caller.host,
        port=caller.port,
        ae_title=caller.ae_title,
        calling_ae_title=calling_ae_title,
    )
