"""A picture of skin while something is painted on it, in linear light."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Canvas:
    """``skin``: intensities (R, R, 3). ``where``: how much of a pixel is skin that may be painted on, (R, R)."""

    skin: Array
    where: Array
    random: np.random.Generator

    @property
    def side(self) -> int:
        return int(self.where.shape[0])

    def place(self) -> tuple[float, float] | None:
        """A random pixel of the skin, (x, y); ``None`` where there is hardly any."""
        ys, xs = np.nonzero(self.where > 0.5)
        if len(ys) < 100:
            return None
        k = int(self.random.integers(len(ys)))
        return float(xs[k]), float(ys[k])

    def noise(self, grain: float) -> Array:
        """Smooth noise (R, R) of standard deviation 1, its blobs about ``grain`` pixels wide."""
        cells = max(3, round(self.side / max(grain, 1.0)) + 3)
        coarse = self.random.standard_normal((cells, cells)).astype(np.float32)
        fine = cv2.resize(coarse, (self.side, self.side), interpolation=cv2.INTER_CUBIC)
        return np.asarray(fine / max(float(fine.std()), 1e-6), np.float32)

    def grid(self) -> tuple[Array, Array]:
        y, x = np.mgrid[: self.side, : self.side].astype(np.float32)
        return x, y


def smooth_step(value: Array, low: float, high: float) -> Array:
    """0 below ``low``, 1 above ``high``."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def blurred(values: Array, deviation: float) -> Array:
    """Gaussian, of this standard deviation in pixels; (R, R[, C])."""
    return np.asarray(cv2.GaussianBlur(values, (0, 0), deviation), np.float32)
