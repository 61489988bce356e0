"""Photographs that nobody took: plain skin with a spot on it, and a store of them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from pipeline.photograph import Rgb
from pipeline.training.photographs import Store
from pipeline.training.photographs.filling import healthy_below

SIDE = 64
SKIN, SPOT = (205, 160, 140), (95, 55, 45)


def skin(seed: int = 0, side: int = SIDE) -> Rgb:
    """Skin-coloured, with a light grain."""
    grain = np.random.default_rng(seed).normal(0, 4, (side, side, 3))
    return np.clip(np.array(SKIN) + grain, 0, 255).astype(np.uint8)


def spotted(seed: int = 0, side: int = SIDE) -> tuple[Rgb, np.ndarray]:
    """The same with a dark disc in the middle, and where it is."""
    mask = np.zeros((side, side), np.uint8)
    cv2.circle(mask, (side // 2, side // 2), side // 6, 1, -1)
    picture = np.where(mask[..., None] > 0, np.array(SPOT), skin(seed, side))
    return picture.astype(np.uint8), mask > 0


@pytest.fixture(scope="session")
def store() -> Store:
    """Three faces without a face, and four outlined spots, half of them through a dermatoscope."""
    random = np.random.default_rng(3)
    spots = [spotted(seed) for seed in range(4)]
    outlines = np.stack([mask.astype(np.uint8) * 255 for _, mask in spots])
    return Store(
        faces=np.stack([skin(10 + k) for k in range(3)]),
        face_skin=np.full((3, SIDE, SIDE), 255, np.uint8),
        lesions=np.stack([picture for picture, _ in spots]),
        filled=np.stack([healthy_below(picture, mask, random) for picture, mask in spots]),
        outlines=outlines,
        through_dermatoscope=np.array([True, True, False, False]),
    )
