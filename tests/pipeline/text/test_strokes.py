"""What the detector is not shown holds nothing that could be read."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from pipeline.photograph import Rgb
from pipeline.text import TextFinder
from pipeline.text.strokes import BLOCK, Part, parts_with_strokes


def wall(height: int = 900, width: int = 1200) -> Rgb:
    """A backdrop with a sensor's noise."""
    random = np.random.default_rng(0)
    return np.clip(random.normal(110, 2, (height, width, 3)), 0, 255).astype(np.uint8)


def named(rgb: Rgb, corner: tuple[int, int], contrast: int = 60) -> Rgb:
    level = 110 + contrast
    return np.asarray(cv2.putText(rgb, "Quillfeather", corner, cv2.FONT_HERSHEY_SIMPLEX, 1, (level,) * 3, 2), np.uint8)


def covered(parts: list[Part], shape: tuple[int, ...]) -> np.ndarray:
    times = np.zeros(shape[:2], int)
    for part in parts:
        times[part] += 1
    return times


def test_nothing_of_a_plain_wall_is_shown() -> None:
    assert parts_with_strokes(wall()) == []


def test_grains_of_noise_are_no_strokes() -> None:
    rgb = wall()
    rgb[50::100, 50::100] = 150

    assert parts_with_strokes(rgb) == []


@pytest.mark.parametrize("contrast", [20, -20, 120])
def test_every_letter_is_shown_once_with_what_lies_around_it(contrast: int) -> None:
    rgb = named(named(wall(), (100, 200), contrast), (800, 800), contrast)
    letters = cv2.absdiff(rgb, wall()).max(2) > 0

    times = covered(parts_with_strokes(rgb), rgb.shape)

    around = cv2.dilate(letters.astype(np.uint8), np.ones((121, 121), np.uint8)) > 0
    assert times[around].min() == times.max() == 1
    assert times.mean() < 0.5


def test_what_is_cut_off_by_the_edge_is_shown() -> None:
    rgb = wall(910, 1210)  # no multiples of a block
    rgb[-2:, -40:] = 30

    (part,) = parts_with_strokes(rgb)

    assert part[0].stop == 910 and part[1].stop == 1210
    assert part[0].start % BLOCK == part[1].start % BLOCK == 0


def test_parts_whose_boxes_overlap_become_one() -> None:
    rgb = wall()
    rgb[100:104, 100:1100] = 30  # an L, and in its arms' box
    rgb[100:800, 100:104] = 30
    rgb[600:604, 800:804] = 30

    (part,) = parts_with_strokes(rgb)

    assert part[0].stop >= 800 and part[1].stop >= 1100


def test_a_page_of_print_is_shown_whole() -> None:
    rgb = wall()
    for line in range(60, 900, 60):
        rgb = named(named(named(named(rgb, (20, line)), (320, line)), (620, line)), (920, line))

    assert parts_with_strokes(rgb) == [(slice(0, 900), slice(0, 1200))]


def test_a_name_is_found_where_it_stands_though_all_else_is_plain() -> None:
    rgb = named(wall(1200, 1600), (1200, 1000))

    quads = TextFinder().find(rgb)

    assert quads
    for quad in quads:
        assert np.all(quad.min(0) > [1150, 920]) and np.all(quad.max(0) < [1480, 1060])
