"""A rectified flow in pixel space around a network that predicts the clean picture."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Generic, TypeVar

import torch
from torch import Tensor

from pipeline.models.base import Branch, Prompt, check_branches, check_pixels, expect_prompt
from pipeline.models.precision import fast_precision

SIGMA_FLOOR = 0.03
"""Velocity is (z - x_hat) / sigma; the last step's sigma is never below this."""
Words = TypeVar("Words")
Kind = TypeVar("Kind", bound=Prompt)


class PixelFlow(ABC, Generic[Words, Kind]):
    """z is the picture itself, float32 [B, 3, R, R] in [-1, 1], R = ``resolution``."""

    name = "twinveil-embedded"
    prompt_kind: type[Kind]

    def __init__(self, resolution: int, digest: str) -> None:
        self.resolution, self.digest = resolution, digest

    @property
    def latent_multiple(self) -> int:
        return self.resolution

    @abstractmethod
    def embed(self, words: Words) -> Kind:
        """What the network is told and shown beside z."""

    @abstractmethod
    def clean(self, z: Tensor, sigma: Tensor, prompts: list[Kind]) -> Tensor:
        """The clean picture [B, 3, R, R] that each ``z`` [B, 3, R, R] at ``sigma`` [B] comes from, one prompt each."""

    def encode(self, pixels: Tensor) -> Tensor:
        check_pixels(pixels, self.resolution)
        return pixels.float()

    def decode(self, z: Tensor) -> Tensor:
        return z.clamp(-1, 1)

    def sigmas(self, steps: int, start: float, latent_size: tuple[int, int]) -> Tensor:
        """Evenly spaced: in pixel space at one resolution there is nothing to shift for."""
        del latent_size
        return torch.linspace(start, 0.0, steps + 1)

    @torch.no_grad()
    def velocities(self, zs: Sequence[Tensor], sigma: float, branches: Sequence[Branch]) -> list[Tensor]:
        """Guidance scales are ignored: the model is trained on edits, not with an empty prompt to be led away from."""
        check_branches(zs, branches)
        batch = zs[0].shape[0]
        prompts = [expect_prompt(branch.prompt, self.prompt_kind) for branch in branches for _ in range(batch)]
        z = torch.cat(list(zs))
        with fast_precision():
            clean = self.clean(z, torch.full((len(z),), sigma), prompts).float()
        return [(each - x) / max(sigma, SIGMA_FLOOR) for each, x in zip(zs, clean.split(batch), strict=True)]
