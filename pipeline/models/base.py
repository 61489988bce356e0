"""What the pipeline asks of a model: the velocity field of a rectified flow, and the way from pixels to it and back.

A rectified flow carries data ``x`` to Gaussian noise ``eps`` along ``z = (1 - sigma) * x + sigma * eps``, sigma from 0
(data) to 1 (noise); its velocity is ``dz / dsigma = eps - x`` (Liu et al., arXiv 2209.03003; Esser et al., arXiv
2403.03206). Every adapter in this folder gives exactly that field, whatever its network's own units, sign, packing,
time axis and way of guidance are.

Conventions, once for all adapters:

    pixels      float32 [B, 3, H, W], sRGB scaled to [-1, 1], H and W multiples of ``latent_multiple``
    z           float32 [B, C, h, w], the space in which the ODE is solved, on the model's device
    sigma       Python float in [0, 1]
    velocity    float32 [B, C, h, w], whatever precision the network itself runs in
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor

from pipeline.errors import ModelError, UnusablePhotograph
from pipeline.photograph import Rgb


class Prompt:
    """A prompt as one model has embedded it: opaque, immutable, of batch 1, safe to cache.

    Each adapter derives a frozen dataclass from this and accepts only its own kind (``expect_prompt``).
    """


@dataclass(frozen=True)
class Branch:
    """One side of an edit: where the velocity field is asked to lead.

    ``guidance_scale``: 1 means the conditional velocity alone. Models with classifier-free guidance return
    ``v(negative) + guidance_scale * (v(prompt) - v(negative))``; models with embedded guidance hand the scale to the
    network; distilled ones without either ignore it. ``negative``: ``None`` stands for the model's own unconditional
    prompt (the empty one).
    """

    prompt: Prompt
    guidance_scale: float = 1.0
    negative: Prompt | None = None


class VelocityField(Protocol):
    """All that FlowEdit needs of a model."""

    def sigmas(self, steps: int, start: float, latent_size: tuple[int, int]) -> Tensor:
        """The model's schedule from ``start`` to 0: float32 [steps + 1] on the CPU, strictly descending, last one 0.

        ``start`` is in (0, 1]. With ``start=1`` it is the schedule that the model's own sampler uses for as many
        steps; a lower ``start`` spreads the same shape below it. ``latent_size`` is (h, w) of ``z``: some schedules
        (FLUX.1) shift with the number of tokens.
        """
        ...

    def velocities(self, zs: Sequence[Tensor], sigma: float, branches: Sequence[Branch]) -> list[Tensor]:
        """``dz / dsigma`` of each ``zs[i]`` under ``branches[i]``; float32, each of its z's shape.

        All ``zs`` share one shape [B, C, h, w]; one call of the network serves them together. Inputs are not changed.
        """
        ...


Words_contra = TypeVar("Words_contra", contravariant=True)
"""What ``embed`` takes: ``str`` for models with text encoders, an object of a closed vocabulary for the embedded one.
"""


class RectifiedFlow(VelocityField, Protocol[Words_contra]):
    """A whole model: pixels to ``z``, words to prompts, the field, and back to pixels.

    ``latent_multiple``: H and W of pixels must be multiples of it. ``name`` and ``digest`` (SHA-256 in hex over the
    weights) identify the algorithm in what is released.
    """

    @property
    def name(self) -> str: ...

    @property
    def digest(self) -> str: ...

    @property
    def latent_multiple(self) -> int: ...

    def encode(self, pixels: Tensor) -> Tensor:
        """Pixels [B, 3, H, W] in [-1, 1] to ``z`` [B, C, h, w]; deterministic. ``UnusablePhotograph`` if misshapen."""
        ...

    def decode(self, z: Tensor) -> Tensor:
        """``z`` [B, C, h, w] to pixels [B, 3, H, W] clamped to [-1, 1]."""
        ...

    def embed(self, words: Words_contra) -> Prompt:
        """The same words give the same prompt; callers may cache it and drop the encoders."""
        ...


PromptKind = TypeVar("PromptKind", bound=Prompt)


def expect_prompt(prompt: Prompt, kind: type[PromptKind]) -> PromptKind:
    """``prompt`` as its model's own kind. A prompt that another model embedded is a ``ModelError``."""
    if not isinstance(prompt, kind):
        raise ModelError(f"a {kind.__name__} is needed, got a {type(prompt).__name__}: embed it with the same model")
    return prompt


def check_pixels(pixels: Tensor, multiple: int) -> None:
    """Raise ``UnusablePhotograph`` unless ``pixels`` is [B, 3, H, W] with H and W multiples of ``multiple``."""
    if pixels.ndim != 4 or pixels.shape[1] != 3:
        raise UnusablePhotograph(f"pixels must be [B, 3, H, W], got {tuple(pixels.shape)}")
    height, width = pixels.shape[2:]
    if height % multiple or width % multiple or not height or not width:
        raise UnusablePhotograph(f"{width} x {height} pixels; this model needs multiples of {multiple}")


def check_branches(zs: Sequence[Tensor], branches: Sequence[Branch]) -> None:
    """Raise ``ValueError`` unless there is one branch for each z and all z are of one shape [B, C, h, w]."""
    if not zs or len(zs) != len(branches):
        raise ValueError(f"{len(zs)} latents for {len(branches)} branches")
    if any(z.shape != zs[0].shape for z in zs) or zs[0].ndim != 4:
        raise ValueError(f"latents must share one shape [B, C, h, w], got {[tuple(z.shape) for z in zs]}")


def pixels_from_rgb(rgb: Rgb) -> Tensor:
    """uint8 (H, W, 3) to float32 [1, 3, H, W] in [-1, 1]."""
    return torch.from_numpy(rgb.copy()).permute(2, 0, 1)[None].float() / 127.5 - 1.0


def rgb_from_pixels(pixels: Tensor) -> Rgb:
    """float32 [1, 3, H, W] in [-1, 1] to uint8 (H, W, 3), rounded to the nearest and clipped."""
    if pixels.ndim != 4 or pixels.shape[0] != 1:
        raise ValueError(f"one image [1, 3, H, W] is needed, got {tuple(pixels.shape)}")
    scaled = (pixels[0].detach().float().cpu() + 1.0) * 127.5
    return np.ascontiguousarray(scaled.round().clamp(0, 255).to(torch.uint8).permute(1, 2, 0).numpy())
