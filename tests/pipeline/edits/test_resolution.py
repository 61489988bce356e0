"""A large photograph is worked on small, and what is found covers the whole of it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from pipeline.disease import Lesion
from pipeline.edits import FlowTwinMaker, load_flow_twin_maker
from pipeline.edits.resolution import enlarged, laid_over, reduced
from pipeline.edits.twins import LARGEST
from pipeline.photograph import Hints, Photograph, Rgb, Subtraction
from tests.pipeline.rendered_faces import patient

HEIGHT, WIDTH = 2000, 3000


@pytest.fixture(scope="module")
def maker() -> FlowTwinMaker:
    return load_flow_twin_maker()


def naevus(height: int, width: int) -> Rgb:
    """A dark disc on skin, at any size the same."""
    rows, columns = np.mgrid[:height, :width]
    disc = np.hypot(rows / height - 0.5, (columns - width / 2) / height) < 0.15
    smooth = cv2.GaussianBlur(disc.astype(np.float32), (0, 0), height / 200)[..., None]
    return np.asarray(np.rint([208, 166, 146] * (1 - smooth) + [96, 60, 48] * smooth), np.uint8)


def test_a_large_close_up_is_healed_small_and_marked_whole(maker: FlowTwinMaker) -> None:
    photograph = Photograph(naevus(HEIGHT, WIDTH), Hints(view="close-up"))
    lesion = maker.heal(photograph)
    assert max(lesion.change.shape) <= LARGEST
    twins = maker.swap(photograph, lesion, bytes(32), 0)
    assert np.array_equal(twins.sick, photograph.rgb) and twins.healthy.shape == photograph.rgb.shape
    found = maker.subtract(twins)
    assert found.mask.shape == found.probability.shape == (HEIGHT, WIDTH)
    small = Photograph(naevus(HEIGHT // 4, WIDTH // 4), Hints(view="close-up"))
    beside = maker.subtract(maker.swap(small, maker.heal(small), bytes(32), 0))
    again = enlarged(beside, (HEIGHT, WIDTH)).mask
    assert (found.mask & again).sum() > 0.75 * (found.mask | again).sum(), "as it is in the same photograph made small"
    assert ((found.probability >= 0.5) == found.mask).all()


def test_a_face_in_a_large_photograph_keeps_its_place(maker: FlowTwinMaker) -> None:
    rgb = cv2.resize(patient(), (2400, 2400), interpolation=cv2.INTER_CUBIC)
    small, faces = maker._workable(rgb, maker._faces(rgb, Hints(view="face")))
    (face,) = faces
    assert small.shape[0] < 2400 and face.size < small.shape[0]
    (again,) = maker._faces(small, Hints(view="face"))
    assert np.abs(face.landmarks - again.landmarks).max() < 0.03 * face.size


def test_a_small_photograph_is_worked_on_as_it_is(maker: FlowTwinMaker) -> None:
    rgb = patient()
    assert maker._workable(rgb, maker._faces(rgb, Hints(view="face")))[0] is rgb
    assert reduced(rgb, rgb.shape) is rgb
    found = Subtraction(np.zeros((4, 4, 3), np.float32), np.zeros((4, 4), np.float32), np.zeros((4, 4), bool), "none")
    assert enlarged(found, (4, 4)) is found


def test_a_head_that_fills_a_large_photograph_is_put_back_band_by_band(maker: FlowTwinMaker) -> None:
    rgb = cv2.resize(patient(), (1200, 1200), interpolation=cv2.INTER_CUBIC)
    twins = maker.swap(Photograph(rgb, Hints(view="face", sex="male")), Lesion.none(rgb.shape), bytes(range(32)), 0)
    changed = (twins.healthy != rgb).any(-1)
    rows = changed[:, 400:800].mean(1)
    assert (rows[300:900] > 0.9).all(), "no band was left out"


def test_an_edit_of_a_smaller_picture_leaves_nothing_where_it_altered_and_all_where_it_did_not() -> None:
    rgb = np.random.default_rng(0).integers(60, 200, (600, 900, 3)).astype(np.uint8)
    before = reduced(rgb, (200, 300))
    after = before.copy()
    cv2.circle(after, (150, 100), 40, (250, 20, 20), -1)
    laid = laid_over(rgb, before, after)
    rows, columns = np.mgrid[:600, :900]
    away = np.hypot(rows - 300, columns - 450)
    assert (laid[away > 3 * (40 + 20)] == rgb[away > 3 * (40 + 20)]).all()
    np.testing.assert_allclose(laid[away < 3 * 36], np.broadcast_to([250, 20, 20], laid[away < 3 * 36].shape), atol=1)


def test_an_edit_of_the_photographs_size_is_taken_as_it_is() -> None:
    before, after = naevus(64, 64), np.zeros((64, 64, 3), np.uint8)
    assert laid_over(before, before, after) is after
