"""Training can be killed at any moment: what was learned by the last checkpoint is there, and the draw goes on."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.errors import ModelError, PipelineError
from pipeline.models import HealingNet, NetConfig, SwappingNet, field_sizes
from pipeline.training import PairCache
from pipeline.training.cache import Layout
from pipeline.training.captions import SITE, thin
from pipeline.training.examples import examples, on_the_way
from pipeline.training.healing import HealingLesson, overlap
from pipeline.training.recipe import HEALING, SWAPPING, Dropout, Edit, HealingRecipe, Recipe, SwappingRecipe
from pipeline.training.swapping import SwappingLesson, strain
from pipeline.training.trainer import Trainer
from pipeline.vocabulary import FIELDS, ClinicalPrompt, token_of

LESION = list(FIELDS).index("lesion")
EVERY_EDIT = (*(replace(edit, share=0.5 * edit.share) for edit in (*HEALING, *SWAPPING)),)
SPOKEN = Dropout(each=0, lesion_name=0)
LAYOUT = Layout(
    ("patient_sick", "patient_healthy", "disguised_sick", "disguised_healthy"), canonical=64, output=128
)  # fmt: skip
SIDE = LAYOUT.side
SPOT = slice(28, 45)
LANDMARKS = np.array([[-0.25, -0.2], [0.25, -0.2], [0.0, 0.05], [-0.2, 0.3], [0.2, 0.3]], np.float32)
TINY = {"examples_in_batch": 2, "images": 48, "checkpoint_seconds": 0.0}


def healing_lesson(pairs: Path, **changes: float) -> HealingLesson:
    torch.manual_seed(0)
    net = HealingNet(NetConfig(field_sizes(), LAYOUT.canonical, channels=(8, 8), width=32, heads=2, layers=1))
    return HealingLesson(net, PairCache(pairs, LAYOUT), replace(HealingRecipe(**TINY), **changes))  # type: ignore[arg-type]


def swapping_lesson(pairs: Path, **changes: float) -> SwappingLesson:
    """Two views of each persona, all green."""
    torch.manual_seed(0)
    config = NetConfig(field_sizes(), LAYOUT.canonical, channels=(8, 8), width=32, heads=2, layers=1, views=2)
    net, side = SwappingNet(config), LAYOUT.canonical
    pictures = torch.tensor([40, 220, 40])[:, None, None].expand(24, 2, 3, side, side)
    landmarks = torch.from_numpy((LANDMARKS + 1) * side / 2).expand(24, 2, 5, 2)
    net.portraits.show(pictures, landmarks, lifts=torch.zeros(24))
    return SwappingLesson(net, PairCache(pairs, LAYOUT), replace(SwappingRecipe(**TINY), **changes))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shard of plain coloured squares: darker when sick, greener when disguised."""
    folder = tmp_path_factory.mktemp("pairs")
    rows = 6
    columns: dict[str, np.ndarray] = {}
    for name in LAYOUT.images:
        picture = np.full((rows, SIDE, SIDE, 3), 180, np.uint8)
        picture[:, SPOT, SPOT] -= 80 if name.endswith("sick") else 0
        picture[..., 1] += 40 if name.startswith("disguised") else 0
        columns[name] = picture
        words = ClinicalPrompt(
            {"view": "face", "sex": "male", "lesion": "naevus" if name.endswith("sick") else "healthy"}
        ).saying(persona="persona 05" if name.startswith("disguised") else None)
        columns[f"{name}_tokens"] = np.tile(np.array(words.tokens(), np.int16), (rows, 1))
    for name in ("patient_soft", "disguised_soft"):
        columns[name] = np.zeros((rows, SIDE, SIDE), np.uint8)
        columns[name][:, SPOT, SPOT] = 255
    columns["landmarks"] = np.tile(LANDMARKS, (rows, 1, 1))
    fields = json.dumps({name: list(words) for name, words in FIELDS.items()})
    np.savez(folder / "pairs-0000000.npz", fields=fields, **columns)
    return folder


