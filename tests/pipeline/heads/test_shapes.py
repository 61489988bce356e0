"""Shapes take on a patient's pose and expression and keep their own proportions."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.heads import HeadBank, Points, expression
from pipeline.heads.shapes import Similarity
from pipeline.heads.topology import LOWER_LIP, OVAL, UPPER_LIP


def turned(points: Points, degrees: float) -> Points:
    """About the vertical axis."""
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    return (points - points.mean(0)) @ turn.T + points.mean(0)


def test_a_similarity_is_found_again() -> None:
    points = np.random.default_rng(0).standard_normal((20, 3))
    moved = turned(points, 30) * 7 + [3, -2, 5]
    assert np.allclose(Similarity.between(points, moved)(points), moved)


@pytest.mark.parametrize("degrees", [-40, 0, 40])
def test_a_head_takes_the_patients_pose(bank: HeadBank, points: Points, degrees: float) -> None:
    patient = turned(points, degrees)
    posed = bank.frame.posed(bank.heads[0].shape, patient)
    assert abs(bank.frame.turned_away(posed) - bank.frame.turned_away(patient)) < 8
    assert np.hypot(*(posed - patient)[list(OVAL), :2].mean(0)) < 0.08 * np.ptp(points[list(OVAL), 0])


def test_an_open_mouth_opens_and_a_shut_one_stays_shut(bank: HeadBank, points: Points) -> None:
    frame, width = bank.frame, np.ptp(points[list(OVAL), 0])
    patient = frame.aligned(points)
    gaps = []
    for gap in (frame.shut_gap, 0.4):
        opened = frame._moved(patient, [gap - expression(patient).gap, 0, 0, 0, 0])
        posed = frame.posed(bank.heads[3].shape, Similarity.between(patient, points)(opened))
        gaps.append(np.linalg.norm(posed[UPPER_LIP] - posed[LOWER_LIP]) / width)
    assert gaps[0] < 0.03 < 0.08 < gaps[1]


def test_eyes_close_with_the_patients(bank: HeadBank, points: Points) -> None:
    frame = bank.frame
    patient = frame.aligned(points)
    shown = expression(patient)
    asleep = frame._moved(patient, [0, 0, 0.1 - shown.right_eye, 0.1 - shown.left_eye, 0])
    awake, sleeping = (
        expression(frame.aligned(frame.posed(bank.heads[5].shape, each))) for each in (patient, asleep)
    )
    assert sleeping.right_eye < 0.5 * awake.right_eye
    assert sleeping.left_eye < 0.5 * awake.left_eye


def test_heads_keep_their_own_proportions(bank: HeadBank, points: Points) -> None:
    first, second = (bank.frame.posed(head.shape, points) for head in bank.heads[:2])
    assert np.sqrt(((first - second)[:, :2] ** 2).sum(1).mean()) > 0.01 * np.ptp(points[list(OVAL), 0])
