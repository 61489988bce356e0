"""What networks for places are taught: where something was painted, and nothing of what nobody knows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from pipeline.models import PlaceConfig, PlaceNet
from pipeline.training.finding import FindingLesson, SoughtInPhotographs, wrong_places
from pipeline.training.photographs import MARKED, PhotographExamples, Store
from pipeline.training.recipe import MarkRecipe
from pipeline.training.trainer import Trainer

RECIPE = MarkRecipe(images=10_000, warmup_steps=5)


def test_an_unknown_mark_costs_nothing_and_a_missed_one_does() -> None:
    seen_nothing = torch.full((3, 1, 16, 16), -3.0)
    truth = torch.zeros(3, 1, 32, 32)
    truth[1, :, :16], truth[2] = 1.0, torch.nan
    lost = wrong_places(seen_nothing, truth, RECIPE)
    assert float(lost[2]) == 0
    assert float(lost[1]) > 1 > 5 * float(lost[0]) > 0


def test_a_small_mark_that_is_missed_costs_more_than_its_area() -> None:
    seen_nothing = torch.full((2, 1, 64, 64), -3.0)
    truth = torch.zeros(2, 1, 128, 128)
    truth[0, :, :16, :16], truth[1, :, :8, :16] = 1.0, 1.0
    large, small = wrong_places(seen_nothing, truth, replace(RECIPE, overlap_weight=0.0)).tolist()
    assert small > 0.7 * large


def test_nothing_that_is_marked_costs_more_where_the_recipe_says_so() -> None:
    seen_something, nowhere = torch.full((1, 1, 16, 16), 1.0), torch.zeros(1, 1, 16, 16)
    lost, more = (
        float(wrong_places(seen_something, nowhere, replace(RECIPE, overlap_of_nothing=counts))[0])
        for counts in (False, True)
    )
    assert more > lost + 0.3 * RECIPE.overlap_weight


def test_it_learns_where_something_is_painted(store: Store, tmp_path: Path) -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    sought = SoughtInPhotographs(PhotographExamples(store, MARKED), "mark")
    lesson = FindingLesson(PlaceNet(PlaceConfig(64, (8, 16, 16))), RECIPE, sought)
    trainer = Trainer(lesson, tmp_path)

    def ten_steps() -> float:
        return float(torch.stack([trainer._one_step()[1].mean() for _ in range(10)]).mean())

    first = ten_steps()
    for _ in range(80):
        trainer._one_step()
    assert ten_steps() < 0.75 * first
