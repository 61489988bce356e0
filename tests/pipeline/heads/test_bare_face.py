"""Bare skin is what a face has beside its eyes, brows, lips and nostrils."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.heads import FaceMesh, Points, bare_skin
from pipeline.heads.topology import LEFT_BROW, LEFT_EYE, OUTER_LIPS, OVAL, RIGHT_BROW, RIGHT_EYE
from tests.pipeline.rendered_faces import patient

LEFT_CHEEK, RIGHT_CHEEK, FOREHEAD = 425, 205, 9
"""Vertices in the midst of skin."""


@pytest.fixture(scope="module")
def points() -> Points:
    landmarks = np.array([[103.0, 120], [152, 120], [128, 150], [108, 175], [148, 175]])
    return FaceMesh().points(patient(), landmarks)


def at(skin: np.ndarray, place: np.ndarray) -> float:
    x, y = np.rint(place[:2]).astype(int)
    return float(skin[y, x])


@pytest.mark.parametrize("vertex", [LEFT_CHEEK, RIGHT_CHEEK, FOREHEAD])
def test_cheeks_and_forehead_are_bare(points: Points, vertex: int) -> None:
    assert at(bare_skin(points, 256), points[vertex]) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("feature", [LEFT_EYE, RIGHT_EYE, LEFT_BROW, RIGHT_BROW, OUTER_LIPS])
def test_what_makes_a_face_somebodys_is_not(points: Points, feature: tuple[int, ...]) -> None:
    assert at(bare_skin(points, 256), points[list(feature)].mean(0)) < 0.05


def test_nothing_outside_of_the_face_is(points: Points) -> None:
    skin = bare_skin(points, 256)
    low, high = points[list(OVAL), :2].min(0), points[list(OVAL), :2].max(0)
    outside = (skin[:, : int(low[0]) - 4], skin[:, int(high[0]) + 5 :], skin[int(high[1]) + 5 :])
    assert max(part.max() for part in outside) < 0.02


def test_the_forehead_goes_on_above_the_mesh(points: Points) -> None:
    brow, top = points[9], points[10]
    assert at(bare_skin(points, 256), top + 0.25 * (top - brow)) == pytest.approx(1, abs=0.01)
    assert at(bare_skin(points, 256), top + 0.9 * (top - brow)) < 0.05


def test_a_face_that_reaches_over_the_edge_is_cut_there(points: Points) -> None:
    shifted = bare_skin(points - [100, 0, 0], 256)
    np.testing.assert_allclose(shifted[:, 20:150], bare_skin(points, 256)[:, 120:250], atol=1e-3)
