"""Lesions painted on photographs of skin that has none, and real ones moved there.

A painted lesion is what melanin, blood and scales do to light, channel by channel: the direction of each pigment's
logarithm of a ratio is that of the renderer's skin table (``renderer.optics``) at middling complexions, written down
here for speed. A moved one is the logarithm of the ratio between an outlined lesion and what its photograph was filled
with. Each painter gives the intensities with the lesion and how much of each pixel is lesion.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.photograph import Rgb
from pipeline.srgb import intensities
from pipeline.training.photographs.canvas import Array, Canvas, blurred, smooth_step

BLOOD = np.array([-0.12, -0.58, -0.48], np.float32)
"""Natural logarithm of what red, green and blue are multiplied by, at a strength of 1."""
MELANIN = np.array([-0.72, -1.02, -1.25], np.float32)
DEEP_MELANIN = np.array([-0.95, -0.85, -0.62], np.float32)
"""Pigment in the dermis looks blue-grey (Tyndall)."""
PALE = np.array([0.42, 0.62, 0.78], np.float32)
VEINS = np.array([-0.45, -0.72, -0.38], np.float32)
SCALE, CRUST, PUS, SLOUGH, NECROSIS = (
    np.array(colour, np.float32)
    for colour in ((0.70, 0.64, 0.58), (0.30, 0.17, 0.07), (0.72, 0.62, 0.38), (0.50, 0.40, 0.20), (0.05, 0.03, 0.025))
)
"""Intensities of what lies on the skin and hides it."""

Painted = tuple[Array, Array]
"""Intensities (R, R, 3) with the lesion, and its share of each pixel (R, R)."""


def _multiplied(canvas: Canvas, soft: Array, direction: Array, strength: float, grain: float = 0.15) -> Array:
    varied = direction * canvas.random.normal(1, 0.12, 3).astype(np.float32) * strength
    texture = 1 + grain * canvas.noise(float(canvas.random.uniform(1.2, 5)))
    return np.asarray(canvas.skin * np.exp((soft * texture)[..., None] * varied), np.float32)


def _covered(intensity: Array, colour: Array, how_much: Array) -> Array:
    return np.asarray(intensity * (1 - how_much[..., None]) + colour * how_much[..., None], np.float32)


def _blob(canvas: Canvas, radius: float, ragged: float, edge: float) -> Array | None:
    """One patch with a wobbling outline, 1 inside; ``edge``: share of the radius over which it fades."""
    place = canvas.place()
    if place is None:
        return None
    (x, y), random = canvas.grid(), canvas.random
    turn, stretch = random.uniform(0, math.pi), math.exp(random.normal(0, 0.25))
    along = (x - place[0]) * math.cos(turn) + (y - place[1]) * math.sin(turn)
    across = -(x - place[0]) * math.sin(turn) + (y - place[1]) * math.cos(turn)
    distance = np.hypot(along * stretch, across / stretch) / radius
    distance += ragged * canvas.noise(radius * random.uniform(0.3, 1.0)) + 0.4 * ragged * canvas.noise(radius * 0.2)
    return 1 - smooth_step(np.asarray(distance, np.float32), 1 - edge, 1 + edge)


def _patches(canvas: Canvas, count: int, radii: tuple[float, float], ragged: float, edge: float) -> Array | None:
    """Some blobs together; radii as shares of the picture, drawn evenly in their logarithm."""
    low, high = (math.log(radius * canvas.side) for radius in radii)
    drawn = [
        _blob(canvas, math.exp(canvas.random.uniform(low, high)), ragged, edge * canvas.random.uniform(0.6, 1.4))
        for _ in range(count)
    ]
    blobs = [blob for blob in drawn if blob is not None]
    return np.maximum.reduce(blobs) * canvas.where if blobs else None


def _erythema(canvas: Canvas) -> Painted | None:
    random = canvas.random
    soft = _patches(canvas, int(random.integers(1, 5)), (0.05, 0.3), random.uniform(0.1, 0.3), random.uniform(0.1, 0.5))
    if soft is None:
        return None
    soft = np.clip(soft * (0.85 + 0.2 * canvas.noise(random.uniform(3, 14))), 0, 1)
    strength = random.uniform(0.4, 1.5)
    return _multiplied(canvas, soft, BLOOD, strength), soft


def _spots(
    canvas: Canvas, count: int, radii: tuple[float, float]
) -> tuple[Array, Array, list[tuple[float, float, float]]]:
    """Many small bumps near a few places: their height, the halo around them and where they are (x, y, radius)."""
    random, side = canvas.random, canvas.side
    height, halo = np.zeros((side, side), np.float32), np.zeros((side, side), np.float32)
    centres = [place for place in (canvas.place() for _ in range(int(random.integers(1, 5)))) if place is not None]
    placed = []
    for _ in range(count if centres else 0):
        if random.random() < 0.5:
            x, y = centres[int(random.integers(len(centres)))]
            x, y = x + random.normal(0, 0.1 * side), y + random.normal(0, 0.1 * side)
        else:
            place = canvas.place()
            if place is None:
                continue
            x, y = place
        if not (0 <= x < side and 0 <= y < side) or canvas.where[int(y), int(x)] < 0.5:
            continue
        radius = math.exp(random.uniform(math.log(radii[0]), math.log(radii[1])))
        reach = math.ceil(3.2 * radius) + 1
        top, left = max(0, int(y) - reach), max(0, int(x) - reach)
        rows, columns = np.mgrid[top : min(side, int(y) + reach), left : min(side, int(x) + reach)].astype(np.float32)
        wobble = 1 + 0.15 * math.sin(random.uniform(0, 6)) * np.cos(2 * np.arctan2(rows - y, columns - x))
        away = np.hypot(columns - x, rows - y) / (radius * wobble)
        here = np.s_[top : top + rows.shape[0], left : left + rows.shape[1]]
        amount = random.uniform(0.55, 1.0)
        height[here] = np.maximum(height[here], amount * np.clip(1.25 - away, 0, 1) ** 0.7)
        halo[here] = np.maximum(halo[here], amount * np.exp(-((away / random.uniform(1.1, 2.0)) ** 2)))
        placed.append((x, y, radius))
    return height * canvas.where, halo * canvas.where, placed


def _papules(canvas: Canvas) -> Painted | None:
    """Acne and its kin: raised red bumps with a lit and a shaded side, some with pus or a crust, and flat marks."""
    random = canvas.random
    radii = (0.004 * canvas.side, random.uniform(0.012, 0.035) * canvas.side)
    height, halo, placed = _spots(canvas, int(random.integers(3, 60)), radii)
    if not placed:
        return None
    strength = random.uniform(0.45, 1.5)
    soft = np.clip(np.maximum(height, 0.9 * halo), 0, 1)
    sick = _multiplied(canvas, soft, BLOOD, strength, 0.1)
    if random.random() < 0.3:
        sick = sick * np.exp(soft[..., None] * MELANIN * random.uniform(0.1, 0.5))
    light = random.normal(0, 1, 2) * random.uniform(0, 0.7)
    relief = cv2.Sobel(height, cv2.CV_32F, 1, 0) * light[0] + cv2.Sobel(height, cv2.CV_32F, 0, 1) * light[1]
    sick = sick * np.exp(np.clip(0.25 * relief, -0.35, 0.35))[..., None]
    heads = np.zeros_like(soft)
    for x, y, radius in placed:
        if random.random() < 0.3 and radius > 1.5:
            cv2.circle(
                heads, (round(x * 8), round(y * 8)), round(radius * 8 * random.uniform(0.25, 0.6)), 1.0, -1, shift=3
            )
    heads = blurred(heads, 0.7) * canvas.where
    colour = PUS if random.random() < 0.7 else CRUST
    return np.asarray(_covered(sick, colour * _brightness(canvas), heads * random.uniform(0.4, 0.9)), np.float32), soft


def _brightness(canvas: Canvas) -> float:
    """How brightly the skin is lit, so that what lies on it is as well."""
    lit = canvas.skin[canvas.where > 0.5]
    return float(np.clip(np.percentile(lit.max(-1), 70) / 0.6, 0.3, 1.4)) if len(lit) else 1.0


def _plaque(canvas: Canvas) -> Painted | None:
    random = canvas.random
    soft = _patches(
        canvas, int(random.integers(1, 6)), (0.03, 0.22), random.uniform(0.08, 0.25), random.uniform(0.05, 0.2)
    )
    if soft is None:
        return None
    sick = _multiplied(canvas, soft, BLOOD, random.uniform(0.5, 1.4), 0.25)
    flakes = smooth_step(canvas.noise(random.uniform(1.5, 4)) + 0.5 * canvas.noise(9), 0.2, 1.0) * soft
    covered = _covered(sick, SCALE * _brightness(canvas), flakes * random.uniform(0.0, 0.75))
    return covered, soft


def _naevus(canvas: Canvas) -> Painted | None:
    random = canvas.random
    count = 1 if random.random() < 0.6 else int(random.integers(2, 9))
    soft = _patches(canvas, count, (0.008, 0.12), random.uniform(0.05, 0.25), random.uniform(0.1, 0.5))
    if soft is None:
        return None
    sick = _multiplied(canvas, soft, MELANIN, random.uniform(0.35, 1.5), 0.25)
    if random.random() < 0.3:
        sick = sick * np.exp(soft[..., None] * BLOOD * random.uniform(0.2, 0.9))
    return np.asarray(sick, np.float32), soft


def _pigment(canvas: Canvas) -> Painted | None:
    """Melasma, marks left by inflammation: flat, wide, soft, uneven."""
    random = canvas.random
    soft = _patches(canvas, int(random.integers(1, 5)), (0.04, 0.2), 0.3, random.uniform(0.15, 0.5))
    if soft is None:
        return None
    soft = np.clip(soft * (0.8 + 0.25 * canvas.noise(random.uniform(3, 10))), 0, 1)
    return _multiplied(canvas, soft, MELANIN, random.uniform(0.25, 0.8)), soft


def _pale(canvas: Canvas) -> Painted | None:
    random = canvas.random
    soft = _patches(
        canvas, int(random.integers(1, 6)), (0.03, 0.25), random.uniform(0.1, 0.35), random.uniform(0.04, 0.2)
    )
    if soft is None:
        return None
    darkness = float(np.clip(0.75 - np.median(canvas.skin[canvas.where > 0.5].mean(-1)), 0.1, 0.7))
    return _multiplied(canvas, soft, PALE, random.uniform(0.6, 1.6) * (0.35 + 1.6 * darkness), 0.08), soft


def _blue_grey(canvas: Canvas) -> Painted | None:
    random = canvas.random
    soft = _patches(canvas, int(random.integers(1, 3)), (0.02, 0.15), 0.15, random.uniform(0.15, 0.4))
    if soft is None:
        return None
    direction = DEEP_MELANIN if random.random() < 0.6 else VEINS
    return _multiplied(canvas, soft, direction, random.uniform(0.35, 1.2)), soft


def _warty(canvas: Canvas) -> Painted | None:
    """Keratoses and warts: rough, grey-brown or skin-coloured, sharply ended."""
    random = canvas.random
    soft = _patches(canvas, int(random.integers(1, 4)), (0.02, 0.13), 0.12, random.uniform(0.05, 0.15))
    if soft is None:
        return None
    rough = canvas.noise(random.uniform(1.2, 3)) + 0.6 * canvas.noise(5)
    sick = _multiplied(canvas, soft, MELANIN, random.uniform(0.15, 0.9), 0.2)
    sick = sick * np.exp(0.22 * rough * soft)[..., None]
    horn = smooth_step(rough, 0.3, 1.4) * soft * random.uniform(0, 0.6)
    return _covered(np.asarray(sick, np.float32), SCALE * 0.8 * _brightness(canvas), horn), soft


def _ulcer(canvas: Canvas) -> Painted | None:
    """Raw red with slough, dead tissue or a crust on it, and an inflamed rim."""
    random = canvas.random
    soft = _patches(canvas, int(random.integers(1, 3)), (0.015, 0.16), 0.2, random.uniform(0.04, 0.15))
    if soft is None:
        return None
    around = blurred(soft, 0.02 * canvas.side) * canvas.where
    sick = _multiplied(canvas, np.clip(soft * 1.0 + 0.25 * around, 0, 1), 2.2 * BLOOD, random.uniform(0.7, 1.4), 0.25)
    for colour in (SLOUGH, NECROSIS, CRUST, SCALE):
        if random.random() < 0.35:
            grown = smooth_step(canvas.noise(random.uniform(4, 20)), 0.1, 0.8) * soft * random.uniform(0.4, 0.95)
            sick = _covered(sick, colour * _brightness(canvas), grown)
    return sick, soft


@dataclass(frozen=True)
class Painter:
    """``share``: how often, beside the others."""

    paint: Callable[[Canvas], Painted | None]
    share: float


PAINTERS = {
    "erythema": Painter(_erythema, 0.18),
    "papules": Painter(_papules, 0.27),
    "plaque": Painter(_plaque, 0.12),
    "naevus": Painter(_naevus, 0.12),
    "pigment": Painter(_pigment, 0.08),
    "pale": Painter(_pale, 0.08),
    "blue-grey": Painter(_blue_grey, 0.03),
    "warty": Painter(_warty, 0.04),
    "ulcer": Painter(_ulcer, 0.08),
}


def painted(canvas: Canvas) -> Painted | None:
    """A lesion of a kind drawn by its share; ``None`` where no skin is."""
    shares = np.array([painter.share for painter in PAINTERS.values()])
    number = int(canvas.random.choice(len(shares), p=shares / shares.sum()))
    return list(PAINTERS.values())[number].paint(canvas)


@dataclass(frozen=True, eq=False)
class RealLesion:
    """``change`` (h, w, 3): logarithm of diseased over filled intensity; ``soft`` (h, w): where it was outlined."""

    change: Array
    soft: Array

    @classmethod
    def of(cls, sick: Rgb, filled: Rgb, mask: np.ndarray) -> RealLesion:
        """Cut out of its photograph, with a narrow rim around what was outlined."""
        floor = np.float32(0.004)
        change = np.log(intensities(sick) + floor) - np.log(intensities(filled) + floor)
        near = cv2.GaussianBlur(
            cv2.dilate(mask.astype(np.uint8), np.ones((5, 5), np.uint8)).astype(np.float32), (0, 0), 2
        )
        ys, xs = np.nonzero(near > 0.02)
        box = np.s_[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1]
        cut = np.clip(change * near[..., None], -3.4, 1.5)[box]
        return cls(cut.astype(np.float16).astype(np.float32), mask[box].astype(np.float32))


def moved(canvas: Canvas, lesion: RealLesion, share: float) -> Painted | None:
    """``lesion`` laid on the canvas, turned and mirrored, ``share`` of the picture across."""
    place, random, side = canvas.place(), canvas.random, canvas.side
    if place is None:
        return None
    height, width = lesion.soft.shape
    scale = share * side / max(height, width)
    turn = random.uniform(0, 2 * math.pi)
    mirror = 1 if random.random() < 0.5 else -1
    matrix = np.array(
        [
            [scale * math.cos(turn) * mirror, -scale * math.sin(turn), 0],
            [scale * math.sin(turn) * mirror, scale * math.cos(turn), 0],
        ]
    )
    matrix[:, 2] = np.array(place) - matrix[:, :2] @ np.array([width / 2, height / 2])
    change, soft = lesion.change, lesion.soft
    if scale < 0.7:
        change, soft = (blurred(each, 0.45 / scale) for each in (change, soft))
    strength = math.exp(random.normal(-0.05, 0.25))
    laid = cv2.warpAffine(change, matrix, (side, side), flags=cv2.INTER_LINEAR) * canvas.where[..., None] * strength
    covered = cv2.warpAffine(soft, matrix, (side, side), flags=cv2.INTER_LINEAR) * canvas.where
    return np.asarray(canvas.skin * np.exp(laid), np.float32), np.asarray(covered, np.float32)
