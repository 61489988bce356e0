"""A rectified flow that is known in closed form: the shipped fake of ``RectifiedFlow``.

Data under a prompt are independent Gaussians, ``x ~ N(mean, deviation^2)`` for each number, and the noise is
``N(0, 1)``. So ``z = (1 - sigma) x + sigma eps`` is Gaussian too, and the velocity ``E[eps - x | z]`` is linear in z.
It needs no weights, and an edit along it can be checked with pencil and paper.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from pipeline.models.base import Branch, Prompt, check_branches, check_pixels, expect_prompt


@dataclass(frozen=True)
class GaussianPrompt(Prompt):
    """The data's mean and standard deviation under this prompt, in z's units."""

    mean: float
    deviation: float = 1.0


@dataclass
class GaussianFlow:
    """``RectifiedFlow[str]`` in pixel space. ``calls`` records the number of branches in each call of the network."""

    latent_multiple: int = 8
    name: str = "gaussian-flow"
    calls: list[int] = field(default_factory=list)

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.name.encode()).hexdigest()

    def encode(self, pixels: Tensor) -> Tensor:
        check_pixels(pixels, self.latent_multiple)
        return pixels.float().clone()

    def decode(self, z: Tensor) -> Tensor:
        return z.float().clamp(-1.0, 1.0)

    def embed(self, words: str) -> GaussianPrompt:
        """A mean in [-0.5, 0.5) that depends on the words alone; deviation 0.5."""
        first = int.from_bytes(hashlib.sha256(words.encode()).digest()[:4], "big")
        return GaussianPrompt(first / 2**32 - 0.5, 0.5)

    def sigmas(self, steps: int, start: float, latent_size: tuple[int, int]) -> Tensor:
        return torch.linspace(start, 0.0, steps + 1)

    def velocities(self, zs: Sequence[Tensor], sigma: float, branches: Sequence[Branch]) -> list[Tensor]:
        check_branches(zs, branches)
        self.calls.append(len(branches))
        return [_guided(z, sigma, branch) for z, branch in zip(zs, branches, strict=True)]


def gaussian_velocity(z: Tensor, sigma: float, prompt: GaussianPrompt) -> Tensor:
    """``E[eps - x | z]`` for jointly Gaussian x, eps and z."""
    data, noise = (1.0 - sigma) * prompt.deviation**2, sigma
    variance = (1.0 - sigma) * data + sigma * noise
    if variance == 0.0:  # a point mass without noise: nothing to infer
        return torch.full_like(z, -prompt.mean)
    return (noise - data) / variance * (z - (1.0 - sigma) * prompt.mean) - prompt.mean


def _guided(z: Tensor, sigma: float, branch: Branch) -> Tensor:
    positive = gaussian_velocity(z, sigma, expect_prompt(branch.prompt, GaussianPrompt))
    if branch.guidance_scale == 1.0:
        return positive
    unconditional = GaussianPrompt(0.0) if branch.negative is None else expect_prompt(branch.negative, GaussianPrompt)
    negative = gaussian_velocity(z, sigma, unconditional)
    return negative + branch.guidance_scale * (positive - negative)
