"""The disease is what differs between the twins: drawn on plain skin here, so that the truth is known to the pixel."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from pipeline.disease import Lesion, SubtractionRule, signed_difference, subtract
from pipeline.disease.subtraction import DEFAULT_RULE, lesion_class
from pipeline.photograph import Rgb

SKIN = (205, 160, 138)
DISC = np.hypot(*np.meshgrid(np.arange(128) - 64, np.arange(128) - 50)) < 18


def skin(restlessness: float = 0.0, seed: int = 0) -> Rgb:
    noise = np.random.default_rng(seed).normal(0, restlessness, (128, 128, 3))
    return np.clip(np.array(SKIN) + noise, 0, 255).astype(np.uint8)


def with_disc(rgb: Rgb, shift: tuple[int, int, int]) -> Rgb:
    sick = rgb.astype(int)
    sick[DISC] += shift
    return np.clip(sick, 0, 255).astype(np.uint8)


def iou(mask: np.ndarray, truth: np.ndarray) -> float:
    return float((mask & truth).sum() / (mask | truth).sum())


@pytest.mark.parametrize(
    ("shift", "called"),
    [((10, -45, -30), "erythema"), ((-90, -80, -70), "pigmented"), ((40, 70, 85), "depigmented")],
)
def test_a_lesion_is_found_where_it_is_and_named_by_its_sign(shift: tuple[int, int, int], called: str) -> None:
    healthy = skin(restlessness=2)
    found = subtract(with_disc(healthy, shift), healthy, model_pixel=1.0)
    assert iou(found.mask, DISC) > 0.85
    assert found.lesion_class == called
    assert found.probability[DISC].mean() > 0.8
    assert found.probability[~DISC].mean() < 0.05


def test_equal_twins_have_no_disease() -> None:
    found = subtract(skin(3), skin(3), model_pixel=1.0)
    assert not found.mask.any()
    assert found.lesion_class == "none"
    assert found.probability.max() == 0


def test_a_restless_edit_is_not_mistaken_for_disease() -> None:
    found = subtract(skin(4, seed=1), skin(4, seed=2), model_pixel=1.0)
    assert found.mask.mean() < 0.005


def test_the_map_is_signed_sick_minus_healthy() -> None:
    healthy = skin()
    difference = signed_difference(with_disc(healthy, (-60, -60, -60)), healthy)
    assert difference.dtype == np.float32
    assert difference[DISC][:, 0].mean() < -15
    assert np.abs(difference[~DISC]).max() == 0


def test_the_mask_never_contradicts_the_probability() -> None:
    healthy = skin(3)
    found = subtract(with_disc(healthy, (15, -40, -30)), skin(3, seed=5), model_pixel=1.0)
    assert (found.probability[found.mask] >= 0.5).all()
    assert (found.probability[~found.mask] < 0.5).all()


def test_twins_of_different_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="shape"):
        subtract(skin(), skin()[:64], model_pixel=1.0)


def test_no_mask_has_no_class() -> None:
    assert lesion_class(skin(), skin(), np.zeros(skin().shape[:2], bool)) == "none"


@pytest.mark.parametrize(
    ("densities", "told"),
    [
        ((0.12, 0.58, 0.48), "erythema"),
        ((0.04, 0.20, 0.17), "erythema"),
        ((0.72, 1.02, 1.25), "pigmented"),
        ((2.2, 2.6, 2.8), "pigmented"),
        ((0.95, 0.85, 0.62), "pigmented"),
        ((0.6, 1.0, 1.2), "pigmented"),
        ((-0.4, -0.6, -0.8), "depigmented"),
    ],
    ids=["erythema", "faint erythema", "naevus", "black naevus", "blue naevus", "reddish naevus", "vitiligo"],
)
@pytest.mark.parametrize("complexion", [(228, 190, 172), (172, 120, 92), (88, 58, 46)], ids=["I", "IV", "VI"])
def test_the_class_is_what_the_lesion_does_to_light(
    densities: tuple[float, ...], told: str, complexion: tuple[int, ...]
) -> None:
    healthy = np.full((40, 40, 3), complexion, np.uint8)
    change = np.zeros((40, 40, 3), np.float32)
    change[10:30, 10:30] = -np.array(densities)
    sick = Lesion(change).put_on(healthy)
    assert lesion_class(sick, healthy, change.any(-1)) == told


def test_a_hole_in_a_lesion_is_filled_and_a_ring_stays_a_ring() -> None:
    healthy = skin()
    y, x = np.mgrid[: healthy.shape[0], : healthy.shape[1]]
    away = np.hypot(y - healthy.shape[0] / 2, x - healthy.shape[1] / 2)
    for hole, filled in ((8, True), (26, False)):
        sick = np.where(((away < 36) & (away > hole))[..., None], healthy - 60, healthy).astype(np.uint8)
        found = subtract(sick, healthy, model_pixel=1.0)
        assert found.mask[away < 4].all() == filled
        assert (found.probability[found.mask] >= 0.5).all()


def test_a_dark_spot_and_a_faint_one_of_one_size_are_outlined_more_alike_than_by_one_threshold() -> None:
    def areas(rule: SubtractionRule) -> list[float]:
        found = []
        for shift in ((-120, -100, -90), (-22, -20, -18)):
            sick = np.asarray(cv2.GaussianBlur(with_disc(skin(), shift), (0, 0), 3.0), np.uint8)
            mask = subtract(sick, skin(), model_pixel=1.0, rule=rule, floor=0.0).mask
            found.append(mask.sum() / DISC.sum())
        return found

    dark, faint = areas(DEFAULT_RULE)
    dark_by_threshold, faint_by_threshold = areas(replace(DEFAULT_RULE, share=0.0))
    assert 0 <= dark - faint < 0.6 * (dark_by_threshold - faint_by_threshold)


def test_each_part_of_a_lesion_ends_by_its_own_strength() -> None:
    healthy = skin()
    sick = with_disc(healthy, (-120, -100, -90))
    sick[100:120, 20:40] -= np.array([30, 26, 22], np.uint8)
    found = subtract(sick, healthy, model_pixel=1.0)
    assert found.mask[102:118, 22:38].all()
