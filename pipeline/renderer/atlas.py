"""Skin space: for every texel of the cylindrical skin texture, where it lies on the template head and what it is.

Patterns, wrinkles and lesions are painted in this space, so they land on the same place of every face.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import distance_transform_edt, gaussian_filter

from pipeline.renderer.geometry_bake import Arrays, RendererDataMissing
from pipeline.renderer.head import Head
from pipeline.renderer.raster import empty_buffers, interpolate, rasterise

Array = NDArray[np.float32]

TEXTURE_SIDE = 512
"""Texels a side of the baked texture; larger ones are made from it by interpolation."""
NOISE_SCALES = (0.8, 1.6, 3.2, 6.5, 13.0, 26.0, 52.0)
"""Standard deviations, in texels of the baked texture, of the noise bank's Gaussians."""
EYE_X, EYE_Y = 0.308, 7.284
"""Eye centres on the template, decimetres: (+-EYE_X, EYE_Y)."""
MASKS = ("lips", "eyelids", "ears")


def smooth_step(x: ArrayLike, low: float, high: float) -> Array:
    """0 below ``low``, 1 above ``high``, a cubic between."""
    t = np.clip((np.asarray(x, np.float32) - np.float32(low)) / np.float32(high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t))


def bake_atlas(head: Head, mpfb2_folder: Path) -> Arrays:
    """Template position (3, side, side), masks (3, side, side) and the noise bank (7, side, side)."""
    side = TEXTURE_SIDE
    depth, ids, u, v = empty_buffers(side)
    radius = np.hypot(head.skin_rest[:, 0], head.skin_rest[:, 2] - 0.45) + 10
    corners = head.skin_triangles
    front = head.skin_rest[corners][:, :, 2].min(1) > -0.5
    unbroken = np.ptp(head.skin_uv[corners][:, :, 0], axis=1) < 0.3  # not across the seam at the back
    triangles = np.ascontiguousarray(corners[front & unbroken])
    x, y = (np.ascontiguousarray(head.skin_uv[:, axis] * side, np.float32) for axis in (0, 1))
    rasterise(x, y, radius.astype(np.float32), triangles, depth, ids, u, v, 0, False)
    maps = np.zeros((side, side, 5), np.float32)
    attributes = np.concatenate([head.skin_rest, head.mask_uv], 1).astype(np.float32)
    interpolate(ids, u, v, triangles, attributes, maps)
    nearest = distance_transform_edt(ids < 0, return_distances=False, return_indices=True)
    maps = maps[nearest[0], nearest[1]]

    masks = []
    for name in MASKS:
        path = mpfb2_folder / "textures" / f"mpfb_{name}.jpg"
        grey = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        if grey is None:
            raise RendererDataMissing(f"{path} is not a picture")
        drawn = np.asarray(grey, np.float32) / 255
        rows, columns = drawn.shape
        masks.append(cv2.remap(drawn, maps[..., 3] * columns - 0.5, (1 - maps[..., 4]) * rows - 0.5, cv2.INTER_LINEAR))

    random = np.random.default_rng(7)
    bank = [
        gaussian_filter(random.standard_normal((side, side)).astype(np.float32), scale, mode="wrap")
        for scale in NOISE_SCALES
    ]
    return {
        "position": np.moveaxis(maps[..., :3], -1, 0),
        "masks": np.stack(masks),
        "bank": np.stack([noise / noise.std() for noise in bank]).astype(np.float16),
    }


