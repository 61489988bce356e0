"""The disease as what it does to light: taken off, put on another face, and nothing else of the face with it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from pipeline.disease import Lesion, signed_difference
from pipeline.disease.field import BAND
from pipeline.photograph import Rgb

SIDE = 96
ROWS, COLUMNS = np.mgrid[:SIDE, :SIDE]
DISC = (ROWS - 48) ** 2 + (COLUMNS - 40) ** 2 < 14**2


def skin(colour: tuple[int, int, int], seed: int = 0) -> Rgb:
    noise = np.random.default_rng(seed).integers(-3, 4, (SIDE, SIDE, 1))
    return np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)


def with_disc(rgb: Rgb, factors: tuple[float, float, float]) -> Rgb:
    """Less light from a disc, in linear intensities."""
    linear = (rgb / 255.0) ** 2.2
    linear[DISC] *= factors
    return np.asarray(np.rint(255 * linear ** (1 / 2.2)), np.uint8)


@pytest.fixture
def patient() -> tuple[Rgb, Rgb, Lesion]:
    healthy = skin((205, 165, 145))
    sick = with_disc(healthy, (0.9, 0.5, 0.55))
    return sick, healthy, Lesion.between(sick, healthy, DISC, model_pixel=1.0)


def test_taken_off_the_sick_skin_is_the_healthy_one(patient: tuple[Rgb, Rgb, Lesion]) -> None:
    sick, healthy, lesion = patient
    assert np.abs(lesion.taken_off(sick).astype(int) - healthy).max() <= 1
    assert np.abs(lesion.put_on(healthy).astype(int) - sick).max() <= 1


def test_beyond_its_rim_not_a_pixel_changes(patient: tuple[Rgb, Rgb, Lesion]) -> None:
    sick, _, lesion = patient
    far = (ROWS - 48) ** 2 + (COLUMNS - 40) ** 2 > 17**2
    assert np.array_equal(lesion.taken_off(sick)[far], sick[far])
    assert not lesion.change[far].any()


def test_on_another_person_of_the_same_complexion_it_looks_the_same(patient: tuple[Rgb, Rgb, Lesion]) -> None:
    sick, healthy, lesion = patient
    other = skin((198, 160, 142), seed=5)
    before = signed_difference(sick, healthy)[DISC].mean(0)
    after = signed_difference(lesion.put_on(other), other)[DISC].mean(0)
    assert np.abs(before).max() > 8
    assert np.abs(after - before).max() < 1.5


def test_shading_of_the_patient_is_not_carried_along() -> None:
    light = np.linspace(0.5, 1.0, SIDE)[None, :, None]
    healthy = (skin((205, 165, 145)) * light).astype(np.uint8)
    sick = with_disc(healthy, (0.9, 0.5, 0.55))
    lesion = Lesion.between(sick, healthy, DISC, model_pixel=1.0)
    dark, bright = (lesion.change[48, column].mean() for column in (30, 50))
    assert abs(dark - bright) < 0.05


def test_no_mask_is_no_lesion(patient: tuple[Rgb, Rgb, Lesion]) -> None:
    sick, healthy, _ = patient
    lesion = Lesion.between(sick, healthy, np.zeros_like(DISC), model_pixel=1.0)
    assert np.array_equal(lesion.put_on(healthy), healthy)
    assert np.array_equal(Lesion.none(sick.shape).taken_off(sick), sick)


def test_depigmented_skin_never_becomes_brighter_than_white() -> None:
    dark = skin((60, 40, 30))
    white = dark.copy()
    white[DISC] = (240, 220, 200)
    lesion = Lesion.between(white, dark, DISC, model_pixel=1.0)
    assert lesion.put_on(skin((240, 220, 210))).max() <= 255
    assert lesion.put_on(dark)[48, 40].mean() > 150


def test_another_size_is_refused(patient: tuple[Rgb, Rgb, Lesion]) -> None:
    sick, healthy, lesion = patient
    with pytest.raises(ValueError, match="does not fit"):
        lesion.put_on(sick[:50])
    with pytest.raises(ValueError, match="shapes differ"):
        Lesion.between(sick, healthy[:50], DISC, model_pixel=1.0)


def test_what_is_covered_is_not_carried_along(patient: tuple[Rgb, Rgb, Lesion]) -> None:
    _, healthy, lesion = patient
    covered = COLUMNS < 40
    kept = lesion.beside(covered)
    assert np.array_equal(kept.put_on(healthy)[covered], healthy[covered])
    assert np.array_equal(kept.change[~covered], lesion.change[~covered])


def test_a_lesion_seen_in_a_smaller_picture_is_laid_over_the_large_one() -> None:
    """As it would be if its field were enlarged at once, whatever the bands."""
    height, width = 3 * BAND + 17, 640
    change = np.zeros((height // 4, width // 4, 3), np.float32)
    change[40:120, 30:90] = np.random.default_rng(0).uniform(-1, 0, (80, 60, 3))
    healthy = np.random.default_rng(1).integers(60, 220, (height, width, 3)).astype(np.uint8)
    sick = Lesion(change).put_on(healthy)
    whole = cv2.resize(change, (width, height), interpolation=cv2.INTER_LINEAR)
    assert np.abs(sick.astype(int) - Lesion(whole).put_on(healthy)).max() <= 1
    untouched = ~(whole != 0).any(-1)
    assert untouched.any() and np.array_equal(sick[untouched], healthy[untouched])
    assert (sick[4 * 60 : 4 * 100, 4 * 40 : 4 * 80] < healthy[4 * 60 : 4 * 100, 4 * 40 : 4 * 80]).mean() > 0.9


@pytest.mark.parametrize("shape", [(100, 100, 3), (400, 100, 3), (50, 90, 3)])
def test_a_lesion_of_other_proportions_fits_no_photograph(shape: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        Lesion(np.ones(shape, np.float32)).put_on(np.zeros((200, 300, 3), np.uint8))
