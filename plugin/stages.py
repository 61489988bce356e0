"""What is done with one photograph in each step: ``dicom_io`` reads and writes, ``pipeline`` makes the pixels.

Between steps, arrays lie in ``jobs/<job>/<source digest>/``. The source itself and what its header says stay in the
spool and in memory; a step that needs them reads the source again.
"""

from __future__ import annotations

import shutil
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from dicom_io.check import check_outgoing
from dicom_io.photograph import Limits, SourcePhotograph, read_photograph
from dicom_io.pseudonyms import PatientIdentity, Pseudonyms
from pipeline.photograph import Findings, Hints, Photograph, Rgb, Subtraction
from plugin.durable import load_arrays, private_folder, save_arrays
from plugin.outputs import OutputWriter
from plugin.study import Measured, Outcome, Output, Refusal, Source, Study

if TYPE_CHECKING:
    from pipeline.twins import TwinMaker

KEPT_IN_MEMORY = 4
"""Decoded sources kept from one step to the next; a 12 megapixel photograph is 36 MB."""


class Custody(Protocol):
    """Who answers for the sources: the node's ledger and quarantine, or the command line, which leaves files alone."""

    def quarantine(self, source: Source, study: Study, refusal: Refusal) -> None: ...
    def commit(self, study: Study, outcomes: Sequence[Outcome]) -> None: ...
    def purge(self, study: Study, outcomes: Sequence[Outcome]) -> None: ...


class Delivery(Protocol):
    """Where results go. ``deliver`` raises ``TryAgain`` when later may be better, ``DeliveryFailed`` when never."""

    destinations: tuple[str, ...]

    def deliver(self, destination: str, outputs: Sequence[Output]) -> None: ...


@dataclass(frozen=True)
class StageSettings:
    """``jobs``: folder of the jobs' folders. The rest as in the configuration."""

    jobs: Path
    limits: Limits
    attempts: int = 3


