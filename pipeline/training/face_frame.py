"""What a frame of faces is fitted to: the mean face, how faces move with their expressions, what tells sex and age."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.heads import (
    AGES,
    LEFT_LIDS,
    MEASURES,
    RIGHT_LIDS,
    STEADY,
    Expression,
    Frame,
    Known,
    Points,
    Similarity,
    Words,
    expression,
)

_STEADY = np.array(STEADY)
_FRONT, _TURNED = 0.16, 0.35
"""How far the nose stands from the middle of the face, over half its width: for the mean face, and at most."""
_ROUNDS = 4
_TIP, _RIGHT, _LEFT = 1, 234, 454
_SHUT_SHARE = 10
"""Percentile of the gap between lips that counts as shut."""
_RIDGE = 1.0


def fitted_frame(faces: Sequence[Points]) -> Frame:
    """Of many faces' meshes, in any photographs' pixels. ``ValueError`` when none looks into the camera."""
    aside = np.array([_aside(points) for points in faces])
    front = [points for points, off in zip(faces, aside, strict=True) if abs(off) < _FRONT]
    usable = [points for points, off in zip(faces, aside, strict=True) if abs(off) < _TURNED]
    if not front:
        raise ValueError("no face looks into the camera")
    mean = _normal(front[0])
    for _ in range(_ROUNDS):
        mean = _normal(np.mean([_onto(points, mean) for points in front], axis=0))
    mean = _upright(mean)
    aligned = np.stack([_onto(points, mean) for points in usable])
    measures = np.array([expression(shape) for shape in aligned])
    typical = np.median(measures, axis=0)
    terms = np.c_[np.ones(len(measures)), measures - typical]
    fit, *_ = np.linalg.lstsq(terms, aligned.reshape(len(aligned), -1), rcond=None)
    directions = np.asarray(fit[1:].reshape(MEASURES, *mean.shape), np.float64)
    shut = float(np.percentile(measures[:, 0], _SHUT_SHARE))
    return Frame(np.asarray(fit[0].reshape(mean.shape), np.float64), directions, Expression(*typical.tolist()), shut)


def fitted_words(sface: NDArray[np.floating], dlib: NDArray[np.floating], words: Sequence[Words]) -> Known:
    """Linear read-outs of sex and age, by ridge regression on the descriptors [n, 128] of people with these words."""
    unit = sface / np.linalg.norm(sface, axis=1, keepdims=True)
    described = np.c_[unit, dlib]
    targets = np.array([[1.0 if each.sex == "female" else -1.0, float(AGES.index(each.age))] for each in words])
    middle, mean = described.mean(0), targets.mean(0)
    centred = described - middle
    normal = centred.T @ centred + _RIDGE * np.eye(described.shape[1])
    weights = np.linalg.solve(normal, centred.T @ (targets - mean)).T  # [2, 256]
    return Known(np.c_[weights, mean - weights @ middle])


def _aside(points: Points) -> float:
    left, right, tip = points[_RIGHT, 0], points[_LEFT, 0], points[_TIP, 0]
    return float(((tip - left) - (right - tip)) / (right - left + 1e-6))


def _onto(points: Points, mean: Points) -> Points:
    return Similarity.between(points[_STEADY], mean[_STEADY])(points)


def _normal(shape: Points) -> Points:
    centred = shape - shape.mean(0)
    return np.asarray(centred / np.sqrt((centred**2).sum(1).mean()))


def _upright(mean: Points) -> Points:
    """Turned in the picture's plane until the eyes' outer corners are level."""
    level = mean[LEFT_LIDS[2][0]] - mean[RIGHT_LIDS[2][0]]
    turn = np.arctan2(level[1], level[0])
    cosine, sine = np.cos(turn), np.sin(turn)
    return np.asarray(mean @ np.array([[cosine, sine, 0], [-sine, cosine, 0], [0, 0, 1]]).T)
