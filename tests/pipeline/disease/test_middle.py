"""A dermatoscope is held to one lesion: what lies beside it is not what the photograph is of."""

from __future__ import annotations

import numpy as np

from pipeline.disease import examined


def spot(x: float, y: float, radius: float) -> np.ndarray:
    across, down = np.meshgrid(np.arange(160), np.arange(120))
    return np.asarray(np.hypot(across - x, down - y) < radius)


def alike(one: np.ndarray, other: np.ndarray) -> bool:
    return bool((one & other).sum() > 0.97 * (one | other).sum())


def test_a_spot_in_the_middle_stays_and_a_larger_one_at_the_border_does_not() -> None:
    middle, border = spot(84, 57, 9), spot(150, 14, 16)
    assert alike(examined(middle | border), middle)


def test_what_hangs_on_it_by_a_thread_is_another_one() -> None:
    middle, border, thread = spot(84, 57, 12), spot(146, 57, 12), np.zeros((120, 160), bool)
    thread[56:59, 84:146] = True
    assert alike(examined(middle | border | thread), middle)


def test_two_spots_as_near_the_middle_stay_both() -> None:
    both = spot(60, 60, 10) | spot(100, 60, 10)
    assert alike(examined(both), both)


def test_one_spot_stays_wherever_it_lies_and_nothing_stays_nothing() -> None:
    assert alike(examined(spot(150, 10, 8)), spot(150, 10, 8))
    assert not examined(np.zeros((120, 160), bool)).any()
