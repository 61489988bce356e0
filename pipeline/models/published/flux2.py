"""FLUX.2-klein (Black Forest Labs) from a diffusers folder: base with classifier-free guidance, distilled without.

z is what the network sees: 2x2 patches of the autoencoder's channels, brought to mean 0 and deviation 1 by its batch
norm's recorded statistics. Positions have four coordinates, ``t = sigma``, the output is the velocity itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from diffusers import AutoencoderKLFlux2, Flux2Transformer2DModel
from torch import Tensor
from transformers import Qwen2Tokenizer, Qwen3ForCausalLM

from pipeline.models.base import Prompt
from pipeline.models.published import schedule
from pipeline.models.published.components import SCHEDULER, Part
from pipeline.models.published.flow import DiffusersFlow, Guidance, LoadOptions, stacked
from pipeline.models.published.weights import read_json

LENGTH = 512
"""Tokens; the length of the published pipeline."""

LAYERS = (9, 18, 27)
"""Layers of the text encoder whose states stand side by side in a prompt."""

QWEN_TOKENIZER = Part("tokenizer", {"Qwen2Tokenizer": Qwen2Tokenizer, "Qwen2TokenizerFast": Qwen2Tokenizer})


@dataclass(frozen=True, eq=False)
class Flux2Prompt(Prompt):
    """``hidden`` [1, 512, 3 x width]: the states of three layers."""

    hidden: Tensor


class Flux2KleinFlow(DiffusersFlow[Flux2Prompt]):
    """``RectifiedFlow[str]`` over the components of a Flux2KleinPipeline folder."""

    prompt_kind = Flux2Prompt
    parts: ClassVar[Mapping[str, Part]] = {
        "scheduler": SCHEDULER,
        "transformer": Part("transformer", {"Flux2Transformer2DModel": Flux2Transformer2DModel}),
        "vae": Part("autoencoder", {"AutoencoderKLFlux2": AutoencoderKLFlux2}),
        "tokenizer": QWEN_TOKENIZER,
        "text_encoder": Part("encoder", {"Qwen3ForCausalLM": Qwen3ForCausalLM}),
    }

    def __init__(self, folder: Path, options: LoadOptions) -> None:
        super().__init__(folder, options)
        self._distilled = bool(read_json(folder / "model_index.json").get("is_distilled", False))

    @property
    def guidance(self) -> Guidance:
        return "none" if self._distilled else "classifier-free"

    def sigmas(self, steps: int, start: float, latent_size: tuple[int, int]) -> Tensor:
        return schedule.evenly_spaced(
            self._scheduler, steps, start, mu_of_steps(latent_size[0] * latent_size[1], steps)
        )

    def _embedded(self, words: str) -> Flux2Prompt:
        ids, mask = chat_ids(self._loaded["tokenizer"], words, LENGTH, thinking=False)
        with self._working("text_encoder") as encoder:
            states = encoder(
                input_ids=ids.to(self._device),
                attention_mask=mask.to(self._device),
                output_hidden_states=True,
                use_cache=False,
            ).hidden_states
        return Flux2Prompt(torch.cat([states[layer] for layer in LAYERS], dim=-1))

    def _network(self, z: Tensor, sigma: float, prompts: Sequence[Flux2Prompt], scales: Sequence[float]) -> Tensor:
        height, width = z.shape[-2:]
        hidden = stacked([prompt.hidden for prompt in prompts], self._device, self._dtype)  # [N, 512, 3 width]
        output: Tensor = self._transformer(
            hidden_states=z.flatten(2).transpose(1, 2),  # [N, h*w, C]
            timestep=torch.full((len(z),), sigma, device=self._device),
            guidance=None,
            encoder_hidden_states=hidden,
            img_ids=positions(1, height, width, 1).to(self._device),
            txt_ids=positions(1, 1, 1, hidden.shape[1]).to(self._device),
            return_dict=False,
        )[0]
        velocity: Tensor = output.transpose(1, 2).unflatten(2, (height, width))
        return velocity

    def _latents(self, vae: Any, pixels: Tensor) -> Tensor:
        mean, deviation = _statistics(vae)
        mode: Tensor = vae.encode(pixels).latent_dist.mode()
        return (torch.nn.functional.pixel_unshuffle(mode, 2) - mean) / deviation

    def _pixels(self, vae: Any, z: Tensor) -> Tensor:
        mean, deviation = _statistics(vae)
        latents = torch.nn.functional.pixel_shuffle(z * deviation + mean, 2)
        pixels: Tensor = vae.decode(latents, return_dict=False)[0]
        return pixels


def mu_of_steps(tokens: int, steps: int) -> float:
    """The shift's logarithm: linear in the number of tokens at 10 and at 200 steps, and between them in the steps.

    Constants of Black Forest Labs' sampler; above 4300 tokens the line for 200 steps alone.
    """
    at_200 = 0.00016927 * tokens + 0.45666666
    if tokens > 4300:
        return at_200
    at_10 = 8.73809524e-05 * tokens + 1.89833333
    return at_200 + (at_200 - at_10) / 190.0 * (steps - 200)


def chat_ids(tokenizer: Any, words: str, length: int, *, thinking: bool) -> tuple[Tensor, Tensor]:
    """Token numbers and mask [1, length] of ``words`` as a user's message to a Qwen model."""
    text = tokenizer.apply_chat_template(
        [{"role": "user", "content": words}], tokenize=False, add_generation_prompt=True, enable_thinking=thinking
    )
    encoded = tokenizer([text], padding="max_length", max_length=length, truncation=True, return_tensors="pt")
    return encoded.input_ids, encoded.attention_mask


def positions(frames: int, rows: int, columns: int, layers: int) -> Tensor:
    """[frames * rows * columns * layers, 4]: the coordinates of each token, the last one running fastest."""
    ranges = [torch.arange(length) for length in (frames, rows, columns, layers)]
    return torch.cartesian_prod(*ranges)


def _statistics(vae: Any) -> tuple[Tensor, Tensor]:
    """Mean and deviation [1, 4C, 1, 1] of the patched channels, as the autoencoder recorded them."""
    deviation = torch.sqrt(vae.bn.running_var + vae.config.batch_norm_eps)
    return vae.bn.running_mean.view(1, -1, 1, 1), deviation.view(1, -1, 1, 1)
