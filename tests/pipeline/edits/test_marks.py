"""Marks are looked for in the whole photograph and in parts of it, and are told where they are."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from pipeline.edits import load_flow_twin_maker
from pipeline.edits.marks import sureness_of_marks
from pipeline.errors import IdentifyingMark
from pipeline.models import PlaceConfig, PlaceFinder, PlaceNet
from pipeline.photograph import Hints, Photograph, Rgb

SIDE = 64
SKIN = (205, 160, 140)


class Dark(PlaceFinder):
    """Sure of what is black, if it is ``least`` places wide."""

    def __init__(self, least: int) -> None:
        super().__init__(PlaceNet(PlaceConfig(SIDE, (8, 8))))
        self._least = least

    def sureness(self, square: Rgb) -> np.ndarray:
        assert square.shape == (SIDE, SIDE, 3)
        halved = cv2.resize(square, (SIDE // 2, SIDE // 2), interpolation=cv2.INTER_AREA)
        black = (halved.max(-1) < 100).astype(np.uint8)
        return cv2.morphologyEx(black, cv2.MORPH_OPEN, np.ones((self._least, self._least), np.uint8)).astype(np.float32)


def skin_with_a_square(side: int, corner: int, width: int) -> Rgb:
    picture = np.full((side, side, 3), SKIN, np.uint8)
    picture[corner : corner + width, corner : corner + width] = 10
    return picture


def test_a_mark_is_told_where_it_is() -> None:
    sureness = sureness_of_marks(Dark(2), skin_with_a_square(256, 32, 64))
    assert sureness.shape == (SIDE, SIDE)
    assert sureness[10:22, 10:22].min() > 0.5
    sureness[5:27, 5:27] = 0
    assert not sureness.any()


def test_what_is_too_small_in_the_whole_is_seen_in_a_part() -> None:
    photograph, finder = skin_with_a_square(256, 200, 32), Dark(5)
    whole = cv2.resize(photograph, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    assert not finder.sureness(whole).any()
    assert sureness_of_marks(finder, photograph)[52:56, 52:56].min() > 0.5


def test_letters_on_skin_are_held_and_skin_is_not() -> None:
    grain = np.random.default_rng(1).normal(0, 3, (400, 400, 1))
    plain = np.clip(np.array(SKIN) + cv2.GaussianBlur(grain, (0, 0), 1)[..., None], 0, 255).astype(np.uint8)
    lettered = plain.copy()
    cv2.putText(lettered, "Rosa", (60, 230), cv2.FONT_HERSHEY_SCRIPT_COMPLEX, 4.0, (40, 42, 55), 9, cv2.LINE_AA)
    maker = load_flow_twin_maker()
    for picture, marked in ((plain, False), (lettered, True)):
        photograph = Photograph(picture, Hints(view="close-up"))
        lesion = maker.heal(photograph)
        if marked:
            with pytest.raises(IdentifyingMark, match="like a tattoo"):
                maker.look_for_marks(photograph, lesion)
        else:
            maker.look_for_marks(photograph, lesion)
