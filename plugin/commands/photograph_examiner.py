"""One picture after another through the whole pipeline, by what a process has loaded once.

Each becomes a DICOM object and goes the way of a study, the search for text and the gate included. What leaves is read
back from the objects that were written. Of a photograph that is held the figures say what healing alone makes of it,
so that nothing looks better because the hard ones were held.
"""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pydicom

from dicom_io.errors import DicomError
from dicom_io.header import SiteKey
from dicom_io.reading import read_photograph
from dicom_io.writing import wrapped
from pipeline.albums import PhotographFile
from pipeline.edits import TwinMaker
from pipeline.errors import PipelineError, UnusablePhotograph
from pipeline.evaluation import PersonCase, PersonExaminer
from pipeline.evaluation.photographs import HeldFor, PhotographCase, Result, examine
from pipeline.faces import FaceFinder
from pipeline.photograph import Hints, Photograph, Rgb, Twins
from pipeline.text import load_text_remover
from plugin.commands.process import FilesOfSomebodyElse
from plugin.config import Configuration
from plugin.durable import private_folder
from plugin.node import algorithm_of, output_writer, stage_settings
from plugin.profile_settings import pseudonyms_of
from plugin.study import DirectSteps, Outcome, PhotographStages, Refusal, Source, Study, twin_study

HELD_FOR: dict[str, HeldFor] = {"clean": "text", "heal": "face", "swap": "face", "gate": "face"}
"""What a stage holds a photograph for, if the pipeline refuses it there and does not fail."""

REFUSALS = frozenset(
    ["Rejected", "Undecided", "FaceDenied", "FaceSuspected", "NoFaceFound", "OutsideDomain", "TextOnSkin"]
)


@dataclass(frozen=True)
class Unusable:
    """A photograph of which nothing can be measured."""

    name: str
    reason: str


@dataclass(frozen=True)
class Examined:
    """A photograph and, where it shows a person and those are judged, what becomes of the person."""

    case: PhotographCase
    person: PersonCase | None = None


class PhotographExaminer:
    """Examines photographs with ``maker``, as configured by default. Serves one thread.

    ``people``: judges the person in a photograph of the view face; none is judged without.
    """

    def __init__(self, maker: TwinMaker, people: PersonExaminer | None = None) -> None:
        self._maker, self._people = maker, people
        self._configuration = Configuration(folder=Path.cwd())
        self._pseudonyms = pseudonyms_of(self._configuration, SiteKey(os.urandom(32)))
        self._writer = output_writer(self._configuration, self._pseudonyms, algorithm_of(maker))
        self._text = load_text_remover()
        self._finder = FaceFinder()

    def examine(self, file: PhotographFile, leaks: bool = False) -> Examined | Unusable:
        """The figures of one photograph. ``leaks``: whether twins that keep a part of a person are judged as well."""
        try:
            rgb = file.rgb()
            hints = Hints(view=file.view, skin_type=file.skin_type, sex=file.sex, age_years=file.age_years)
            photograph = Photograph(rgb, hints)
            truth = file.truth(rgb.shape)
            result = self._result(photograph)
        except (UnusablePhotograph, DicomError) as error:
            return Unusable(file.name, str(error))
        faces = self._finder.find(rgb) if file.view == "face" else []
        case = examine(file, rgb, truth, result, faces[0] if faces else None)
        person = self._person(file, photograph, leaks) if faces else None
        if person is None:
            return Examined(case)
        return Examined(replace(case, sex=person.sex, complexion=person.complexion, age=person.age), person)

    def _person(self, file: PhotographFile, photograph: Photograph, leaks: bool) -> PersonCase | None:
        if self._people is None:
            return None
        person = self._people.examine(file.name, photograph, leaks)
        return None if person is None else replace(person, twins=None)  # only figures are kept

    def _result(self, photograph: Photograph) -> Result:
        """Raises UnusablePhotograph for a photograph of which not even the healing can be made."""
        outcome, returned = self._sent(photograph)
        seconds = sum(outcome.seconds.values())
        if outcome.refusal is None:
            assert outcome.measured is not None
            return Result(
                returned.sick, returned.healthy, returned.mask, outcome.measured.lesion_class, seconds=seconds
            )
        try:
            lesion = self._maker.heal(photograph)
            twins = Twins(photograph.rgb, lesion.taken_off(photograph.rgb))
            found = self._maker.subtract(twins)
        except PipelineError as error:
            raise UnusablePhotograph(f"nothing can be made of its pixels: {error}") from error
        return Result(
            twins.sick, twins.healthy, found.mask, found.lesion_class,
            held_for=held_for(outcome.refusal), reason=f"{outcome.refusal.error}: {outcome.refusal.reason}",
            seconds=seconds if outcome.refusal.stage == "check" else math.nan,
        )  # fmt: skip

    def _sent(self, photograph: Photograph) -> tuple[Outcome, _Returned]:
        """The way of a study of this one photograph, and what would have been sent on."""
        returned = _Returned()
        with tempfile.TemporaryDirectory(prefix="twinveil-") as scratch:
            hints = photograph.hints
            assert hints.view is not None
            image = wrapped(photograph.rgb, hints.view, hints.skin_type, hints.sex, hints.age_years)
            path = Path(scratch) / "photograph.dcm"
            image.save_as(path, enforce_file_format=True)
            source = Source(self._pseudonyms.source_digest(str(image.SOPInstanceUID)), path)
            stages = PhotographStages(
                stage_settings(self._configuration, private_folder(Path(scratch) / "jobs")),
                self._pseudonyms,
                self._maker,
                self._text,
                self._writer,
                returned,
                FilesOfSomebodyElse(),
            )
            (outcome,) = twin_study(Study("measured", "measured", (source,), ("measured",)), stages, DirectSteps())
        return outcome, returned


class _Returned:
    """A destination that reads what it is sent."""

    sick: Rgb
    healthy: Rgb
    mask: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]

    def deliver(self, study: Study, outcomes: Sequence[Outcome]) -> None:
        files: dict[str, list[Path]] = {}
        for output in (output for outcome in outcomes for output in outcome.outputs):
            files.setdefault(output.role, []).append(output.path)
        self.sick, self.healthy = (read_photograph(files[role][0]).rgb for role in ("sick-twin", "healthy-twin"))
        segments = [pydicom.dcmread(path) for path in files["segmentation"]]
        binary = next(segment for segment in segments if segment.SegmentationType == "BINARY")
        self.mask = np.asarray(binary.pixel_array, bool).reshape(self.sick.shape[:2])


def held_for(refusal: Refusal) -> HeldFor:
    """What a photograph was held for: a face, text, or something that is neither, a failure among them."""
    if refusal.error not in REFUSALS:
        return "another reason"
    return HELD_FOR.get(refusal.stage, "another reason")
