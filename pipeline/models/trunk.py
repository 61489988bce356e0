"""What both networks of the embedded model are built on: an SD3 transformer over 16 x 16 places between two ramps.

It works on pixels. The transformer decides what is where and listens to the words; the convolutional ramps, with skips
across them as in a U-Net (Ronneberger et al., arXiv 1505.04597) and in hourglass transformers (Crowson et al., arXiv
2401.11605), carry texture past it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import pairwise
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
_CONDITION = 192
"""Width of what noise level and words together say to the ramps."""


@dataclass(frozen=True)
class NetConfig:
    """Size of a network. The vocabulary is part of it: a token means nothing without the field it belongs to."""

    fields: tuple[int, ...]
    """Number of words of each clinical field, "unspecified" included (its index is 0). The last one is the persona."""
    resolution: int = 128
    """Pixels along each side of the square that is edited."""
    channels: tuple[int, ...] = (48, 96)
    """Of the ramps, from half the resolution inwards, each at half the one before."""
    width: int = 192
    """Of the transformer, at half of the innermost."""
    heads: int = 3
    """Of 64 channels: fewer, wider heads are a third faster on a CPU than six of 32."""
    layers: int = 4
    views: int = 10
    """Sides from which each persona's portrait is kept."""

    @property
    def grid(self) -> int:
        """Places of the transformer along each side."""
        return (self.resolution // FOLD) >> len(self.channels)

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "fields": list(self.fields), "channels": list(self.channels)}

    @staticmethod
    def from_json(data: dict[str, Any]) -> NetConfig:
        try:
            return NetConfig(**{**data, "fields": tuple(data["fields"]), "channels": tuple(data["channels"])})
        except (KeyError, TypeError) as error:
            raise ModelError(f"the embedded model's configuration is not understood: {error}") from error


class Trunk(nn.Module):
    """``seen`` channels [B, seen, R, R] and words to ``said`` channels [B, said, R, R], which begin as 0.

    Levels of the ramps are counted from the inside, so that networks of other resolutions share their names.
    """

    offsets: Tensor

    def __init__(self, config: NetConfig, seen: int, said: int) -> None:
        super().__init__()
        inwards = config.channels
        outwards = inwards[::-1]
        inside = (config.width, *outwards[:-1])
        self.register_buffer("offsets", torch.tensor([0, *config.fields[:-1]]).cumsum(0), persistent=False)
        self.words = nn.Embedding(sum(config.fields), config.width)
        nn.init.normal_(self.words.weight, std=1.0)
        self.noise_level: Any = Timesteps(64, flip_sin_to_cos=True, downscale_freq_shift=0)
        self.condition = nn.Sequential(
            nn.Linear(64 + config.width, _CONDITION), nn.SiLU(), nn.Linear(_CONDITION, _CONDITION), nn.SiLU()
        )
        self.enter = nn.Conv2d(seen * FOLD**2, inwards[0], 3, padding=1)
        self.down = nn.ModuleList(Residual(channels, channels) for channels in outwards)
        self.narrow = nn.ModuleList(nn.Conv2d(*pair, 2, stride=2) for pair in zip(outwards, inside, strict=True))
        self.transformer: Any = SD3Transformer2DModel(
            sample_size=config.grid,
            patch_size=1,
            in_channels=config.width,
            out_channels=config.width,
            num_layers=config.layers,
            attention_head_dim=config.width // config.heads,
            num_attention_heads=config.heads,
            joint_attention_dim=config.width,
            caption_projection_dim=config.width,
            pooled_projection_dim=config.width,
            pos_embed_max_size=config.grid,
            qk_norm="rms_norm",
        )
        self.widen = nn.ModuleList(
            nn.ConvTranspose2d(*pair, 2, stride=2) for pair in pairwise((config.width, *outwards))
        )
        self.up = nn.ModuleList(Residual(2 * channels, channels) for channels in outwards)
        self.leave = nn.Conv2d(inwards[0], said * FOLD**2, 3, padding=1)
        self.say_nothing()

    def say_nothing(self) -> None:
        """A last layer that says 0 yet."""
        nn.init.zeros_(self.leave.weight)
        assert self.leave.bias is not None
        nn.init.zeros_(self.leave.bias)

    def forward(self, seen: Tensor, sigma: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """What is said, and the innermost features of the way out [B, channels[-1], 2 grid, 2 grid].

        ``sigma`` [B] in [0, 1], ``tokens`` int64 [B, fields].
        """
        words = self.words(tokens + self.offsets)  # [B, fields, width]
        pooled = words.mean(1) * words.shape[1] ** 0.5
        condition = self.condition(torch.cat([self.noise_level(sigma * 1000), pooled], 1))
        folded = functional.pixel_unshuffle(seen, FOLD).contiguous(memory_format=torch.channels_last)
        places = self.enter(folded)
        passed = []
        for down, narrow in zip(reversed(self.down), reversed(self.narrow), strict=True):
            passed.append(down(places, condition))
            places = narrow(passed[-1])
        places = (
            places
            + self.transformer(
                hidden_states=places, encoder_hidden_states=words, pooled_projections=pooled, timestep=sigma * 1000
            ).sample
        )
        innermost: Tensor | None = None
        for widen, up in zip(self.widen, self.up, strict=True):
            places = up(torch.cat([widen(places), passed.pop()], 1), condition)
            innermost = places if innermost is None else innermost
        assert innermost is not None
        return functional.pixel_shuffle(self.leave(places), FOLD).float(), innermost


class Residual(nn.Module):
    """Two 3 x 3 convolutions around a shortcut; the condition [B, 192] scales and shifts between them."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.GroupNorm(8, inside), nn.SiLU(), nn.Conv2d(inside, outside, 3, padding=1))
        self.middle = nn.GroupNorm(8, outside, affine=False)
        self.modulation = nn.Linear(_CONDITION, 2 * outside)
        self.second = nn.Conv2d(outside, outside, 3, padding=1)
        self.shortcut = nn.Conv2d(inside, outside, 1) if inside != outside else nn.Identity()
        nn.init.zeros_(self.second.weight)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        scale, shift = self.modulation(condition)[:, :, None, None].chunk(2, 1)
        hidden = self.middle(self.first(x)) * (1 + scale) + shift
        out: Tensor = self.shortcut(x) + self.second(functional.silu(hidden))
        return out


def trusted(z: Tensor, sigma: Tensor) -> Tensor:
    """``z`` [B, 3, R, R] times its weight in the best linear guess at x from z = (1 - sigma) x + sigma eps alone
    (Wiener's; the skip weight of Karras et al., arXiv 2206.00364). Where z is all noise it fades, and does not drown
    the photograph."""
    signal = (1 - sigma) * PIXEL_DEVIATION
    return z * (signal * PIXEL_DEVIATION / (signal**2 + sigma**2))[:, None, None, None]


def enlarged(field: Tensor, side: int) -> Tensor:
    """A smooth field [B, C, r, r] as [B, C, side, side]."""
    if field.shape[-1] == side:
        return field
    return functional.interpolate(field, (side, side), mode="bicubic")
