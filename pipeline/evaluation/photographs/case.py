"""What the pipeline made of one photograph, beside what people outlined in it and what rules without a model find."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.color import deltaE_ciede2000, rgb2lab

from pipeline.albums import PhotographFile
from pipeline.edits import FaceCrop, head_matte
from pipeline.evaluation.masks import Mask, Pictures, iou
from pipeline.evaluation.photographs.baselines import BASELINES
from pipeline.faces import Face
from pipeline.photograph import LesionClass, Rgb

HeldFor = Literal["", "face", "text", "another reason"]

MEASURED = 768
"""Pixels of the longest side at which baselines and colours are measured."""
SHOWN = 360
"""The same of what a person looks at."""
RING = (0.15, 0.6)
"""Where the skin around a lesion is looked at: from there to there outside of it, in radii of a disc as large."""

CLASS_OF: dict[str, LesionClass] = {
    "erythema": "erythema", "rosacea": "erythema", "acne": "erythema", "papules": "erythema", "eczema": "erythema",
    "dermatitis": "erythema", "psoriasis": "erythema", "plaque": "erythema",
    "pigmented": "pigmented", "naevus": "pigmented", "nevus": "pigmented", "melanoma": "pigmented",
    "lentigo": "pigmented", "seborrhoeic keratosis": "pigmented", "seborrheic keratosis": "pigmented",
    "depigmented": "depigmented", "vitiligo": "depigmented",
}  # fmt: skip
"""The class that is right for a kind of disease, as an index may name it. Of others none is called right or wrong."""


@dataclass(frozen=True)
class Result:
    """What the pipeline made of a photograph. Of one that was held, what healing alone makes of it.

    ``sick``, ``healthy`` and ``mask`` are of the photograph's size.
    """

    sick: Rgb
    healthy: Rgb
    mask: Mask
    lesion_class: LesionClass
    held_for: HeldFor = ""
    reason: str = ""
    seconds: float = math.nan


@dataclass(frozen=True)
class PhotographCase:
    """Figures of one photograph; not numbers where there is nothing to measure. Shares and IoU from 0 to 1."""

    name: str
    source: str
    view: str
    skin_type: str
    kind: str
    held_for: HeldFor
    reason: str
    lesion_class: str
    mask_iou: float
    """Whether it was released or held."""
    false_area: float
    """Of the head for faces, of the picture else, where nothing was outlined."""
    false_area_beside: float
    """Of what people left outside of their outline."""
    heal_delta_e_before: float
    """CIEDE2000 between the lesion and the skin around it."""
    heal_delta_e: float
    """The same once it is healed."""
    class_right: float
    seconds: float
    iou_otsu_a: float
    iou_otsu_l: float
    iou_colour: float
    iou_ellipse: float
    pictures: Pictures = field(repr=False)
    sex: str = "not said"
    """Of a face, as the index says or as it is seen; complexion and age likewise."""
    complexion: str = "not said"
    age: str = "not said"

    @property
    def released(self) -> bool:
        return not self.held_for

    @property
    def above_colour(self) -> float:
        """How much better the mask is than the colour rule's."""
        return self.mask_iou - self.iou_colour


def examine(
    file: PhotographFile, rgb: Rgb, truth: Mask | None, result: Result, face: Face | None = None
) -> PhotographCase:
    """The figures of ``result``. ``truth``: None or empty where nobody outlined a disease. ``face``: the largest."""
    nothing = truth is None or not truth.any()
    outlined = np.zeros(rgb.shape[:2], bool) if truth is None else truth
    scale = min(1.0, MEASURED / max(rgb.shape[:2]))
    small_truth = _smaller_mask(outlined, scale)
    before, after = (rgb2lab(_smaller(each, scale)) for each in (rgb, result.healthy))
    baselines = {name: math.nan if nothing else iou(rule(before), small_truth) for name, (_, rule) in BASELINES.items()}
    right = CLASS_OF.get(file.kind)
    looked_at = min(1.0, SHOWN / max(rgb.shape[:2]))
    return PhotographCase(
        name=file.name,
        source=file.source.name,
        view=file.view,
        skin_type=file.skin_type or "not said",
        kind=file.kind or "not said",
        held_for=result.held_for,
        reason=result.reason,
        lesion_class=result.lesion_class,
        mask_iou=math.nan if nothing else iou(result.mask, outlined),
        false_area=_false_area(result.mask, face if file.view == "face" else None) if nothing else math.nan,
        false_area_beside=math.nan if nothing or outlined.all() else float(result.mask[~outlined].mean()),
        heal_delta_e_before=_against_ring(before, small_truth),
        heal_delta_e=_against_ring(after, small_truth),
        class_right=math.nan if right is None else float(result.lesion_class == right),
        seconds=result.seconds,
        iou_otsu_a=baselines["otsu_a"],
        iou_otsu_l=baselines["otsu_l"],
        iou_colour=baselines["colour"],
        iou_ellipse=baselines["ellipse"],
        pictures=Pictures(
            photograph=_smaller(rgb, looked_at),
            sick=_smaller(result.sick, looked_at),
            healthy=_smaller(result.healthy, looked_at),
            mask=_smaller_mask(result.mask, looked_at),
            truth=_smaller_mask(outlined, looked_at),
        ),
    )


def _false_area(mask: Mask, face: Face | None) -> float:
    if face is None:
        return float(mask.mean())
    crop = FaceCrop.around(face, mask.shape)
    side = min(crop.side, MEASURED)
    head = head_matte(side) > 0.5
    marked = crop.take(np.repeat(mask[..., None] * np.uint8(255), 3, axis=2), side)[..., 0] >= 128
    photographed = _inside(crop, side)
    return float(marked[head & photographed].mean()) if (head & photographed).any() else math.nan


def _inside(crop: FaceCrop, side: int) -> Mask:
    """Where the square lies in the photograph: bool (side, side)."""
    offset = (np.arange(side) + 0.5) * (crop.side / side)
    rows = (crop.top + offset >= 0) & (crop.top + offset < crop.height)
    columns = (crop.left + offset >= 0) & (crop.left + offset < crop.width)
    return np.asarray(rows[:, None] & columns[None, :])


def _against_ring(lab: NDArray[np.float64], truth: Mask) -> float:
    """CIEDE2000 between the mean colours of the outlined disease and of the skin around it; NaN without a ring."""
    if not truth.any():
        return math.nan
    radius = math.sqrt(truth.sum() / math.pi)
    away = ndimage.distance_transform_edt(~truth)
    ring = (away > RING[0] * radius + 1) & (away <= RING[1] * radius + 2)
    if not ring.any():
        return math.nan
    return float(deltaE_ciede2000(lab[truth].mean(0), lab[ring].mean(0)))


def _smaller(rgb: Rgb, scale: float) -> Rgb:
    if scale >= 1:
        return rgb
    return np.asarray(cv2.resize(rgb, _size(rgb.shape, scale), interpolation=cv2.INTER_AREA), np.uint8)


def _smaller_mask(mask: Mask, scale: float) -> Mask:
    if scale >= 1:
        return mask
    share = cv2.resize(mask.astype(np.float32), _size(mask.shape, scale), interpolation=cv2.INTER_AREA)
    return np.asarray(share >= 0.5)


def _size(shape: tuple[int, ...], scale: float) -> tuple[int, int]:
    return max(1, round(shape[1] * scale)), max(1, round(shape[0] * scale))
