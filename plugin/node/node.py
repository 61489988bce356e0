"""The composition root: everything that runs is built here from the configuration, and nowhere else."""

from __future__ import annotations

import fcntl
import logging
import os
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from dicom_io.header import Pseudonyms, SiteKey
from dicom_io.reading import Limits
from dicom_io.receiving import AllowedCaller, ConnectionLimits, Listener, ListenerSettings, Spool
from dicom_io.sending import Destination
from dicom_io.writing import Algorithm
from pipeline.text import load_text_remover
from plugin.config import Configuration, DestinationSection
from plugin.durable import private_folder, write_file
from plugin.errors import NodeBusy
from plugin.ledger import DATABASE, Ledger
from plugin.node.custody import NodeCustody
from plugin.node.dispatcher import Dispatcher
from plugin.node.jobs import Jobs, JobSettings
from plugin.profile_settings import profile_of, pseudonyms_of
from plugin.quarantine import Quarantine
from plugin.study import ArchiveDelivery, OutputWriter, PhotographStages, StageSettings

if TYPE_CHECKING:
    from pipeline.edits import TwinMaker

log = logging.getLogger(__name__)

LONGEST_PERIOD = 1.0
"""Seconds between two looks for quiet studies; a quarter of a quiet time that is shorter than four of them."""


class Node:
    """A running node. ``start`` listens and resumes unfinished jobs, ``stop`` ends without losing any."""

    def __init__(
        self,
        configuration: Configuration,
        key: SiteKey,
        twins: TwinMaker,
        *,
        on_step: Callable[[str, str, float], None] | None = None,
    ) -> None:
        state = private_folder(configuration.state_folder)
        self._lock = lock_state(state)
        pseudonyms = pseudonyms_of(configuration, key)
        algorithm = algorithm_of(twins)
        spool = Spool(state / "spool", min_free_bytes=configuration.limits.min_free_bytes)
        database = state / DATABASE
        self.ledger = Ledger(database)
        self.quarantine = Quarantine(state / "quarantine", key)
        self.manifests = state / "manifests"
        self.custody = NodeCustody(spool, self.ledger, self.quarantine, self.manifests, pseudonyms, algorithm)
        stages = PhotographStages(
            stage_settings(configuration, private_folder(state / "jobs")),
            pseudonyms,
            twins,
            load_text_remover(),
            output_writer(configuration, pseudonyms, algorithm),
            ArchiveDelivery([destination_of(section) for section in configuration.destinations]),
            self.custody,
        )
        self.jobs = Jobs(_job_settings(configuration, database, state), stages, self.custody.study_of, on_step)
        self.dispatcher = Dispatcher(
            self.ledger,
            self.jobs,
            self.custody,
            quiet_seconds=configuration.study.quiet_seconds,
            period_seconds=_period(configuration),
        )
        self.listener = Listener(_listener_settings(configuration), spool, self.custody.accept)

    def start(self) -> None:
        """Resume what was cut off, then listen. Raises ``OSError`` when the port is taken."""
        found = self.custody.reconcile()
        if found:
            log.warning("%d instances in the spool had no row; they have one now", found)
        self.jobs.start()
        self.dispatcher.start()
        self.listener.start()

    def stop(self, grace_seconds: float = 30.0) -> bool:
        """Take nothing more, let running steps end. Returns whether they did; otherwise they are done again."""
        self.listener.stop()
        self.dispatcher.stop()
        ended = self.jobs.stop(grace_seconds)
        os.close(self._lock)
        return ended


def lock_state(folder: Path) -> int:
    """The descriptor that holds ``folder`` for this process. Raises ``NodeBusy`` when another one holds it."""
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise NodeBusy(f"another process works on {folder}; stop it, or give this node another folder") from error
    return descriptor


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


def _job_settings(configuration: Configuration, database: Path, state: Path) -> JobSettings:
    return JobSettings(
        database=database,
        executor_id=_executor_id(state),
        in_flight=configuration.study.in_flight,
        max_recoveries=configuration.study.max_recoveries,
        delivery_attempts=configuration.retries.attempts,
        first_wait_seconds=configuration.retries.first_wait_seconds,
        backoff=configuration.retries.backoff,
        polling_seconds=_period(configuration),
    )


def _listener_settings(configuration: Configuration) -> ListenerSettings:
    section, limits = configuration.listener, configuration.limits
    return ListenerSettings(
        ae_title=section.ae_title,
        host=section.host,
        port=section.port,
        allowed=tuple(AllowedCaller(caller.ae_title, caller.network) for caller in configuration.callers),
        limits=ConnectionLimits(
            max_instance_bytes=limits.max_instance_bytes,
            max_associations=limits.max_associations,
            network_seconds=limits.network_seconds,
        ),
    )


def _executor_id(state: Path) -> str:
    """Drawn once for each state folder: two processes with the same one would take each other's jobs."""
    path = state / "executor"
    if not path.exists():
        write_file(path, uuid.uuid4().hex.encode())
    return path.read_text()


def _period(configuration: Configuration) -> float:
    return min(LONGEST_PERIOD, configuration.study.quiet_seconds / 4)
