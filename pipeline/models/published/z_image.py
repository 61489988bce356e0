"""Z-Image (Tongyi-MAI) from a diffusers folder: base with classifier-free guidance, turbo best without.

A list of pictures [C, 1, h, w] and of prompts of any length, ``t = 1 - sigma``, and the output is the velocity with
its sign turned. The published guidance scale g is ``1 + g`` in ours: it counts from the prompt, not from the negative.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from diffusers import AutoencoderKL, ZImageTransformer2DModel
from torch import Tensor
from transformers import Qwen3ForCausalLM, Qwen3Model

from pipeline.models.base import Prompt
from pipeline.models.published import schedule
from pipeline.models.published.components import SCHEDULER, Part
from pipeline.models.published.flow import DiffusersFlow
from pipeline.models.published.flux2 import LENGTH, QWEN_TOKENIZER, chat_ids
from pipeline.models.published.tokens import PATCH


@dataclass(frozen=True, eq=False)
class ZImagePrompt(Prompt):
    """``hidden`` [words, width]: the text encoder's last but one states, of the words alone."""

    hidden: Tensor


class ZImageFlow(DiffusersFlow[ZImagePrompt]):
    """``RectifiedFlow[str]`` over the components of a ZImagePipeline folder."""

    prompt_kind = ZImagePrompt
    parts: ClassVar[Mapping[str, Part]] = {
        "scheduler": SCHEDULER,
        "transformer": Part("transformer", {"ZImageTransformer2DModel": ZImageTransformer2DModel}),
        "vae": Part("autoencoder", {"AutoencoderKL": AutoencoderKL}),
        "tokenizer": QWEN_TOKENIZER,
        "text_encoder": Part("encoder", {"Qwen3Model": Qwen3Model, "Qwen3ForCausalLM": Qwen3ForCausalLM}),
    }

    def sigmas(self, steps: int, start: float, latent_size: tuple[int, int]) -> Tensor:
        tokens = (latent_size[0] // PATCH) * (latent_size[1] // PATCH)
        return schedule.evenly_spaced(self._scheduler, steps, start, schedule.mu_of_tokens(self._scheduler, tokens))

    def _embedded(self, words: str) -> ZImagePrompt:
        ids, mask = chat_ids(self._loaded["tokenizer"], words, LENGTH, thinking=True)
        with self._working("text_encoder") as encoder:
            states = encoder(
                input_ids=ids.to(self._device),
                attention_mask=mask.to(self._device).bool(),
                output_hidden_states=True,
            ).hidden_states[-2]
        return ZImagePrompt(states[0][mask[0].bool()])

    def _network(self, z: Tensor, sigma: float, prompts: Sequence[ZImagePrompt], scales: Sequence[float]) -> Tensor:
        time = torch.full((len(z),), sigma, device=self._device) * 1000.0  # rounded as the published sampler rounds
        output: list[Tensor] = self._transformer(
            list(z[:, :, None]),  # N of [C, 1, h, w]
            (1000.0 - time) / 1000.0,
            [prompt.hidden.to(self._device, self._dtype) for prompt in prompts],
            return_dict=False,
        )[0]
        return -torch.stack(list(output))[:, :, 0]
