"""A healed lesion has the hue of the skin around it, and is as light as it was healed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from skimage.color import rgb2lab

from pipeline.edits.hues import in_hue_from_around
from pipeline.photograph import Rgb

SKIN, HAIR, RED, TOO_YELLOW = (200, 150, 125), (40, 30, 28), (150, 60, 60), (190, 155, 90)
SIDE = 128
EVERYWHERE = np.ones((SIDE, SIDE), np.float32)


def face(colour: tuple[int, int, int] = SKIN) -> Rgb:
    """Skin with a little grain."""
    grain = np.random.default_rng(0).normal(0, 2, (SIDE, SIDE, 1))
    return np.clip(np.array(colour) + grain, 0, 255).astype(np.uint8)


def disc(radius: float, row: int = 64, column: int = 64) -> NDArray[np.bool_]:
    y, x = np.mgrid[:SIDE, :SIDE]
    return np.asarray(np.hypot(y - row, x - column) < radius)


def painted(picture: Rgb, where: NDArray[np.bool_], colour: tuple[int, int, int]) -> Rgb:
    return np.where(where[..., None], np.array(colour, np.uint8), picture)


def hue(picture: Rgb, where: NDArray[np.bool_]) -> NDArray[np.floating]:
    """Mean a* and b*."""
    return np.asarray(rgb2lab(picture)[where][:, 1:].mean(0))


def test_a_strong_lesion_is_healed_to_the_hue_of_the_skin_around_it() -> None:
    lesion = disc(12)
    sick, guessed = painted(face(), lesion, RED), painted(face(), lesion, TOO_YELLOW)
    healed = in_hue_from_around(sick, guessed, EVERYWHERE)
    assert np.abs(hue(guessed, lesion) - hue(face(), lesion)).max() > 15
    assert np.abs(hue(healed, lesion) - hue(face(), lesion)).max() < 2.5
    np.testing.assert_array_equal(healed[~lesion], sick[~lesion])


def test_it_stays_as_light_as_it_was_healed() -> None:
    lesion = disc(12)
    shaded = painted(face(), lesion, (120, 90, 75))
    healed = in_hue_from_around(painted(face(), lesion, RED), painted(face(), lesion, (120, 90, 40)), EVERYWHERE)
    lighter = rgb2lab(healed)[lesion][:, 0].mean() - rgb2lab(shaded)[lesion][:, 0].mean()
    assert abs(lighter) < 3
    assert np.abs(hue(healed, lesion) - hue(shaded, lesion)).max() < 3


def test_of_a_faint_lesion_the_healed_hue_is_believed() -> None:
    lesion = disc(12)
    sick, guessed = painted(face(), lesion, (196, 140, 118)), painted(face(), lesion, (200, 152, 120))
    np.testing.assert_array_equal(in_hue_from_around(sick, guessed, EVERYWHERE), guessed)


def test_hair_beside_a_lesion_does_not_lend_it_its_hue() -> None:
    lesion = disc(12)
    hairy = face()
    hairy[:, 78:] = (40, 44, 90)
    sick, guessed = painted(hairy, lesion, RED), painted(hairy, lesion, TOO_YELLOW)
    healed = in_hue_from_around(sick, guessed, EVERYWHERE)
    assert np.abs(hue(healed, lesion) - hue(face(), lesion)).max() < 4


def test_what_is_no_skin_is_not_asked() -> None:
    lesion, lips = disc(10), disc(30) & ~disc(13)
    mouth = painted(face(), lips, (190, 100, 110))
    skin = np.where(lips, np.float32(0), EVERYWHERE)
    sick, guessed = painted(mouth, lesion, RED), painted(mouth, lesion, TOO_YELLOW)
    healed = in_hue_from_around(sick, guessed, skin)
    assert np.abs(hue(healed, lesion) - hue(face(), lesion)).max() < 4


def test_what_was_not_healed_stays_as_it_is() -> None:
    picture = face()
    np.testing.assert_array_equal(in_hue_from_around(picture, picture, EVERYWHERE), picture)


def test_a_face_that_is_all_lesion_keeps_what_it_was_healed_to() -> None:
    np.testing.assert_array_equal(in_hue_from_around(face(RED), face(TOO_YELLOW), EVERYWHERE), face(TOO_YELLOW))
