"""Disease on a photographed face: said of each pixel of its square, wherever the face lies in it."""

from __future__ import annotations

import cv2
import numpy as np

from pipeline.edits import FaceCrop
from pipeline.edits.face_lesions import FaceLesionFinder
from pipeline.faces import FaceFinder
from pipeline.heads import LEFT_BROW, LEFT_EYE, OUTER_LIPS, RIGHT_BROW, RIGHT_EYE, FaceMesh, within_outline
from pipeline.models import load_embedded
from pipeline.photograph import Rgb
from tests.pipeline.edits.photographed import untrained_face_lesions
from tests.pipeline.rendered_faces import patient

CHEEK = 425


def square(side: int) -> tuple[Rgb, np.ndarray, np.ndarray]:
    (face,) = FaceFinder().find(patient())
    crop = FaceCrop.around(face, patient().shape)
    rgb, landmarks = crop.take(patient(), side), crop.within(face.landmarks, side)
    return rgb, FaceMesh().points(rgb, landmarks), landmarks


def test_something_is_said_of_every_pixel_and_nothing_is_found_beyond_the_face() -> None:
    rgb, points, landmarks = square(320)
    looked = FaceLesionFinder(untrained_face_lesions()).look(rgb, points, landmarks)
    said = looked.logits
    assert looked.skin.shape == said.shape == (320, 320) and said.dtype == np.float32
    assert looked.gain.shape == (320, 320, 3) and looked.gain.dtype == np.float32
    x, y = np.rint(points[CHEEK, :2]).astype(int)
    assert said.min() == said[0, 0] == -9 < said[y, x]


def test_cheeks_and_skin_beyond_the_face_may_be_healed_and_eyes_brows_and_lips_may_not() -> None:
    rgb, points, landmarks = square(256)
    skin = FaceLesionFinder(untrained_face_lesions()).look(rgb, points, landmarks).skin

    def at(place: np.ndarray) -> float:
        x, y = np.rint(place[:2]).astype(int)
        return float(skin[y, x])

    assert at(points[CHEEK]) > 0.95
    assert skin[within_outline(points, 256) == 0].max() > 0.95
    features = (LEFT_EYE, RIGHT_EYE, LEFT_BROW, RIGHT_BROW, OUTER_LIPS)
    assert max(at(points[list(feature)].mean(0)) for feature in features) < 0.05
    assert skin[:8].max() == 0


def test_a_patch_of_blood_is_found_where_it_is() -> None:
    rgb, points, landmarks = square(512)
    x, y = np.rint(points[CHEEK, :2]).astype(int)
    spot = np.zeros(rgb.shape[:2], np.float32)
    cv2.circle(spot, (int(x), int(y)), 30, 1.0, -1)
    soft = cv2.GaussianBlur(spot, (0, 0), 4)[..., None]
    sick = np.clip(rgb * np.exp(soft * np.log([0.9, 0.5, 0.55])), 0, 255).astype(np.uint8)
    finder = FaceLesionFinder(load_embedded().face_lesions)
    with_it, without = (finder.look(each, points, landmarks).logits for each in (sick, rgb))
    assert with_it[spot > 0].mean() > without[spot > 0].mean() + 2
    assert with_it[spot > 0].mean() > with_it[cv2.dilate(spot, np.ones((61, 61))) == 0].mean() + 3
