"""Retained texture: whose pixels are still there, with a lesion that is kept on purpose left out of it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from pipeline.faces import Face, FaceFinder, retained_texture, square_around
from pipeline.faces.texture import REGIONS
from pipeline.photograph import Rgb
from tests.pipeline.rendered_faces import patient, stranger


@pytest.fixture(scope="module")
def face() -> Face:
    return FaceFinder().find(patient())[0]


def with_naevus(rgb: Rgb, face: Face, radius: float) -> tuple[Rgb, np.ndarray]:
    """A dark spot on the nose of whoever it is, and where it is."""
    spotted = np.ascontiguousarray(rgb)
    mask = np.zeros(rgb.shape[:2], np.uint8)
    x, y = face.landmarks[2].round().astype(int).tolist()
    for target in (spotted, mask):
        cv2.circle(target, (x + 6, y - 6), round(radius), (45, 30, 25) if target is spotted else 1, -1)
    return spotted, mask > 0


def test_the_same_pixels_are_found_in_every_region_and_anothers_in_none(face: Face) -> None:
    kept = retained_texture(patient(), patient(), face)
    assert set(kept) == set(REGIONS)
    assert min(kept.values()) > 0.99
    assert max(retained_texture(patient(), stranger(), face).values()) < 0.65


def test_a_small_lesion_kept_on_purpose_is_not_taken_for_the_patient(face: Face) -> None:
    before, mask = with_naevus(patient(), face, 3)
    after, _ = with_naevus(stranger(), face, 3)
    assert retained_texture(before, after, face)["nose"] > retained_texture(before, after, face, mask)["nose"] + 0.2


def test_a_lesion_that_fills_a_region_hides_nothing_of_it(face: Face) -> None:
    everywhere = np.ones(patient().shape[:2], bool)
    assert retained_texture(patient(), patient(), face, everywhere) == retained_texture(patient(), patient(), face)


def test_the_patients_nose_beside_a_lesion_is_still_found(face: Face) -> None:
    before, mask = with_naevus(patient(), face, 3)
    assert retained_texture(before, before, face, mask)["nose"] > 0.99


def test_a_kept_rim_is_found_where_the_photograph_cuts_the_head_off(face: Face) -> None:
    """A head that fills the frame shows its rim next to the photograph's edges alone."""
    square = square_around(face.landmarks)
    centre, half = np.array([square.centre_x, square.centre_y]), square.side / 2
    left, top = (centre - 0.72 * half).round().astype(int)
    cut = np.s_[top : top + round(1.44 * half), left : left + round(1.44 * half)]
    near = Face(face.box - [left, top, left, top], face.landmarks - [left, top], face.score)
    y, x = np.mgrid[: patient().shape[0], : patient().shape[1]]
    inner = np.hypot(x - centre[0], y - centre[1]) < 0.5 * half
    rim_kept = np.where(inner[..., None], stranger(), patient())
    assert retained_texture(patient()[cut], rim_kept[cut], near)["rim"] > 0.9
    assert retained_texture(patient()[cut], stranger()[cut], near)["rim"] < 0.65


def test_the_photographs_edge_and_the_light_along_it_are_no_texture(face: Face) -> None:
    """Two smooth shadings agree everywhere; cut at the frame's edge they must not look like one person's pixels."""
    random = np.random.default_rng(4)
    slope = np.linspace(60, 200, patient().shape[1])[None, :, None]
    shaded = [
        np.clip(slope + random.normal(0, 4, patient().shape[:2])[..., None], 0, 255).repeat(3, 2).astype(np.uint8)
        for _ in range(2)
    ]
    left = round(float(face.landmarks[0, 0]) - 25)
    near = Face(face.box - [left, 0, left, 0], face.landmarks - [left, 0], face.score)
    assert max(retained_texture(shaded[0][:, left:], shaded[1][:, left:], near).values()) < 0.3


@pytest.mark.parametrize("contrast", [10.0, 40.0, 100.0])
def test_a_kept_rim_is_found_however_much_contrast_lies_over_a_part_of_it(face: Face, contrast: float) -> None:
    square = square_around(face.landmarks)
    over = np.mgrid[: patient().shape[0], : patient().shape[1]][0] > square.centre_y + 0.3 * square.side
    speckled = np.random.default_rng(4).normal(128, contrast, patient().shape[:2])[..., None].repeat(3, 2)
    hazy = np.rint(128 + 0.25 * (patient().astype(float) - 128)).astype(np.uint8)
    twin = np.where(over[..., None], np.clip(speckled, 0, 255).astype(np.uint8), hazy)
    assert retained_texture(hazy, twin, face)["rim"] > 0.65
