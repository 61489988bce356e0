"""The five kinds of lesion as a close-up or a dermatoscope shows them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.renderer.atlas import smooth_step
from pipeline.renderer.lesions import STRENGTH
from pipeline.renderer.patch import Patch
from pipeline.renderer.shading import BLOOD, GLOSS, HEIGHT, LESION, MELANIN, WHITE

Array = NDArray[np.float32]

CLOSE_UP_FIELD = {
    "erythema": (60, 110),
    "papules": (35, 60),
    "plaque": (55, 100),
    "naevus": (22, 38),
    "vitiligo": (60, 110),
    "healthy": (25, 100),
}
DERMOSCOPY_FIELD = (10, 15)
"""Millimetres across."""
DARKEST_MELANIN = 0.5
"""Volume fraction; beyond it the skin table turns from brown to black."""


@dataclass(frozen=True)
class PatchCanvas:
    texture: Array
    patch: Patch
    severity: str
    dermoscopy: bool

    @property
    def strength(self) -> float:
        return STRENGTH[self.severity]

    def blobs(self, count: int, smallest: float, largest: float) -> Array:
        """Distance to the nearest of ``count`` ellipses, 1 on a border; radii as shares of the field."""
        patch, random = self.patch, self.patch.random
        nearest = np.full((patch.side, patch.side), np.inf, np.float32)
        for number in range(count):
            spread = 0.10 if number == 0 else 0.28
            x, y = random.normal(0, spread, 2) * patch.field
            radius, stretch = random.uniform(smallest, largest) * patch.field, random.uniform(0.75, 1.35)
            turn = random.uniform(0, math.pi)
            along = (patch.x - x) * math.cos(turn) + (patch.y - y) * math.sin(turn)
            across = -(patch.x - x) * math.sin(turn) + (patch.y - y) * math.cos(turn)
            nearest = np.minimum(nearest, np.hypot(along / stretch, across * stretch) / radius)
        return nearest


def paint_patch_lesion(healthy: Array, patch: Patch, kind: str, severity: str, dermoscopy: bool) -> Array:
    """A copy of the ``healthy`` texture with the lesion in it; "healthy" paints none."""
    texture = healthy.copy()
    if kind != "healthy":
        texture[..., LESION] = PATCH_PAINTERS[kind](PatchCanvas(texture, patch, severity, dermoscopy))
    return texture


def _erythema(canvas: PatchCanvas) -> Array:
    patch, texture, strength = canvas.patch, canvas.texture, canvas.strength
    distance = canvas.blobs(2 if canvas.severity == "severe" else 1, 0.20, 0.34)
    mask = 1 - smooth_step(
        distance + 0.16 * patch.noise(patch.field / 5) + 0.08 * patch.noise(patch.field / 14), 0.6, 1.25
    )
    vessel_grain = 0.8 if canvas.dermoscopy else 2.5
    vessels = (1 - smooth_step(np.abs(patch.noise(vessel_grain)), 0, 0.14)) * mask
    texture[..., BLOOD] *= 1 + mask * 1.9 * strength * (1 + 0.12 * patch.noise(2.0)) + vessels * 0.9 * strength
    return np.asarray(mask, np.float32)


def _papules(canvas: PatchCanvas) -> Array:
    patch, texture, random = canvas.patch, canvas.texture, canvas.patch.random
    counts = {"mild": (3, 6), "moderate": (7, 13), "severe": (14, 26)}[canvas.severity]
    count = max(1, int(random.integers(*counts)) // (5 if canvas.dermoscopy else 1))
    mask = np.zeros((patch.side, patch.side), np.float32)
    dark_rim = float(np.median(texture[..., MELANIN])) > 0.06
    for _ in range(count):
        x, y = np.clip(random.normal(0, 0.20, 2), -0.42, 0.42) * patch.field
        radius = float(random.uniform(1.1, 2.6))
        core, halo = patch.spot(x, y, radius), patch.spot(x, y, radius * 2.1)
        strength = random.uniform(0.8, 1.3)
        texture[..., BLOOD] *= 1 + strength * (1.4 * core + 0.9 * halo)
        texture[..., MELANIN] *= 1 + 0.25 * halo * dark_rim
        texture[..., HEIGHT] += 3.0 * core
        texture[..., GLOSS] *= 1 + 0.6 * core
        if random.random() < 0.4:
            pus = patch.spot(x, y, radius * 0.42) * (0.3 if dark_rim else 0.6)
            texture[..., WHITE] = np.maximum(texture[..., WHITE], pus)
        mask = np.maximum(mask, np.clip(core + 0.75 * halo, 0, 1))
    return mask


def _plaque(canvas: PatchCanvas) -> Array:
    patch, texture, strength = canvas.patch, canvas.texture, canvas.strength
    count = {"mild": 1, "moderate": 1, "severe": 3}[canvas.severity]
    psoriatic = bool(patch.random.random() < 0.6)
    distance = (
        canvas.blobs(count, 0.17, 0.30) + 0.13 * patch.noise(patch.field / 6) + 0.06 * patch.noise(patch.field / 18)
    )
    mask = 1 - smooth_step(distance, *((0.88, 1.04) if psoriatic else (0.65, 1.25)))
    flake = 0.5 if canvas.dermoscopy else 1.6
    grain = patch.noise(flake) + 0.8 * patch.noise(flake * 2.5) + 0.5 * patch.noise(flake * 7)
    scale = (
        smooth_step(grain, 0.1, 2.6)
        * np.clip(0.8 + 0.2 * patch.noise(flake / 2), 0, 1)
        * mask
        * smooth_step(mask, 0.5, 0.95)
    )
    texture[..., BLOOD] *= 1 + mask * (1.9 if psoriatic else 1.4) * strength**0.5 * (1 + 0.15 * patch.noise(3.0))
    if canvas.dermoscopy and psoriatic:  # capillaries seen end-on
        texture[..., BLOOD] *= 1 + 2.2 * patch.dots(int(1.6 * patch.field**2), 0.07) * mask
    texture[..., MELANIN] *= 1 + mask * 0.15
    texture[..., WHITE] = np.maximum(texture[..., WHITE], scale * (0.60 if psoriatic else 0.16) * strength**0.3)
    texture[..., HEIGHT] += 1.6 * mask + 0.8 * scale * patch.noise(flake)
    texture[..., GLOSS] *= 1 - 0.6 * mask
    return np.asarray(mask, np.float32)


def _naevus(canvas: PatchCanvas) -> Array:
    patch, texture, random, strength = canvas.patch, canvas.texture, canvas.patch.random, canvas.strength
    x, y = random.normal(0, 0.05, 2) * patch.field
    radius, stretch = random.uniform(1.9, 3.0) * strength**0.45, random.uniform(0.8, 1.25)
    ragged = {"mild": 0.05, "moderate": 0.10, "severe": 0.22}[canvas.severity]
    distance = np.hypot((patch.x - x) / stretch, (patch.y - y) * stretch) / radius
    distance = distance + ragged * patch.noise(radius) + 0.04 * patch.noise(radius / 4)
    mask = 1 - smooth_step(distance, 0.82, 1.10)
    background = float(np.median(texture[..., MELANIN]))
    pigment = (0.09 + 0.09 * strength + 0.8 * background) * np.clip(1 + 0.20 * patch.noise(radius / 3), 0.5, 1.6)
    if canvas.severity == "severe":  # an atypical naevus has several browns
        pigment = pigment * np.exp(0.55 * patch.noise(radius * 0.8))
    if canvas.dermoscopy:
        net = patch.honeycomb(random.uniform(0.26, 0.40))
        in_net = smooth_step(distance + 0.25 * patch.noise(radius), 0.25, 0.65)
        pigment = pigment * (1 - in_net * 0.75 * (1 - net)) * (0.9 + 0.5 * net * in_net)
        globules = patch.dots(int(random.integers(0, 30)), 0.14) * mask
        pigment = pigment * (1 + 0.8 * globules)
    else:
        texture[..., HEIGHT] += mask * float(random.choice([0.0, 2.5, 5.0]))
    melanin = np.minimum(texture[..., MELANIN] + mask * pigment, np.maximum(texture[..., MELANIN], DARKEST_MELANIN))
    texture[..., MELANIN] = melanin
    texture[..., GLOSS] *= 1 - 0.6 * mask  # glare would wash the brown out to grey
    return np.asarray(mask, np.float32)


def _vitiligo(canvas: PatchCanvas) -> Array:
    patch, texture = canvas.patch, canvas.texture
    count = {"mild": 1, "moderate": 2, "severe": 4}[canvas.severity]
    distance = (
        canvas.blobs(count, 0.15, 0.28) + 0.17 * patch.noise(patch.field / 5) + 0.07 * patch.noise(patch.field / 15)
    )
    mask = 1 - smooth_step(distance, 0.86, 1.03)
    if canvas.severity == "mild":  # colour comes back around the follicles
        mask = mask * (1 - patch.dots(int(patch.random.integers(0, 12)), patch.field / 60))
    texture[..., MELANIN] = texture[..., MELANIN] * (1 - mask) + mask * np.minimum(texture[..., MELANIN], 0.010)
    return np.asarray(mask, np.float32)


PATCH_PAINTERS: dict[str, Callable[[PatchCanvas], Array]] = {
    "erythema": _erythema,
    "papules": _papules,
    "plaque": _plaque,
    "naevus": _naevus,
    "vitiligo": _vitiligo,
}
