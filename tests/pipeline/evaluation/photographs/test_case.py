"""What is measured of one photograph, on pictures whose figures are known beforehand."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from skimage.color import rgb2lab

from pipeline.albums import PhotographFile
from pipeline.evaluation.masks import Mask, iou
from pipeline.evaluation.photographs import CLASS_OF, PhotographCase, Result, examine
from pipeline.evaluation.photographs.baselines import BASELINES
from pipeline.faces import FaceFinder
from pipeline.photograph import LesionClass, Rgb
from tests.pipeline.evaluation.photographs.pictures import disc, skin_with
from tests.pipeline.rendered_faces import patient

FILE = PhotographFile(Path("clinic"), "a.jpg", None, "close-up", None, "melanoma")
NOTHING = np.zeros((96, 128), bool)


def healed(mask: Mask, found: Mask, lesion_class: LesionClass = "pigmented") -> Result:
    sick = skin_with(mask)
    return Result(sick, skin_with(mask & ~found), found, lesion_class)


def of(mask: Mask, found: Mask, lesion_class: LesionClass = "pigmented") -> PhotographCase:
    result = healed(mask, found, lesion_class)
    return examine(FILE, result.sick, mask, result)


def test_a_lesion_that_is_found_and_healed() -> None:
    case = of(disc(), disc())
    assert case.mask_iou == 1 and case.false_area_beside == 0 and case.class_right == 1
    assert case.heal_delta_e_before > 20 and case.heal_delta_e < 1
    assert math.isnan(case.false_area), "skin that somebody outlined is not healthy"
    assert case.released and math.isnan(of(disc(), disc()).seconds)


def test_a_lesion_that_is_missed() -> None:
    case = of(disc(), NOTHING, "none")
    assert case.mask_iou == 0 and case.class_right == 0
    assert case.heal_delta_e == pytest.approx(case.heal_delta_e_before)
    assert case.above_colour < -0.9


@pytest.mark.parametrize("truth", [None, NOTHING])
def test_where_nothing_is_outlined_all_that_is_marked_is_false(truth: Mask | None) -> None:
    result = healed(NOTHING, disc())
    case = examine(FILE, result.sick, truth, result)
    assert case.false_area == pytest.approx(disc().mean())
    assert math.isnan(case.mask_iou) and math.isnan(case.iou_colour) and math.isnan(case.heal_delta_e)


def test_of_a_face_the_head_is_looked_at() -> None:
    rgb = patient()
    (face,) = FaceFinder().find(rgb)
    file = replace(FILE, view="face")

    def marked(mask: Mask) -> float:
        return examine(file, rgb, None, Result(rgb, rgb, mask, "none"), face).false_area

    everything = np.ones(rgb.shape[:2], bool)
    beyond = everything.copy()
    left, top, right, bottom = np.clip(face.box.astype(int), 0, None)
    beyond[max(top - 40, 0) : bottom + 40, max(left - 40, 0) : right + 40] = False
    assert marked(everything) == 1
    assert marked(~beyond) > 0.8
    assert marked(beyond) < 0.2
    assert examine(file, rgb, None, Result(rgb, rgb, everything, "none"), None).false_area == 1


def test_a_large_photograph_is_measured_like_a_small_one() -> None:
    small, large = of(disc(), disc(radius=0.15)), of(disc(960, 1280), disc(960, 1280, radius=0.15))
    for name in ("mask_iou", "iou_colour", "heal_delta_e_before", "iou_ellipse"):
        assert getattr(small, name) == pytest.approx(getattr(large, name), rel=0.1)
    assert max(large.pictures.photograph.shape) <= 360


def test_of_a_kind_that_has_no_class_none_is_right_or_wrong() -> None:
    unknown = replace(FILE, kind="tattoo")
    result = healed(disc(), disc())
    assert math.isnan(examine(unknown, result.sick, disc(), result).class_right)
    assert {"melanoma", "vitiligo", "erythema"} <= CLASS_OF.keys()


@pytest.mark.parametrize("centre", [(0.5, 0.5), (0.4, 0.6)])
def test_the_colour_rule_finds_the_middle_one_of_two(centre: tuple[float, float]) -> None:
    middle, corner = disc(centre=centre), disc(radius=0.1, centre=(0.1, 0.1))
    lab = rgb2lab(skin_with(middle | corner))
    found = {name: rule(lab) for name, (_, rule) in BASELINES.items()}
    assert iou(found["colour"], middle) > 0.85
    assert found["otsu_l"][corner].mean() > 0.7 and not found["colour"][corner].any()
    assert iou(found["otsu_a"], middle) < iou(found["colour"], middle)


def test_an_ellipse_is_the_same_whatever_is_shown() -> None:
    lab = rgb2lab(skin_with(disc()))
    ellipse = BASELINES["ellipse"][1](lab)
    assert ellipse.mean() == pytest.approx(math.pi / 16, rel=0.03)
    assert np.array_equal(ellipse, ellipse[::-1, ::-1])


@pytest.mark.parametrize("name", BASELINES)
def test_a_picture_of_one_colour_has_no_lesion_for_any_rule_that_looks(name: str) -> None:
    flat: Rgb = np.full((40, 60, 3), 120, np.uint8)
    mask = BASELINES[name][1](rgb2lab(flat))
    assert mask.shape == (40, 60)
    assert name == "ellipse" or not mask.any()
