"""Faces among others: what is laid over them, where, and what of a lesion is left."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.heads import DARKEST
from pipeline.srgb import intensities
from pipeline.training.photographs.mingling import Crowd

SIDE, DRAWS = 64, 40


def crowd(fold: tuple[int, int]) -> Crowd:
    """An even face, and one with a shadow on its left half; both show skin on all rows but the first ten."""
    relative, shown = np.zeros((2, SIDE, SIDE, 3), np.float16), np.full((2, SIDE, SIDE), 255, np.uint8)
    relative[1, :, : SIDE // 2] = -0.6
    shown[:, :10] = 0
    return Crowd(relative, shown, np.array(fold))


def mingled(fold: tuple[int, int], view: np.ndarray, seed: int) -> np.ndarray:
    shown = (np.arange(SIDE)[:, None] >= 10).astype(np.float32).repeat(SIDE, 1)
    return crowd(fold).mingled(view.astype(np.float32), shown, 0, np.random.default_rng(seed))


def test_another_face_is_laid_over_it_where_both_show_skin_and_never_all_of_it() -> None:
    view = np.full((SIDE, SIDE, 3), 0.6, np.float32)
    drawn = [mingled((0, 0), view, seed) for seed in range(DRAWS)]
    changed = [each for each in drawn if not np.allclose(each, view, atol=1e-4)]
    assert DRAWS * 0.1 < len(changed) < DRAWS * 0.7  # or the other one was itself, or none was asked
    for each in changed:
        assert each.min() < 0.6 - 0.01 and each.max() < 0.6 + 1e-4
        darker = np.log((intensities(each) + DARKEST) / (intensities(view) + DARKEST))
        assert darker.min() > -0.7 * 0.6 - 0.02
        assert np.abs(each[0] - 0.6).max() <= np.abs(each[20] - 0.6).max()


def test_a_face_that_others_were_learned_without_is_not_laid_over_them() -> None:
    view = np.full((SIDE, SIDE, 3), 0.6, np.float32)
    for seed in range(DRAWS):
        assert mingled((0, 1), view, seed) == pytest.approx(view, abs=1e-4)


def test_a_lesion_is_as_strong_as_it_was() -> None:
    bare = np.full((SIDE, SIDE, 3), 0.6, np.float32)
    sick = bare.copy()
    sick[30:40, 10:20] = (0.5, 0.3, 0.3)

    def change(one: np.ndarray, other: np.ndarray) -> np.ndarray:
        return np.log((intensities(one) + DARKEST) / (intensities(other) + DARKEST))

    for seed in range(DRAWS):
        laid = change(mingled((0, 0), sick, seed), mingled((0, 0), bare, seed))
        assert laid == pytest.approx(change(sick, bare), abs=1e-3)
