"""Lesions, marks and clutter on skin: each where it says it is, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.srgb import intensities
from pipeline.training.photographs.canvas import Array, Canvas
from pipeline.training.photographs.clutter import clutter
from pipeline.training.photographs.lesions import PAINTERS, RealLesion, moved
from pipeline.training.photographs.marks import band, tattoo
from tests.pipeline.training.conftest import skin, spotted

SIDE = 128


def canvas(seed: int) -> Canvas:
    """Skin in the middle, and around it something that is none."""
    where = np.zeros((SIDE, SIDE), np.float32)
    where[16:-16, 16:-16] = 1
    return Canvas(intensities(skin(seed, SIDE)), where, np.random.default_rng(seed))


def changed(before: Array, after: Array) -> np.ndarray:
    return np.asarray(np.abs(np.log(after + 0.01) - np.log(before + 0.01)).max(-1))


@pytest.mark.parametrize("kind", PAINTERS)
def test_a_painted_lesion_changes_the_skin_where_it_is(kind: str) -> None:
    strongest = []
    for seed in range(6):
        drawn = canvas(seed)
        made = PAINTERS[kind].paint(drawn)
        assert made is not None
        sick, soft = made
        assert sick.shape == (SIDE, SIDE, 3) and sick.dtype == soft.dtype == np.float32
        assert soft.min() >= 0 and 0.3 < soft.max() <= 1.0001
        assert not changed(drawn.skin, sick)[drawn.where == 0].max() > 0.4  # at most a soft rim beyond the skin
        difference = changed(drawn.skin, sick)
        assert difference[soft > 0.5].mean() > 2 * difference[soft < 0.02].mean()
        strongest.append(difference[soft > 0.5].mean())
    assert np.median(strongest) > 0.08


@pytest.mark.parametrize(
    ("kind", "channels"),
    [("erythema", [1, 2]), ("pigment", [0, 1, 2])],
    ids=["blood spares red", "melanin spares none"],
)
def test_pigments_take_their_own_channels(kind: str, channels: list[int]) -> None:
    drawn = canvas(4)
    made = PAINTERS[kind].paint(drawn)
    assert made is not None
    lost = -np.log(made[0] / drawn.skin)[made[1] > 0.5].mean(0)
    assert lost[channels].min() > 0.05
    assert (lost[0] < 0.45 * lost[1]) == (kind == "erythema")


def test_a_real_lesion_is_moved_with_its_colour() -> None:
    picture, mask = spotted(side=SIDE)
    lesion = RealLesion.of(picture, skin(side=SIDE), mask)
    drawn = canvas(1)
    made = moved(drawn, lesion, share=0.3)
    assert made is not None
    sick, soft = made
    ratio = np.log(sick / drawn.skin)[soft > 0.9].mean(0)
    wanted = lesion.change[lesion.soft > 0].mean(0)
    np.testing.assert_allclose(ratio / ratio[1], wanted / wanted[1], atol=0.1)
    ys, xs = np.nonzero(soft > 0.5)
    assert 0.2 * SIDE < max(np.ptp(ys), np.ptp(xs)) < 0.42 * SIDE


def test_a_tattoo_is_where_its_truth_says() -> None:
    seen = 0
    for seed in range(20):
        drawn = canvas(seed)
        made = tattoo(drawn)
        assert made is not None
        picture, mark = made
        difference = changed(drawn.skin, picture)
        assert difference[mark < 0.01].max() < 0.12
        seen += bool((mark > 0.5).any() and difference[mark > 0.5].mean() > 0.1)
    assert seen >= 16


def test_a_band_lies_across_the_skin() -> None:
    for seed in range(8):
        made = band(canvas(seed))
        assert made is not None
        assert (made[1] > 0.5).any() and np.isfinite(made[0]).all()


def test_clutter_stays_a_picture() -> None:
    for seed in range(40):
        picture = clutter(canvas(seed))
        assert picture.shape == (SIDE, SIDE, 3)
        assert np.isfinite(picture).all() and picture.min() >= 0 and picture.max() <= 1.3


def test_nothing_is_painted_where_no_skin_is() -> None:
    bare = Canvas(intensities(skin(side=SIDE)), np.zeros((SIDE, SIDE), np.float32), np.random.default_rng(0))
    assert all(painter.paint(bare) is None for painter in PAINTERS.values())
    assert tattoo(bare) is None and band(bare) is None
