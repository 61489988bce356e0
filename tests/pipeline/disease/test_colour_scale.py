"""Differences are blue and red around white."""

from __future__ import annotations

import numpy as np

from pipeline.disease import diverging


def test_nothing_is_white_more_is_red_and_less_is_blue() -> None:
    nothing, more, less = diverging(np.array([0.0, 1.0, -1.0]))
    assert nothing.tolist() == [247, 247, 247]
    assert more[0] > 150 > more[2]
    assert less[2] > 150 > less[0]
    assert (diverging(np.array([9.0, -9.0])) == diverging(np.array([1.0, -1.0]))).all()
