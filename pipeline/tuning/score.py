"""What a healing and a swap are worth on one photograph, and on several.

The losses weigh what is at stake by our own choice: a tenth of a lesion left counts as much as half a unit of colour
changed beside it; a refusal by the gate counts more than anything else of a swap.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pipeline.disease import Lesion, signed_difference
from pipeline.edits import FaceCrop, head_matte
from pipeline.faces import Face
from pipeline.photograph import Photograph, Rgb, Twins

MEASURED = 768
"""Pixels of the longest side at which colours are compared."""

_RIM = 0.02
"""Share of the picture's longer side around an outline that is neither lesion nor skin: outlines are drawn roughly."""
_RING = (1.15, 1.6)
"""Where the skin around a lesion is looked at, in radii of a disc as large."""
_BESIDE = 5.0
"""Delta E beside a lesion that is as bad as a lesion left alone."""
_SEAM, _COLOUR = 20.0, 20.0
"""Delta E at a swapped head's rim, and of the disease, that are as bad as a certain likeness."""

_CROP = 256
"""Pixels at which a swapped head's rim is looked at."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class TuningPhotograph:
    """``truth`` (height, width): where a person outlined the disease; None or empty where there is none."""

    name: str
    photograph: Photograph
    truth: Mask | None

    @property
    def diseased(self) -> bool:
        return self.truth is not None and bool(self.truth.any())


@dataclass(frozen=True)
class HealScore:
    """``left``: of the lesion's contrast to the skin around it, 0 to 1 and more; not a number without an outline.
    ``beside``: mean delta E (CIE 1976) of what was not outlined. ``seconds``: a photograph."""

    left: float
    beside: float
    seconds: float

    @property
    def loss(self) -> float:
        return (0.0 if math.isnan(self.left) else self.left) + self.beside / _BESIDE

    @classmethod
    def mean(cls, scores: Sequence[HealScore]) -> HealScore:
        """Of several photographs; of what is left, of those that have an outline."""
        left = [score.left for score in scores if not math.isnan(score.left)]
        return cls(float(np.mean(left)) if left else math.nan, *_means(scores, "beside", "seconds"))


@dataclass(frozen=True)
class SwapScore:
    """``refused``: share of twins that the gate does not release. ``known``: SFace's cosine between patient and twin.
    ``seam``: mean delta E across the swapped head's rim. ``lesion``: by how much the disease looks otherwise, in
    delta E, 0 where there is none. ``seconds``: a photograph."""

    refused: float
    known: float
    seam: float
    lesion: float
    seconds: float

    @property
    def loss(self) -> float:
        return 2 * self.refused + max(self.known, 0.0) + self.seam / _SEAM + self.lesion / _COLOUR

    @classmethod
    def mean(cls, scores: Sequence[SwapScore]) -> SwapScore:
        """Of several photographs."""
        return cls(*_means(scores, "refused", "known", "seam", "lesion", "seconds"))


def heal_score(each: TuningPhotograph, lesion: Lesion, seconds: float) -> HealScore:
    """Of what healing took off."""
    rgb = each.photograph.rgb
    before, after = _smaller(rgb), _smaller(lesion.taken_off(rgb))
    outlined = np.zeros(before.shape[:2], bool) if each.truth is None else _as_large(each.truth, before.shape)
    rim = max(1, round(_RIM * max(before.shape)))
    beside = ~ndimage.binary_dilation(outlined, iterations=rim) if outlined.any() else ~outlined
    changed = np.linalg.norm(signed_difference(after, before), axis=-1)
    contrast = _contrast(before, outlined)
    left = _contrast(after, outlined) / contrast if contrast > 0 else math.nan
    return HealScore(left, float(changed[beside].mean()) if beside.any() else 0.0, seconds)


def swap_score(
    original: Rgb, twins: Twins, lesion: Lesion, faces: Sequence[Face], *, refused: bool, known: float, seconds: float
) -> SwapScore:
    """Of the twins of ``original``, whose ``lesion`` and ``faces`` are given. ``known``: SFace's cosine."""
    healed = lesion.taken_off(original)
    before, after, sick, twin = map(_smaller, (original, healed, twins.sick, twins.healthy))
    diseased = _as_large((lesion.change != 0).any(-1), before.shape)
    otherwise = np.linalg.norm(signed_difference(before, after) - signed_difference(sick, twin), axis=-1)
    differs = float(otherwise[diseased].mean()) if diseased.any() else 0.0
    seams = [_seam(FaceCrop.around(face, original.shape), healed, twins.healthy) for face in faces]
    return SwapScore(float(refused), known, max(seams, default=0.0), differs, seconds)


def _seam(crop: FaceCrop, before: Rgb, after: Rgb) -> float:
    """Mean delta E where the swapped head fades into the photograph."""
    matte = head_matte(_CROP)
    fading = (matte > 0.02) & (matte < 0.98)
    change = signed_difference(crop.take(after, _CROP), crop.take(before, _CROP))
    return float(np.linalg.norm(change, axis=-1)[fading].mean())


def _contrast(rgb: Rgb, outlined: Mask) -> float:
    """Delta E between the mean of the lesion and that of the skin around it; 0 where either is missing."""
    if not outlined.any():
        return 0.0
    radius = math.sqrt(outlined.sum() / math.pi)
    away = ndimage.distance_transform_edt(~outlined)
    ring = (away > (_RING[0] - 1) * radius) & (away <= max((_RING[1] - 1) * radius, 3))
    if not ring.any():
        return 0.0
    means = np.array([[rgb[outlined].mean(0)], [rgb[ring].mean(0)]]).astype(np.uint8)
    return float(np.linalg.norm(signed_difference(means[:1], means[1:])))


def _smaller(rgb: Rgb) -> Rgb:
    scale = min(1.0, MEASURED / max(rgb.shape[:2]))
    size = (max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale)))
    return rgb if scale == 1.0 else np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)


def _as_large(mask: Mask, shape: tuple[int, ...]) -> Mask:
    """``mask`` at ``shape`` (height, width, ...)."""
    drawn = cv2.resize(mask.astype(np.uint8), (shape[1], shape[0]), interpolation=cv2.INTER_NEAREST)
    return np.asarray(drawn > 0)


def _means(scores: Sequence[object], *names: str) -> list[float]:
    return [float(np.mean([getattr(score, name) for score in scores])) for name in names]
