"""What is taken for a mark that tells who somebody is, and what a reviewer reads of it."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.errors import IdentifyingMark
from pipeline.gate import hold_marks

SIDE = 256
NOTHING = np.zeros((SIDE, SIDE), bool)


def sure(value: float, rows: slice, columns: slice) -> np.ndarray:
    sureness = np.full((SIDE, SIDE), 0.02, np.float32)
    sureness[rows, columns] = value
    return sureness


def test_a_mark_is_held_and_its_place_is_told_in_the_photographs_pixels() -> None:
    """The photograph is 1000 wide and 500 high: the square begins 250 pixels above it."""
    sureness = sure(0.99, slice(96, 128), slice(0, 64))
    with pytest.raises(IdentifyingMark, match=r"1 mark like a tattoo.*0 to 250 across, 125 to 250 down"):
        hold_marks(sureness, NOTHING, (500, 1000, 3))


@pytest.mark.parametrize(
    "sureness",
    [
        sure(0.99, slice(0, 4), slice(0, 4)),
        sure(0.7, slice(20, 80), slice(20, 80)),
        sure(0.3, slice(20, 200), slice(20, 200)),
    ],
    ids=["too small", "nowhere certain", "unsure"],
)
def test_less_than_that_passes(sureness: np.ndarray) -> None:
    hold_marks(sureness, NOTHING, (SIDE, SIDE, 3))


def test_what_is_disease_is_no_mark() -> None:
    sureness = sure(0.99, slice(96, 128), slice(0, 64))
    hold_marks(sureness, sureness > 0.5, (SIDE, SIDE, 3))
    with pytest.raises(IdentifyingMark):
        hold_marks(sureness, np.roll(sureness > 0.5, 100, 0), (SIDE, SIDE, 3))


def test_one_pixel_that_is_sure_makes_no_mark_of_what_is_not() -> None:
    doubtful = sure(0.8, slice(20, 80), slice(20, 80))
    doubtful[40, 40] = 1.0
    hold_marks(doubtful, NOTHING, (SIDE, SIDE, 3))
    doubtful[20:34, 20:80] = 0.99
    with pytest.raises(IdentifyingMark):
        hold_marks(doubtful, NOTHING, (SIDE, SIDE, 3))
