"""What stands out in a face: beside what lies around, beside its other side, and beside faces in general."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from pipeline.heads import (
    COARSE,
    OF_A_FACE,
    OF_FURTHER,
    OF_OTHER_SIDE,
    PLANES,
    VIEW_SIDE,
    TypicalFace,
    relative_colours,
    standing_out,
)
from pipeline.heads.typical import COMPONENTS

BARE = np.ones((VIEW_SIDE, VIEW_SIDE), np.float32)
SPOT = np.s_[90:100, 40:50]


def faces(count: int, seed: int = 0) -> np.ndarray:
    """That differ from each other by two smooth patterns."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[-1 : 1 : COARSE * 1j, -1 : 1 : COARSE * 1j]
    patterns = np.stack([np.cos(3 * y) * np.cos(4 * x), np.cos(5 * x * y)])
    shares = random.normal(0, 0.3, (count, 2, 3))
    return np.einsum("kij,nkc->nijc", patterns, shares).astype(np.float32)


@pytest.fixture(scope="module")
def typical() -> TypicalFace:
    return TypicalFace.of(faces(60), np.ones((60, COARSE, COARSE), np.float32))


def enlarged(face: np.ndarray) -> np.ndarray:
    return cv2.resize(face, (VIEW_SIDE, VIEW_SIDE), interpolation=cv2.INTER_LINEAR)


def test_a_face_like_others_is_only_a_face(typical: TypicalFace) -> None:
    face = enlarged(faces(1, seed=7)[0])
    assert np.abs(typical.nearest(face, BARE) - face).mean() < 0.1 * np.abs(face).mean()
    assert typical.components.shape == (COMPONENTS, COARSE, COARSE, 3)


def test_light_from_the_side_and_complexion_are_no_lesion(typical: TypicalFace) -> None:
    face = enlarged(faces(1, seed=8)[0]) + np.linspace(-0.4, 0.4, VIEW_SIDE)[None, :, None].astype(np.float32)
    assert np.abs(typical.nearest(face, BARE) - face).mean() < 0.03


def test_a_lesion_is_not_explained_away(typical: TypicalFace) -> None:
    face = enlarged(faces(1, seed=9)[0])
    sick = face.copy()
    sick[60:130, 30:80] -= 0.6
    left = sick - typical.nearest(sick, BARE)
    assert left[60:130, 30:80].mean() < -0.4
    assert abs(left[60:130, 120:].mean()) < 0.1


def test_what_stands_out_does_so_in_every_way(typical: TypicalFace) -> None:
    face = enlarged(faces(1, seed=10)[0])
    face[SPOT] -= 0.5
    planes = standing_out(face, BARE, BARE, typical)
    assert planes.shape == (PLANES, VIEW_SIDE, VIEW_SIDE) and np.abs(planes).max() <= 2
    spot = planes[:, SPOT[0], SPOT[1]].mean((1, 2))
    assert (spot[3:15] < -0.5).all() and spot[15] == 1


def test_where_no_skin_is_nothing_is_shown_and_beside_the_mesh_no_other_face(typical: TypicalFace) -> None:
    bare, shown = BARE.copy(), BARE.copy()
    bare[:, 80:], shown[:, 96:] = 0, 0
    planes = standing_out(enlarged(faces(1, seed=11)[0]), bare, shown, typical)
    assert not planes[:, :, 97:].any() and planes[:12, :, :79].any()
    beside = planes[:, :, 81:95]
    assert beside[:3].any() and beside[6:12].any() and not beside[3:6].any()


def test_colours_are_told_relative_to_the_skin_whatever_the_exposure() -> None:
    view = np.full((VIEW_SIDE, VIEW_SIDE, 3), (200, 150, 130), np.uint8)
    view[SPOT] = (150, 100, 90)
    dark = (view * 0.8).astype(np.uint8)
    (bright, dim) = (relative_colours(each, BARE) for each in (view, dark))
    assert not bright[0, 0].any()
    assert (bright[SPOT] < -0.5).all()
    np.testing.assert_allclose(bright[SPOT], dim[SPOT], rtol=0.15)
    np.testing.assert_allclose(relative_colours(view.astype(np.float32) / 255, BARE), bright, atol=1e-5)


def test_each_comparison_is_where_it_is_said_to_be(typical: TypicalFace) -> None:
    """What both sides have differs from further around alone; what others have as well does not differ from a face."""
    both_sides = np.zeros((VIEW_SIDE, VIEW_SIDE, 3), np.float32)
    both_sides[SPOT] = both_sides[:, ::-1][SPOT] = -0.3
    planes = standing_out(both_sides, BARE, BARE, typical)
    assert not planes[OF_OTHER_SIDE].any()
    assert np.abs(planes[OF_FURTHER][:, 95, 45]).min() > 0.5
    face = enlarged(faces(1, seed=7)[0])
    other = standing_out(face, BARE, BARE, typical)
    assert np.abs(other[OF_A_FACE]).mean() < 4 * 0.1 * np.abs(face).mean()
    assert np.abs(other[OF_OTHER_SIDE]).mean() < 0.05  # these faces are the same on both sides
