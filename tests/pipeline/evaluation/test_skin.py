"""Close-ups are measured against their truth; one that is held counts as held and as nothing else."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from pipeline.errors import Undecided
from pipeline.evaluation.skin import examine_skin
from pipeline.evaluation.unseen import Unseen
from pipeline.photograph import Findings, Photograph, Rgb, Subtraction, Twins
from pipeline.renderer import RenderedPatient
from pipeline.renderer.description import Description

SIDE = 48
SPOT = np.zeros((SIDE, SIDE), bool)
SPOT[10:30, 10:30] = True


@dataclass
class Maker:
    """Heals every red pixel of the upper ``rows``; sees a face in whatever is ``suspected``."""

    rows: int = SIDE
    suspected: bool = False

    def heal(self, photograph: Photograph) -> Photograph:
        return photograph

    def swap(self, photograph: Photograph, lesion: Photograph, persona_seed: bytes, attempt: int) -> Twins:
        if self.suspected:
            raise Undecided("there may be a face")
        healthy = photograph.rgb.copy()
        healthy[: self.rows][photograph.rgb[: self.rows, :, 0] > 150] = 100
        return Twins(photograph.rgb, healthy)

    def judge(self, photograph: Photograph, twins: Twins) -> Findings:
        return Findings("no-face", 0)

    def subtract(self, twins: Twins) -> Subtraction:
        mask = (twins.sick != twins.healthy).any(-1)
        return Subtraction(np.zeros((SIDE, SIDE, 3), np.float32), mask.astype(np.float32), mask, "erythema")


def reddened() -> Unseen:
    healthy: Rgb = np.full((SIDE, SIDE, 3), 100, np.uint8)
    sick = healthy.copy()
    sick[SPOT, 0] = 200
    description = Description("close-up", skin_type="II", lesion="erythema")
    landmarks = np.full((5, 2), np.nan, np.float32)
    soft = SPOT.astype(np.float32)
    rendered = RenderedPatient(sick, healthy, soft, SPOT, landmarks, description, True, delta_e=30.0, view="close-up")
    return Unseen(7, rendered)


def test_a_mask_is_held_against_the_truth() -> None:
    whole, half = (examine_skin(Maker(rows), reddened()) for rows in (SIDE, 20))  # type: ignore[arg-type]
    assert (whole.released, whole.mask_iou_truth, whole.healthy_false_area) == (True, 1.0, 0.0)
    assert half.mask_iou_truth == 0.5
    assert whole.otsu_iou == 1.0  # nothing else is red


def test_the_header_says_close_up_and_of_healthy_skin_no_lesion() -> None:
    skin = reddened()
    assert (skin.photograph.hints.view, skin.photograph.hints.lesion) == ("close-up", "erythema")
    assert (skin.healthy.hints.view, skin.healthy.hints.lesion) == ("close-up", None)


def test_a_close_up_that_is_held_is_counted_and_not_measured() -> None:
    held = examine_skin(Maker(suspected=True), reddened())  # type: ignore[arg-type]
    assert not held.released
    assert all(map(math.isnan, (held.mask_iou_truth, held.otsu_iou, held.healthy_false_area)))
