"""The face mesh is MediaPipe's own, and follows a face wherever it is and however it is turned."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.errors import ModelError, Undecided
from pipeline.faces import FaceFinder
from pipeline.heads import FaceMesh, Points
from pipeline.heads import mesh as module
from pipeline.heads.topology import LEFT_EYE, OUTER_LIPS, OVAL, RIGHT_EYE
from tests.pipeline.rendered_faces import patient, skin

REFERENCE = Path(__file__).parents[1] / "fixtures" / "face-identity8600001-mesh.npy"
"""What TensorFlow Lite makes, by MediaPipe's own file, of the middle 192 pixels of the first rendered face."""


def test_the_network_says_what_mediapipes_own_file_says(mesh: FaceMesh) -> None:
    middle = np.array([[1.0, 0.0, -32.0], [0.0, 1.0, -32.0]])
    points, score = mesh.look(patient(), middle)
    assert abs(points - [32, 32, 0] - np.load(REFERENCE)).max() < 1e-3
    assert score == pytest.approx(18.2044, abs=1e-3)


def test_eyes_and_lips_stand_where_the_finder_sees_them(points: Points) -> None:
    (face,) = FaceFinder().find(patient())
    unit = np.hypot(*(face.landmarks[1] - face.landmarks[0]))
    found = [points[list(ids), :2].mean(0) for ids in (RIGHT_EYE, LEFT_EYE, OUTER_LIPS)]
    seen = [face.landmarks[0], face.landmarks[1], face.landmarks[3:].mean(0)]
    assert max(np.hypot(*(a - b)) for a, b in zip(found, seen, strict=True)) < 0.15 * unit


@pytest.mark.parametrize("degrees", [-25, 25])
def test_a_leaning_head_has_the_same_mesh_leaning(mesh: FaceMesh, points: Points, degrees: float) -> None:
    turn = cv2.getRotationMatrix2D((128, 128), degrees, 0.8)
    leaning = np.asarray(cv2.warpAffine(patient(), turn, (256, 256)), np.uint8)
    face = FaceFinder().find(leaning)[0]
    there = mesh.points(leaning, face.landmarks)[:, :2]
    expected = points[:, :2] @ turn[:, :2].T + turn[:, 2]
    assert np.median(np.hypot(*(there - expected).T)) < 0.03 * np.ptp(points[list(OVAL), 0])


def test_skin_without_a_face_has_no_mesh(mesh: FaceMesh) -> None:
    landmarks = np.array([[120.0, 90], [200, 90], [160, 130], [130, 160], [190, 160]])
    with pytest.raises(Undecided, match="sees no face"):
        mesh.points(skin(), landmarks)


def test_landmarks_in_one_point_are_refused(mesh: FaceMesh) -> None:
    with pytest.raises(Undecided, match="one point"):
        mesh.points(patient(), np.full((5, 2), 100.0))


def test_altered_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    altered = tmp_path / "face_mesh.onnx"
    altered.write_bytes(module._WEIGHTS.read_bytes()[:-1] + b"\0")
    monkeypatch.setattr(module, "_WEIGHTS", altered)
    with pytest.raises(ModelError, match="not the face mesh"):
        FaceMesh()
    monkeypatch.setattr(module, "_WEIGHTS", tmp_path / "absent")
    with pytest.raises(ModelError, match="cannot be read"):
        FaceMesh()
