"""Photographs of a study that go through the networks together: as they would alone, whatever goes wrong with one."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from dicom_io.header import Pseudonyms
from pipeline.disease import Lesion
from pipeline.errors import ModelError, NoFaceFound, Refusal, Rejected
from pipeline.photograph import Findings, Photograph, Twins
from plugin.commands.process import FilesOfSomebodyElse
from plugin.config import Configuration
from plugin.node import algorithm_of, output_writer, stage_settings
from plugin.profile_settings import pseudonyms_of
from plugin.study import DirectSteps, FolderDelivery, Outcome, PhotographStages, Source, Study, twin_study
from tests.dicom_io.profile_sources import KEY
from tests.plugin.fakes import MirroringTwinMaker, NoText, photograph, save, skin

STUDY = "1.2.826.0.1.3680043.8.498.92"


class Counting(MirroringTwinMaker):
    """Several at once, and how many each time; ``fails_at``: a number of photographs that are too many."""

    def __init__(self, fails_at: int = 99, faceless: int = -1) -> None:
        super().__init__()
        self.healed: list[int] = []
        self.swapped: list[int] = []
        self._judged: Counter[bytes] = Counter()
        self._fails_at, self._faceless = fails_at, faceless

    def heal_all(self, photographs: Sequence[Photograph]) -> list[Lesion]:
        self.healed.append(len(photographs))
        if len(photographs) >= self._fails_at:
            raise ModelError("out of memory")
        return [super(Counting, self).heal(each) for each in photographs]

    def heal(self, photograph: Photograph) -> Lesion:
        return self.heal_all([photograph])[0]

    def swap_all(self, sick: Sequence[tuple[Photograph, Lesion, bytes]], attempt: int) -> list[Twins | Refusal]:
        self.swapped.append(len(sick))
        without = NoFaceFound("no face")
        return [without if self._is_faceless(each[0]) else super(Counting, self).swap(*each, attempt) for each in sick]

    def swap(self, photograph: Photograph, lesion: Lesion, persona_seed: bytes, attempt: int) -> Twins:
        (twins,) = self.swap_all([(photograph, lesion, persona_seed)], attempt)
        if isinstance(twins, Refusal):
            raise twins
        return twins

    def judge(self, photograph: Photograph, twins: Twins) -> Findings:
        self._judged[photograph.rgb.tobytes()] += 1
        if self._judged[photograph.rgb.tobytes()] <= self.refusals:
            raise Rejected("it is still the patient")
        return Findings(outcome="released", faces=1, sface_cosine=0.1, dlib_distance=0.8, ncc=0.2)

    def _is_faceless(self, given: Photograph) -> bool:
        return bool(given.rgb.shape[0] == self._faceless)


def study_of(folder: Path, sides: Sequence[int]) -> Study:
    """A study of a photograph of each size."""
    sources = []
    for number, side in enumerate(sides, start=1):
        path = save(photograph(STUDY, rgb=skin(side, seed=number), number=number), folder / "in")
        sources.append(Source(hashlib.sha256(path.name.encode()).hexdigest(), path))
    return Study("job", "study", tuple(sources), ("folder",))


def made(
    study: Study, twins: MirroringTwinMaker, together: int, folder: Path, pseudonyms: Pseudonyms
) -> tuple[Outcome, ...]:
    configuration = Configuration.model_validate(
        {"folder": folder, "model": {"name": "/models/any", "together": together}}
    )
    stages = PhotographStages(
        stage_settings(configuration, folder / "jobs"),
        pseudonyms,
        twins,  # type: ignore[arg-type]
        NoText(),  # type: ignore[arg-type]
        output_writer(configuration, pseudonyms, algorithm_of(twins)),
        FolderDelivery(folder / "out"),
        FilesOfSomebodyElse(),
    )
    return twin_study(study, stages, DirectSteps())


@pytest.fixture
def pseudonyms(tmp_path: Path) -> Pseudonyms:
    return pseudonyms_of(Configuration(folder=tmp_path), KEY)


@pytest.mark.parametrize(("together", "healed"), [(1, [1] * 5), (2, [2, 2, 1]), (4, [4, 1]), (16, [5])])
def test_as_many_as_are_configured_go_together(
    tmp_path: Path, pseudonyms: Pseudonyms, together: int, healed: list[int]
) -> None:
    twins = Counting()
    outcomes = made(study_of(tmp_path, [96] * 5), twins, together, tmp_path, pseudonyms)
    assert [outcome.refusal for outcome in outcomes] == [None] * 5
    assert twins.healed == twins.swapped == healed


def test_another_attempt_is_of_one_that_was_refused(tmp_path: Path, pseudonyms: Pseudonyms) -> None:
    twins = Counting()
    twins.refusals = 1
    outcomes = made(study_of(tmp_path, [96] * 3), twins, 4, tmp_path, pseudonyms)
    assert [outcome.attempts for outcome in outcomes] == [2] * 3
    assert twins.swapped == [3, 1, 1, 1]


def test_what_is_made_is_the_same(tmp_path: Path, pseudonyms: Pseudonyms) -> None:
    study = study_of(tmp_path, [96] * 3)
    areas = [
        [outcome.measured.area for outcome in made(study, Counting(), together, tmp_path / str(together), pseudonyms)]  # type: ignore[union-attr]
        for together in (1, 3)
    ]
    assert areas[0] == areas[1]
    assert np.all(np.array(areas) > 0.02)


def test_too_many_at_once_are_worked_on_alone(tmp_path: Path, pseudonyms: Pseudonyms) -> None:
    twins = Counting(fails_at=2)
    outcomes = made(study_of(tmp_path, [96] * 3), twins, 4, tmp_path, pseudonyms)
    assert [outcome.refusal for outcome in outcomes] == [None] * 3
    assert twins.healed == [3, 1, 1, 1], "tried together once"
    assert twins.swapped == [1, 1, 1]


def test_one_that_is_refused_is_refused_alone(tmp_path: Path, pseudonyms: Pseudonyms) -> None:
    outcomes = made(study_of(tmp_path, [96, 80, 96]), Counting(faceless=80), 4, tmp_path, pseudonyms)
    assert [outcome.refusal and outcome.refusal.error for outcome in outcomes] == [None, "NoFaceFound", None]


def test_what_took_the_process_down_together_is_tried_alone_after_it(tmp_path: Path, pseudonyms: Pseudonyms) -> None:
    class Killed(BaseException):
        """As if the process had ended there."""

    class Deadly(Counting):
        def heal_all(self, photographs: Sequence[Photograph]) -> list[Lesion]:
            if len(photographs) > 1:
                raise Killed
            return super().heal_all(photographs)

    study, twins = study_of(tmp_path, [96] * 3), Deadly()
    with pytest.raises(Killed):
        made(study, twins, 4, tmp_path, pseudonyms)
    outcomes = made(study, twins, 4, tmp_path, pseudonyms)
    assert [outcome.refusal for outcome in outcomes] == [None] * 3
    assert twins.healed == [1, 1, 1]
