"""What networks for places are taught: where something was painted, and nothing of what nobody knows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from pipeline.models import FaceLesionConfig, FaceLesionNet, PlaceConfig, PlaceNet
from pipeline.training.examples import SoughtOnFaces
from pipeline.training.finding import FaceLesionLesson, FindingLesson, SoughtInPhotographs, wrong_places
from pipeline.training.photographs import MARKED, PhotographExamples, Store
from pipeline.training.recipe import FaceLesionRecipe, MarkRecipe
from pipeline.training.trainer import Trainer

RECIPE = MarkRecipe(images=10_000, warmup_steps=5)
ON_FACES = FaceLesionRecipe(images=10_000, examples_in_batch=4, warmup_steps=5)


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


class Squares:
    """Faces of two planes, the last of which says that all is skin; a square stands out of the first."""

    def draw(self, rows: int, seed: int) -> SoughtOnFaces:
        random = torch.Generator().manual_seed(seed)
        shown, where = torch.randn(rows, 2, 32, 32, generator=random), torch.zeros(rows, 1, 32, 32)
        for row, (top, left) in enumerate(torch.randint(0, 24, (rows, 2), generator=random).tolist()):
            where[row, :, top : top + 8, left : left + 8] = 1
        shown[:, :1] += 2 * where
        shown[:, 1:] = 1
        return SoughtOnFaces(shown, where, -0.5 * torch.nn.functional.avg_pool2d(where, 2).expand(-1, 3, -1, -1))


def face_lesson(recipe: FaceLesionRecipe = ON_FACES, trunks: int = 1) -> FaceLesionLesson:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    net = FaceLesionNet(FaceLesionConfig(32, 2, (8, 16), inwards=(0, 1), outwards=(1,), trunks=trunks))
    return FaceLesionLesson(net, recipe, Squares())


def test_it_learns_where_something_stands_out_of_a_face_and_what_that_changes(tmp_path: Path) -> None:
    lesson = face_lesson()
    trainer = Trainer(lesson, tmp_path)
    for _ in range(60):
        trainer._one_step()
    lesson.settle(trainer.average)
    drawn = Squares().draw(16, 10**6)
    seen, change = trainer.average.eval().said(drawn.shown)
    assert float(seen[drawn.where == 1].mean()) > float(seen[drawn.where == 0].mean()) + 2
    inside = torch.nn.functional.avg_pool2d(drawn.where, 2).expand(-1, 3, -1, -1) == 1
    assert float(change[inside].mean()) == pytest.approx(-0.5, abs=0.15)  # in full, however sure it is of the place


def test_of_what_is_changed_only_what_is_said_where_a_lesion_is_counts() -> None:
    lesson, drawn = face_lesson(), Squares().draw(4, 1)
    there = torch.nn.functional.avg_pool2d(drawn.where, 2)
    seen = torch.zeros_like(drawn.where)
    right = lesson._wrong(drawn, seen, drawn.change)
    elsewhere, inside = (lesson._wrong(drawn, seen, drawn.change + add) for add in (2.0 * (there == 0), 2.0 * there))
    torch.testing.assert_close(elsewhere, right)
    assert bool((inside > right + 0.2).all())


def test_two_trunks_learn_as_if_each_were_alone() -> None:
    lesson = face_lesson(trunks=2)
    random = torch.Generator().manual_seed(3)
    first, second = lesson.net.trunks
    _, together = lesson.losses(random)
    for part, trunk in (("first", first), ("second", second)):
        one = face_lesson()
        one.net.trunks[0].load_state_dict(trunk.state_dict())
        _, alone = one.losses(torch.Generator().manual_seed(3))
        together.mean().backward(retain_graph=True)
        alone.mean().backward()
        for both, only in zip(trunk.parameters(), one.net.trunks[0].parameters(), strict=True):
            torch.testing.assert_close(both.grad, only.grad / 2, rtol=0.1, atol=1e-3, msg=part)
        lesson.net.zero_grad()


def test_inner_kernels_take_steps_of_one_size_whatever_the_slope(tmp_path: Path) -> None:
    """What Muon does, and AdamW beside it does for all else."""
    trainer = Trainer(face_lesson(), tmp_path)
    kernels = [kernel.detach().clone() for kernel in trainer.net.inner_kernels()]
    for _ in range(ON_FACES.warmup_steps):
        trainer._one_step()
    before = [kernel.detach().clone() for kernel in trainer.net.inner_kernels()]
    trainer._one_step()
    for kernel, was in zip(trainer.net.inner_kernels(), before, strict=True):
        sizes = torch.linalg.svdvals((kernel.detach() - was).flatten(1))
        assert 0.5 * ON_FACES.kernels_rate < float(sizes.median()) < 2 * ON_FACES.kernels_rate
    assert not any(torch.equal(kernel, was) for kernel, was in zip(kernels, before, strict=True))


def test_a_training_with_both_optimizers_is_resumed(tmp_path: Path) -> None:
    unbroken = Trainer(face_lesson(), tmp_path / "unbroken")
    for _ in range(6):
        unbroken._one_step()
    broken = Trainer(face_lesson(), tmp_path / "broken")
    for _ in range(3):
        broken._one_step()
    broken.save()
    resumed = Trainer(face_lesson(), tmp_path / "broken")
    for _ in range(3):
        resumed._one_step()
    for name, weights in unbroken.net.state_dict().items():
        torch.testing.assert_close(resumed.net.state_dict()[name], weights, msg=name)