class PhotographStages:
    """The stages of ``plugin.study.Stages``."""

    def __init__(
        self,
        settings: StageSettings,
        pseudonyms: Pseudonyms,
        twins: TwinMaker,
        writer: OutputWriter,
        delivery: Delivery,
        custody: Custody,
    ) -> None:
        self.attempts = settings.attempts
        self.destinations = delivery.destinations
        self._settings = settings
        self._pseudonyms = pseudonyms
        self._twins = twins
        self._writer = writer
        self._delivery = delivery
        self._custody = custody
        self._sources = SourceCache(settings.limits)

    def read(self, source: Source) -> None:
        """It can be decoded and edited at all."""
        _as_photograph(self._sources.get(source))

    def swap(self, source: Source, study: Study, attempt: int) -> None:
        """The sick twin: another person, the same disease."""
        read = self._sources.get(source)
        twin = self._twins.swap(_as_photograph(read), self._persona_seed(read), attempt)
        save_arrays(self._file(source, study, f"sick-twin-{attempt}.npz"), rgb=twin)

    def gate(self, source: Source, study: Study, attempt: int) -> Findings:
        """Whether it is another person. Raises ``Rejected`` or ``Undecided``."""
        twin = self._sick_twin(source, study, attempt)
        return self._twins.judge(_as_photograph(self._sources.get(source)), twin)

    def heal(self, source: Source, study: Study, attempt: int) -> None:
        """The healthy twin: the same new person without the disease."""
        read = self._sources.get(source)
        sick = self._sick_twin(source, study, attempt)
        healthy = self._twins.heal(sick, _as_photograph(read).hints)
        save_arrays(self._file(source, study, "healthy-twin.npz"), rgb=healthy)

    def subtract(self, source: Source, study: Study, attempt: int) -> Measured:
        """The disease: the difference between the twins."""
        sick, healthy = self._sick_twin(source, study, attempt), self._healthy_twin(source, study)
        found = self._twins.subtract(sick, healthy)
        save_arrays(
            self._file(source, study, "subtraction.npz"),
            difference=found.difference, probability=found.probability, mask=found.mask,
        )  # fmt: skip
        return Measured(lesion_class=found.lesion_class, area=float(found.mask.mean()))

    def write(
        self, source: Source, study: Study, attempt: int, findings: Findings, measured: Measured
    ) -> tuple[Output, ...]:
        """New header, images and segmentations as DICOM files in the job's folder."""
        arrays = load_arrays(self._file(source, study, "subtraction.npz"))
        return self._writer.write(
            self._sources.get(source),
            sick=self._sick_twin(source, study, attempt),
            healthy=self._healthy_twin(source, study),
            subtraction=Subtraction(**arrays, lesion_class=measured.lesion_class),
            features_cleaned=findings.outcome == "released",
            folder=private_folder(self._folder(source, study) / "out"),
        )

    def check(self, source: Source, outputs: Sequence[Output]) -> None:
        """The last look at the bytes. Raises ``LeakFound`` or ``InvalidObject``."""
        read = self._sources.get(source)
        identifiers = self._writer.identifiers_of(read)
        for output in outputs:
            check_outgoing(output.path, identifiers, self._writer.algorithm)

    def quarantine(self, source: Source, study: Study, refusal: Refusal) -> None:
        """Kept for a person to decide. Its twins, which may be the patient still, are deleted."""
        self._custody.quarantine(source, study, refusal)
        self._sources.forget(source)
        shutil.rmtree(self._settings.jobs / study.job / source.digest, ignore_errors=True)

    def deliver(self, study: Study, destination: str, outputs: Sequence[Output]) -> None:
        """Every object to ``destination``."""
        self._delivery.deliver(destination, outputs)

    def commit(self, study: Study, outcomes: Sequence[Outcome]) -> None:
        """What became of each instance is on record."""
        self._custody.commit(study, outcomes)

    def purge(self, study: Study, outcomes: Sequence[Outcome]) -> None:
        """Nothing of the job stays behind; sources go where everything made of them has been delivered."""
        for source in study.sources:
            self._sources.forget(source)
        shutil.rmtree(self._settings.jobs / study.job, ignore_errors=True)
        self._custody.purge(study, outcomes)

    def _persona_seed(self, read: SourcePhotograph) -> bytes:
        identity = PatientIdentity.of(read.header)
        return self._pseudonyms.persona_seed(identity.patient_id, identity.issuer)

    def _sick_twin(self, source: Source, study: Study, attempt: int) -> Rgb:
        return load_arrays(self._file(source, study, f"sick-twin-{attempt}.npz"))["rgb"]

    def _healthy_twin(self, source: Source, study: Study) -> Rgb:
        return load_arrays(self._file(source, study, "healthy-twin.npz"))["rgb"]

    def _file(self, source: Source, study: Study, name: str) -> Path:
        return self._folder(source, study) / name

    def _folder(self, source: Source, study: Study) -> Path:
        return private_folder(private_folder(self._settings.jobs / study.job) / source.digest)


class SourceCache:
    """The sources read last, decoded. Any thread may ask."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._lock = threading.Lock()
        self._read: OrderedDict[Path, SourcePhotograph] = OrderedDict()

    def get(self, source: Source) -> SourcePhotograph:
        """``source`` decoded. Raises ``UnsupportedObject`` or ``UnreadableObject``."""
        with self._lock:
            if source.path in self._read:
                self._read.move_to_end(source.path)
                return self._read[source.path]
        photograph = read_photograph(source.path, self._limits)
        with self._lock:
            self._read[source.path] = photograph
            while len(self._read) > KEPT_IN_MEMORY:
                self._read.popitem(last=False)
        return photograph

    def forget(self, source: Source) -> None:
        with self._lock:
            self._read.pop(source.path, None)


def _as_photograph(read: SourcePhotograph) -> Photograph:
    return Photograph(rgb=read.rgb, hints=Hints(**asdict(read.hints)))