class Atlas:
    """The maps at one resolution. All are float32 (side, side); distances in decimetres of the template."""

    def __init__(self, arrays: Arrays, side: int) -> None:
        self.side = side

        def at_side(stored: NDArray[Any]) -> Array:
            image = np.ascontiguousarray(stored, np.float32)
            if side == len(image):
                return image
            return np.asarray(cv2.resize(image, (side, side), interpolation=cv2.INTER_LINEAR), np.float32)

        self.x, self.y, self.z = (at_side(plane) for plane in arrays["position"])
        lips, self.lids, self.ears = (at_side(mask) for mask in arrays["masks"])
        self.bank = tuple(at_side(noise) for noise in arrays["bank"])
        if side > TEXTURE_SIDE:  # interpolation leaves no detail of one texel, so it is drawn anew
            fine = np.random.default_rng(8).standard_normal((side, side)).astype(np.float32)
            fine = np.asarray(cv2.GaussianBlur(fine, (0, 0), 0.8), np.float32)
            self.fine_grain: Array | None = fine / fine.std()
        else:
            self.fine_grain = None

        x, y, z = self.x, self.y, self.z
        across = np.abs(x)
        self.across = across
        self.front = smooth_step(z, 0.55, 0.95)
        self.lip_line = float((y * lips)[self.front > 0.9].sum() / lips[self.front > 0.9].sum())
        eyes = np.clip(np.exp(-(((across - EYE_X) / 0.19) ** 4) - ((y - EYE_Y) / 0.11) ** 4) * 1.2, 0, 1)
        not_lips = 1 - np.clip(lips * 1.5, 0, 1)
        self.paintable = (
            self.front * (1 - eyes) * not_lips * smooth_step(y, 6.12, 6.25) * (1 - smooth_step(y, 7.85, 7.95))
        )
        """1 where a lesion may lie: the face without eyes, lips, hairline and neck."""

        self.cheeks = np.exp(-(((across - 0.42) / 0.20) ** 2) - ((y - 6.93) / 0.19) ** 2)
        self.nose = np.exp(-((x / 0.13) ** 2) - ((y - 7.02) / 0.17) ** 2) * smooth_step(z, 1.35, 1.5)
        self.chin = np.exp(-((x / 0.22) ** 2) - ((y - 6.27) / 0.13) ** 2)
        self.forehead = np.exp(-((x / 0.45) ** 2) - ((y - 7.72) / 0.16) ** 2)
        self.under_eyes = np.exp(-(((across - EYE_X) / 0.17) ** 2) - ((y - 7.13) / 0.055) ** 2)
        self.upper_lids = np.exp(-(((across - EYE_X) / 0.20) ** 2) - ((y - 7.36) / 0.09) ** 2) * self.front

        temple = np.where(z > 0.72, 7.30 + (z - 0.72) * 1.35, np.where(z > 0.45, 7.15, 6.75))
        hairline = np.where(z > 1.15, 7.93 - 0.35 * np.maximum(across - 0.35, 0), temple)
        self.scalp = smooth_step(y - hairline, -0.05, 0.06) * (1 - np.clip(self.ears * 2, 0, 1))
        rise = 0.42 * np.clip(across - 0.28, 0, 1)
        self.beard = self.front * (1 - smooth_step(y - rise, 6.83, 6.92)) * smooth_step(y, 5.95, 6.2) * not_lips
        self.moustache = np.exp(-((x / 0.24) ** 4) - ((y - 6.83) / 0.055) ** 2) * not_lips
        self.lips = cv2.GaussianBlur(lips, (0, 0), 1.2 * side / TEXTURE_SIDE)

    @cached_property
    def folds(self) -> Array:
        """Distance to the side of the nasolabial fold, signed."""
        return np.asarray(self.across - (0.19 + 0.42 * np.clip(7.0 - self.y, 0, 1)))


@dataclass(frozen=True)
class NoiseBank:
    """Draws shifted copies of the atlas' noise. Shifts are fractions, so a seed gives one pattern at every size."""

    atlas: Atlas
    random: np.random.Generator

    def draw(self, scale: int) -> Array:
        """Noise of unit deviation at ``NOISE_SCALES[scale]``, (side, side)."""
        side = self.atlas.side
        down, right = (int(fraction * side) for fraction in self.random.random(2))
        return np.roll(self.atlas.bank[scale], (down, right), (0, 1))
