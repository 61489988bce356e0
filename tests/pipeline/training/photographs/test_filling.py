"""What stands where a lesion was: colours from around, with their grain."""

from __future__ import annotations

import numpy as np

from pipeline.training.photographs.filling import healthy_below, pulled_and_pushed
from tests.pipeline.training.conftest import SKIN, spotted


def test_a_lesion_is_filled_with_the_skin_around_it() -> None:
    picture, mask = spotted(side=128)
    filled = healthy_below(picture, mask, np.random.default_rng(0))
    np.testing.assert_allclose(filled[mask].mean(0), SKIN, atol=4)
    assert 2 < filled[mask].std(0).mean() < 8  # the grain is back
    far = np.hypot(*np.mgrid[-64:64, -64:64]) > 40
    np.testing.assert_array_equal(filled[far], picture[far])


def test_a_slope_of_light_goes_on_below_the_lesion() -> None:
    slope = np.repeat(np.linspace(80, 200, 128)[None, :, None], 128, 0).repeat(3, 2).astype(np.float32)
    known = np.ones((128, 128), bool)
    known[48:80, 48:80] = False
    drawn = pulled_and_pushed(np.where(known[..., None], slope, 0), known)
    np.testing.assert_allclose(drawn, slope, atol=16)
    assert drawn[64, 76].mean() > drawn[64, 52].mean() + 8


def test_healthy_skin_stays_as_it_is() -> None:
    picture, mask = spotted()
    np.testing.assert_array_equal(healthy_below(picture, mask & False, np.random.default_rng(0)), picture)
