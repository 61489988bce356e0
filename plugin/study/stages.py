"""What is done with one photograph in each step: ``dicom_io`` reads and writes, ``pipeline`` makes the pixels.

Between steps, arrays lie in ``jobs/<job>/<source digest>/``. The source itself and what its header says stay in the
spool and in memory; a step that needs them reads the source again.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from dicom_io.errors import DicomError, LeakSuspected
from dicom_io.header import PatientIdentity, Pseudonyms
from dicom_io.leaks import check_outgoing
from dicom_io.reading import Limits, SourcePhotograph, read_photograph
from pipeline.disease import Lesion
from pipeline.errors import FaceSuspected, IdentifyingMark, NoFaceFound, PipelineError, TextOnSkin
from pipeline.errors import Refusal as RefusedByPipeline
from pipeline.photograph import Findings, Hints, Photograph, Subtraction, Twins
from pipeline.text import BurnedInText, TextRemover, text_from_json, text_to_json
from plugin.durable import load_arrays, private_folder, remove_tree, save_arrays, write_file
from plugin.study.outputs import OutputWriter
from plugin.study.study import Measured, Outcome, Output, Refusal, Source, Study

if TYPE_CHECKING:
    from pipeline.edits import TwinMaker

KEPT_IN_MEMORY = 4
"""Decoded sources kept from one step to the next; a 12 megapixel photograph is 36 MB."""
KEPT_BYTES = 256 * 2**20
"""Of their pixels together; the one read last is kept however large it is."""

TEXT, LESION = "text.json", "lesion.npz"
"""Files of a source in its job's folder."""


class Custody(Protocol):
    """Who answers for the sources: the node's ledger and quarantine, or the command line, which leaves files alone."""

    def quarantine(self, source: Source, study: Study, refusal: Refusal) -> None: ...
    def commit(self, study: Study, outcomes: Sequence[Outcome]) -> None: ...


class Delivery(Protocol):
    """Where results go: the node's post, or a folder."""

    def deliver(self, study: Study, outcomes: Sequence[Outcome]) -> None: ...


Sick = tuple[Photograph, Lesion, bytes]
"""What a swap is given: a photograph, its lesion by healing, and the seed of the patient's persona."""


@runtime_checkable
class TakesSeveral(Protocol):
    """A maker of twins whose networks take several photographs together."""

    def heal_all(self, photographs: Sequence[Photograph]) -> list[Lesion]: ...
    def swap_all(self, sick: Sequence[Sick], attempt: int) -> list[Twins | RefusedByPipeline]: ...


@dataclass(frozen=True)
class StageSettings:
    """``jobs``: folder of the jobs' folders. ``together``: photographs of a study that are healed and, at the first
    attempt, swapped together. The rest as in the configuration."""

    jobs: Path
    limits: Limits
    attempts: int = 3
    together: int = 1


