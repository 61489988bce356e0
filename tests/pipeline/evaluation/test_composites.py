"""The leaks keep of the patient what they say, the gate holds each back, and a true swap passes."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from pipeline.errors import Rejected, Undecided
from pipeline.evaluation import FIRST_TRY, FULL_SWAP, KINDS, LEAKS
from pipeline.evaluation.composites import composites, masks
from pipeline.faces import Face, FaceFinder, Recognisers
from pipeline.gate import Gate, load_calibration
from pipeline.photograph import Hints, Rgb
from tests.pipeline.rendered_faces import patient, stranger

UPRIGHT = np.array([[80, 100], [120, 100], [100, 120], [85, 140], [115, 140]], np.float64)
"""Eyes and mouth 40 pixels apart: one face unit."""
SHAPE = (256, 200, 3)


@pytest.fixture(scope="module")
def finder() -> FaceFinder:
    return FaceFinder()


@pytest.fixture(scope="module")
def faces(finder: FaceFinder) -> tuple[Face, Face]:
    return finder.find(patient())[0], finder.find(stranger())[0]


@pytest.fixture(scope="module")
def made(faces: tuple[Face, Face]) -> dict[str, Rgb]:
    return composites(patient(), stranger(), faces[0].landmarks, faces[1].landmarks)


@pytest.fixture(scope="module")
def gate(finder: FaceFinder) -> Gate:
    return Gate(finder, Recognisers.load(), load_calibration("rendered"))


def test_each_part_is_the_patients_where_it_says_and_nowhere_else() -> None:
    eye, brow, nose, mouth, chin, ear, hairline = (
        (100, 80), (88, 120), (120, 100), (140, 100), (171, 100), (110, 45), (52, 100)
    )  # fmt: skip
    kept = {
        "eyes_kept": [eye, brow],
        "mouth_kept": [mouth, chin],
        "rim_kept": [chin, ear, hairline],
        "inner_face_kept": [eye, brow, nose, mouth],
    }
    parts = masks(SHAPE, UPRIGHT)
    assert set(parts) == set(kept)
    for name, part in parts.items():
        assert part.shape == SHAPE[:2]
        for place in (eye, brow, nose, mouth, chin, ear, hairline):
            share = part[place]
            assert 0.95 < share <= 1 if place in kept[name] else 0 <= share < 0.05, (name, place)
    np.testing.assert_allclose(parts["rim_kept"] + parts["inner_face_kept"], 1.0)
    assert 0.05 < parts["rim_kept"][120, 62] < 0.95  # a cut is soft


def test_a_tilted_head_is_cut_along_its_own_axes() -> None:
    upright = masks(SHAPE, UPRIGHT)["eyes_kept"]
    turn = cv2.getRotationMatrix2D((100.0, 120.0), 30.0, 1.0)
    tilted = masks(SHAPE, UPRIGHT @ turn[:, :2].T + turn[:, 2])["eyes_kept"]
    turned = cv2.warpAffine(upright, turn, (SHAPE[1], SHAPE[0]))
    assert abs(tilted - turned).mean() < 0.1 * abs(tilted - upright).mean()


def test_there_is_one_of_each_kind_and_the_swap_is_left_as_it_is(made: dict[str, Rgb]) -> None:
    assert set(made) == {*LEAKS, FULL_SWAP} == set(KINDS) - {FIRST_TRY}
    for picture in made.values():
        assert (picture.shape, picture.dtype) == (patient().shape, np.uint8)
    np.testing.assert_array_equal(made["untouched"], patient())
    np.testing.assert_array_equal(made[FULL_SWAP], stranger())


def test_the_shares_of_a_blend_are_the_patients() -> None:
    dark, light = np.zeros(SHAPE, np.uint8), np.full(SHAPE, 200, np.uint8)
    blends = composites(light, dark, UPRIGHT, UPRIGHT)
    assert (blends["blend_50"] == 100).all()
    assert (blends["blend_70"] == 140).all()


def test_leaks_lie_eyes_on_eyes_and_the_mirror_image_keeps_the_face_in_its_place(
    made: dict[str, Rgb], faces: tuple[Face, Face], finder: FaceFinder
) -> None:
    eyes_apart = float(np.hypot(*(faces[0].landmarks[1] - faces[0].landmarks[0])))
    for kind in LEAKS:
        (face,) = finder.find(made[kind])
        assert abs(face.landmarks - faces[0].landmarks).max() < 0.35 * eyes_apart, kind
    assert abs(made["mirrored"].astype(int) - patient()).mean() > 5


@pytest.mark.parametrize("kind", list(LEAKS))
def test_the_gate_holds_back_every_partial_leak(gate: Gate, made: dict[str, Rgb], kind: str) -> None:
    with pytest.raises(Rejected, match="still the patient"):
        gate.judge(patient(), made[kind], Hints(view="face"))


def test_the_gate_releases_the_full_swap(gate: Gate, made: dict[str, Rgb]) -> None:
    assert gate.judge(patient(), made[FULL_SWAP], Hints(view="face")).outcome == "released"


def test_pictures_that_do_not_belong_together_are_refused() -> None:
    rgb = np.zeros(SHAPE, np.uint8)
    with pytest.raises(ValueError, match="its swap"):
        composites(rgb, rgb[:100], UPRIGHT, UPRIGHT)
    with pytest.raises(ValueError, match="one point or not numbers"):
        composites(rgb, rgb, np.full((5, 2), 50.0), UPRIGHT)
    with pytest.raises(ValueError, match="one point or not numbers"):
        composites(rgb, rgb, np.full((5, 2), np.nan), UPRIGHT)
    with pytest.raises(Undecided):
        composites(rgb, rgb, UPRIGHT, np.full((5, 2), 50.0))
