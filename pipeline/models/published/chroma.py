"""Chroma (Lodestone Rock; FLUX.1-schnell taught again, without CLIP) from a diffusers folder.

Packed latents, ``t = sigma``, classifier-free guidance. T5's padding is masked, all but its first token.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from diffusers import AutoencoderKL, ChromaTransformer2DModel
from torch import Tensor
from transformers import T5EncoderModel

from pipeline.models.base import Prompt
from pipeline.models.published import schedule
from pipeline.models.published.components import SCHEDULER, Part
from pipeline.models.published.flow import DiffusersFlow, stacked
from pipeline.models.published.flux import T5_LENGTH
from pipeline.models.published.sd3 import T5_TOKENIZERS
from pipeline.models.published.tokens import PATCH, pack, token_positions, unpack


@dataclass(frozen=True, eq=False)
class ChromaPrompt(Prompt):
    """``hidden`` [1, 512, joint width]: T5's states. ``mask`` [1, 512]: 1 on words and the first token after them."""

    hidden: Tensor
    mask: Tensor


class ChromaFlow(DiffusersFlow[ChromaPrompt]):
    """``RectifiedFlow[str]`` over the components of a ChromaPipeline folder."""

    prompt_kind = ChromaPrompt
    parts: ClassVar[Mapping[str, Part]] = {
        "scheduler": SCHEDULER,
        "transformer": Part("transformer", {"ChromaTransformer2DModel": ChromaTransformer2DModel}),
        "vae": Part("autoencoder", {"AutoencoderKL": AutoencoderKL}),
        "tokenizer": Part("tokenizer", T5_TOKENIZERS),
        "text_encoder": Part("encoder", {"T5EncoderModel": T5EncoderModel}),
    }

    def sigmas(self, steps: int, start: float, latent_size: tuple[int, int]) -> Tensor:
        tokens = (latent_size[0] // PATCH) * (latent_size[1] // PATCH)
        return schedule.evenly_spaced(self._scheduler, steps, start, schedule.mu_of_tokens(self._scheduler, tokens))

    def _embedded(self, words: str) -> ChromaPrompt:
        encoded = self._loaded["tokenizer"](
            [words], padding="max_length", max_length=T5_LENGTH, truncation=True, return_tensors="pt"
        ).to(self._device)
        with self._working("text_encoder") as encoder:
            hidden = encoder(encoded.input_ids, attention_mask=encoded.attention_mask)[0]
        counted = torch.arange(T5_LENGTH, device=self._device)[None] <= encoded.attention_mask.sum()
        return ChromaPrompt(hidden, counted.to(self._dtype))

    def _network(self, z: Tensor, sigma: float, prompts: Sequence[ChromaPrompt], scales: Sequence[float]) -> Tensor:
        height, width = z.shape[-2:]
        tokens = pack(z)  # [N, h*w/4, 4C]
        hidden = stacked([prompt.hidden for prompt in prompts], self._device, self._dtype)  # [N, 512, width]
        mask = stacked([prompt.mask for prompt in prompts], self._device, self._dtype)
        # The published sampler hands numbers, not truth values, to the attention, which adds them to its logits.
        seen = torch.cat([mask, torch.ones(tokens.shape[:2], device=self._device, dtype=self._dtype)], dim=1)
        output: Tensor = self._transformer(
            hidden_states=tokens,
            timestep=torch.full((len(z),), sigma, device=self._device),
            encoder_hidden_states=hidden,
            img_ids=token_positions(height, width).to(self._device, self._dtype),
            txt_ids=torch.zeros(hidden.shape[1], 3, device=self._device, dtype=self._dtype),
            attention_mask=seen,
            return_dict=False,
        )[0]
        return unpack(output, height, width)
