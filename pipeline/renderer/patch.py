"""A flat patch of skin for close-ups: its grid in millimetres, noise of known grain, and healthy skin on it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.renderer.atlas import smooth_step
from pipeline.renderer.identity import Identity
from pipeline.renderer.shading import BLOOD, CHANNELS, GLOSS, HEIGHT, MELANIN, STAIN, STAIN_COLOUR

Array = NDArray[np.float32]

GENTIAN_VIOLET = (0.10, 0.03, 0.22)


@dataclass(frozen=True)
class Patch:
    """A square of ``field`` millimetres, ``side`` texels; x to the right, y upwards, both 0 in the middle."""

    field: float
    side: int
    random: np.random.Generator

    @property
    def x(self) -> Array:
        return np.broadcast_to(self._axis(), (self.side, self.side))

    @property
    def y(self) -> Array:
        return np.broadcast_to(-self._axis()[:, None], (self.side, self.side))

    def _axis(self) -> Array:
        return (((np.arange(self.side) + 0.5) / self.side - 0.5) * self.field).astype(np.float32)

    def noise(self, grain: float) -> Array:
        """Smooth noise of unit deviation whose blobs are about ``grain`` millimetres wide, the same at every side."""
        cells = int(np.clip(math.ceil(self.field / grain), 2, 512))
        coarse = self.random.standard_normal((cells, cells)).astype(np.float32)
        image = cv2.resize(coarse, (self.side, self.side), interpolation=cv2.INTER_CUBIC)
        return np.asarray(image / max(float(coarse.std()) * 0.75, 1e-6))

    def ridges(self, spacing: float, width: float) -> Array:
        """Two crossing families of wavy lines, 1 on a line and 0 between: the relief of skin."""
        turn = self.random.uniform(0, math.pi)
        lines = np.zeros((self.side, self.side), np.float32)
        for angle in (turn, turn + self.random.uniform(0.9, 1.5)):
            along = self.x * math.cos(angle) + self.y * math.sin(angle)
            phase = along / spacing + 0.35 * self.noise(spacing * 2) + 0.5 * self.noise(spacing * 7)
            lines = np.maximum(lines, np.exp(-((np.abs(phase - np.round(phase)) / width) ** 2)))
        return lines

    def honeycomb(self, spacing: float) -> Array:
        """A net of closed meshes, 1 on the net's lines: the pigment network of dermoscopy."""
        warp_x, warp_y = (spacing * (0.30 * self.noise(spacing * 3) + 0.9 * self.noise(spacing * 9)) for _ in range(2))
        x, y = (self.x + warp_x) / spacing, (self.y + warp_y) / spacing
        waves = [np.cos(2 * math.pi * (x * math.cos(a) + y * math.sin(a))) for a in (0.0, 2.0944, 4.1888)]
        return smooth_step(-(waves[0] + waves[1] + waves[2]), 0.0, 1.3)

    def dots(self, count: int, radius: float) -> Array:
        """``count`` soft spots of about ``radius`` millimetres anywhere on the patch, 1 in their middles."""
        image = np.zeros((self.side, self.side), np.float32)
        for x, y, size in self.random.random((count, 3)):
            image = np.maximum(image, self.spot((x - 0.5) * self.field, (y - 0.5) * self.field, radius * (0.6 + size)))
        return image

    def spot(self, x: float, y: float, radius: float) -> Array:
        """exp(-(distance / radius)^3) around a point; computed only near it."""
        image = np.zeros((self.side, self.side), np.float32)
        column, row = (x / self.field + 0.5) * self.side, (0.5 - y / self.field) * self.side
        reach = int(radius * 2.2 / self.field * self.side) + 2
        rows = slice(max(int(row) - reach, 0), max(int(row) + reach + 1, 0))
        columns = slice(max(int(column) - reach, 0), max(int(column) + reach + 1, 0))
        squared = ((self.x[rows, columns] - x) ** 2 + (self.y[rows, columns] - y) ** 2) / radius**2
        image[rows, columns] = np.exp(-(squared**1.5))
        return image