class PhotographStages:
    """The stages of ``plugin.study.Stages``."""

    def __init__(
        self,
        settings: StageSettings,
        pseudonyms: Pseudonyms,
        twins: TwinMaker,
        text: TextRemover,
        writer: OutputWriter,
        delivery: Delivery,
        custody: Custody,
    ) -> None:
        self.attempts = settings.attempts
        self._settings = settings
        self._pseudonyms = pseudonyms
        self._twins = twins
        self._several = twins if settings.together > 1 and isinstance(twins, TakesSeveral) else None
        self._writer = writer
        self._delivery = delivery
        self._custody = custody
        self._text = text
        self._sources = SourceCache(settings.limits)

    def read(self, source: Source) -> tuple[str, ...]:
        """It can be decoded and edited at all; what lay behind the picture and is left behind, in words."""
        read = self._sources.get(source)
        as_photograph(read, source)
        return read.left_behind

    def clean(self, source: Source, study: Study) -> BurnedInText:
        """Text burned into the picture: what is to be filled from here on. Raises ``TextOnSkin`` or ``Undecided``."""
        if self._made_along(source, study, TEXT):
            return self._text_of(source, study)
        read = self._sources.get(source)
        announced = read.header.get("BurnedInAnnotation") == "YES"
        found = self._text.examine(read.rgb, announced=announced, vouched=TextOnSkin.__name__ in source.waived)
        write_file(self._file(source, study, TEXT), text_to_json(found))
        return found

    def heal(self, source: Source, study: Study) -> None:
        """The disease: what healing takes off the photograph. The healed patient is not written anywhere."""
        if self._made_along(source, study, LESION):
            return

        def healed(several: TakesSeveral, sources: Sequence[Source]) -> None:
            photographs = [self._photograph(each, study) for each in sources]
            for each, lesion in zip(sources, several.heal_all(photographs), strict=True):
                save_arrays(self._file(each, study, LESION), change=lesion.change)

        if not self._together(source, study, LESION, self._is_clean, healed):
            lesion = self._twins.heal(self._photograph(source, study))
            save_arrays(self._file(source, study, LESION), change=lesion.change)

    def swap(self, source: Source, study: Study, attempt: int) -> None:
        """The twins: another person, without and with the same disease."""
        made = f"twins-{attempt}.npz"
        if self._made_along(source, study, made):
            return

        def swapped(several: TakesSeveral, sources: Sequence[Source]) -> None:
            sick = [self._sick(each, study) for each in sources]
            for each, twins in zip(sources, several.swap_all(sick, attempt), strict=True):
                if isinstance(twins, Twins):  # whose swap is refused is told so in their own step
                    self._keep(each, study, made, twins)

        # Further attempts are of those that the gate refused, which it finds out one after the other.
        if attempt or not self._together(source, study, made, self._is_healed, swapped):
            self._keep(source, study, made, self._twins.swap(*self._sick(source, study), attempt))

    def gate(self, source: Source, study: Study, attempt: int) -> Findings:
        """Whether they are another person. Raises ``Rejected`` or ``Undecided``."""
        return self._twins.judge(self._photograph(source, study), self._made(source, study, attempt))

    def subtract(self, source: Source, study: Study, attempt: int) -> Measured:
        """The mask: the difference between the twins."""
        found = self._twins.subtract(self._made(source, study, attempt))
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
        twins = self._made(source, study, attempt)
        return self._writer.write(
            self._sources.get(source),
            sick=twins.sick,
            healthy=twins.healthy,
            subtraction=Subtraction(**arrays, lesion_class=measured.lesion_class),
            features_cleaned=findings.outcome == "released",
            text_cleaned=not self._text_of(source, study).left,
            making=source.making,
            folder=private_folder(self._folder(source, study) / "out"),
        )

    def check(self, source: Source, study: Study, outputs: Sequence[Output]) -> None:
        """The last look at the bytes. Raises ``LeakFound``, ``LeakSuspected`` or ``InvalidObject``."""
        read = self._sources.get(source)
        identifiers = self._writer.identifiers_of(read)
        vouched = LeakSuspected.__name__ in source.waived
        for output in outputs:
            check_outgoing(
                output_path(self._settings.jobs, source, study, output),
                identifiers,
                self._writer.algorithm,
                vouched=vouched,
            )

    def quarantine(self, source: Source, study: Study, refusal: Refusal) -> None:
        """Kept for a person to decide. Its twins, which may be the patient still, are deleted."""
        self._custody.quarantine(source, study, refusal)
        self._sources.forget(source)
        remove_tree(self._settings.jobs / study.folder / source.digest)

    def deliver(self, study: Study, outcomes: Sequence[Outcome]) -> None:
        """Everything that was released on its way to the destinations of ``study``."""
        self._delivery.deliver(study, outcomes)

    def commit(self, study: Study, outcomes: Sequence[Outcome]) -> None:
        """What became of each instance is on record."""
        self._custody.commit(study, outcomes)

    def purge(self, study: Study, outcomes: Sequence[Outcome]) -> None:
        """Nothing of the job stays behind. Its sources go once everything made of them has been delivered."""
        for source in study.sources:
            self._sources.forget(source)
        for folder in (self._settings.jobs / study.job, *self._settings.jobs.glob(f"{study.job}.*")):
            remove_tree(folder)

    def _together(
        self,
        source: Source,
        study: Study,
        made: str,
        is_ready: Callable[[Source, Study], bool],
        work: Callable[[TakesSeveral, Sequence[Source]], None],
    ) -> bool:
        """Do ``work``, which leaves a file ``made`` for each, for ``source`` and those after it; whether that was done.

        It saves time and nothing else: once it went wrong in a job, even by taking the process down, everything in
        that job is worked on alone, so that only the photograph that it lies with is refused.
        """
        mark = self._settings.jobs / study.folder / "together"
        if self._several is None or mark.exists():
            return False
        following = study.sources[study.sources.index(source) + 1 :]
        ready = (each for each in following if not self._file(each, study, made).exists() and is_ready(each, study))
        sources = [source, *islice(ready, self._settings.together - 1)]
        if len(sources) == 1:
            return False
        write_file(mark, b"")
        try:
            work(self._several, sources)
        except (DicomError, PipelineError):
            return False
        mark.unlink()
        return self._file(source, study, made).exists()

    def _made_along(self, source: Source, study: Study, made: str) -> bool:
        """Whether there is a file ``made`` already, where several are worked on together."""
        return self._several is not None and self._file(source, study, made).exists()

    def _is_clean(self, source: Source, study: Study) -> bool:
        """Whether ``source`` can be healed; its text is looked for now, where it was not yet."""
        try:
            self.clean(source, study)
            self._photograph(source, study)
        except (DicomError, PipelineError):
            return False
        return True

    def _is_healed(self, source: Source, study: Study) -> bool:
        return self._file(source, study, LESION).exists()

    def _sick(self, source: Source, study: Study) -> Sick:
        lesion = Lesion(**load_arrays(self._file(source, study, LESION)))
        identity = PatientIdentity.of(self._sources.get(source).header)
        seed = self._pseudonyms.persona_seed(identity.patient_id, identity.issuer)
        return self._photograph(source, study), lesion, seed

    def _keep(self, source: Source, study: Study, made: str, twins: Twins) -> None:
        # An edit may bring a shadow of the text back: it is filled once more.
        text = self._text_of(source, study)
        sick, healthy = text.fill(twins.sick), text.fill(twins.healthy)
        save_arrays(self._file(source, study, made), sick=sick, healthy=healthy)

    def _made(self, source: Source, study: Study, attempt: int) -> Twins:
        return Twins(**load_arrays(self._file(source, study, f"twins-{attempt}.npz")))

    def _photograph(self, source: Source, study: Study) -> Photograph:
        """What the twins are made of and compared with: the text is filled."""
        photograph = as_photograph(self._sources.get(source), source)
        return replace(photograph, rgb=self._text_of(source, study).fill(photograph.rgb))

    def _text_of(self, source: Source, study: Study) -> BurnedInText:
        return text_from_json(self._file(source, study, TEXT).read_bytes())

    def _file(self, source: Source, study: Study, name: str) -> Path:
        return self._folder(source, study) / name

    def _folder(self, source: Source, study: Study) -> Path:
        return private_folder(private_folder(self._settings.jobs / study.folder) / source.digest)


def output_path(jobs: Path, source: Source, study: Study, output: Output) -> Path:
    """Where ``output`` lies now. It may have been written in an earlier tenure, on a machine with other paths."""
    return jobs / study.folder / source.digest / "out" / output.path.name


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
            while len(self._read) > 1 and (len(self._read) > KEPT_IN_MEMORY or self._bytes() > KEPT_BYTES):
                self._read.popitem(last=False)
        return photograph

    def _bytes(self) -> int:
        return sum(photograph.rgb.nbytes for photograph in self._read.values())

    def forget(self, source: Source) -> None:
        with self._lock:
            self._read.pop(source.path, None)


def as_photograph(read: SourcePhotograph, source: Source) -> Photograph:
    """The photograph as the pipeline knows it, with what its header and a reviewer say of it."""
    ruled_out = not {FaceSuspected.__name__, NoFaceFound.__name__}.isdisjoint(source.waived)
    vouched = IdentifyingMark.__name__ in source.waived
    return Photograph(rgb=read.rgb, hints=Hints(**asdict(read.hints), face_ruled_out=ruled_out, marks_vouched=vouched))
