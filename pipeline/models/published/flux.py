"""FLUX.1 (Black Forest Labs) from a diffusers folder: dev with embedded guidance, schnell without any.

Latents packed in 2x2 patches, ``t = sigma``, the network's output is the velocity itself. The guidance scale is an
input of the dev network; there is no negative prompt.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from diffusers import AutoencoderKL, FluxTransformer2DModel
from torch import Tensor
from transformers import CLIPTextModel, T5EncoderModel

from pipeline.models.base import Prompt
from pipeline.models.published import schedule
from pipeline.models.published.components import SCHEDULER, Part, token_ids
from pipeline.models.published.flow import DiffusersFlow, Guidance, stacked
from pipeline.models.published.sd3 import CLIP_LENGTH, CLIP_TOKENIZER, T5_TOKENIZERS
from pipeline.models.published.tokens import PATCH, pack, token_positions, unpack

T5_LENGTH = 512
"""Tokens; the length of the published pipeline."""


@dataclass(frozen=True, eq=False)
class FluxPrompt(Prompt):
    """``hidden`` [1, 512, joint width]: T5's states. ``pooled`` [1, width]: CLIP's pooled state."""

    hidden: Tensor
    pooled: Tensor


class FluxFlow(DiffusersFlow[FluxPrompt]):
    """``RectifiedFlow[str]`` over the components of a FluxPipeline folder."""

    prompt_kind = FluxPrompt
    parts: ClassVar[Mapping[str, Part]] = {
        "scheduler": SCHEDULER,
        "transformer": Part("transformer", {"FluxTransformer2DModel": FluxTransformer2DModel}),
        "vae": Part("autoencoder", {"AutoencoderKL": AutoencoderKL}),
        "tokenizer": CLIP_TOKENIZER,
        "tokenizer_2": Part("tokenizer", T5_TOKENIZERS),
        "text_encoder": Part("encoder", {"CLIPTextModel": CLIPTextModel}),
        "text_encoder_2": Part("encoder", {"T5EncoderModel": T5EncoderModel}),
    }

    @property
    def guidance(self) -> Guidance:
        return "embedded" if self._transformer.config.guidance_embeds else "none"

    def sigmas(self, steps: int, start: float, latent_size: tuple[int, int]) -> Tensor:
        tokens = (latent_size[0] // PATCH) * (latent_size[1] // PATCH)
        return schedule.evenly_spaced(self._scheduler, steps, start, schedule.mu_of_tokens(self._scheduler, tokens))

    def _embedded(self, words: str) -> FluxPrompt:
        clip_ids = token_ids(self._loaded["tokenizer"], words, CLIP_LENGTH).to(self._device)
        t5_ids = token_ids(self._loaded["tokenizer_2"], words, T5_LENGTH).to(self._device)
        with self._working("text_encoder") as clip:
            pooled = clip(clip_ids).pooler_output
        with self._working("text_encoder_2") as t5:
            return FluxPrompt(hidden=t5(t5_ids)[0], pooled=pooled)

    def _network(self, z: Tensor, sigma: float, prompts: Sequence[FluxPrompt], scales: Sequence[float]) -> Tensor:
        height, width = z.shape[-2:]
        embedded = self._transformer.config.guidance_embeds
        hidden = stacked([prompt.hidden for prompt in prompts], self._device, self._dtype)  # [N, 512, width]
        output: Tensor = self._transformer(
            hidden_states=pack(z),  # [N, h*w/4, 4C]
            timestep=torch.full((len(z),), sigma, device=self._device),
            guidance=torch.tensor(scales, device=self._device) if embedded else None,
            encoder_hidden_states=hidden,
            pooled_projections=stacked([prompt.pooled for prompt in prompts], self._device, self._dtype),
            img_ids=token_positions(height, width).to(self._device, self._dtype),
            txt_ids=torch.zeros(hidden.shape[1], 3, device=self._device, dtype=self._dtype),
            return_dict=False,
        )[0]
        return unpack(output, height, width)
