"""Shapes of faces in one frame of their own: poses taken off and put on, expressions measured and exchanged.

The frame is the mean face's, seen from the front, its points' root mean square distance from their middle 1. How a
shape moves with an expression was learned from many faces by linear regression on a few measures of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.heads.mesh import Points
from pipeline.heads.topology import (
    FOOT_OF_LIPS,
    LEFT_CORNER,
    LEFT_LIDS,
    LOWER_LIP,
    RIGHT_CORNER,
    RIGHT_LIDS,
    STEADY,
    TOP_OF_LIPS,
    UPPER_LIP,
)

_STEADY = np.array(STEADY)
_SHUT, _OPEN = 0.30, 0.75
"""Opening of an eye, over the typical one, at which it counts as shut and from which it is as open as its owner's."""
_SLIT = 0.12
"""What is left of the typical opening where an eye is shut: two rows of lashes."""
_GAPE, _SHUT_EYE = 0.06, 0.45
"""Between the lips, over the mouth's width, from which it is open; an eye's opening over the typical, below shut."""
_WIDER = 0.5
"""Share of the mouth's width, beyond the typical one, that is the smile's and not the person's."""
MEASURES = 5


class Expression(NamedTuple):
    """Lengths in the frame's unit; the eyes' opening is over their width."""

    gap: float
    """Between the lips' inner edges."""
    corners: float
    """How much higher the mouth's corners stand than the lips' middle."""
    right_eye: float
    left_eye: float
    width: float
    """Of the mouth."""


def expression(shape: Points) -> Expression:
    """The expression of a shape in the frame."""

    def apart(first: int, second: int) -> float:
        return float(np.linalg.norm(shape[first] - shape[second]))

    def opening(lids: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]) -> float:
        upper, lower, (outer, inner) = lids
        return float(np.mean([apart(*pair) for pair in zip(upper, lower, strict=True)])) / apart(outer, inner)

    middle = (shape[TOP_OF_LIPS, 1] + shape[FOOT_OF_LIPS, 1]) / 2
    return Expression(
        gap=apart(UPPER_LIP, LOWER_LIP),
        corners=float(middle - (shape[RIGHT_CORNER, 1] + shape[LEFT_CORNER, 1]) / 2),
        right_eye=opening(RIGHT_LIDS),
        left_eye=opening(LEFT_LIDS),
        width=apart(RIGHT_CORNER, LEFT_CORNER),
    )


@dataclass(frozen=True, eq=False)
class Similarity:
    """A turn in space, a scale and a shift: ``scale * points @ turn.T + shift``."""

    scale: float
    turn: NDArray[np.float64]
    shift: NDArray[np.float64]

    @classmethod
    def between(cls, points: Points, targets: Points) -> Similarity:
        """What takes ``points`` (n, 3) nearest to ``targets``; never a mirror (Umeyama, IEEE TPAMI 13(4), 1991)."""
        from_mean, to_mean = points.mean(0), targets.mean(0)
        source, target = points - from_mean, targets - to_mean
        left, strengths, right = np.linalg.svd(target.T @ source)
        sign = np.array([1.0, 1.0, np.sign(np.linalg.det(left) * np.linalg.det(right))])
        turn = (left * sign) @ right
        scale = float((strengths * sign).sum() / (source**2).sum())
        return cls(scale, turn, to_mean - scale * turn @ from_mean)

    def __call__(self, points: Points) -> Points:
        return np.asarray(self.scale * points @ self.turn.T + self.shift, np.float64)


@dataclass(frozen=True, eq=False)
class Frame:
    """The mean face (468, 3), how it moves with each measure (5, 468, 3), and the typical measures (5,)."""

    mean: Points
    directions: NDArray[np.float64]
    typical: Expression
    shut_gap: float
    """Of lips that touch."""

    def turned_away(self, points: Points) -> float:
        """Degrees between where the face looks and the camera."""
        pose = Similarity.between(points[_STEADY], self.mean[_STEADY])
        return float(np.degrees(np.arccos(np.clip(pose.turn[2, 2], -1, 1))))

    def aligned(self, points: Points) -> Points:
        """A face's points brought into the frame, with its own shape and expression."""
        return Similarity.between(points[_STEADY], self.mean[_STEADY])(points)

    def opened(self, points: Points) -> tuple[bool, bool, bool]:
        """Whether the mouth, the right eye and the left of the face at ``points`` are open."""
        shown, usual = expression(self.aligned(points)), self.typical
        return (
            shown.gap > _GAPE * shown.width + self.shut_gap,
            shown.right_eye > _SHUT_EYE * usual.right_eye,
            shown.left_eye > _SHUT_EYE * usual.left_eye,
        )

    def neutral(self, shape: Points) -> Points:
        """A shape in the frame, its mouth shut and without a smile; its lids stay as they are."""
        own = expression(shape)
        return self._moved(shape, [self.shut_gap - own.gap, self.typical.corners - own.corners, 0.0, 0.0, 0.0])

    def posed(self, shape: Points, points: Points) -> Points:
        """The neutral ``shape`` with pose and expression of the face at ``points``, in that photograph's pixels."""
        shown, own, typical = expression(self.aligned(points)), expression(shape), self.typical

        def opened(patient: float, person: float, usual: float) -> float:
            share = float(np.clip((patient / usual - _SHUT) / (_OPEN - _SHUT), 0, 1))
            return share * max(person, _OPEN * usual) + (1 - share) * _SLIT * usual

        moved = self._moved(
            shape,
            [
                max(shown.gap, self.shut_gap) - own.gap,
                shown.corners - own.corners,
                opened(shown.right_eye, own.right_eye, typical.right_eye) - own.right_eye,
                opened(shown.left_eye, own.left_eye, typical.left_eye) - own.left_eye,
                _WIDER * (shown.width - typical.width),
            ],
        )
        return Similarity.between(moved[_STEADY], points[_STEADY])(moved)

    def _moved(self, shape: Points, by: list[float]) -> Points:
        return np.asarray(shape + np.tensordot(np.array(by), self.directions, 1), np.float64)
