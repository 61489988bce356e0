"""FLUX.1 (Black Forest Labs) from a diffusers folder: dev with embedded guidance, schnell without any.

Latents packed in 2x2 patches, ``t = sigma``, the network's output is the velocity itself. The guidance scale is an
input of the dev network; there is no negative prompt.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, FlowMatchEulerDiscreteScheduler, FluxTransformer2DModel
from torch import Tensor
from transformers import CLIPTextModel, CLIPTokenizer, T5EncoderModel, T5Tokenizer

from pipeline.models.base import Branch, Prompt, check_branches, check_pixels, expect_prompt
from pipeline.models.published import components

CLIP_LENGTH = 77
T5_LENGTH = 512
"""Tokens; the lengths of the published pipeline."""

PATCH = 2
"""Latent pixels on a side that make one token."""


@dataclass(frozen=True, eq=False)
class FluxPrompt(Prompt):
    """``hidden`` [1, 512, joint width]: T5's states. ``pooled`` [1, width]: CLIP's pooled state."""

    hidden: Tensor
    pooled: Tensor


class FluxFlow:
    """``RectifiedFlow[str]`` over the components of a FluxPipeline folder.

    ``dtype`` is the precision of transformer and text encoders; the autoencoder stays in float32.
    """

    def __init__(self, folder: Path, digest: str, device: torch.device, dtype: torch.dtype) -> None:
        self.name = folder.name
        self.digest = digest
        self._device, self._dtype = device, dtype
        self._scheduler = components.load_part(FlowMatchEulerDiscreteScheduler, folder, "scheduler")
        components.check_scheduler(self._scheduler)
        self._transformer = components.load_network(FluxTransformer2DModel, folder, "transformer", device, dtype)
        self._vae = components.load_network(AutoencoderKL, folder, "vae", device, torch.float32)
        self._clip_tokenizer = components.load_part(CLIPTokenizer, folder, "tokenizer")
        self._clip = components.load_network(CLIPTextModel, folder, "text_encoder", device, dtype)
        self._t5_tokenizer = components.load_part(T5Tokenizer, folder, "tokenizer_2")
        self._t5 = components.load_network(T5EncoderModel, folder, "text_encoder_2", device, dtype)

    @property
    def latent_multiple(self) -> int:
        return int(2 ** (len(self._vae.config.block_out_channels) - 1) * PATCH)

    @torch.no_grad()
    def encode(self, pixels: Tensor) -> Tensor:
        check_pixels(pixels, self.latent_multiple)
        with components.translated("the autoencoder failed"):
            return components.encode_pixels(self._vae, pixels)

    @torch.no_grad()
    def decode(self, z: Tensor) -> Tensor:
        with components.translated("the autoencoder failed"):
            return components.decode_latents(self._vae, z)

    @torch.no_grad()
    def embed(self, words: str) -> FluxPrompt:
        with components.translated("the text encoders failed"):
            clip_ids = components.token_ids(self._clip_tokenizer, words, CLIP_LENGTH).to(self._device)
            t5_ids = components.token_ids(self._t5_tokenizer, words, T5_LENGTH).to(self._device)
            return FluxPrompt(hidden=self._t5(t5_ids)[0], pooled=self._clip(clip_ids).pooler_output)

    def sigmas(self, steps: int, start: float, latent_size: tuple[int, int]) -> Tensor:
        tokens = (latent_size[0] // PATCH) * (latent_size[1] // PATCH)
        mu = self._mu(tokens)
        first = 1.0 if start == 1.0 else components.unshifted(start, self._shift(mu))
        return components.shifted_sigmas(self._scheduler, np.linspace(first, first / steps, steps), steps, mu)

    @torch.no_grad()
    def velocities(self, zs: Sequence[Tensor], sigma: float, branches: Sequence[Branch]) -> list[Tensor]:
        check_branches(zs, branches)
        if any(branch.negative is not None for branch in branches):
            raise ValueError("FLUX.1 has no negative prompt: its guidance scale is an input of the network")
        batch, _, height, width = zs[0].shape
        prompts = [expect_prompt(branch.prompt, FluxPrompt) for branch in branches]
        hidden = torch.cat([prompt.hidden.expand(batch, -1, -1) for prompt in prompts])  # [K*B, 512, width]
        pooled = torch.cat([prompt.pooled.expand(batch, -1) for prompt in prompts])  # [K*B, width]
        scales = [branch.guidance_scale for branch in branches for _ in range(batch)]
        guidance = torch.tensor(scales, device=self._device) if self._transformer.config.guidance_embeds else None
        tokens = pack(torch.cat(list(zs))).to(self._device, self._dtype)  # [K*B, h*w/4, 4C]
        with components.translated("the transformer failed"):
            output: Tensor = self._transformer(
                hidden_states=tokens,
                timestep=torch.full((tokens.shape[0],), sigma, device=self._device),
                guidance=guidance,
                encoder_hidden_states=hidden.to(self._device, self._dtype),
                pooled_projections=pooled.to(self._device, self._dtype),
                img_ids=token_positions(height, width).to(self._device, self._dtype),
                txt_ids=torch.zeros(hidden.shape[1], 3, device=self._device, dtype=self._dtype),
                return_dict=False,
            )[0]
        return list(unpack(output.float().to(zs[0].device), height, width).chunk(len(branches)))

    def _mu(self, tokens: int) -> float:
        """The shift's logarithm, linear in the number of tokens (the published sampler's dynamic shift)."""
        config = self._scheduler.config
        slope = (config.max_shift - config.base_shift) / (config.max_image_seq_len - config.base_image_seq_len)
        return float(config.base_shift + slope * (tokens - config.base_image_seq_len))

    def _shift(self, mu: float) -> float:
        """The factor by which the schedule is shifted, as ``components.unshifted`` takes it."""
        if not self._scheduler.config.use_dynamic_shifting:
            return float(self._scheduler.shift)
        return math.exp(mu) if self._scheduler.config.time_shift_type == "exponential" else mu


def pack(z: Tensor) -> Tensor:
    """[B, C, h, w] to tokens [B, h*w/4, 4C]: row by row, each token its channels' 2x2 patches."""
    batch, channels, height, width = z.shape
    patches = z.reshape(batch, channels, height // PATCH, PATCH, width // PATCH, PATCH)
    return patches.permute(0, 2, 4, 1, 3, 5).reshape(batch, -1, channels * PATCH * PATCH)


def unpack(tokens: Tensor, height: int, width: int) -> Tensor:
    """The inverse of ``pack`` for latents of ``height`` x ``width``."""
    batch, _, depth = tokens.shape
    patches = tokens.reshape(batch, height // PATCH, width // PATCH, depth // PATCH**2, PATCH, PATCH)
    return patches.permute(0, 3, 1, 4, 2, 5).reshape(batch, -1, height, width)


def token_positions(height: int, width: int) -> Tensor:
    """[h*w/4, 3] for the rotary embedding: (0, row, column) of each token in the order of ``pack``."""
    rows, columns = torch.arange(height // PATCH), torch.arange(width // PATCH)
    row, column = torch.meshgrid(rows, columns, indexing="ij")
    return torch.stack([torch.zeros_like(row), row, column], dim=-1).reshape(-1, 3)
