"""Two rendered people in one scene, kept as small JPEG files so that faces are tested without the renderer.

``Renderer.patient(8600001, identity=N, scene=8600001, kind="healthy").photograph``, N in the file's name, JPEG quality
92. The second in the place of the first is what a perfect swap would give.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from pipeline.photograph import Rgb

_FIXTURES = Path(__file__).parent / "fixtures"


def patient() -> Rgb:
    return _read("face-identity8600001-scene8600001.jpg")


def stranger() -> Rgb:
    return _read("face-identity8600012-scene8600001.jpg")


def skin(height: int = 240, width: int = 320, seed: int = 0) -> Rgb:
    """A close-up without a face: skin's colour, smooth shading, fine texture and one dark spot."""
    random = np.random.default_rng(seed)
    shading = cv2.resize(random.normal(0, 8, (4, 4)), (width, height), interpolation=cv2.INTER_CUBIC)
    rgb = np.array([205.0, 160.0, 140.0]) + shading[..., None] + random.normal(0, 3, (height, width, 1))
    cv2.circle(rgb, (width // 2, height // 2), height // 10, (110, 75, 60), -1)
    return np.clip(rgb, 0, 255).astype(np.uint8)


def _read(name: str) -> Rgb:
    bgr = cv2.imread(str(_FIXTURES / name), cv2.IMREAD_COLOR)
    assert bgr is not None, name
    return np.ascontiguousarray(bgr[..., ::-1]).astype(np.uint8)
