"""A ruler's numbers are no name, and no name is a ruler's numbers."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from pipeline.photograph import Rgb
from pipeline.text.finder import TextFinder
from pipeline.text.scale import OTHER, is_scale


@pytest.mark.parametrize(
    "line",
    ["12345", "0123456", "9101112", "10 11 12", "504030", "10 20 30 40", "5 4 3 2", "1|2|3|4", "1 2 3 4 5 cm", "cm",
     "mm", "CM 1 2 3", "150mm", "12", "5cm", "1.5 cm", "1 cm 2 cm 3 cm", "0 5 10 15", "inch",
     f"{OTHER} 23 45", f"1 2 3 {OTHER}", "1111", "| | |", "iiiii", f"{OTHER}m", f"m{OTHER}"],
)  # fmt: skip
def test_numbers_in_steps_and_units_are_a_scale(line: str) -> None:
    assert is_scale(line)


@pytest.mark.parametrize(
    "line",
    ["7731904", "17.04.1961", "1961", "2021", "12 05 61", "0791234", "+46 31 390", "031 390", "5551234", "19610417",
     "77 19 04", f"{OTHER}{OTHER}12", f"1 2 {OTHER} 4", f"{OTHER}12", f"12{OTHER}", "01.02.03", "10/11/12",
     "10-11-12", "01 02 03", f"{OTHER} 1 2 3 {OTHER}", f"{OTHER}in", "", "-", "11/11/11",
     f"{OTHER}1111", f"{OTHER}M", f"{OTHER}{OTHER}m", f"h{OTHER}", "400 401 402", "1 3 2", "12-34"],
)  # fmt: skip
def test_records_dates_telephones_and_names_are_none(line: str) -> None:
    assert not is_scale(line)


@pytest.fixture(scope="module")
def finder() -> TextFinder:
    return TextFinder()


def written(*lines: str, turns: int = 0) -> Rgb:
    """Black on a pale tape across skin."""
    rgb = np.full((320, 640, 3), (205, 165, 145), np.uint8)
    rgb[120:220] = (238, 236, 228)
    for number, line in enumerate(lines):
        cv2.putText(rgb, line, (40, 180 + 60 * number), cv2.FONT_HERSHEY_SIMPLEX, 1.1, (20, 20, 20), 2, cv2.LINE_AA)
    noisy = rgb + np.random.default_rng(0).normal(0, 2, rgb.shape)
    return np.ascontiguousarray(np.rot90(np.clip(noisy, 0, 255).astype(np.uint8), turns))


@pytest.mark.parametrize("turns", [0, 1])
def test_a_ruler_in_the_picture_is_no_text(finder: TextFinder, turns: int) -> None:
    assert not finder.find(written("1  2  3  4  5  6  7  8", turns=turns))


@pytest.mark.parametrize("line", ["Ottoline Quill", "MRN 7731904", "7731904", "17.04.1961", "1 2 3 Quill"])
def test_what_tells_somebody_is_still_text(finder: TextFinder, line: str) -> None:
    assert finder.find(written(line))
    assert finder.find(written("1  2  3  4  5  6  7  8", line)), "beside a ruler too"


def test_a_wall_without_a_stroke_is_not_searched_and_faint_letters_are(finder: TextFinder) -> None:
    noise = np.random.default_rng(1).normal(0, 2, (700, 900, 1))
    wall = np.clip(np.array([120.0, 130.0, 140.0]) + noise, 0, 255).astype(np.uint8)
    asked: list[int] = []
    detect = finder._detect
    finder._detect = lambda rgb: asked.append(1) or detect(rgb)  # type: ignore[method-assign,func-returns-value]
    assert not finder.find(wall) and not asked
    faint = cv2.putText(wall.copy(), "Ottoline Quill", (80, 300), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (145, 155, 165), 2)
    assert finder.find(np.asarray(faint, np.uint8))
    finder._detect = detect  # type: ignore[method-assign]
