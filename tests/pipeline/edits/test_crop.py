"""What is cut out goes back where it was, without a seam, and leaves nothing of the patient inside the mask."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from pipeline.edits import FaceCrop, head_matte
from pipeline.edits.crop import FrameCrop
from pipeline.errors import UnusablePhotograph
from pipeline.faces import Face
from pipeline.photograph import Rgb

# Eyes 40 apart, mouth 50 below them: face unit 50, side 195.
LANDMARKS = np.array([[180.0, 150.0], [220.0, 150.0], [200.0, 175.0], [185.0, 200.0], [215.0, 200.0]])


def face(landmarks: np.ndarray = LANDMARKS) -> Face:
    return Face(np.array([150.0, 110.0, 250.0, 230.0]), landmarks, 0.9)


def noise(height: int = 400, width: int = 420, seed: int = 0) -> Rgb:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)


def smooth(height: int = 400, width: int = 420) -> Rgb:
    y, x = np.mgrid[:height, :width]
    waves = [np.sin(x / 31 + 1) + np.cos(y / 23), np.cos(x / 29 - y / 37), np.sin((x + y) / 41)]
    return (128 + 50 * np.stack(waves, -1)).clip(0, 255).astype(np.uint8)


def high_passed(rgb: Rgb) -> np.ndarray:
    grey = rgb.astype(np.float64).mean(-1)
    return grey - cv2.GaussianBlur(grey, (0, 0), 2)


def test_the_canonical_square_stands_where_the_definition_says() -> None:
    crop = FaceCrop.around(face(), (400, 420, 3))
    assert crop.side == 195
    assert crop.left + crop.side / 2 == pytest.approx(200, abs=0.5)
    assert crop.top + crop.side / 2 == pytest.approx(175 - 0.28 * 50, abs=0.5)


def test_landmarks_in_one_point_are_refused() -> None:
    for landmarks in (np.full((5, 2), 100.0), np.full((5, 2), np.nan)):
        with pytest.raises(UnusablePhotograph):
            FaceCrop.around(face(landmarks), (400, 420, 3))


def test_the_square_is_taken_by_area_and_repeats_the_edge_outside() -> None:
    rgb = noise()
    crop = FaceCrop(-20, 10, 64, 400, 420)
    expected = rgb[10:74, :44]
    taken = crop.take(rgb, 64)
    assert np.array_equal(taken[:, 20:], expected)
    assert np.array_equal(taken[:, :20], np.repeat(expected[:, :1], 20, axis=1))
    halved = crop.take(rgb, 32)[:, 10:].astype(float)
    means = expected.reshape(32, 2, 22, 2, 3).mean((1, 3))
    assert np.abs(halved - means).max() <= 0.5 + 1e-6


def test_an_unchanged_square_goes_back_unnoticed() -> None:
    rgb = smooth()
    crop = FaceCrop.around(face(), rgb.shape)
    back = crop.put_back(rgb, crop.take(rgb, 128))
    assert np.abs(back.astype(int) - rgb).max() <= 3


def test_nothing_outside_the_feathered_head_changes_and_no_seam_appears() -> None:
    rgb = smooth()
    crop = FaceCrop.around(face(), rgb.shape)
    mask = np.zeros(rgb.shape[:2], np.float32)
    mask[crop.top : crop.top + crop.side, crop.left : crop.left + crop.side] = head_matte(crop.side)
    back = crop.put_back(rgb, np.zeros((128, 128, 3), np.uint8))
    assert np.array_equal(back[mask == 0], rgb[mask == 0])
    assert (back[mask == 1] == 0).all()
    edge = head_matte(crop.side)
    assert max(edge[0].max(), edge[-1].max(), edge[:, 0].max(), edge[:, -1].max()) == 0
    # Feathered: from one pixel to the next the blend moves by less than a sixth of the change.
    assert np.abs(np.diff(edge, axis=0)).max() < 1 / 6
    assert np.abs(np.diff(edge, axis=1)).max() < 1 / 6


def test_none_of_the_originals_texture_survives_inside_the_mask() -> None:
    rgb = noise()
    crop = FaceCrop.around(face(), rgb.shape)
    back = crop.put_back(rgb, noise(128, 128, seed=1))
    inside = np.zeros(rgb.shape[:2], bool)
    inside[crop.top : crop.top + crop.side, crop.left : crop.left + crop.side] = head_matte(crop.side) == 1
    inside = cv2.erode(inside.astype(np.uint8), np.ones((15, 15), np.uint8)) > 0
    kept, new = high_passed(rgb)[inside], high_passed(back)[inside]
    assert abs(np.corrcoef(kept, new)[0, 1]) < 0.05
    outside = np.ones_like(inside)
    outside[crop.top : crop.top + crop.side, crop.left : crop.left + crop.side] = False
    assert np.array_equal(back[outside], rgb[outside])


def test_the_mask_holds_both_ears_the_hairline_and_the_jaw() -> None:
    mask = head_matte(FaceCrop.around(face(), (400, 420)).side)
    crop = FaceCrop.around(face(), (400, 420))

    def at(x: float, y: float) -> float:
        return float(mask[round(y) - crop.top, round(x) - crop.left])

    unit = 50
    for x, y in [
        (200 - 1.45 * unit, 165),  # right ear
        (200 + 1.45 * unit, 165),  # left ear
        (200, 150 - 1.2 * unit),  # hairline
        (200, 200 + 0.8 * unit),  # chin
    ]:
        assert at(x, y) == 1


def test_a_difference_is_added_and_fine_texture_stays() -> None:
    rgb = np.clip(smooth().astype(int) // 2 + 60 + noise().astype(int) // 16, 0, 255).astype(np.uint8)
    crop = FaceCrop.around(face(), rgb.shape)
    before = crop.take(rgb, 128)
    after = np.clip(before.astype(int) + np.array([-20, 10, 0]), 0, 255).astype(np.uint8)
    healed = crop.put_difference(rgb, before, after)
    middle = np.s_[crop.top + 30 : crop.top + crop.side - 30, crop.left + 30 : crop.left + crop.side - 30]
    assert np.abs(healed[middle].astype(int) - rgb[middle] - np.array([-20, 10, 0])).max() <= 1
    assert np.corrcoef(high_passed(healed)[middle].ravel(), high_passed(rgb)[middle].ravel())[0, 1] > 0.99
    border = healed.astype(int) - rgb
    assert np.abs(border[crop.top, crop.left : crop.left + crop.side]).max() <= 1


def test_a_difference_reaches_the_photographs_own_edge() -> None:
    rgb = np.full((100, 100, 3), 100, np.uint8)
    crop = FaceCrop(0, 0, 100, 100, 100)
    before = crop.take(rgb, 32)
    assert (crop.put_difference(rgb, before, before + 10) == 110).all()


@pytest.mark.parametrize("shape", [(300, 400), (400, 300), (257, 257), (33, 90)])
def test_a_photograph_without_a_face_is_edited_whole(shape: tuple[int, int]) -> None:
    rgb = smooth(*shape)
    crop = FrameCrop.whole(rgb.shape)
    before = crop.take(rgb, 64)
    assert before.shape == (64, 64, 3)
    after = np.clip(before.astype(int) + 12, 0, 255).astype(np.uint8)
    assert np.array_equal(crop.put_difference(rgb, before, before), rgb)
    assert np.abs(crop.put_difference(rgb, before, after).astype(int) - rgb - 12).max() <= 1


def test_a_square_is_not_used_on_another_photograph() -> None:
    crop = FaceCrop.around(face(), (400, 420))
    with pytest.raises(ValueError, match="cut for 420 x 400"):
        crop.put_back(noise(420, 400), noise(128, 128))


def test_rows_of_the_heads_mask_are_those_of_the_whole() -> None:
    for reach in (1.0, 1.5):
        assert (head_matte(61, reach, slice(13, 40)) == head_matte(61, reach)[13:40]).all()
