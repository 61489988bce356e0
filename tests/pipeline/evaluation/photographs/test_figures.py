"""Many photographs together: shares, the verdict on the healer, the page and the table."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import replace

import numpy as np
import pytest

from pipeline.evaluation.masks import Pictures
from pipeline.evaluation.photographs import (
    BARS,
    PhotographCase,
    photograph_figures,
    photograph_report,
    table_of,
    verdict,
)

PICTURE = np.full((8, 8, 3), 150, np.uint8)
CASE = PhotographCase(
    name="a", source="clinic", view="close-up", skin_type="not said", kind="naevus", held_for="", reason="",
    lesion_class="pigmented", mask_iou=0.8, false_area=math.nan, false_area_beside=0.01, heal_delta_e_before=30.0,
    heal_delta_e=3.0, class_right=1.0, seconds=4.0, iou_otsu_a=0.5, iou_otsu_l=0.5, iou_colour=0.6, iou_ellipse=0.4,
    pictures=Pictures(PICTURE, PICTURE, PICTURE, np.zeros((8, 8), bool), np.zeros((8, 8), bool)),
)  # fmt: skip
HELD = replace(CASE, name="b", held_for="face", reason="FaceSuspected: something", mask_iou=0.2, seconds=math.nan)
HEALTHY = replace(CASE, name="c", source="people", view="face", mask_iou=math.nan, iou_colour=math.nan, false_area=0.1)


def test_each_figure_counts_those_that_it_speaks_of() -> None:
    figures = photograph_figures([CASE, HELD, replace(HEALTHY, held_for="face"), replace(CASE, held_for="text")])
    assert figures.keys() == {bar.name for bar in BARS}
    assert figures["photo_release_rate"]["value"] == 0.25
    assert (figures["photo_held_for_face"]["value"], figures["photo_held_for_face"]["n"]) == (pytest.approx(1 / 3), 3)
    assert figures["photo_held_for_text"]["value"] == 0.25
    assert figures["photo_mask_iou"]["value"] == pytest.approx(0.6), "of those held as well"
    assert figures["photo_mask_iou_released"]["n"] == 1
    assert figures["photo_mask_iou_above_half"]["value"] == pytest.approx(2 / 3)
    assert (figures["photo_false_area"]["value"], figures["photo_false_area"]["n"]) == (0.1, 1)
    assert figures["photo_false_area"]["meets_first_bar"] is False
    assert figures["photo_release_rate"]["by_source"]["people"]["value"] == 0
    assert figures["photo_mask_iou"]["by_view"]["close-up"]["n"] == 3


def test_what_cannot_be_measured_meets_no_bar_and_misses_none() -> None:
    figures = photograph_figures([replace(HEALTHY, class_right=math.nan)])
    for name in ("photo_held_for_face", "photo_class_right", "photo_iou_above_colour"):
        assert figures[name]["n"] == 0 and figures[name]["meets_first_bar"] is None
    with pytest.raises(ValueError, match="no photograph"):
        photograph_figures([])


@pytest.mark.parametrize(
    ("healer", "says"),
    [(0.8, "the healer beats the colour rule"), (0.4, "the colour rule beats the healer"), (0.6, "told apart")],
)
def test_the_verdict_names_who_wins(healer: float, says: str) -> None:
    cases = [replace(CASE, mask_iou=healer + 0.01 * sign) for sign in (-1, 1, -1, 1)]
    assert says in verdict(photograph_figures(cases))


def test_without_an_outline_there_is_no_verdict() -> None:
    assert "nothing tells" in verdict(photograph_figures([HEALTHY]))


def test_the_page_shows_the_worst_and_why_photographs_were_held() -> None:
    cases = [replace(CASE, name=f"n{number:02}", mask_iou=number / 40) for number in range(40)]
    page = photograph_report(photograph_figures([*cases, HELD]), [*cases, HELD], {"model": "shown <here>"})
    assert "clinic, worst by mask" in page and "FaceSuspected: something" in page
    assert "shown &lt;here&gt;" in page
    worst = page[page.index("clinic, worst by mask") :]
    assert "n00" in worst and "n39" not in worst
    few = photograph_report(photograph_figures([CASE, HEALTHY]), [CASE, HEALTHY], {})
    assert "clinic, by mask" in few and "people, nothing outlined" in few


def test_the_table_has_one_line_a_photograph() -> None:
    rows = list(csv.DictReader(io.StringIO(table_of([CASE, HELD, HEALTHY]))))
    assert [row["name"] for row in rows] == ["a", "b", "c"]
    assert rows[1]["reason"] == "FaceSuspected: something" and rows[1]["seconds"] == ""
    assert float(rows[0]["mask_iou"]) == 0.8
