"""Skin without a face: what healing and subtraction make of an unseen close-up, every third through a dermatoscope."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from skimage.color import rgb2lab

from pipeline.edits import FlowTwinMaker
from pipeline.errors import Refusal
from pipeline.evaluation.first_twins import false_area, first_twins
from pipeline.evaluation.masks import Pictures, iou, redness_mask
from pipeline.evaluation.unseen import Unseen
from pipeline.photograph import Photograph, Twins

NOBODY = b"nobody is to be seen in it"
"""In place of an HMAC of the patient: a face that is seen where none is becomes a persona, as it would in service."""


@dataclass(frozen=True)
class SkinCase:
    """Figures of one close-up, named as those of a ``Case`` are; not numbers where it was held."""

    seed: int
    lesion: str
    skin_type: str
    released: bool
    mask_iou_truth: float
    otsu_iou: float
    healthy_false_area: float
    pictures: Pictures = field(repr=False)
    tries: int = 1


def examine_skin(maker: FlowTwinMaker, skin: Unseen) -> SkinCase:
    """Every figure of one close-up; of one that is held, as where a face is suspected in it, none but that."""
    truth, photograph = skin.rendered, skin.photograph
    try:
        twins = first_twins(maker, photograph, NOBODY)
        maker.judge(photograph, twins)
        released = True
    except Refusal:
        twins, released = Twins(photograph.rgb, photograph.rgb), False
    found = maker.subtract(twins)
    return SkinCase(
        seed=skin.seed,
        lesion=truth.description.lesion,
        skin_type=truth.description.skin_type,
        released=released,
        mask_iou_truth=iou(found.mask, truth.mask) if released else math.nan,
        otsu_iou=iou(redness_mask(rgb2lab(twins.sick)), truth.mask) if released else math.nan,
        healthy_false_area=_false_area(maker, skin.healthy),
        pictures=Pictures(photograph.rgb, twins.sick, twins.healthy, found.mask, truth.mask),
    )


def _false_area(maker: FlowTwinMaker, healthy: Photograph) -> float:
    try:
        return false_area(maker, healthy, NOBODY)
    except Refusal:
        return math.nan
