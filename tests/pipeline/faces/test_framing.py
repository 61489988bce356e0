"""The canonical square follows the face."""

import numpy as np
import pytest

from pipeline.faces import square_around

FRONTAL = np.array([[100.0, 100], [160, 100], [130, 130], [108, 160], [152, 160]])


def test_the_square_holds_the_head_above_and_below() -> None:
    square = square_around(FRONTAL)
    assert square.side == pytest.approx(3.9 * 60)
    assert square.centre_x == pytest.approx(130)
    # Nearer to the eyes than to the mouth: there is more head above the eyes than below the lips.
    assert 100 < square.centre_y < 130


def test_it_moves_and_grows_with_the_face() -> None:
    moved, grown = square_around(FRONTAL + 40), square_around(FRONTAL * 2)
    assert moved.centre_x == pytest.approx(square_around(FRONTAL).centre_x + 40)
    assert grown.side == pytest.approx(2 * square_around(FRONTAL).side)


def test_a_turned_head_keeps_its_size() -> None:
    turned = FRONTAL.copy()
    turned[:, 0] = 130 + (turned[:, 0] - 130) * 0.5
    assert square_around(turned).side == pytest.approx(square_around(FRONTAL).side)
