"""A persona's portrait comes to lie where the patient's face lies, and nobody's portrait is nothing."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from pipeline.models import Portraits

SIDE = 64
FACE = torch.tensor([[22.0, 25.0], [42.0, 25.0], [32.0, 34.0], [24.0, 44.0], [40.0, 44.0]])
TURNED = FACE + torch.tensor([[3.0, 0.0], [3.0, 0.0], [9.0, 0.0], [4.0, 0.0], [4.0, 0.0]])


@pytest.fixture
def portraits() -> Portraits:
    """Two personas of two views, a dot at each landmark: red from the front, blue turned."""
    portraits = Portraits(personas=2, views=2, side=SIDE)
    pictures = torch.zeros(2, 2, 3, SIDE, SIDE, dtype=torch.uint8)
    for view, (points, channel) in enumerate(((FACE, 0), (TURNED, 2))):
        for x, y in points.long().tolist():
            pictures[:, view, channel, y - 1 : y + 1, x - 1 : x + 1] = 255
    portraits.show(pictures, torch.stack([FACE, TURNED]).expand(2, 2, 5, 2), lifts=torch.zeros(2))
    return portraits


def moved(points: Tensor) -> Tensor:
    turn = torch.tensor([[math.cos(0.2), -math.sin(0.2)], [math.sin(0.2), math.cos(0.2)]]) * 1.2
    return (points - 32) @ turn.T + torch.tensor([30.0, 35.0])


@pytest.mark.parametrize(("points", "channel"), [(FACE, 0), (TURNED, 2)])
def test_the_view_that_fits_is_laid_over_the_face(portraits: Portraits, points: Tensor, channel: int) -> None:
    there = moved(points)
    laid = portraits.beside(torch.tensor([1]), there[None])[0]
    for x, y in there.tolist():
        assert laid[channel, int(y), int(x)] > 0  # colours are in [-1, 1]
        assert laid[2 - channel, int(y), int(x)] < -0.99
        assert laid[3, int(y), int(x)] > 0.9


def test_nobody_and_a_missing_face_leave_nothing(portraits: Portraits) -> None:
    laid = portraits.beside(torch.tensor([0, 2]), torch.stack([FACE, FACE * torch.nan]))
    assert laid.shape == (2, 4, SIDE, SIDE)
    assert not laid.any()


def test_the_face_is_known_from_its_scalp_and_neck(portraits: Portraits) -> None:
    laid = portraits.beside(torch.tensor([2]), (0.5 * FACE)[None])[0]
    assert laid[3, 16, 16] == 1
    assert not laid[3, 40:, :].any()
    assert not laid[3, :, 40:].any()


def test_where_a_portrait_will_lie_is_known_beforehand(portraits: Portraits) -> None:
    there = moved(FACE)
    torch.testing.assert_close(portraits.placed(1, there), there, atol=0.05, rtol=0)
    # Another face's landmarks cannot be met, only approached: by the portrait's own, turned, scaled and shifted.
    wider = FACE * torch.tensor([1.3, 1.0])
    placed = portraits.placed(1, wider)
    assert float((placed - wider).norm()) > 1
    spread = [float((points[1] - points[0]).norm() / (points[4] - points[3]).norm()) for points in (placed, FACE)]
    assert abs(spread[0] - spread[1]) < 0.01


def test_a_face_that_lies_lower_on_its_neck_is_laid_lower(portraits: Portraits) -> None:
    portraits.show(portraits.pictures[1:], torch.stack([FACE, TURNED]).expand(2, 2, 5, 2), lifts=torch.tensor([6.0, 0]))
    lower = FACE + torch.tensor([0.0, 6.0])
    torch.testing.assert_close(portraits.placed(1, FACE), lower, atol=0.05, rtol=0)
    torch.testing.assert_close(portraits.placed(2, FACE), FACE, atol=0.05, rtol=0)
    laid = portraits.beside(torch.tensor([1]), FACE[None])[0]
    for x, y in lower.tolist():
        assert laid[0, int(y), int(x)] > 0


def test_finer_portraits_are_shown_to_finer_photographs(portraits: Portraits) -> None:
    portraits.large = torch.full((2, 2, 3, 4 * SIDE, 4 * SIDE), 90, dtype=torch.uint8)
    assert portraits.beside(torch.tensor([1]), FACE[None]).shape == (1, 4, SIDE, SIDE)
    large = portraits.beside(torch.tensor([1]), FACE[None], 3 * SIDE)
    assert large.shape == (1, 4, 3 * SIDE, 3 * SIDE)
    torch.testing.assert_close(large[0, :3, 90:100, 90:100], torch.full((3, 10, 10), 90 / 127.5 - 1))
    # The cover lies over the same part of the square.
    small = portraits.beside(torch.tensor([1]), FACE[None])[0, 3]
    assert abs(float(small.mean()) - float(large[0, 3].mean())) < 0.01
