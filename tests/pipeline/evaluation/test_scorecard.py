"""The figures of all patients together, against what can be counted by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pipeline.evaluation.report import report
from pipeline.evaluation.scorecard import BARS, estimate, scorecard
from tests.pipeline.evaluation.cases import case, somebody

PATIENTS = 60


def test_people_who_became_somebody_else_are_not_found_again() -> None:
    figures = scorecard([case(number) for number in range(PATIENTS)], None)
    for name in ("sface", "dlib"):
        assert figures[f"reid_tar_at_far_1e3_{name}"]["value"] <= 2 / PATIENTS
        assert figures[f"reid_rank1_{name}"]["value"] < 0.1
        assert figures[f"same_over_visits_{name}"]["value"] == 1.0
    assert figures["released_wrongly"]["value"] == 0.0
    assert figures["release_rate"]["meets_goal"]


def test_whoever_stayed_themselves_is_found_and_a_release_of_them_is_called_wrong() -> None:
    cases = [case(number) for number in range(PATIENTS)]
    cases[3] = case(3, ungated=somebody(3), twin=somebody(3))
    cases[4] = case(4, ungated=somebody(4), twin=somebody(4), released=False)
    figures = scorecard(cases, None)
    assert figures["reid_tar_at_far_1e3_sface"]["value"] >= 2 / PATIENTS
    assert figures["released_wrongly"]["value"] == pytest.approx(1 / PATIENTS)
    assert figures["released_wrongly"]["meets_first_bar"] is False
    assert figures["release_rate"]["value"] == pytest.approx(1 - 1 / PATIENTS)


def test_a_twin_without_a_face_matches_nobody() -> None:
    cases = [case(number) for number in range(PATIENTS)]
    cases[0] = case(0, ungated=type(cases[0].ungated)(None, None))
    figures = scorecard(cases, None)
    assert figures["reid_rank1_sface"]["n"] == PATIENTS
    assert figures["reid_rank1_sface"]["value"] < 0.1


def test_a_person_who_changes_from_visit_to_visit_is_seen() -> None:
    cases = [case(number, later=[somebody(10_000 + number), somebody(20_000 + number)]) for number in range(PATIENTS)]
    assert scorecard(cases, None)["same_over_visits_sface"]["value"] == pytest.approx(0.5, abs=0.05)


def test_the_worst_group_and_its_gap_are_named() -> None:
    cases = [case(number, mask_iou_truth=0.2 if number % 6 == 4 else 0.8) for number in range(PATIENTS)]
    figures = scorecard(cases, None)
    assert figures["mask_iou_truth"]["worst_skin_type"] == "V"
    assert figures["mask_iou_truth"]["value"] == pytest.approx(0.7)
    assert figures["worst_group_gap"]["value"] == pytest.approx(0.5)
    assert figures["worst_group_gap"]["meets_first_bar"] is False
    assert set(figures["mask_iou_truth"]["by_lesion"]) == {"plaque", "naevus"}


def test_what_could_not_be_measured_is_left_out_and_counted_out() -> None:
    cases = [case(number, reverse_edit_psnr=math.nan if number < 10 else 13.0) for number in range(PATIENTS)]
    figure = scorecard(cases, None)["reverse_edit_psnr"]
    assert (figure["value"], figure["n"]) == (13.0, PATIENTS - 10)
    nothing = estimate(np.array([math.nan]), "mean")
    assert math.isnan(nothing.value)
    assert nothing.n == 0


def test_intervals_hold_their_value_and_shrink_with_more_patients() -> None:
    random = np.random.default_rng(1)
    few, many = (estimate(random.normal(5, 1, size), "median") for size in (20, 2000))
    for one in (few, many):
        assert one.low <= one.value <= one.high
    assert many.high - many.low < few.high - few.low
    none_of_50 = estimate(np.zeros(50), "share")
    assert none_of_50.low == 0.0
    assert 0.05 < none_of_50.high < 0.1  # Wilson: not seen is not never


def test_without_patients_there_is_no_scorecard() -> None:
    with pytest.raises(ValueError, match="no patient"):
        scorecard([], None)


def test_the_report_shows_every_figure_and_ten_patients_of_each_kind() -> None:
    cases = [case(number, mask_iou_truth=number / PATIENTS) for number in range(PATIENTS)]
    page = report(scorecard(cases, None), cases, {"model": "<made up>"}, None)
    assert all(bar.name in page for bar in BARS)
    assert "&lt;made up&gt;" in page
    assert page.count("<figcaption>") == 30
    assert page.count("data:image/jpeg;base64,") == 30
    assert f"patient {PATIENTS - 1}, " in page  # the best
    assert "patient 0, " in page  # the worst
