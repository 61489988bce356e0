"""A head is drawn where the face is, in the patient's light; what is around it stays."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from pipeline.edits.edit import EditKnobs, edited
from pipeline.faces import FaceFinder, Recognisers
from pipeline.heads import Drawing, HeadBank, HeadFlow, Points, Region, Sitter, hanging_before
from pipeline.heads.topology import OVAL
from pipeline.models import pixels_from_rgb
from pipeline.photograph import Rgb
from tests.pipeline.rendered_faces import patient


@pytest.fixture(scope="module")
def drawn(drawing: Drawing, bank: HeadBank, points: Points) -> Rgb:
    return drawing.drawn(patient(), points, bank.heads[0], np.random.default_rng(1))


def test_somebody_else_is_seen_in_the_same_place(drawn: Rgb) -> None:
    finder, recognisers = FaceFinder(), Recognisers.load()
    (before,), (after,) = finder.find(patient()), finder.find(drawn)
    assert abs(before.box - after.box).max() < 0.2 * before.size
    score = recognisers.sface.score(
        recognisers.sface.describe(patient(), before), recognisers.sface.describe(drawn, after)
    )
    assert score < 0.5  # of one rendered person in two scenes: above 0.8


def test_the_picture_keeps_its_size_and_its_edge(drawn: Rgb) -> None:
    assert drawn.shape == patient().shape
    assert drawn.dtype == np.uint8
    edge = np.ones(drawn.shape[:2], bool)
    edge[2:-2, 2:-2] = False
    assert abs(drawn[edge].astype(int) - patient()[edge]).mean() < 3


def test_a_head_is_lit_as_the_patient_is(drawing: Drawing, bank: HeadBank, points: Points) -> None:
    """From the left, from the right, and in half the light: the drawn head follows."""
    ramp = np.linspace(0.3, 1.0, 256)[None, :, None]
    middle = np.zeros(patient().shape[:2], bool)
    low, high = points[list(OVAL), :2].min(0).astype(int), points[list(OVAL), :2].max(0).astype(int)
    middle[low[1] : high[1], low[0] : high[0]] = True

    def lightness(rgb: Rgb, half: slice) -> float:
        columns = np.zeros(256, bool)
        columns[half] = True
        return float(rgb[middle & columns[None]].mean())

    left, right = slice(low[0], (low[0] + high[0]) // 2), slice((low[0] + high[0]) // 2, high[0])
    for light in (ramp, ramp[:, ::-1], np.full((1, 1, 1), 0.5)):
        lit = np.rint(patient() * light).astype(np.uint8)
        twin = drawing.drawn(lit, points, bank.heads[0], np.random.default_rng(1))
        for half in (left, right):
            assert lightness(twin, half) == pytest.approx(lightness(lit, half), rel=0.2)


def test_a_fringe_stays_before_the_forehead(drawing: Drawing, points: Points) -> None:
    laid, seen = drawing.square.unwrapped(patient(), points)
    fringe = laid.copy()
    fringe[14:46, 80:176] = (25, 18, 15)  # the brows begin at row 50
    assert hanging_before(drawing.square, fringe, seen)[24:38, 104:152].mean() > 0.8
    assert hanging_before(drawing.square, fringe, seen)[140:200, 90:166].max() == 0  # never over nose and mouth


def test_flow_edit_arrives_at_the_drawn_head_and_keeps_what_names_nobody(
    drawing: Drawing, bank: HeadBank, points: Points
) -> None:
    region = Region.around(points, patient().shape)
    sitter = Sitter(region.of(patient()), region.within(points))
    flow = HeadFlow(drawing, "digest")
    nobody, somebody = (flow.embed((whose, sitter)) for whose in (None, bank.heads[4]))
    pixels = pixels_from_rgb(sitter.rgb)
    swapped = edited(flow, pixels, [nobody, somebody], EditKnobs(1.0, 1))
    assert abs(pixels_from_rgb(swapped) - somebody.picture).max() < 1 / 127
    assert np.array_equal(edited(flow, pixels, [nobody, nobody], EditKnobs(1.0, 1)), sitter.rgb)


def test_a_region_at_the_photographs_edge_is_cut_there(points: Points) -> None:
    shifted = points - [points[:, 0].mean(), 0, 0]
    region = Region.around(shifted, (256, 256, 3))
    assert region.left == 0
    assert region.right <= 256
    changed = region.put_back(patient(), np.zeros_like(region.of(patient())))
    assert (changed[:, region.right :] == patient()[:, region.right :]).all()


@pytest.mark.parametrize("scale", [0.4, 3.0])
def test_heads_are_drawn_at_every_size(drawing: Drawing, bank: HeadBank, points: Points, scale: float) -> None:
    side = round(256 * scale)
    resized = np.asarray(cv2.resize(patient(), (side, side), interpolation=cv2.INTER_AREA), np.uint8)
    twin = drawing.drawn(resized, points * scale, bank.heads[2], np.random.default_rng(0))
    assert (twin != resized).any(-1).mean() > 0.2
