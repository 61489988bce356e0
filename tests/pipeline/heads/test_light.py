"""A head's skin loses what a donor's lamp left on it, and stands out as the patient's does."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.heads import Drawing
from pipeline.heads.light import as_contrasty, evened, pulled_and_pushed
from pipeline.heads.skin_square import SIDE

SKIN = np.array([180.0, 130.0, 110.0], np.float32)


@pytest.fixture
def plain() -> np.ndarray:
    """Skin of one colour, with the grain that skin has."""
    grain = np.random.default_rng(2).normal(0, 4, (SIDE, SIDE, 1))
    return (SKIN + grain).astype(np.float32)


def spot(picture: np.ndarray, factor: float | np.ndarray) -> np.ndarray:
    """``picture`` with another light on the ridge of the nose."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    near = np.exp(-(((rows - 135) / 14) ** 2 + ((columns - 128) / 9) ** 2))[..., None]
    return np.asarray(picture * (1 + (factor - 1) * near), np.float32)


def test_a_burnt_out_nose_is_brought_down_and_plain_skin_stays(drawing: Drawing, plain: np.ndarray) -> None:
    bare = drawing.square.skin
    assert abs(evened(plain, bare) - plain)[bare > 0.5].mean() < 1.0
    bright = spot(plain, 1.35)
    before, after = bright[130:140, 124:132].mean(), evened(bright, bare)[130:140, 124:132].mean()
    assert before - after > 0.3 * (before - plain.mean())


def test_a_patch_of_another_colour_takes_the_colour_around_it(drawing: Drawing, plain: np.ndarray) -> None:
    blue = spot(plain, np.array([0.85, 1.0, 1.3]))
    after = evened(blue, drawing.square.skin)[130:140, 124:132].mean((0, 1))
    was, now = (abs(np.log(each / SKIN) - np.log(each / SKIN).mean()).max()
                for each in (blue[130:140, 124:132].mean((0, 1)), after))  # fmt: skip
    assert now < 0.6 * was


def test_eyes_and_lips_keep_their_colours(drawing: Drawing, plain: np.ndarray) -> None:
    features = (drawing.square.oval > 0) & (drawing.square.skin == 0) & (drawing.square.depth > 10)
    painted = plain.copy()
    painted[features] = (90, 40, 45)
    deep = features & (evened(painted, drawing.square.skin) != plain).any(-1)
    assert abs(evened(painted, drawing.square.skin) - painted)[deep].mean() < 6


def spread_over_its_own(drawing: Drawing, patients: float) -> float:
    """Of features drawn for a patient who has ``patients`` times as strong ones."""
    weight, inner = drawing.square.skin + 1e-3, (drawing.square.depth > 22).astype(np.float32)
    features = np.random.default_rng(3).normal(0, 5, (SIDE, SIDE, 1)).astype(np.float32)
    drawn = as_contrasty(SKIN + features, SKIN + patients * features, weight, inner)
    return float((drawn - SKIN)[inner > 0].std() / features[inner > 0].std())


@pytest.mark.parametrize(("patients", "expected"), [(3.0, 1.8), (1.2, 1.26)])
def test_features_stand_out_as_the_patients_do_within_bounds(
    drawing: Drawing, patients: float, expected: float
) -> None:
    assert spread_over_its_own(drawing, patients) == pytest.approx(expected, rel=0.05)


def test_features_do_not_vanish_on_a_flat_face(drawing: Drawing) -> None:
    assert 0.5 < spread_over_its_own(drawing, 0.2) < 0.85  # dark ones stay; bright ones the patient would not have


def test_nothing_is_brighter_than_the_patients_own_highlights(drawing: Drawing, plain: np.ndarray) -> None:
    weight, inner = drawing.square.skin + 1e-3, (drawing.square.depth > 22).astype(np.float32)
    patient = spot(plain, 1.2)
    glint = as_contrasty(spot(plain, np.array([1.4, 1.8, 2.2])), patient, weight, inner)  # would be white
    assert spot(plain, np.array([1.4, 1.8, 2.2]))[130:140, 124:132].mean() > 1.4 * plain.mean()
    assert (np.median(glint[130:140, 124:132], (0, 1)) < 1.04 * np.percentile(patient[inner > 0], 99, axis=0)).all()
    own = as_contrasty(patient, patient, weight, inner)
    assert abs(own - patient)[inner > 0].mean() < 3


def test_what_is_dark_keeps_its_colour(drawing: Drawing, plain: np.ndarray) -> None:
    """A shadow that must stand out twice as much gets darker, not red."""
    weight, inner = drawing.square.skin + 1e-3, (drawing.square.depth > 22).astype(np.float32)
    shadow = spot(plain, 0.5)
    drawn = as_contrasty(shadow, spot(plain, 0.12), weight, inner)
    before, after = (each[133:138, 126:130].mean((0, 1)) for each in (shadow, drawn))
    assert after.mean() < 0.8 * before.mean()
    assert after[0] / after[2] < 1.25 * before[0] / before[2]


def test_nothing_is_darker_than_the_patients_own_darkest(drawing: Drawing, plain: np.ndarray) -> None:
    weight, inner = drawing.square.skin + 1e-3, (drawing.square.depth > 22).astype(np.float32)
    hollow, patient = spot(plain, 0.25), spot(plain, 0.6)
    drawn = as_contrasty(hollow, patient, weight, inner)[133:138, 126:130].mean()
    assert hollow[133:138, 126:130].mean() < 0.5 * patient[133:138, 126:130].mean()
    assert drawn > 0.8 * patient[133:138, 126:130].mean()


def test_a_photograph_without_colours_gets_a_head_without_them(drawing: Drawing, plain: np.ndarray) -> None:
    weight, inner = drawing.square.skin + 1e-3, (drawing.square.depth > 22).astype(np.float32)
    red = np.repeat(plain.mean(-1, keepdims=True), 3, -1) * spot(np.ones_like(plain), np.array([1.2, 0.6, 0.6]))
    grey = np.repeat(spot(plain, 0.7).mean(-1, keepdims=True), 3, -1)
    assert np.ptp(red[135, 128]) > 40
    assert np.ptp(as_contrasty(red, grey, weight, inner)[135, 128]) < 8
    assert np.ptp(as_contrasty(red, red, weight, inner)[135, 128]) > 30


def test_a_slope_of_light_goes_on_below_what_is_not_known() -> None:
    slope = np.repeat(np.linspace(80, 200, 128)[None, :, None], 128, 0).repeat(3, 2).astype(np.float32)
    known = np.ones((128, 128), bool)
    known[48:80, 48:80] = False
    drawn = pulled_and_pushed(np.where(known[..., None], slope, 0), known)
    np.testing.assert_allclose(drawn, slope, atol=16)
    assert drawn[64, 76].mean() > drawn[64, 52].mean() + 8
