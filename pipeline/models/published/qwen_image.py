"""Qwen-Image (Alibaba) from a diffusers folder.

Packed latents of a video autoencoder's single frame, ``t = sigma``, the output is the velocity itself. Guidance is
classifier-free and keeps the length of each token's velocity.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from diffusers import AutoencoderKLQwenImage, FlowMatchEulerDiscreteScheduler, QwenImageTransformer2DModel
from torch import Tensor
from transformers import Qwen2_5_VLForConditionalGeneration

from pipeline.errors import ModelError
from pipeline.models.base import Prompt
from pipeline.models.published import components, schedule
from pipeline.models.published.components import SCHEDULER, Part
from pipeline.models.published.flow import DiffusersFlow, LoadOptions
from pipeline.models.published.flux2 import QWEN_TOKENIZER
from pipeline.models.published.tokens import PATCH, pack, unpack

LENGTH = 1024
"""Tokens of a prompt at most, as in the published pipeline."""

TEMPLATE = (
    "<|im_start|>system\nDescribe the image by detailing the color, shape, size, texture, quantity, text, spatial "
    "relationships of the objects and background:<|im_end|>\n<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n"
)
PREFIX = 34
"""Tokens of the template before the words, whose states are dropped."""


@dataclass(frozen=True, eq=False)
class QwenImagePrompt(Prompt):
    """``hidden`` [words, width]: the text encoder's last states."""

    hidden: Tensor


class QwenImageFlow(DiffusersFlow[QwenImagePrompt]):
    """``RectifiedFlow[str]`` over the components of a QwenImagePipeline folder."""

    prompt_kind = QwenImagePrompt
    parts: ClassVar[Mapping[str, Part]] = {
        "scheduler": SCHEDULER,
        "transformer": Part("transformer", {"QwenImageTransformer2DModel": QwenImageTransformer2DModel}),
        "vae": Part("autoencoder", {"AutoencoderKLQwenImage": AutoencoderKLQwenImage}),
        "tokenizer": QWEN_TOKENIZER,
        "text_encoder": Part("encoder", {"Qwen2_5_VLForConditionalGeneration": Qwen2_5_VLForConditionalGeneration}),
    }

    def __init__(self, folder: Path, options: LoadOptions) -> None:
        super().__init__(folder, options)
        self._terminal = self._scheduler.config.get("shift_terminal")
        self._scheduler = FlowMatchEulerDiscreteScheduler.from_config(self._scheduler.config, shift_terminal=None)

    @property
    def latent_multiple(self) -> int:
        return int(2 ** len(self._vae.temperal_downsample) * PATCH)

    def sigmas(self, steps: int, start: float, latent_size: tuple[int, int]) -> Tensor:
        tokens = (latent_size[0] // PATCH) * (latent_size[1] // PATCH)
        mu = schedule.mu_of_tokens(self._scheduler, tokens)
        sigmas = schedule.evenly_spaced(self._scheduler, steps, start, mu)
        return sigmas if self._terminal is None else schedule.stretched(sigmas, self._terminal)

    def _check_scheduler(self, folder: Path) -> None:
        components.check_scheduler(self._scheduler, allowed=("shift_terminal",))
        if self._transformer.config.guidance_embeds or self._transformer.config.get("zero_cond_t"):
            raise ModelError(f"{folder}: only Qwen-Image itself is supported, neither distilled nor edit models")

    def _embedded(self, words: str) -> QwenImagePrompt:
        encoded = self._loaded["tokenizer"](
            [TEMPLATE.format(words)], max_length=LENGTH + PREFIX, truncation=True, return_tensors="pt"
        ).to(self._device)
        with self._working("text_encoder") as encoder:
            states = encoder(
                input_ids=encoded.input_ids, attention_mask=encoded.attention_mask, output_hidden_states=True
            ).hidden_states[-1]
        return QwenImagePrompt(states[0, PREFIX:])

    def _network(self, z: Tensor, sigma: float, prompts: Sequence[QwenImagePrompt], scales: Sequence[float]) -> Tensor:
        height, width = z.shape[-2:]
        states = [prompt.hidden.to(self._device, self._dtype) for prompt in prompts]
        lengths = torch.tensor([len(each) for each in states], device=self._device)
        hidden = torch.nn.utils.rnn.pad_sequence(states, batch_first=True)  # [N, longest, width]
        mask = torch.arange(hidden.shape[1], device=self._device)[None] < lengths[:, None]
        output: Tensor = self._transformer(
            hidden_states=pack(z),  # [N, h*w/4, 4C]
            timestep=torch.full((len(z),), sigma, device=self._device),
            encoder_hidden_states=hidden,
            encoder_hidden_states_mask=None if bool(mask.all()) else mask,
            img_shapes=[[(1, height // PATCH, width // PATCH)]] * len(z),
            return_dict=False,
        )[0]
        return unpack(output, height, width)

    def _combined(self, negative: Tensor, positive: Tensor, scale: float) -> Tensor:
        """Guidance that changes the direction of each token's velocity, not its length."""
        guided, plain = (pack(v) for v in (super()._combined(negative, positive, scale), positive))
        kept = guided * (plain.norm(dim=-1, keepdim=True) / guided.norm(dim=-1, keepdim=True))
        return unpack(kept, *positive.shape[-2:])

    def _latents(self, vae: Any, pixels: Tensor) -> Tensor:
        mean, deviation = _statistics(vae, pixels)
        mode: Tensor = vae.encode(pixels[:, :, None]).latent_dist.mode()[:, :, 0]
        return (mode - mean) / deviation

    def _pixels(self, vae: Any, z: Tensor) -> Tensor:
        mean, deviation = _statistics(vae, z)
        pixels: Tensor = vae.decode((z * deviation + mean)[:, :, None], return_dict=False)[0][:, :, 0]
        return pixels


def _statistics(vae: Any, like: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and deviation [1, C, 1, 1] of the autoencoder's channels, as its configuration has them."""
    mean, deviation = (
        torch.tensor(each, device=like.device, dtype=like.dtype).view(1, -1, 1, 1)
        for each in (vae.config.latents_mean, vae.config.latents_std)
    )
    return mean, deviation
