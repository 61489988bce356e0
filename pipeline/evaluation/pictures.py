"""What a person looks at: one patient as a row of pictures, and an overview with two patients of each skin type."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from pipeline.disease import FULL_SCALE, diverging, signed_difference
from pipeline.evaluation.case import Case
from pipeline.evaluation.masks import Mask, Pictures
from pipeline.photograph import Rgb

SIDE = 180
"""Pixels of a picture in a row."""
OF_EACH_TYPE = 2
COLUMNS = ("photograph", "sick twin", "healthy twin", "difference", "mask, truth")
_FOUND, _TRUE = (0, 230, 230), (255, 210, 0)
_PAPER, _INK = (250, 249, 247), (32, 34, 38)
_CAPTION, _GAP = 24, 12


def row_of(pictures: Pictures) -> Rgb:
    """Photograph, sick twin, healthy twin, their difference in L*, a* or b*, and both masks' outlines."""
    difference = signed_difference(pictures.sick, pictures.healthy)
    channel = int(np.abs(difference).mean((0, 1)).argmax())
    coloured = diverging(difference[..., channel] / FULL_SCALE)
    outlined = pictures.sick.copy()
    for mask, colour in ((pictures.truth, _TRUE), (pictures.mask, _FOUND)):
        outlined[_rim(mask)] = colour
    cells = (pictures.photograph, pictures.sick, pictures.healthy, coloured, outlined)
    return np.concatenate([_small(np.asarray(cell, np.uint8)) for cell in cells], axis=1)


def overview(cases: Sequence[Case]) -> Image.Image:
    """The first two patients of each Fitzpatrick type side by side, not chosen by how they turned out."""
    chosen: dict[str, list[Case]] = {}
    for case in sorted(cases, key=lambda case: case.seed):
        of_type = chosen.setdefault(case.skin_type, [])
        if len(of_type) < OF_EACH_TYPE:
            of_type.append(case)
    rows = [[row_of(case.pictures) for case in chosen[name]] for name in sorted(chosen)]
    width = (len(COLUMNS) * SIDE + _GAP) * OF_EACH_TYPE - _GAP
    height = max(row.shape[0] for each in rows for row in each)
    picture = Image.new("RGB", (width, _CAPTION + len(rows) * (height + _CAPTION)), _PAPER)
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(14)
    for place in range(OF_EACH_TYPE):
        left = place * (len(COLUMNS) * SIDE + _GAP)
        for number, name in enumerate(COLUMNS):
            pen.text((left + number * SIDE + 2, 3), name, _INK, font)
        for line, name in enumerate(sorted(chosen)):
            if place >= len(chosen[name]):
                continue
            case, top = chosen[name][place], _CAPTION + line * (height + _CAPTION)
            picture.paste(Image.fromarray(rows[line][place]), (left, top))
            pen.text((left + 2, top + height + 3), _caption(case), _INK, font)
    return picture


def _caption(case: Case) -> str:
    return (
        f"type {case.skin_type}, {case.lesion}, patient {case.seed}: "
        f"{'released' if case.released else 'held back'}, mask IoU {case.mask_iou_truth:.2f}"
    )


def _rim(mask: Mask) -> Mask:
    return np.asarray(ndimage.binary_dilation(mask, iterations=2) & ~mask)


def _small(rgb: Rgb) -> Rgb:
    height = round(rgb.shape[0] * SIDE / rgb.shape[1])
    return np.asarray(Image.fromarray(rgb).resize((SIDE, height), Image.Resampling.LANCZOS))
