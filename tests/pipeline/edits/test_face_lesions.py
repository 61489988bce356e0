"""Disease on a photographed face: said of each pixel of its square, wherever the face lies in it."""

from __future__ import annotations

import cv2
import numpy as np

from pipeline.edits import FaceCrop
from pipeline.edits.face_lesions import FaceLesionFinder
from pipeline.faces import FaceFinder
from pipeline.heads import FaceMesh
from pipeline.models import load_embedded
from pipeline.photograph import Rgb
from tests.pipeline.edits.photographed import untrained_face_lesions
from tests.pipeline.rendered_faces import patient

CHEEK = 425


def square(side: int) -> tuple[Rgb, np.ndarray]:
    (face,) = FaceFinder().find(patient())
    crop = FaceCrop.around(face, patient().shape)
    rgb = crop.take(patient(), side)
    return rgb, FaceMesh().points(rgb, crop.within(face.landmarks, side))


def test_something_is_said_of_every_pixel_and_nothing_is_found_beyond_the_face() -> None:
    rgb, points = square(320)
    said = FaceLesionFinder(untrained_face_lesions()).logits(rgb, points)
    assert said.shape == (320, 320) and said.dtype == np.float32
    x, y = np.rint(points[CHEEK, :2]).astype(int)
    assert said.min() == said[0, 0] == -9 < said[y, x]


def test_a_patch_of_blood_is_found_where_it_is() -> None:
    rgb, points = square(512)
    x, y = np.rint(points[CHEEK, :2]).astype(int)
    spot = np.zeros(rgb.shape[:2], np.float32)
    cv2.circle(spot, (int(x), int(y)), 30, 1.0, -1)
    soft = cv2.GaussianBlur(spot, (0, 0), 4)[..., None]
    sick = np.clip(rgb * np.exp(soft * np.log([0.9, 0.5, 0.55])), 0, 255).astype(np.uint8)
    finder = FaceLesionFinder(load_embedded().face_lesions)
    with_it, without = finder.logits(sick, points), finder.logits(rgb, points)
    assert with_it[spot > 0].mean() > without[spot > 0].mean() + 2
    assert with_it[spot > 0].mean() > with_it[cv2.dilate(spot, np.ones((61, 61))) == 0].mean() + 3
