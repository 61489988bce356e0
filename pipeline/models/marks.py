"""Where a photograph of skin bears a mark that tells who somebody is: a tattoo, letters, a ring, a band.

A U-Net (Ronneberger et al., arXiv 1505.04597) of its own. Strokes of ink have sharp edges and little area: what heals
skin learned to see them beside its own task on half of the photographs taken through a dermatoscope and on hardly one
of a room (model card).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from pipeline.errors import ModelError
from pipeline.models.base import pixels_from_rgb
from pipeline.models.precision import fast_precision, on_one_thread
from pipeline.models.trunk import FOLD
from pipeline.photograph import Rgb

UNMARKED = 2.0
"""The logit is this far below zero where the network says nothing: marks are rare."""
_GROUPS = 8


@dataclass(frozen=True)
class MarkConfig:
    """Size of the network."""

    resolution: int = 256
    """Pixels along each side of the square that it is shown."""
    channels: tuple[int, ...] = (16, 32, 64, 96, 128)
    """From half the resolution inwards, each at half the one before."""

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "channels": list(self.channels)}

    @staticmethod
    def from_json(data: dict[str, Any]) -> MarkConfig:
        try:
            return MarkConfig(**{**data, "channels": tuple(data["channels"])})
        except (KeyError, TypeError) as error:
            raise ModelError(f"the configuration of the network for marks is not understood: {error}") from error


class MarkNet(nn.Module):
    """Photographs [B, 3, R, R] in [-1, 1] to logits [B, 1, R / 2, R / 2] of how much of each place is a mark."""

    def __init__(self, config: MarkConfig) -> None:
        super().__init__()
        self.config = config
        self.trunk = _Trunk(config.channels)

    def forward(self, photographs: Tensor) -> Tensor:
        said: Tensor = self.trunk(functional.pixel_unshuffle(photographs, FOLD))
        return said.float() - UNMARKED

    def begin_with(self, weights: dict[str, Tensor]) -> None:
        """Go on from ``weights`` of a network of this size."""
        self.load_state_dict(weights)


class _Trunk(nn.Module):
    def __init__(self, channels: tuple[int, ...]) -> None:
        super().__init__()
        steps = list(pairwise(channels))
        self.enter = _convolved(3 * FOLD**2, channels[0])
        self.rests = nn.ModuleList(_Residual(width) for width in channels)
        self.narrow = nn.ModuleList(_convolved(outer, inner, stride=2) for outer, inner in steps)
        self.deepest = _Residual(channels[-1])
        self.widen = nn.ModuleList(nn.Conv2d(inner, outer, 1) for outer, inner in steps)
        self.join = nn.ModuleList(_convolved(2 * outer, outer) for outer, _ in steps)
        self.leave = nn.Conv2d(channels[0], 1, 1)

    def forward(self, folded: Tensor) -> Tensor:
        places, passed = self.rests[0](self.enter(folded)), []
        for narrow, rest in zip(self.narrow, self.rests[1:], strict=True):
            passed.append(places)
            places = rest(narrow(places))
        places = self.deepest(places)
        for widen, join in zip(reversed(self.widen), reversed(self.join), strict=True):
            larger = functional.interpolate(widen(places), scale_factor=2, mode="bilinear")
            places = join(torch.cat([larger, passed.pop()], 1))
        said: Tensor = self.leave(places)
        return said


def _convolved(inside: int, outside: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inside, outside, 3, stride, 1, bias=False), nn.GroupNorm(_GROUPS, outside), nn.SiLU()
    )


class _Residual(nn.Module):
    """Two 3 x 3 convolutions beside a shortcut, which begin as nothing."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = _convolved(width, width)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        nn.init.zeros_(self.second.weight)
        assert self.second.bias is not None
        nn.init.zeros_(self.second.bias)

    def forward(self, places: Tensor) -> Tensor:
        out: Tensor = places + self.second(self.first(places))
        return out


class MarkFinder:
    """The network as it is used: of one square, how sure it is of each place."""

    def __init__(self, net: MarkNet) -> None:
        self._net, self.resolution = net.eval().requires_grad_(False), net.config.resolution

    @torch.no_grad()
    def sureness(self, square: Rgb) -> NDArray[np.float32]:
        """Float32 (R / 2, R / 2) in [0, 1] of a ``square`` uint8 (R, R, 3)."""
        with fast_precision(), on_one_thread():
            seen = torch.sigmoid(self._net(pixels_from_rgb(square)))
        return np.asarray(seen[0, 0].numpy(), np.float32)
