"""What stands where a lesion was: colours from around, with their grain."""

from __future__ import annotations

import numpy as np

from pipeline.training.photographs.filling import healthy_below
from tests.pipeline.training.conftest import SKIN, spotted


def test_a_lesion_is_filled_with_the_skin_around_it() -> None:
    picture, mask = spotted(side=128)
    filled = healthy_below(picture, mask, np.random.default_rng(0))
    np.testing.assert_allclose(filled[mask].mean(0), SKIN, atol=4)
    assert 2 < filled[mask].std(0).mean() < 8  # the grain is back
    far = np.hypot(*np.mgrid[-64:64, -64:64]) > 40
    np.testing.assert_array_equal(filled[far], picture[far])


def test_healthy_skin_stays_as_it_is() -> None:
    picture, mask = spotted()
    np.testing.assert_array_equal(healthy_below(picture, mask & False, np.random.default_rng(0)), picture)
