"""A face laid out as it is seen from the front, and what is said of it laid back."""

from __future__ import annotations

import numpy as np

from pipeline.heads import VIEW_SIDE, FrontalView, HeadBank, Points, frontal_points, taken_from
from pipeline.heads.topology import LEFT_EYE, OUTER_LIPS, RIGHT_EYE
from tests.pipeline.rendered_faces import patient


def view_of(points: Points, bank: HeadBank) -> FrontalView:
    height, width = patient().shape[:2]
    assert height == width
    return FrontalView(points, frontal_points(bank.frame.mean), height)


def test_everybodys_eyes_and_mouth_come_to_one_place(points: Points, bank: HeadBank) -> None:
    view, frontal = view_of(points, bank), frontal_points(bank.frame.mean)
    for part in (LEFT_EYE, RIGHT_EYE, OUTER_LIPS):
        x, y = np.rint(frontal[list(part)].mean(0)).astype(int)
        np.testing.assert_allclose(view.moves[y, x], points[list(part), :2].mean(0), atol=2.5)
    right, left = (frontal[list(part)].mean(0) for part in (RIGHT_EYE, LEFT_EYE))
    assert abs(right[1] - left[1]) < 2 and abs(right[0] + left[0] - VIEW_SIDE) < 4


def test_what_is_said_comes_back_to_where_it_was_seen(points: Points, bank: HeadBank) -> None:
    view = view_of(points, bank)
    y, x = np.mgrid[: len(patient()), : len(patient())].astype(np.float32)
    inside = np.hypot(*(np.stack([x, y]) - points[:, :2].mean(0)[:, None, None])) < 0.3 * np.ptp(points[:, 0])
    for coordinate in (x, y):
        back = view.laid_back(np.asarray(view.unrolled(coordinate), np.float32), -1.0)
        assert np.abs(back - coordinate)[inside].max() < 1.5


def test_what_lies_beyond_the_view_is_what_one_says_of_it(points: Points, bank: HeadBank) -> None:
    laid = view_of(points, bank).laid_back(np.ones((VIEW_SIDE, VIEW_SIDE), np.float32), -9.0)
    assert laid.min() == -9 and laid.max() == 1


def test_pictures_stay_pictures(points: Points, bank: HeadBank) -> None:
    shown = view_of(points, bank).unrolled(patient())
    assert shown.shape == (VIEW_SIDE, VIEW_SIDE, 3) and shown.dtype == np.uint8
    y, x = np.mgrid[:9, :9].astype(np.float32)
    assert np.array_equal(taken_from(patient()[:9, :9], np.stack([x, y], -1)), patient()[:9, :9])