def train(pairs: Path, folder: Path) -> Trainer:
    torch.set_num_threads(1)
    trainer = Trainer(healing_lesson(pairs), folder)
    trainer.run(lambda line: None)
    return trainer


@pytest.mark.parametrize("lesson", [healing_lesson, swapping_lesson])
def test_the_loss_falls(pairs: Path, tmp_path: Path, lesson: Callable[..., HealingLesson | SwappingLesson]) -> None:
    trainer = Trainer(lesson(pairs, images=10_000, warmup_steps=5), tmp_path)

    def ten_steps() -> float:
        return float(torch.stack([trainer._one_step()[1].mean() for _ in range(10)]).mean())

    first = ten_steps()
    for _ in range(110):
        trainer._one_step()
    last = ten_steps()
    assert last < 0.7 * first


def test_a_run_killed_by_sigkill_goes_on_and_ends_where_an_unbroken_one_ends(pairs: Path, tmp_path: Path) -> None:
    unbroken = train(pairs, tmp_path / "unbroken")
    context = multiprocessing.get_context("spawn")
    child = context.Process(target=train, args=(pairs, tmp_path / "broken"))
    child.start()
    assert child.pid is not None
    deadline = time.monotonic() + 120
    while not (tmp_path / "broken" / "checkpoint.pt").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(child.pid, signal.SIGKILL)
    child.join()
    resumed = Trainer(healing_lesson(pairs), tmp_path / "broken")
    assert resumed.images > 0
    resumed.run(lambda line: None)
    assert (resumed.step, resumed.images) == (unbroken.step, unbroken.images)
    for name, weights in unbroken.average.state_dict().items():
        torch.testing.assert_close(resumed.average.state_dict()[name], weights, rtol=1e-3, atol=1e-4)


def test_a_checkpoint_of_another_network_is_refused(pairs: Path, tmp_path: Path) -> None:
    train(pairs, tmp_path)
    with pytest.raises(ModelError, match="is of another network: move it away"):
        Trainer(swapping_lesson(pairs), tmp_path)


def test_a_picture_may_be_stretched_but_not_folded() -> None:
    places = (2 * torch.arange(32) + 1) / 32 - 1
    stretched = (0.4 * places).expand(1, 2, 32, 32)
    assert float(strain(stretched)) == 0
    assert float(strain(-2 * stretched)) > 0.05
    torch.testing.assert_close(strain(-2 * stretched), strain(2 * stretched))


def test_an_example_meets_the_caption_and_the_picture_after_its_edit(pairs: Path) -> None:
    random = torch.Generator().manual_seed(1)
    batch = PairCache(pairs, LAYOUT).draw(40, random)
    shown = examples(batch, Recipe(EVERY_EDIT, dropout=SPOKEN), random)
    naevus, healthy = token_of("lesion", "naevus"), token_of("lesion", "healthy")
    changed = ((shown.before - shown.after).abs().amax(1) > 0.05).flatten(1).float().mean(1)
    for row, caption in enumerate(shown.tokens):
        lesion, swapped = int(caption[LESION]), int(caption[-1]) > 0
        was_sick = bool((shown.soft[row] > 0).any())
        if swapped:
            assert changed[row] > 0.9
        elif lesion == healthy and was_sick:
            assert 0 < changed[row] < 0.2
            assert bool((shown.soft[row][(shown.before[row] - shown.after[row]).abs().mean(0, True) > 0.05] > 0).all())
        else:
            assert lesion in {0, naevus if was_sick else healthy}
            assert changed[row] == shown.changes[row] == 0
    # Only a swap names a persona.
    swaps = float((shown.tokens[:, -1] > 0).float().mean())
    assert abs(swaps - sum(edit.share for edit in EVERY_EDIT if edit.is_swap)) < 0.25


def test_whoever_is_named_in_a_swap_is_shown(pairs: Path) -> None:
    random, lesson = torch.Generator().manual_seed(1), swapping_lesson(pairs)
    drawn = examples(lesson.cache.draw(6, random), lesson.recipe, random)
    _, portrait = lesson.shown(drawn, random)
    assert bool((drawn.tokens[:, -1] > 0).all())
    assert bool((portrait[:, 3].amax((1, 2)) > 0).all())


