"""The skin of a head is more than its face: by its colour, and by the mesh where a lesion has another."""

from __future__ import annotations

import cv2
import numpy as np

from pipeline.heads import face_skin, shown_skin

EYES_NOSE_MOUTH = np.array([[100.0, 110], [156, 110], [128, 140], [106, 170], [150, 170]])


def head() -> np.ndarray:
    """A disc of skin with a neck, on blue, with dark eyes and red lips."""
    rgb = np.full((256, 256, 3), (40, 60, 160), np.uint8)
    cv2.circle(rgb, (128, 130), 70, (200, 150, 130), -1)
    cv2.rectangle(rgb, (100, 190), (156, 255), (200, 150, 130), -1)
    for x, y in EYES_NOSE_MOUTH[:2].astype(int):
        cv2.ellipse(rgb, (int(x), int(y)), (12, 6), 0, 0, 360, (30, 30, 30), -1)
    cv2.ellipse(rgb, (128, 170), (24, 8), 0, 0, 360, (170, 50, 60), -1)
    return rgb


def test_skin_has_the_cheeks_colour_wherever_on_the_head_it_is() -> None:
    skin = face_skin(head(), EYES_NOSE_MOUTH)
    assert skin.dtype == np.float32 and skin.shape == (256, 256)
    assert skin[140, 90] > 0.95 and skin[200, 128] > 0.95  # cheek, neck
    assert skin[110, 100] == skin[170, 128] == skin[20, 20] == 0  # eye, mouth, wall


def test_a_small_lesion_in_it_is_looked_at_although_it_has_another_colour() -> None:
    rgb = head()
    cv2.circle(rgb, (128, 200), 5, (90, 40, 30), -1)
    skin = face_skin(rgb, EYES_NOSE_MOUTH)
    none = np.zeros_like(skin)
    assert skin[200, 128] < 0.1 < 0.9 < shown_skin(none, skin)[200, 128]
    assert shown_skin(none, none).max() == 0


def test_bare_skin_is_looked_at_whatever_its_colour() -> None:
    bare = np.zeros((256, 256), np.float32)
    bare[60:100, 60:100] = 1
    shown = shown_skin(bare, np.zeros_like(bare))
    assert shown[80, 80] == 1 and shown[150, 150] == 0
