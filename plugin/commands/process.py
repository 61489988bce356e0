"""``twinveil process``: the way of a study on files, without a network, a queue or anything that stays behind."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from dicom_io.errors import SpoolFull, UnreadableObject, in_words
from dicom_io.header import Pseudonyms, SiteKey
from dicom_io.receiving import Spool
from pipeline.text import load_text_remover
from plugin.commands.inputs import PassedOver, gather
from plugin.commands.overview import write_overview
from plugin.commands.progress import StudyProgress
from plugin.commands.terminal import printable
from plugin.config import Configuration
from plugin.durable import private_folder
from plugin.node import algorithm_of, output_writer, stage_settings
from plugin.profile_settings import pseudonyms_of
from plugin.study import (
    CONFLICT,
    FOLDER,
    DirectSteps,
    FolderDelivery,
    Outcome,
    PhotographStages,
    Refusal,
    Source,
    Study,
    manifest_of,
    refusal_of,
    twin_study,
    write_manifest,
)

if TYPE_CHECKING:
    from pipeline.edits import TwinMaker


class FilesOfSomebodyElse:
    """Custody over files that are not ours: they stay where they are, whatever becomes of them."""

    def quarantine(self, source: Source, study: Study, refusal: Refusal) -> None: ...
    def commit(self, study: Study, outcomes: Sequence[Outcome]) -> None: ...


@dataclass(frozen=True)
class Sorted:
    """Inputs by study, and those of which nothing can be made."""

    studies: tuple[Study, ...]
    refused: tuple[Outcome, ...]
    repeats: tuple[PassedOver, ...]
    files: dict[Path, Path]
    """The file that was given, by where its copy lies: for the eyes of whoever gave it."""

    @property
    def photographs(self) -> int:
        return sum(len(study.sources) for study in self.studies)


def process(
    inputs: Sequence[Path], out: Path, configuration: Configuration, key: SiteKey, twins: TwinMaker, console: Console
) -> list[Outcome]:
    """Results, overview and manifest of ``inputs`` in ``out``. Raises ``ConfigurationRefused`` without any input.

    The manifest is there of whatever was done, also when the rest could not be.
    """
    given = gather(inputs)
    pseudonyms = pseudonyms_of(configuration, key)
    algorithm = algorithm_of(twins)
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="twinveil-") as scratch:
        batch = sort(given.files, Spool(Path(scratch) / "spool", min_free_bytes=0), pseudonyms)
        passed_over = (*given.passed_over, *batch.repeats)
        stages = PhotographStages(
            stage_settings(configuration, private_folder(Path(scratch) / "jobs")),
            pseudonyms,
            twins,
            load_text_remover(),
            output_writer(configuration, pseudonyms, algorithm),
            FolderDelivery(out),
            FilesOfSomebodyElse(),
        )
        outcomes = list(batch.refused)
        try:
            with StudyProgress(batch.photographs, console) as progress:
                for study in batch.studies:
                    outcomes += twin_study(study, stages, DirectSteps(progress.on_step))
        finally:
            others = [(digest_of_file(other.file, pseudonyms), other.why) for other in passed_over]
            finish(out, manifest_of(outcomes, algorithm, others))
    tell(console, outcomes, batch.files, passed_over)
    return outcomes


def tell(
    console: Console, outcomes: Sequence[Outcome], files: dict[Path, Path], passed_over: Sequence[PassedOver]
) -> None:
    """Every file of which nothing was made, by its own name, with the reason and what to do."""
    for outcome in outcomes:
        if outcome.refusal is not None:
            why = outcome.refusal
            file = printable(files[outcome.source.path])
            console.print(f"held back: {file}: {why.error}: {why.reason}. {why.advice}", soft_wrap=True)
    for other in passed_over:
        console.print(f"passed over: {printable(other.file)}: {other.why}", soft_wrap=True)


def finish(out: Path, manifest: dict[str, Any]) -> None:
    """Manifest and overview beside the results that lie in ``out``."""
    write_manifest(out / "manifest.json", manifest)
    if not write_overview(out / "overview.png", manifest, out):
        (out / "overview.png").unlink(missing_ok=True)


def sort(files: Sequence[Path], spool: Spool, pseudonyms: Pseudonyms) -> Sorted:
    """Copies of ``files`` in ``spool``, by study. What cannot be copied or read is refused; a repeat is left out."""
    studies: dict[str, list[Source]] = {}
    refused: list[Outcome] = []
    repeats: list[PassedOver] = []
    names: dict[Path, Path] = {}
    for file in files:
        try:
            stored = spool.receive(_copy(file, spool))
        except (UnreadableObject, SpoolFull) as error:
            unnamed = Source(digest_of_file(file, pseudonyms), file)
            refused.append(Outcome(unnamed, refusal_of("read", error)))
            names[file] = file
            continue
        if stored.duplicate:
            repeats.append(PassedOver(file, "the same instance was given twice"))
            continue
        source = Source(pseudonyms.source_digest(stored.sop_instance_uid), stored.path)
        names[stored.path] = file
        if stored.conflict:
            refused.append(Outcome(source, CONFLICT))
        else:
            study = pseudonyms.study_digest(stored.study_instance_uid, stored.sop_instance_uid)
            studies.setdefault(study, []).append(source)
    batches = tuple(Study(study, study, tuple(sources), (FOLDER,)) for study, sources in studies.items())
    return Sorted(batches, tuple(refused), tuple(repeats), names)


def digest_of_file(file: Path, pseudonyms: Pseudonyms) -> str:
    """What names a file that says of itself nothing that could: a keyed digest of where it lies."""
    return pseudonyms.source_digest(os.fsencode(file.absolute()).hex())


def _copy(file: Path, spool: Spool) -> Path:
    incoming, path = spool.open_incoming()
    try:
        with incoming, file.open("rb") as original:
            shutil.copyfileobj(original, incoming)
    except OSError as error:
        raise UnreadableObject(f"the file cannot be copied: {in_words(error)}") from error
    return path
