"""A flow of which the best knobs are known, and the one photograph that it heals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from pipeline.models import Branch, Prompt, pixels_from_rgb
from pipeline.photograph import Rgb


def healthy_skin(side: int) -> Rgb:
    """Skin of one colour, uint8 (side, side, 3)."""
    return np.full((side, side, 3), (205, 165, 145), np.uint8)


def lesion_on(rgb: Rgb) -> tuple[Rgb, np.ndarray]:
    """``rgb`` with a red disc, and where it is."""
    side = len(rgb)
    drawn = cv2.circle(rgb.copy(), (side * 7 // 16, side * 17 // 32), side * 9 // 64, (150, 80, 75), -1)
    return drawn, (drawn != rgb).any(-1)


@dataclass(frozen=True)
class Words(Prompt):
    """What was said is all that this flow knows of it."""

    text: str


class Planted:
    """Heals one known photograph: all of it at a guidance of 2 and from sigma .6 on; above .8 it discolours all skin.

    Its velocity is that of a straight way to the picture that the prompt names.
    """

    name, digest, latent_multiple, guidance = "planted", "0a" * 32, 8, "classifier-free"
    prompt_kind = Words

    def __init__(self, sick: Rgb, healthy: Rgb) -> None:
        self._step = (pixels_from_rgb(healthy) - pixels_from_rgb(sick)) / 2

    def encode(self, pixels: Tensor) -> Tensor:
        return pixels.clone()

    def decode(self, z: Tensor) -> Tensor:
        return z.clamp(-1, 1)

    def embed(self, words: str) -> Words:
        return Words(words)

    def sigmas(self, steps: int, start: float, latent_size: tuple[int, int]) -> Tensor:
        return torch.linspace(start, 0.0, steps + 1)

    def velocities(self, zs: Sequence[Tensor], sigma: float, branches: Sequence[Branch]) -> list[Tensor]:
        given = []
        for z, branch in zip(zs, branches, strict=True):
            velocity = torch.zeros_like(z)
            if "healthy" in branch.prompt.text:  # type: ignore[attr-defined]
                velocity -= branch.guidance_scale * self._step / 0.6 * (sigma <= 0.6)
                velocity -= 0.8 * (sigma > 0.8)
            given.append(velocity)
        return given
