"""Where in a picture something is that a network was taught to find: a mark that tells who somebody is, or disease.

A U-Net (Ronneberger et al., arXiv 1505.04597), a network of its own for each. What heals skin has to say where disease
is beside its own task, and how sure it is of that lags behind: strokes of ink it saw on half of the photographs taken
through a dermatoscope and on hardly one of a room, and of disease on faces it lacked the place and not the colours
(model card).
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
from pipeline.models.precision import serving
from pipeline.models.trunk import FOLD
from pipeline.photograph import Rgb

UNLIKELY = 2.0
"""The logit is this far below zero where the network says nothing: what is looked for is rare."""
_GROUPS = 8


@dataclass(frozen=True)
class PlaceConfig:
    """Size of the network."""

    resolution: int = 256
    """Pixels along each side of the square that it is shown."""
    channels: tuple[int, ...] = (16, 32, 64, 96, 128)
    """From half the resolution inwards, each at half the one before."""

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "channels": list(self.channels)}

    @staticmethod
    def from_json(data: dict[str, Any]) -> PlaceConfig:
        try:
            return PlaceConfig(**{**data, "channels": tuple(data["channels"])})
        except (KeyError, TypeError) as error:
            raise ModelError(f"the configuration of a network for places is not understood: {error}") from error


class PlaceNet(nn.Module):
    """A photograph [B, 3, R, R] in [-1, 1] to logits [B, 1, R / 2, R / 2] of how much of each place is what is looked
    for."""

    def __init__(self, config: PlaceConfig) -> None:
        super().__init__()
        self.config = config
        self.trunk = _Trunk(config)

    def forward(self, photograph: Tensor) -> Tensor:
        said: Tensor = self.trunk(functional.pixel_unshuffle(photograph, FOLD)).float()
        return said - UNLIKELY

    def begin_with(self, weights: dict[str, Tensor]) -> None:
        """Go on from ``weights`` of a network of this size."""
        self.load_state_dict(weights)


class _Trunk(nn.Module):
    def __init__(self, config: PlaceConfig) -> None:
        super().__init__()
        channels = config.channels
        steps = list(pairwise(channels))
        self.enter = _convolved(3 * FOLD**2, channels[0])
        self.rests = nn.ModuleList(_Residual(width) for width in channels)
        self.narrow = nn.ModuleList(_convolved(outer, inner, stride=2) for outer, inner in steps)
        self.deepest = nn.Sequential(_Residual(channels[-1]))  # of one: so the weights are named
        self.widen = nn.ModuleList(nn.Conv2d(inner, outer, 1) for outer, inner in steps)
        self.join = nn.ModuleList(_convolved(2 * outer, outer) for outer, _ in steps)
        self.leave = nn.Conv2d(channels[0], 1, 1)

    def forward(self, folded: Tensor) -> Tensor:
        places, passed = self.rests[0](self.enter(folded)), []
        for rest, narrow in zip(self.rests[1:], self.narrow, strict=True):
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


class PlaceFinder:
    """A network as it is used: of one square, how sure it is of each place."""

    def __init__(self, net: PlaceNet) -> None:
        self._net, self.resolution = net.eval().requires_grad_(False), net.config.resolution

    def sureness(self, square: Rgb) -> NDArray[np.float32]:
        """Float32 (R / 2, R / 2) in [0, 1] of a ``square`` uint8 (R, R, 3)."""
        return np.asarray(torch.sigmoid(self.logits(pixels_from_rgb(square)))[0, 0].numpy(), np.float32)

    def logits(self, photographs: Tensor) -> Tensor:
        """Float32 [B, 1, R / 2, R / 2] of ``photographs`` [B, 3, R, R]."""
        with serving():
            said: Tensor = self._net(photographs)
        return said