def test_a_mirrored_example_says_nothing_of_sides(pairs: Path) -> None:
    random = torch.Generator().manual_seed(2)
    lesson = healing_lesson(pairs, mirrored=1.0)
    drawn = examples(lesson.cache.draw(6, random), lesson.recipe, random)
    turned = lesson.shown(drawn, random)
    for name in ("before", "after", "soft"):
        assert torch.equal(getattr(turned, name), getattr(drawn, name).flip(-1))
    assert not turned.tokens[:, SITE].any()
    unturned = healing_lesson(pairs, mirrored=0.0).shown(drawn, random)
    assert torch.equal(unturned.before, drawn.before) and torch.equal(unturned.tokens, drawn.tokens)


def test_overlap_counts_a_small_lesion_like_a_large_one_and_forgives_single_pixels_on_healthy_skin() -> None:
    truth, share = torch.zeros(3, 1, 64, 64), torch.full((3, 1, 64, 64), -9.0)
    truth[0, :, :8, :8], truth[1, :, :32, :32] = 1, 1
    share[0, :, :8, 4:12], share[1, :, :32, 16:48] = 9, 9  # half of either is found, and as much beside it
    share[2, :, :1, :1] = 9  # one pixel, where nothing is
    small, large, healthy = overlap(share, truth).tolist()
    assert small == pytest.approx(large, abs=0.06)
    assert healthy > 0.75
    assert overlap((truth - 0.5) * 18, truth).min() > 0.99


def test_where_nothing_is_a_lesson_may_leave_dices_coefficient_out(pairs: Path) -> None:
    healthy = Edit("patient_healthy", "patient_healthy", 1.0)

    def lost(of_nothing: bool) -> float:
        lesson = healing_lesson(pairs)
        lesson.recipe = replace(lesson.recipe, edits=(healthy,), overlap_weight=100.0, overlap_of_nothing=of_nothing)
        return float(lesson.losses(torch.Generator().manual_seed(3))[1].detach().mean())

    assert lost(of_nothing=True) > 50 > lost(of_nothing=False)


def test_the_way_of_an_edit_ends_at_the_picture_after_it() -> None:
    before, after, noise = torch.zeros(2, 3, 4, 4), torch.ones(2, 3, 4, 4), torch.full((2, 3, 4, 4), 5.0)
    hurry = torch.tensor([1.0, 2.0])
    at_the_end = on_the_way(before, after, torch.zeros(2), hurry, noise)
    torch.testing.assert_close(at_the_end, after)
    # An edit that begins at 1/2 has changed nothing there yet: the picture before it, noised.
    half_way = on_the_way(before, after, torch.full((2,), 0.5), hurry, noise)
    torch.testing.assert_close(half_way[1], 0.5 * before[1] + 0.5 * noise[1])
    torch.testing.assert_close(half_way[0], 0.5 * after[0] + 0.5 * noise[0])


def test_thinning_never_hides_what_a_row_differs_in(pairs: Path) -> None:
    generator = torch.Generator().manual_seed(2)
    tokens = PairCache(pairs, LAYOUT).draw(6, generator).tokens
    persona = list(FIELDS).index("persona")
    for _ in range(20):
        thinned = thin(tokens, Dropout(each=0.9, persona_words=0.9, place=0.9), generator)
        assert bool((thinned["disguised_sick"][:, persona] > 0).all())
        assert bool((thinned["patient_sick"][:, LESION] != thinned["patient_healthy"][:, LESION]).all())


def test_pairs_of_another_vocabulary_are_refused(pairs: Path, tmp_path: Path) -> None:
    with np.load(pairs / "pairs-0000000.npz") as data:
        np.savez(tmp_path / "pairs-0000000.npz", **{**data, "fields": json.dumps({"mood": ["sad"]})})
    with pytest.raises(PipelineError, match="another vocabulary"):
        PairCache(tmp_path, LAYOUT)
    with pytest.raises(PipelineError, match="render them first"):
        PairCache(tmp_path / "empty", LAYOUT)
