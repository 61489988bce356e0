"""Stable Diffusion 3 and 3.5 (Esser et al., arXiv 2403.03206) from a diffusers folder, with or without its T5.

Unpacked latents, ``t = 1000 sigma``, the network's output is the velocity itself, classifier-free guidance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from diffusers import AutoencoderKL, SD3Transformer2DModel
from torch import Tensor
from transformers import CLIPTextModelWithProjection, CLIPTokenizer, T5EncoderModel, T5Tokenizer

from pipeline.errors import ModelError
from pipeline.models.base import Prompt
from pipeline.models.published import schedule
from pipeline.models.published.components import SCHEDULER, Part, token_ids
from pipeline.models.published.flow import DiffusersFlow, stacked

CLIP_LENGTH = 77
T5_LENGTH = 256
"""Tokens; the lengths of the published pipeline."""

CLIP_TOKENIZER = Part("tokenizer", {"CLIPTokenizer": CLIPTokenizer, "CLIPTokenizerFast": CLIPTokenizer})
T5_TOKENIZERS = {"T5Tokenizer": T5Tokenizer, "T5TokenizerFast": T5Tokenizer}
CLIP = Part("encoder", {"CLIPTextModelWithProjection": CLIPTextModelWithProjection})


@dataclass(frozen=True, eq=False)
class SD3Prompt(Prompt):
    """``hidden`` [1, 333, joint width]: both CLIPs side by side, then T5 (zeros without one). ``pooled`` [1, width]."""

    hidden: Tensor
    pooled: Tensor


class SD3Flow(DiffusersFlow[SD3Prompt]):
    """``RectifiedFlow[str]`` over the components of a StableDiffusion3Pipeline folder."""

    prompt_kind = SD3Prompt
    parts: ClassVar[Mapping[str, Part]] = {
        "scheduler": SCHEDULER,
        "transformer": Part("transformer", {"SD3Transformer2DModel": SD3Transformer2DModel}),
        "vae": Part("autoencoder", {"AutoencoderKL": AutoencoderKL}),
        "tokenizer": CLIP_TOKENIZER,
        "tokenizer_2": CLIP_TOKENIZER,
        "tokenizer_3": Part("tokenizer", T5_TOKENIZERS, optional=True),
        "text_encoder": CLIP,
        "text_encoder_2": CLIP,
        "text_encoder_3": Part("encoder", {"T5EncoderModel": T5EncoderModel}, optional=True),
    }

    @property
    def latent_multiple(self) -> int:
        reduction = 2 ** (len(self._vae.config.block_out_channels) - 1)
        return int(reduction * self._transformer.config.patch_size)

    def sigmas(self, steps: int, start: float, latent_size: tuple[int, int]) -> Tensor:
        if start == 1.0:
            return schedule.shifted_sigmas(self._scheduler, None, steps, None)
        # The scheduler's own grid is linear in u from 1 to sigma_min and then shifted; below `start` likewise.
        first = schedule.unshifted(start, float(self._scheduler.shift))
        last = min(float(self._scheduler.sigma_min), first / steps)
        return schedule.shifted_sigmas(self._scheduler, np.linspace(first, last, steps), steps, None)

    def _check_scheduler(self, folder: Path) -> None:
        super()._check_scheduler(folder)
        if self._scheduler.config.use_dynamic_shifting:
            raise ModelError(f"{folder}: a dynamic shift of the schedule is not supported for Stable Diffusion 3")

    def _embedded(self, words: str) -> SD3Prompt:
        states = [self._clip(suffix, words) for suffix in ("", "_2")]
        width = self._transformer.config.joint_attention_dim
        clip = torch.cat([hidden for hidden, _ in states], dim=-1)  # [1, 77, width_1 + width_2]
        clip = torch.nn.functional.pad(clip, (0, width - clip.shape[-1]))  # [1, 77, width]
        hidden = torch.cat([clip, self._t5_states(words, width)], dim=1)  # [1, 77 + 256, width]
        return SD3Prompt(hidden, pooled=torch.cat([pooled for _, pooled in states], dim=-1))

    def _network(self, z: Tensor, sigma: float, prompts: Sequence[SD3Prompt], scales: Sequence[float]) -> Tensor:
        output: Tensor = self._transformer(
            hidden_states=z,
            timestep=torch.full((len(z),), sigma, device=self._device) * 1000.0,
            encoder_hidden_states=stacked([prompt.hidden for prompt in prompts], self._device, self._dtype),
            pooled_projections=stacked([prompt.pooled for prompt in prompts], self._device, self._dtype),
            return_dict=False,
        )[0]
        return output

    def _clip(self, suffix: str, words: str) -> tuple[Tensor, Tensor]:
        """The last but one hidden states [1, 77, width] and the projected pooled state [1, width]."""
        ids = token_ids(self._loaded[f"tokenizer{suffix}"], words, CLIP_LENGTH)
        with self._working(f"text_encoder{suffix}") as encoder:
            output = encoder(ids.to(self._device), output_hidden_states=True)
            return output.hidden_states[-2], output.text_embeds

    def _t5_states(self, words: str, width: int) -> Tensor:
        """T5's last hidden states [1, 256, width]; zeros when the folder leaves T5 out, as it was trained to allow."""
        if "text_encoder_3" not in self._loaded:
            return torch.zeros(1, T5_LENGTH, width, device=self._device, dtype=self._dtype)
        ids = token_ids(self._loaded["tokenizer_3"], words, T5_LENGTH)
        with self._working("text_encoder_3") as encoder:
            states: Tensor = encoder(ids.to(self._device))[0]
            return states