def healthy_patch(patch: Patch, identity: Identity, dermoscopy: bool) -> Array:
    """The texture of healthy skin, float32 (side, side, 11); the channels are those of ``shading``."""
    random = patch.random
    texture = np.zeros((patch.side, patch.side, CHANNELS), np.float32)
    wide, middle, small = patch.noise(patch.field / 3), patch.noise(patch.field / 12), patch.noise(1.2)
    tiny = patch.noise(0.35)
    relief = patch.ridges(0.75, 0.16)
    texture[..., BLOOD] = identity.blood * np.exp(0.10 * wide + 0.08 * middle + 0.08 * small + 0.04 * tiny)
    melanin = identity.melanin * np.exp(0.05 * wide + 0.05 * middle + 0.05 * small + 0.03 * tiny)
    texture[..., MELANIN] = melanin * (1 + 0.12 * relief)
    texture[..., HEIGHT] = 0.10 * tiny + 0.10 * small - 0.55 * relief
    texture[..., GLOSS] = identity.gloss * (0.9 + 0.15 * small)

    spots = int(random.poisson(1.5 if identity.freckles == 0 else 14))
    for x, y, size, depth in random.random((spots, 4)):
        place = ((x - 0.5) * patch.field, (y - 0.5) * patch.field)
        texture[..., MELANIN] += (0.03 + 0.09 * depth) * patch.spot(*place, 0.4 + 0.9 * size)
    _grow_hair(texture, patch, identity)
    if not dermoscopy and random.random() < 0.15:
        _pen_mark(texture, patch)
    return texture


def _grow_hair(texture: Array, patch: Patch, identity: Identity) -> None:
    """Hairs lying one way, drawn as a stain; none to dense."""
    random = patch.random
    density = float(random.choice([0.0, 0.02, 0.06], p=[0.45, 0.35, 0.20]))  # per square millimetre
    count = int(min(density * patch.field**2, 260))
    direction = random.uniform(0, 2 * math.pi)
    per_mm = patch.side / patch.field
    shift = 4  # cv2 draws at sixteenths of a texel
    canvas = np.zeros((patch.side, patch.side), np.uint8)
    for x, y, turn, length, bend in random.random((count, 5)):
        angle = direction + (turn - 0.5) * 0.9
        steps = np.linspace(0, 1, 9) * (3 + 6 * length)
        angles = angle + (bend - 0.5) * 1.2 * np.linspace(0, 1, 9)
        line = np.stack([x * patch.field + steps * np.cos(angles), y * patch.field + steps * np.sin(angles)], 1)
        points = np.round(line * per_mm * 2**shift).astype(np.int32)
        thickness = max(1, round(0.07 * per_mm))
        cv2.polylines(canvas, [points], False, 255, thickness, cv2.LINE_AA, shift)
    thinness = min(0.07 * per_mm, 1.0)  # a hair thinner than a texel covers only part of it
    hair = canvas.astype(np.float32) / 255 * thinness
    texture[..., STAIN] = 0.85 * hair
    texture[..., STAIN_COLOUR] = np.maximum(identity.hair_rgb, 0.01)
    texture[..., HEIGHT] += 0.5 * hair


def _pen_mark(texture: Array, patch: Patch) -> None:
    """The surgeon's violet pen near the lesion: in both twins, so nothing to be marked."""
    random = patch.random
    angle = random.uniform(0, 2 * math.pi)
    radius = patch.field * random.uniform(0.36, 0.44)
    bearing = np.arctan2(patch.y, patch.x)
    away = np.abs(np.angle(np.exp(1j * (bearing - angle)))).astype(np.float32)
    width = max(0.9, patch.field / 90)
    stroke = np.exp(-(((np.hypot(patch.x, patch.y) - radius) / width) ** 4)) * (1 - smooth_step(away, 0.25, 0.32))
    alpha = stroke * np.clip(0.75 + 0.15 * patch.noise(0.6), 0, 0.9)
    texture[..., STAIN] = np.maximum(texture[..., STAIN], alpha)
    texture[..., STAIN_COLOUR] = np.where(
        (alpha > 0.2)[..., None], np.array(GENTIAN_VIOLET, np.float32), texture[..., STAIN_COLOUR]
    )
