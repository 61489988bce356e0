"""The disease as what it does to light: a map that can be taken off one face and put on another.

A lesion changes how much of the light a place of skin sends back, and absorptions multiply (Beer and Lambert). So the
disease is kept as the logarithm of a ratio of intensities in linear light, channel by channel, and nothing of the skin
below it: no shading, no features. Put on another person of the same complexion it looks as it did ("lesion lock").
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pipeline.disease.field import bands, rows_of
from pipeline.photograph import Rgb, any_channel
from pipeline.srgb import as_bytes, intensities

DARKEST = 0.004
"""Added to linear intensities: below it, about a tenth of the scale, 8 bits hold little but noise."""
_STRONGEST = float(np.log(30.0))
"""Bound of the logarithm: vitiligo on type VI lies below it."""
_FEATHER = 1.5
"""Model pixels beyond the mask over which the map fades: a lesion's rim is softer than its mask."""


@dataclass(frozen=True, eq=False)
class Lesion:
    """``change``: float32 (height, width, 3), logarithm of diseased over healthy intensity; 0 where nothing is.

    Of a large photograph it is smaller: as fine as it was seen.
    """

    change: NDArray[np.float32]

    @classmethod
    def none(cls, shape: tuple[int, ...]) -> Lesion:
        """Of a photograph of ``shape`` (height, width, ...) without disease."""
        return cls(np.zeros((*shape[:2], 3), np.float32))

    @classmethod
    def between(cls, sick: Rgb, healthy: Rgb, mask: NDArray[np.bool_], model_pixel: float) -> Lesion:
        """What turns ``healthy`` into ``sick`` (uint8, one shape) inside ``mask`` and just around it."""
        if sick.shape != healthy.shape or mask.shape != sick.shape[:2]:
            raise ValueError(f"shapes differ: {sick.shape}, {healthy.shape}, mask {mask.shape}")
        if not mask.any():
            return cls.none(sick.shape)
        ratio = np.log(intensities(sick) + DARKEST) - np.log(intensities(healthy) + DARKEST)
        away = ndimage.distance_transform_edt(~mask) / (_FEATHER * model_pixel)
        inside = np.clip(1 - away, 0, 1)[..., None]
        return cls((np.clip(ratio, -_STRONGEST, _STRONGEST) * inside).astype(np.float32))

    def beside(self, covered: NDArray[np.bool_]) -> Lesion:
        """The same but for ``covered`` (height, width), where nothing is."""
        return Lesion(np.where(covered[..., None], np.float32(0), self.change))

    def put_on(self, healthy: Rgb) -> Rgb:
        """``healthy`` with the disease; the same pixels where there is none."""
        return self._times(healthy, self.change)

    def taken_off(self, sick: Rgb) -> Rgb:
        """``sick`` without the disease; the same pixels where there is none."""
        return self._times(sick, -self.change)

    def _times(self, rgb: Rgb, change: NDArray[np.float32]) -> Rgb:
        if not _fits(change.shape, rgb.shape):
            raise ValueError(f"a lesion of {change.shape} does not fit a photograph of {rgb.shape}")
        result = rgb.copy()
        for rows in bands(rgb.shape[0]):
            here = rows_of(change, rgb.shape, rows)
            touched = any_channel(here != 0)
            if not touched.any():
                continue
            band = result[rows]
            intensity = (intensities(band[touched]) + DARKEST) * np.exp(here[touched]) - DARKEST
            band[touched] = as_bytes(intensity)
        return result


def _fits(change: tuple[int, ...], rgb: tuple[int, ...]) -> bool:
    """Of the same size, or smaller in the same proportions, to a pixel."""
    if change == rgb:
        return True
    scale = max(change[:2]) / max(rgb[:2])
    return scale < 1 and all(abs(small - large * scale) <= 1 for small, large in zip(change[:2], rgb[:2], strict=True))
