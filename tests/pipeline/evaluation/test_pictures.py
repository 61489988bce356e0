"""The overview shows two patients of each skin type, whoever they are."""

from __future__ import annotations

import numpy as np

from pipeline.evaluation import overview
from pipeline.evaluation.pictures import COLUMNS, SIDE, row_of
from tests.pipeline.evaluation.cases import case


def test_a_row_holds_five_pictures_and_both_outlines() -> None:
    row = row_of(case(1).pictures)
    assert row.shape == (SIDE, len(COLUMNS) * SIDE, 3)
    outlined = row[:, -SIDE:].astype(int)
    assert (outlined[..., 2] - outlined[..., 0] > 60).any()  # cyan: what was found


def test_the_overview_takes_the_first_two_of_each_type_and_not_the_best() -> None:
    cases = [case(number, mask_iou_truth=number / 30) for number in range(30)]
    few = overview(cases[:12])
    assert np.array_equal(np.asarray(few), np.asarray(overview(cases[::-1])))
    assert few.width > 2 * len(COLUMNS) * SIDE and few.height > 6 * SIDE


def test_a_type_with_one_patient_leaves_the_other_place_empty() -> None:
    assert overview([case(0), case(1), case(7)]).height < 3 * SIDE
