"""The network of the embedded model: an SD3 transformer over 16 x 16 places of a face, between two convolutional ramps.

It works on pixels and predicts the clean image, trained with a velocity loss ("Back to Basics: Let Denoising
Generative Models Denoise", Li & He, arXiv 2511.13720). The transformer decides what is where and listens to the words;
the ramps, with skips across them as in a U-Net (Ronneberger et al., arXiv 1505.04597) and in hourglass transformers
(Crowson et al., arXiv 2401.11605), carry texture past it. A transformer on patches alone, with the pictures that two
cores can show it in an hour, was still learning to copy its input.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from diffusers import SD3Transformer2DModel
from diffusers.models.embeddings import Timesteps
from torch import Tensor, nn
from torch.nn import functional

from pipeline.errors import ModelError

PIXEL_DEVIATION = 0.5
"""Standard deviation of rendered photographs' pixels in [-1, 1]."""
FOLD = 2
"""Pixels are folded 2 x 2 into channels before the first convolution."""


@dataclass(frozen=True)
class NetConfig:
    """Size of the network. The vocabulary is part of it: a token means nothing without the field it belongs to."""

    fields: tuple[int, ...]
    """Number of words of each clinical field, "unspecified" included (its index is 0). The last one is the persona."""
    resolution: int = 128
    """Pixels along each side of the square that is edited."""
    channels: tuple[int, int] = (48, 96)
    """Of the ramps, at a half and at a quarter of the resolution."""
    width: int = 192
    """Of the transformer, at an eighth."""
    heads: int = 3
    """Of 64 channels: fewer, wider heads are a third faster on a CPU than six of 32."""
    layers: int = 4

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "fields": list(self.fields), "channels": list(self.channels)}

    @staticmethod
    def from_json(data: dict[str, Any]) -> NetConfig:
        try:
            return NetConfig(**{**data, "fields": tuple(data["fields"]), "channels": tuple(data["channels"])})
        except (KeyError, TypeError) as error:
            raise ModelError(f"the embedded model's configuration is not understood: {error}") from error


class EmbeddedNet(nn.Module):
    """x_hat = net(z, sigma, tokens); z [B,3,R,R] in [-1,1] plus noise, sigma [B] in [0,1], tokens int64 [B, fields].

    A persona is a word with a picture: its portrait in the canonical square lies beside z as three more channels, and
    nothing (0) where no persona is named. A word alone would have to be learned feature by feature.
    """

    portraits: Tensor
    offsets: Tensor

    def __init__(self, config: NetConfig) -> None:
        super().__init__()
        self.config = config
        fine, coarse = config.channels
        side = config.resolution
        self.register_buffer("offsets", torch.tensor([0, *config.fields[:-1]]).cumsum(0), persistent=False)
        # [personas + 1, 3, side, side]; the first belongs to nobody.
        self.register_buffer("portraits", torch.zeros(config.fields[-1], 3, side, side, dtype=torch.uint8))
        self.words = nn.Embedding(sum(config.fields), config.width)
        nn.init.normal_(self.words.weight, std=1.0)
        self.noise_level: Any = Timesteps(64, flip_sin_to_cos=True, downscale_freq_shift=0)
        self.condition = nn.Sequential(nn.Linear(64 + config.width, 192), nn.SiLU(), nn.Linear(192, 192), nn.SiLU())
        self.enter = nn.Conv2d(6 * FOLD**2, fine, 3, padding=1)
        self.fine_down = Residual(fine, fine)
        self.to_coarse = nn.Conv2d(fine, coarse, 2, stride=2)
        self.coarse_down = Residual(coarse, coarse)
        self.to_tokens = nn.Conv2d(coarse, config.width, 2, stride=2)
        grid = side // 8
        self.transformer: Any = SD3Transformer2DModel(
            sample_size=grid,
            patch_size=1,
            in_channels=config.width,
            out_channels=config.width,
            num_layers=config.layers,
            attention_head_dim=config.width // config.heads,
            num_attention_heads=config.heads,
            joint_attention_dim=config.width,
            caption_projection_dim=config.width,
            pooled_projection_dim=config.width,
            pos_embed_max_size=grid,
            qk_norm="rms_norm",
        )
        self.from_tokens = nn.ConvTranspose2d(config.width, coarse, 2, stride=2)
        self.coarse_up = Residual(2 * coarse, coarse)
        self.from_coarse = nn.ConvTranspose2d(coarse, fine, 2, stride=2)
        self.fine_up = Residual(2 * fine, fine)
        self.leave = nn.Conv2d(fine, 3 * FOLD**2, 3, padding=1)

    def forward(self, z: Tensor, sigma: Tensor, tokens: Tensor) -> Tensor:
        words = self.words(tokens + self.offsets)  # [B, fields, width]
        pooled = words.mean(1) * words.shape[1] ** 0.5
        condition = self.condition(torch.cat([self.noise_level(sigma * 1000), pooled], 1))  # [B, 192]
        keep, gain, scale = _preconditioning(sigma[:, None, None, None])
        seen = functional.pixel_unshuffle(torch.cat([z * scale, self._portrait(tokens[:, -1])], 1), FOLD)
        fine = self.fine_down(self.enter(seen.contiguous(memory_format=torch.channels_last)), condition)  # R/2
        coarse = self.coarse_down(self.to_coarse(fine), condition)  # R/4
        places = self.to_tokens(coarse)  # [B, width, R/8, R/8]
        places = places + self.transformer(
            hidden_states=places, encoder_hidden_states=words, pooled_projections=pooled, timestep=sigma * 1000
        ).sample
        up = self.coarse_up(torch.cat([self.from_tokens(places), coarse], 1), condition)
        up = self.fine_up(torch.cat([self.from_coarse(up), fine], 1), condition)
        return keep * z + gain * functional.pixel_shuffle(self.leave(up), FOLD).float()

    def show(self, portraits: Tensor) -> None:
        """Give the personas their faces: uint8 [personas, 3, R, R]."""
        self.portraits[1:] = portraits

    def _portrait(self, persona: Tensor) -> Tensor:
        chosen = self.portraits[persona].float() / 127.5 - 1.0
        return chosen * (persona > 0).float()[:, None, None, None]


def _preconditioning(sigma: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Weights of z and of the network's output in x_hat, and of z in its input (Karras et al., arXiv 2206.00364, for
    z = (1 - sigma) x + sigma eps): the network has only to learn what the best linear guess leaves open."""
    signal = (1 - sigma) * PIXEL_DEVIATION
    power = (signal**2 + sigma**2).sqrt()
    return signal * PIXEL_DEVIATION / power**2, PIXEL_DEVIATION * sigma / power, 1 / power


class Residual(nn.Module):
    """Two 3 x 3 convolutions around a shortcut; the condition [B, 192] scales and shifts between them."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.GroupNorm(8, inside), nn.SiLU(), nn.Conv2d(inside, outside, 3, padding=1))
        self.middle = nn.GroupNorm(8, outside, affine=False)
        self.modulation = nn.Linear(192, 2 * outside)
        self.second = nn.Conv2d(outside, outside, 3, padding=1)
        self.shortcut = nn.Conv2d(inside, outside, 1) if inside != outside else nn.Identity()
        nn.init.zeros_(self.second.weight)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        scale, shift = self.modulation(condition)[:, :, None, None].chunk(2, 1)
        hidden = self.middle(self.first(x)) * (1 + scale) + shift
        out: Tensor = self.shortcut(x) + self.second(functional.silu(hidden))
        return out
