"""The figures of all patients together, against what can be counted by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from pipeline.evaluation import BARS, FULL_SWAP, LEAKS, composite_figure, estimate, report, scorecard
from pipeline.evaluation.case import Described
from pipeline.evaluation.html_report import BY_SKIN_TYPE
from tests.pipeline.evaluation.cases import CALIBRATION, SKIN_TYPES, case, somebody

PATIENTS = 60


def test_people_who_became_somebody_else_are_not_found_again() -> None:
    figures = scorecard([case(number) for number in range(PATIENTS)], CALIBRATION)
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
    figures = scorecard(cases, CALIBRATION)
    assert figures["reid_tar_at_far_1e3_sface"]["value"] >= 2 / PATIENTS
    assert figures["released_wrongly"]["value"] == pytest.approx(1 / PATIENTS)
    assert figures["released_wrongly"]["meets_first_bar"] is False
    assert figures["release_rate"]["value"] == pytest.approx(1 - 1 / PATIENTS)


def test_a_twin_without_a_face_matches_nobody() -> None:
    cases = [case(number) for number in range(PATIENTS)]
    cases[0] = case(0, ungated=type(cases[0].ungated)(None, None))
    figures = scorecard(cases, CALIBRATION)
    assert figures["reid_rank1_sface"]["n"] == PATIENTS
    assert figures["reid_rank1_sface"]["value"] < 0.1


def test_a_person_who_changes_from_visit_to_visit_is_seen() -> None:
    cases = [case(number, later=[somebody(10_000 + number), somebody(20_000 + number)]) for number in range(PATIENTS)]
    assert scorecard(cases, CALIBRATION)["same_over_visits_sface"]["value"] == pytest.approx(0.5, abs=0.05)


def test_a_twin_who_is_still_more_the_patient_than_the_persona_is_counted() -> None:
    cases = [case(number) for number in range(PATIENTS)]
    cases[0] = case(0, ungated=somebody(0))
    cases[1] = case(1, ungated=Described(None, None))
    cases[2] = case(2, goal=Described(None, None))
    for name in ("sface", "dlib"):
        figure = scorecard(cases, CALIBRATION)[f"nearer_to_goal_{name}"]
        assert figure["n"] == PATIENTS - 1
        assert figure["value"] == pytest.approx((PATIENTS - 3) / (PATIENTS - 1))


def test_the_worst_group_and_its_gap_are_named() -> None:
    cases = [case(number, mask_iou_truth=0.2 if number % 6 == 4 else 0.8) for number in range(PATIENTS)]
    figures = scorecard(cases, CALIBRATION)
    assert figures["mask_iou_truth"]["worst_skin_type"] == "V"
    assert figures["mask_iou_truth"]["value"] == pytest.approx(0.7)
    assert figures["worst_group_gap"]["value"] == pytest.approx(0.5)
    assert figures["worst_group_gap"]["meets_first_bar"] is False
    assert set(figures["mask_iou_truth"]["by_lesion"]) == {"plaque", "naevus"}


def test_close_ups_have_figures_of_their_own_by_their_own_lesion_and_type() -> None:
    cases = [case(number) for number in range(PATIENTS)]
    of_skin = cases[0].skin
    assert of_skin is not None
    cases[0] = case(0, skin=None)
    cases[1] = case(1, skin=replace(of_skin, lesion="naevus", skin_type="VI", mask_iou_truth=0.1, released=False))
    figures = scorecard(cases, CALIBRATION)
    masks = figures["skin_mask_iou_truth"]
    assert masks["n"] == figures["skin_released"]["n"] == PATIENTS - 1
    assert masks["value"] == pytest.approx((0.7 * (PATIENTS - 2) + 0.1) / (PATIENTS - 1))
    assert (masks["worst_skin_type"], masks["by_lesion"]["naevus"]["value"]) == ("VI", pytest.approx(0.1))
    assert figures["skin_released"]["value"] == pytest.approx((PATIENTS - 2) / (PATIENTS - 1))
    assert figures["mask_iou_truth"]["n"] == PATIENTS


def test_what_could_not_be_measured_is_left_out_and_counted_out() -> None:
    cases = [case(number, reverse_edit_psnr=math.nan if number < 10 else 13.0) for number in range(PATIENTS)]
    figure = scorecard(cases, CALIBRATION)["reverse_edit_psnr"]
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


def test_a_partial_leak_that_is_released_once_in_sixty_misses_its_bar() -> None:
    cases = [case(number) for number in range(PATIENTS)]
    leaked = {**cases[0].composites, "eyes_kept": None}
    held = {**cases[0].composites, FULL_SWAP: "Rejected: still the patient"}
    cases[0] = case(0, composites=leaked)
    for number in range(1, 5):
        cases[number] = case(number, composites=held)
    figures = scorecard(cases, CALIBRATION)
    assert figures["composite_released_eyes_kept"]["value"] == pytest.approx(1 / PATIENTS)
    assert figures["composite_released_eyes_kept"]["meets_first_bar"] is False
    assert figures["composite_released_eyes_kept"]["worst_skin_type"] == "I"
    assert figures["composite_released_mouth_kept"]["meets_first_bar"] is True
    assert figures[composite_figure(FULL_SWAP)]["value"] == pytest.approx(1 - 4 / PATIENTS)
    assert figures[composite_figure(FULL_SWAP)]["meets_first_bar"] is False


def test_who_is_known_again_after_the_reverse_edit_is_counted_at_both_thresholds() -> None:
    cases = [case(number) for number in range(PATIENTS)]
    cases[1] = case(1, reversed_once=somebody(1))
    cases[2] = case(2, reversed_averaged=somebody(2), reversed_once=somebody(2), reverse_edit_psnr=math.nan)
    figures = scorecard(cases, CALIBRATION)
    for name in ("sface", "dlib"):
        once, averaged = (figures[f"reverse_edit_matched_{attack}_{name}"] for attack in ("once", "averaged"))
        assert once["value"] == pytest.approx(1 / (PATIENTS - 1))  # without a twin's face there was no attack
        assert averaged["value"] == 0.0
        assert once["n"] == averaged["n"] == PATIENTS - 1
        assert figures[f"reverse_edit_tar_at_far_1e3_once_{name}"]["value"] >= 1 / PATIENTS


def test_the_gates_threshold_counts_as_the_patient_just_as_the_gate_counts_it() -> None:
    cases = [case(number) for number in range(PATIENTS)]
    cases[0] = case(0, reversed_once=somebody(0))
    strict = replace(CALIBRATION, sface_cosine=1.0, dlib_distance=0.0)
    figures = scorecard(cases, strict)
    # dlib passes above 0 alone, so a distance of 0 is the patient; rounding may leave SFace's cosine just below 1.
    assert figures["reverse_edit_matched_once_dlib"]["value"] == pytest.approx(1 / PATIENTS)
    everybody = scorecard(cases, replace(CALIBRATION, sface_cosine=-1.0, dlib_distance=2.0))
    assert everybody["reverse_edit_matched_once_sface"]["value"] == 1.0


def test_without_patients_there_is_no_scorecard() -> None:
    with pytest.raises(ValueError, match="no patient"):
        scorecard([], CALIBRATION)


def test_the_report_shows_every_figure_and_ten_patients_of_each_kind() -> None:
    cases = [case(number, mask_iou_truth=number / PATIENTS) for number in range(PATIENTS)]
    page = report(scorecard(cases, CALIBRATION), cases, {"model": "<made up>"}, None)
    assert all(bar.name in page for bar in BARS)
    assert "&lt;made up&gt;" in page
    assert page.count("<figcaption>") == 50  # best, median and worst; best and worst of skin without a face
    assert page.count("data:image/jpeg;base64,") == 50
    assert f"patient {PATIENTS - 1}, " in page  # the best
    assert "patient 0, " in page  # the worst


def test_the_report_bounds_every_gate_figure_for_every_skin_type() -> None:
    cases = [case(number) for number in range(PATIENTS)]
    figures = scorecard(cases, CALIBRATION)
    page = report(figures, cases, {}, None)
    shown = [name for names in BY_SKIN_TYPE.values() for name in names]
    assert {composite_figure(kind) for kind in LEAKS} < set(shown)
    for name in shown:
        for group in figures[name]["by_skin_type"].values():
            assert group["n"] == PATIENTS // len(SKIN_TYPES)
            assert group["low"] < group["high"]
    of_ten = estimate(np.zeros(10), "share")
    assert f"at most {of_ten.high:.3f}<br>n = 10" in page  # none of ten is not never
    assert f"at least {1 - of_ten.high:.3f}<br>n = 10" in page
    assert page.count("n = 10") == len(shown) * len(SKIN_TYPES)
