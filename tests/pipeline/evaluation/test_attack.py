"""The reverse edit, with a model that is made up: what the attacker gets, and what it is measured against."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pipeline.edits import EditKnobs
from pipeline.evaluation.attack import AVERAGED, ONCE, reversed_edit
from pipeline.faces import Face
from pipeline.photograph import Hints, Photograph, Rgb
from pipeline.vocabulary import PERSONAS

SIDE = 240
PHOTOGRAPH = np.full((SIDE, SIDE, 3), 90, np.uint8)
TWIN = np.full((SIDE, SIDE, 3), 190, np.uint8)
LANDMARKS = np.array([[105, 105], [135, 105], [120, 120], [108, 135], [132, 135]], np.float64)
FACE = Face(np.array([95.0, 90.0, 145.0, 150.0]), LANDMARKS, 0.9)
PATIENT: Any = SimpleNamespace(photograph=Photograph(PHOTOGRAPH, Hints(view="face", sex="female", lesion="plaque")))


class Maker:
    """Gives ``levels`` grey for the knobs of each attempt, and remembers what it was asked."""

    resolution = 128

    def __init__(self, levels: dict[EditKnobs, int]) -> None:
        self.levels, self.asked = levels, []  # type: ignore[var-annotated]

    def edit(self, rgb: Rgb, landmarks: Any, source: Any, target: Any, knobs: EditKnobs) -> Rgb:
        self.asked.append((rgb, source, target, knobs))
        return np.full_like(rgb, self.levels[knobs])


def attacked(levels: dict[EditKnobs, int], faces: list[Face]) -> tuple[Any, Maker]:
    maker: Any = Maker(levels)
    finder: Any = SimpleNamespace(find=lambda rgb: faces)
    return reversed_edit(maker, finder, PATIENT, TWIN, PERSONAS[3]), maker


def test_the_edit_is_run_from_the_persona_to_the_patient_once_and_over_several_noises() -> None:
    _, maker = attacked({ONCE: 0, AVERAGED: 0}, [FACE])
    assert [knobs for *_, knobs in maker.asked] == [ONCE, AVERAGED]
    assert (ONCE.n_avg, AVERAGED.n_avg) == (1, 4)
    assert AVERAGED.sigma_start < 1  # at 1 the model does not look at the noises that are averaged
    for seen, source, target, _ in maker.asked:
        assert (seen == 190).all()
        assert source.words["persona"] == PERSONAS[3]
        assert "persona" not in target.words
        assert target.words["lesion"] == "plaque"


@pytest.mark.parametrize(
    ("levels", "nearest"),
    [({ONCE: 100, AVERAGED: 250}, 10), ({ONCE: 250, AVERAGED: 110}, 20), ({ONCE: 250, AVERAGED: 240}, 100)],
    ids=["one run", "averaged", "the twin itself"],
)
def test_the_attacker_keeps_the_best_picture(levels: dict[EditKnobs, int], nearest: int) -> None:
    result, _ = attacked(levels, [FACE])
    assert result.psnr == pytest.approx(20 * math.log10(255 / nearest))


def test_each_head_is_put_back_into_the_twin() -> None:
    result, _ = attacked({ONCE: 100, AVERAGED: 110}, [FACE])
    for guess, level in ((result.once, 100), (result.averaged, 110)):
        assert guess.shape == TWIN.shape
        assert (guess[120, 120] == level).all()
        assert (guess[0, 0] == 190).all()


def test_without_a_face_in_the_twin_there_is_nothing_to_run_backwards() -> None:
    result, maker = attacked({}, [])
    assert math.isnan(result.psnr)
    assert result.once is None
    assert result.averaged is None
    assert not maker.asked
