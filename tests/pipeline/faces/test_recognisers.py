"""Each recogniser knows a face again, tells two people apart, and says so when it sees no face."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from pipeline.errors import Undecided
from pipeline.faces import Descriptor, Face, FaceFinder, Recognisers, SFace, retained_texture, similarity
from pipeline.faces.alignment import warp
from pipeline.faces.recognisers import _LARGEST, _REMEMBERED, DlibResNet
from pipeline.faces.texture import REGIONS
from pipeline.photograph import Rgb
from tests.pipeline.rendered_faces import patient, skin, stranger


def the_face(finder: FaceFinder, rgb: Rgb) -> Face:
    (face,) = finder.find(rgb)
    return face


def brighter_and_smaller(rgb: Rgb) -> Rgb:
    small = cv2.resize(rgb, (180, 180), interpolation=cv2.INTER_AREA)
    return np.clip(small * 1.15 + 8, 0, 255).astype(np.uint8)


def test_the_same_pixels_are_the_same_person(recognisers: Recognisers, finder: FaceFinder) -> None:
    face = the_face(finder, patient())
    sface, dlib = recognisers.sface, recognisers.dlib
    assert sface.score(*[sface.describe(patient(), face)] * 2) == pytest.approx(1, abs=1e-9)
    assert dlib.score(*[dlib.describe(patient(), face)] * 2) == 0
    assert np.array_equal(sface.describe(patient(), face), SFace().describe(patient(), face))
    assert np.array_equal(dlib.describe(patient(), face), DlibResNet().describe(patient(), face))


def test_another_light_and_size_is_nearer_than_another_person(recognisers: Recognisers, finder: FaceFinder) -> None:
    again = brighter_and_smaller(patient())
    for recogniser, nearer in ((recognisers.sface, 1), (recognisers.dlib, -1)):
        first = recogniser.describe(patient(), the_face(finder, patient()))
        second = recogniser.describe(again, the_face(finder, again))
        other = recogniser.describe(stranger(), the_face(finder, stranger()))
        assert nearer * recogniser.score(first, second) > nearer * recogniser.score(first, other) + 0.2


def test_a_turned_photograph_is_aligned_by_its_landmarks(recognisers: Recognisers, finder: FaceFinder) -> None:
    matrix = cv2.getRotationMatrix2D((128, 128), 20, 1.0)
    turned = np.asarray(cv2.warpAffine(patient(), matrix, (256, 256), borderMode=cv2.BORDER_REPLICATE), np.uint8)
    first = recognisers.sface.describe(patient(), the_face(finder, patient()))
    second = recognisers.sface.describe(turned, the_face(finder, turned))
    assert recognisers.sface.score(first, second) > 0.8


def test_dlib_sees_no_face_where_its_own_landmarks_disagree(finder: FaceFinder) -> None:
    face = the_face(finder, patient())
    nonsense = Face(face.box, face.landmarks[[3, 4, 2, 0, 1]], face.score)  # upside down
    with pytest.raises(Undecided, match="dlib finds no face"):
        DlibResNet().describe(patient(), nonsense)


def test_landmarks_in_one_point_or_no_numbers_are_undecided(recognisers: Recognisers) -> None:
    box = np.array([0.0, 0, 10, 10])
    for landmarks in (np.full((5, 2), 5.0), np.full((5, 2), np.nan)):
        for recogniser in (recognisers.sface, recognisers.dlib):
            with pytest.raises(Undecided):
                recogniser.describe(skin(), Face(box, landmarks, 0.9))


def test_similarity_recovers_a_known_transform_and_never_mirrors() -> None:
    random = np.random.default_rng(0)
    points = random.normal(0, 10, (5, 2))
    angle, scale = 0.4, 1.7
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = similarity(points, points @ turn.T + [3, -8])
    assert np.allclose(matrix, np.hstack([turn, [[3], [-8]]]))
    assert np.linalg.det(similarity(points, points * [-1, 1])[:, :2]) > 0


@pytest.mark.parametrize("shrink", [7.9, 8.0, 12.7, 21.3])
def test_a_large_face_that_is_averaged_in_blocks_lies_where_the_exact_one_does(shrink: float) -> None:
    large = np.asarray(cv2.resize(patient(), None, fx=12, fy=12, interpolation=cv2.INTER_CUBIC), np.uint8)
    turned = cv2.getRotationMatrix2D((1536, 1536), 11, 1 / shrink)
    turned[:, 2] += 56 - 1536
    exact = cv2.warpAffine(cv2.GaussianBlur(large, (0, 0), 0.4 * shrink), turned, (112, 112), flags=cv2.INTER_LINEAR)
    inside = cv2.warpAffine(np.full(large.shape[:2], 255, np.uint8), turned, (112, 112)) == 255
    inside = cv2.erode(inside.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    difference = np.abs(warp(large, turned, 112).astype(float) - exact)[inside]
    assert difference.mean() < 0.5 and difference.max() < 6


def test_warping_moves_pixels_where_the_matrix_says() -> None:
    rgb = np.zeros((300, 300, 3), np.uint8)
    rgb[200:260, 200:260] = 255
    shifted = warp(rgb, np.array([[0.5, 0, -90], [0, 0.5, -90]]), 60)  # (200, 200) goes to (10, 10)
    assert (shifted[12:38, 12:38] == 255).all()
    assert (shifted[:8] == 0).all()
    with pytest.raises(Undecided, match="outside"):
        warp(rgb, np.array([[1.0, 0, -1000], [0, 1, 0]]), 60)


def test_kept_pixels_are_seen_region_by_region(finder: FaceFinder) -> None:
    face = the_face(finder, patient())
    assert retained_texture(patient(), patient(), face) == dict.fromkeys(REGIONS, pytest.approx(1))
    swapped = retained_texture(patient(), stranger(), face)
    assert max(swapped.values()) < 0.6
    eyes = stranger()
    top, bottom = round(face.landmarks[:2, 1].min()) - 24, round(face.landmarks[:2, 1].max()) + 24
    eyes[top:bottom] = patient()[top:bottom]
    kept = retained_texture(patient(), eyes, face)
    assert kept["eyes"] > 0.9
    assert kept["mouth"] == pytest.approx(swapped["mouth"], abs=0.02)


def test_a_flat_twin_keeps_nothing_and_a_face_outside_is_not_compared(finder: FaceFinder) -> None:
    face = the_face(finder, patient())
    assert retained_texture(patient(), np.full_like(patient(), 120), face) == dict.fromkeys(REGIONS, 0.0)
    cut = np.ascontiguousarray(patient()[: round(face.landmarks[2, 1])])
    assert "mouth" not in retained_texture(cut, cut, face)
    assert retained_texture(cut, cut, face)["eyes"] == pytest.approx(1)


def test_a_face_in_the_same_pixels_is_described_once(recognisers: Recognisers, finder: FaceFinder) -> None:
    face, asked = the_face(finder, patient()), list[Rgb]()

    class Counting(SFace):
        def describe(self, rgb: Rgb, face: Face) -> Descriptor:
            asked.append(rgb)
            return super().describe(rgb, face)

    remembering = Recognisers(Counting(), recognisers.dlib).remembering().sface
    for _ in range(2):  # a copy of the pixels, and landmarks of another object
        again = Face(face.box, face.landmarks.copy(), 0.5)
        assert np.array_equal(remembering.describe(patient().copy(), again), SFace().describe(patient(), face))
    assert len(asked) == 1
    other = patient().copy()
    other[0, 0, 0] ^= 1
    remembering.describe(other, face)
    remembering.describe(patient(), Face(face.box, face.landmarks + 1, 0.9))
    assert len(asked) == 3
    for number in range(_REMEMBERED):
        remembering.describe(patient(), Face(face.box, face.landmarks + 2 + number / 100, 0.9))
    remembering.describe(patient(), face)  # forgotten by now
    assert len(asked) == 3 + _REMEMBERED + 1
    large = np.tile(patient(), (1 + _LARGEST // patient().size, 1, 1))
    for _ in range(2):
        remembering.describe(large, face)
    assert len(asked) == 3 + _REMEMBERED + 3
    assert (remembering.name, remembering.digests) == (SFace.name, SFace.digests)
