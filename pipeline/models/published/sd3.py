"""Stable Diffusion 3 and 3.5 (Esser et al., arXiv 2403.03206) from a diffusers folder, with or without its T5.

Unpacked latents, ``t = 1000 sigma``, the network's output is the velocity itself, classifier-free guidance.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKL, FlowMatchEulerDiscreteScheduler, SD3Transformer2DModel
from torch import Tensor
from transformers import CLIPTextModelWithProjection, CLIPTokenizer, T5EncoderModel, T5Tokenizer

from pipeline.errors import ModelError
from pipeline.models.base import Branch, Prompt, check_branches, check_pixels, expect_prompt
from pipeline.models.published import components

CLIP_LENGTH = 77
T5_LENGTH = 256
"""Tokens; the lengths of the published pipeline."""


@dataclass(frozen=True, eq=False)
class SD3Prompt(Prompt):
    """``hidden`` [1, 333, joint width]: both CLIPs side by side, then T5 (zeros without one). ``pooled`` [1, width]."""

    hidden: Tensor
    pooled: Tensor


class SD3Flow:
    """``RectifiedFlow[str]`` over the components of a StableDiffusion3Pipeline folder.

    ``dtype`` is the precision of transformer and text encoders; the autoencoder stays in float32.
    """

    def __init__(self, folder: Path, digest: str, device: torch.device, dtype: torch.dtype) -> None:
        self.name = folder.name
        self.digest = digest
        self._device, self._dtype = device, dtype
        self._scheduler = components.load_part(FlowMatchEulerDiscreteScheduler, folder, "scheduler")
        components.check_scheduler(self._scheduler)
        if self._scheduler.config.use_dynamic_shifting:
            raise ModelError(f"{folder}: a dynamic shift of the schedule is not supported for Stable Diffusion 3")
        self._transformer = components.load_network(SD3Transformer2DModel, folder, "transformer", device, dtype)
        self._vae = components.load_network(AutoencoderKL, folder, "vae", device, torch.float32)
        self._clips = [
            (
                components.load_part(CLIPTokenizer, folder, f"tokenizer{suffix}"),
                components.load_network(CLIPTextModelWithProjection, folder, f"text_encoder{suffix}", device, dtype),
            )
            for suffix in ("", "_2")
        ]
        self._t5: tuple[Any, Any] | None = None
        if "text_encoder_3" in components.present_components(folder):
            self._t5 = (
                components.load_part(T5Tokenizer, folder, "tokenizer_3"),
                components.load_network(T5EncoderModel, folder, "text_encoder_3", device, dtype),
            )

    @property
    def latent_multiple(self) -> int:
        reduction = 2 ** (len(self._vae.config.block_out_channels) - 1)
        return int(reduction * self._transformer.config.patch_size)

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
    def embed(self, words: str) -> SD3Prompt:
        with components.translated("the text encoders failed"):
            states = [self._clip(tokenizer, encoder, words) for tokenizer, encoder in self._clips]
            width = self._transformer.config.joint_attention_dim
            clip = torch.cat([hidden for hidden, _ in states], dim=-1)  # [1, 77, width_1 + width_2]
            clip = torch.nn.functional.pad(clip, (0, width - clip.shape[-1]))  # [1, 77, width]
            hidden = torch.cat([clip, self._t5_states(words, width)], dim=1)  # [1, 77 + 256, width]
            return SD3Prompt(hidden, pooled=torch.cat([pooled for _, pooled in states], dim=-1))

    def sigmas(self, steps: int, start: float, latent_size: tuple[int, int]) -> Tensor:
        if start == 1.0:
            return components.shifted_sigmas(self._scheduler, None, steps, None)
        # The scheduler's own grid is linear in u from 1 to sigma_min and then shifted; below `start` likewise.
        first = components.unshifted(start, float(self._scheduler.shift))
        last = min(float(self._scheduler.sigma_min), first / steps)
        return components.shifted_sigmas(self._scheduler, np.linspace(first, last, steps), steps, None)

    @torch.no_grad()
    def velocities(self, zs: Sequence[Tensor], sigma: float, branches: Sequence[Branch]) -> list[Tensor]:
        check_branches(zs, branches)
        rows: list[tuple[Tensor, SD3Prompt]] = []
        for z, branch in zip(zs, branches, strict=True):
            if branch.guidance_scale != 1.0:
                rows.append((z, self._negative(branch)))
            rows.append((z, expect_prompt(branch.prompt, SD3Prompt)))
        outputs = iter(self._network(rows, sigma))
        return [_guided(outputs, branch.guidance_scale) for branch in branches]

    def _network(self, rows: Sequence[tuple[Tensor, SD3Prompt]], sigma: float) -> Sequence[Tensor]:
        """All rows in one call: rows of [B, C, h, w] to as many velocities of that shape."""
        batch = rows[0][0].shape[0]
        z = torch.cat([z for z, _ in rows]).to(self._device, self._dtype)  # [R*B, C, h, w]
        hidden = torch.cat([prompt.hidden.expand(batch, -1, -1) for _, prompt in rows])  # [R*B, 333, width]
        pooled = torch.cat([prompt.pooled.expand(batch, -1) for _, prompt in rows])  # [R*B, width]
        with components.translated("the transformer failed"):
            output: Tensor = self._transformer(
                hidden_states=z,
                timestep=torch.full((z.shape[0],), 1000.0 * sigma, device=self._device),
                encoder_hidden_states=hidden.to(self._device, self._dtype),
                pooled_projections=pooled.to(self._device, self._dtype),
                return_dict=False,
            )[0]
        return output.float().to(rows[0][0].device).chunk(len(rows))

    def _negative(self, branch: Branch) -> SD3Prompt:
        return self._unconditional if branch.negative is None else expect_prompt(branch.negative, SD3Prompt)

    @cached_property
    def _unconditional(self) -> SD3Prompt:
        return self.embed("")

    def _clip(self, tokenizer: Any, encoder: Any, words: str) -> tuple[Tensor, Tensor]:
        """The last but one hidden states [1, 77, width] and the projected pooled state [1, width]."""
        ids = components.token_ids(tokenizer, words, CLIP_LENGTH)
        output = encoder(ids.to(self._device), output_hidden_states=True)
        return output.hidden_states[-2], output.text_embeds

    def _t5_states(self, words: str, width: int) -> Tensor:
        """T5's last hidden states [1, 256, width]; zeros when the folder leaves T5 out, as it was trained to allow."""
        if self._t5 is None:
            return torch.zeros(1, T5_LENGTH, width, device=self._device, dtype=self._dtype)
        tokenizer, encoder = self._t5
        states: Tensor = encoder(components.token_ids(tokenizer, words, T5_LENGTH).to(self._device))[0]
        return states


def _guided(outputs: Iterator[Tensor], scale: float) -> Tensor:
    """Classifier-free guidance of the next branch: its negative's velocity, then its prompt's (scale 1: that alone)."""
    first = next(outputs)
    return first if scale == 1.0 else first + scale * (next(outputs) - first)
