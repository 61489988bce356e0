"""The composition root: everything that runs is built here from the configuration, and nowhere else."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from dicom_io.header import Pseudonyms, SiteKey
from dicom_io.reading import Limits
from dicom_io.sending import Destination, WebDestination, ask_for_commitment
from dicom_io.writing import Algorithm
from pipeline.text import load_text_remover
from plugin.config import Caller, Configuration, DestinationSection
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
)
from plugin.durable import private_folder, write_file
from plugin.intake import Intake, SpoolNames
from plugin.ledger import DATABASE
from plugin.node.custody import NodeCustody
from plugin.node.dispatcher import Dispatcher
from plugin.node.housekeeping import Housekeeping
from plugin.node.jobs import Jobs, JobSettings
from plugin.node.running import RunningSteps
from plugin.node.upgrade import take_over
from plugin.profile_settings import profile_of
from plugin.quarantine import Quarantine
from plugin.study import OutputWriter, PhotographStages, StageSettings

if TYPE_CHECKING:
    from pipeline.edits import TwinMaker

log = logging.getLogger(__name__)

LONGEST_PERIOD = 1.0
"""Seconds between two looks for quiet studies; a quarter of a quiet time that is shorter than four of them."""


class Node:
    """A running node. ``start`` listens and resumes unfinished jobs, ``stop`` ends without losing any.

    ``intake``: the door, where it is open already; else the node has one of its own. Raises NodeBusy then.
    """

    def __init__(
        self,
        configuration: Configuration,
        key: SiteKey,
        twins: TwinMaker,
        *,
        intake: Intake | None = None,
        on_step: Callable[[str, str, float], None] | None = None,
    ) -> None:
        state = private_folder(configuration.state_folder)
        self._intake = intake or Intake(configuration, key)
        self.listener, self.ledger = self._intake.listener, self._intake.ledger
        spool, pseudonyms = self._intake.spool, self._intake.pseudonyms
        algorithm = algorithm_of(twins)
        database = state / DATABASE
        self.quarantine = Quarantine(state / "quarantine", key)
        self.postings = Postings(database)
        self.destinations = Destinations(database)
        outbox = Outbox(state / "outbox", key)
        self.custody = NodeCustody(
            state, spool, self.ledger, self.quarantine, outbox, self.postings, pseudonyms, algorithm
        )
        self.manifests = self.custody.manifests
        stages = PhotographStages(
            stage_settings(configuration, private_folder(self.custody.jobs)),
            pseudonyms,
            twins,
            load_text_remover(),
            output_writer(configuration, pseudonyms, algorithm),
            self.custody,
            self.custody,
        )
        settings = _job_settings(configuration, database, state)
        self.jobs = Jobs(settings, stages, self.custody.study_of, RunningSteps(state / "running", self.ledger), on_step)
        names = tuple(section.name for section in configuration.destinations)
        self._take_over = partial(
            take_over, database, settings.executor_id, self.ledger, self.custody, SpoolNames(key), names
        )
        self.dispatcher = Dispatcher(
            self.ledger,
            self.jobs,
            self.custody,
            Housekeeping(self.custody, spool, self.ledger, self.jobs, outbox, self.postings, configuration.retention),
            names,
            quiet_seconds=configuration.study.quiet_seconds,
            period_seconds=_period(configuration),
        )
        retries = configuration.retries
        patience = Patience(retries.first_wait_seconds, retries.backoff, retries.longest_wait_seconds)
        reporter = Reporter(
            self._intake.requests,
            self._intake.judgement,
            requestors_of(configuration),
            patience,
            clock=time.monotonic,
            days=configuration.commitment.report_days,
        )
        self.post_office = PostOffice(
            outbox,
            self.postings,
            self.destinations,
            {section.name: carrier_of(section, configuration) for section in configuration.destinations},
            patience,
            self.custody.settle,
            clock=time.monotonic,
            alarm_after=retries.attempts,
            period_seconds=_period(configuration),
            committers={
                section.name: Committer(
                    section.name,
                    partial(ask_for_commitment, destination=destination_of(section)),
                    outbox,
                    self.postings,
                    self.destinations,
                    self._intake.transactions,
                    patience,
                    clock=time.monotonic,
                    wait_seconds=configuration.commitment.wait_seconds,
                )
                for section in configuration.destinations
                if section.commitment
            },
            beside={"reports of commitment": reporter.look},
        )

    def start(self) -> None:
        """Listen, then resume what was cut off. Raises ``OSError`` when the port is taken."""
        self._intake.open()
        self._intake.hand_over(self.custody.accept)
        found = self.custody.reconcile()
        if found:
            log.warning("%d instances did not agree with their records; they do now", found)
        self._take_over()
        self.jobs.start()
        self.post_office.start()
        self.dispatcher.start()

    def stop(self, grace_seconds: float = 30.0) -> bool:
        """Take nothing more, let running steps end. Returns whether they did; otherwise they are done again."""
        self._intake.close()
        self.dispatcher.stop()
        ended = self.jobs.stop(grace_seconds) & self.post_office.stop(grace_seconds)
        self._intake.leave()
        return ended


def algorithm_of(twins: TwinMaker) -> Algorithm:
    """What objects and manifests say of the model."""
    return Algorithm(name=twins.name, version=twins.version, digest=twins.digest)


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
    )


def destination_of(section: DestinationSection) -> Destination:
    """An archive as ``dicom_io`` knows it."""
    return Destination(
        name=section.name,
        host=section.host,
        port=section.port,
        ae_title=section.ae_title,
        calling_ae_title=section.calling_ae_title,
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
    return ArchiveCarrier(destination_of(section))


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


def _job_settings(configuration: Configuration, database: Path, state: Path) -> JobSettings:
    return JobSettings(
        database=database,
        executor_id=executor_id(state),
        in_flight=configuration.study.in_flight,
        max_recoveries=configuration.study.max_recoveries,
        polling_seconds=_period(configuration),
    )


def executor_id(state: Path) -> str:
    """Drawn once for each state folder; where the file is gone, its jobs are taken over under a new name."""
    path = state / "executor"
    if not path.exists() or not path.read_text().strip():
        write_file(path, uuid.uuid4().hex.encode())
    return path.read_text().strip()


def _period(configuration: Configuration) -> float:
    return min(LONGEST_PERIOD, configuration.study.quiet_seconds / 4)
