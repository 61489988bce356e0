"""``twinveil process``: the way of a study on files, without a network, a queue or anything that stays behind."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from dicom_io.errors import UnreadableObject
from dicom_io.header import Pseudonyms, SiteKey
from dicom_io.receiving import Spool
from pipeline.text import load_text_remover
from plugin.commands.overview import write_overview
from plugin.commands.progress import StudyProgress
from plugin.config import Configuration
from plugin.durable import private_folder
from plugin.errors import ConfigurationRefused
from plugin.node import algorithm_of, output_writer, stage_settings
from plugin.profile_settings import pseudonyms_of
from plugin.study import (
    CONFLICT,
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

PREFIX_AT, PREFIX = 128, b"DICM"
"""What tells a DICOM file (PS3.10 7.1)."""


class FilesOfSomebodyElse:
    """Custody over files that are not ours: they stay where they are, whatever becomes of them."""

    def quarantine(self, source: Source, study: Study, refusal: Refusal) -> None: ...
    def commit(self, study: Study, outcomes: Sequence[Outcome]) -> None: ...
    def purge(self, study: Study, outcomes: Sequence[Outcome]) -> None: ...


@dataclass(frozen=True)
class Sorted:
    """Inputs by study, and those of which nothing can be made."""

    studies: tuple[Study, ...]
    refused: tuple[Outcome, ...]
    files: dict[str, Path]
    """The file that was given, by digest: for the eyes of whoever gave it."""

    @property
    def photographs(self) -> int:
        return sum(len(study.sources) for study in self.studies)


def process(
    inputs: Sequence[Path], out: Path, configuration: Configuration, key: SiteKey, twins: TwinMaker, console: Console
) -> list[Outcome]:
    """Results, overview and manifest of ``inputs`` in ``out``. Raises ``ConfigurationRefused`` without any input."""
    files = gather(inputs)
    pseudonyms = pseudonyms_of(configuration, key)
    algorithm = algorithm_of(twins)
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="twinveil-") as scratch:
        batch = sort(files, Spool(Path(scratch) / "spool", min_free_bytes=0), pseudonyms)
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
        with StudyProgress(batch.photographs, console) as progress:
            for study in batch.studies:
                outcomes += twin_study(study, stages, DirectSteps(progress.on_step))
    for outcome in outcomes:
        if outcome.refusal is not None:
            file = batch.files[outcome.source.digest]
            console.print(f"held back: {file}: {outcome.refusal.error}: {outcome.refusal.reason}", soft_wrap=True)
    finish(out, manifest_of(outcomes, algorithm))
    return outcomes


def finish(out: Path, manifest: dict[str, Any]) -> None:
    """Manifest and overview beside the results that lie in ``out``."""
    write_manifest(out / "manifest.json", manifest)
    if not write_overview(out / "overview.png", manifest, out):
        (out / "overview.png").unlink(missing_ok=True)


def gather(inputs: Iterable[Path]) -> list[Path]:
    """Every file that is named, and every DICOM file in the folders that are named, each once."""
    files: dict[Path, None] = {}
    for given in inputs:
        if given.is_dir():
            files.update(dict.fromkeys(path.resolve() for path in sorted(given.rglob("*")) if _is_dicom(path)))
        elif given.is_file():
            files[given.resolve()] = None
        else:
            raise ConfigurationRefused(f"{given} does not exist")
    if not files:
        raise ConfigurationRefused("there is no DICOM file in what was given")
    return list(files)


def sort(files: Sequence[Path], spool: Spool, pseudonyms: Pseudonyms) -> Sorted:
    """Copies of ``files`` in ``spool``, by study. A repeat of the same instance is left out."""
    studies: dict[str, list[Source]] = {}
    refused: list[Outcome] = []
    names: dict[str, Path] = {}
    for file in files:
        incoming, path = spool.open_incoming()
        with incoming, file.open("rb") as original:
            shutil.copyfileobj(original, incoming)
        try:
            stored = spool.receive(path)
        except UnreadableObject as error:
            unnamed = Source(pseudonyms.source_digest(file.name), file)
            refused.append(Outcome(unnamed, refusal_of("read", error)))
            names[unnamed.digest] = file
            continue
        source = Source(pseudonyms.source_digest(stored.sop_instance_uid), stored.path)
        names.setdefault(source.digest, file)
        if stored.conflict:
            refused.append(Outcome(source, CONFLICT))
        elif not stored.duplicate:
            study = pseudonyms.study_digest(stored.study_instance_uid, stored.sop_instance_uid)
            studies.setdefault(study, []).append(source)
    batches = tuple(Study(study, study, tuple(sources)) for study, sources in studies.items())
    return Sorted(batches, tuple(refused), names)


def _is_dicom(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        file.seek(PREFIX_AT)
        return file.read(len(PREFIX)) == PREFIX
