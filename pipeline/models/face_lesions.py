"""Where disease is on a photographed face: a network that sees it from the front, and what it knows of faces.

A U-Net (Ronneberger et al., arXiv 1505.04597) of residual blocks with batch normalisation, which costs a processor a
fifth of group normalisation's time, and with maps of its own of what is usual at each place. Two that learned apart
find more together than the better one of them (deep ensembles, Lakshminarayanan et al., arXiv 1612.01474).
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
from pipeline.models.places import UNLIKELY
from pipeline.models.trunk import FOLD

_PARTS_OF_PIXELS = 64
"""Places are kept as whole numbers: weights are rounded to eight bits."""
_MOMENTUM = 0.02
"""Of batch normalisation's statistics."""
_CHANGED = 3
"""What is said of each place beside its logits: by how much the lesion changes the logarithm of each colour."""


@dataclass(frozen=True)
class FaceLesionConfig:
    """Size of the network."""

    resolution: int
    """Pixels along each side of the view that it is shown."""
    planes: int
    """That it is shown of each pixel."""
    channels: tuple[int, ...]
    """From half the resolution inwards, each at half the one before."""
    inwards: tuple[int, ...]
    """Residual blocks on the way inwards, at each of them…"""
    outwards: tuple[int, ...]
    """…and on the way back, at all but the innermost."""
    trunks: int = 1
    """That learn apart, and whose mean is said."""

    def as_json(self) -> dict[str, Any]:
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @staticmethod
    def from_json(data: dict[str, Any]) -> FaceLesionConfig:
        try:
            sizes = {name: tuple(data[name]) for name in ("channels", "inwards", "outwards")}
            return FaceLesionConfig(data["resolution"], data["planes"], **sizes, trunks=data["trunks"])
        except (KeyError, TypeError) as error:
            raise ModelError(f"the configuration of the network for faces is not understood: {error}") from error


@dataclass(frozen=True, eq=False)
class KnownFaces:
    """What goes with the weights. ``frontal`` (vertices, 2): where a mesh's vertices lie in the view; ``mean`` (n, n,
    3), ``components`` (k, n, n, 3), ``fitted`` bool (n, n) and ``left``: as ``heads.TypicalFace`` has them."""

    frontal: NDArray[np.float64]
    mean: NDArray[np.float32]
    components: NDArray[np.float32]
    fitted: NDArray[np.bool_]
    left: float


class FaceLesionNet(nn.Module):
    """Planes of a face seen from the front [B, planes, R, R] to logits [B, 1, R, R]."""

    frontal: Tensor
    mean: Tensor
    components: Tensor
    fitted: Tensor
    left: Tensor

    def __init__(self, config: FaceLesionConfig, vertices: int = 468, coarse: int = 32, components: int = 50) -> None:
        super().__init__()
        self.config = config
        self.trunks = nn.ModuleList(_Trunk(config) for _ in range(config.trunks))
        self.register_buffer("frontal", torch.zeros(vertices, 2, dtype=torch.int32))
        self.register_buffer("mean", torch.zeros(coarse, coarse, 3))
        self.register_buffer("components", torch.zeros(components, coarse, coarse, 3))
        self.register_buffer("fitted", torch.zeros(coarse, coarse, dtype=torch.bool))
        self.register_buffer("left", torch.ones(()))

    def forward(self, planes: Tensor) -> Tensor:
        logits, _ = self.said(planes)
        return logits

    def said(self, planes: Tensor) -> tuple[Tensor, Tensor]:
        """The logits, and [B, 3, R / 2, R / 2] what a lesion, if one is there, adds to the natural logarithm of each
        colour's intensity."""
        logits, change = (torch.stack(each).mean(0) for each in zip(*self.apart(planes), strict=True))
        return logits, change

    def apart(self, planes: Tensor) -> list[tuple[Tensor, Tensor]]:
        """The same as each of the trunks says it."""
        folded = functional.pixel_unshuffle(planes, FOLD).contiguous(memory_format=torch.channels_last)
        said = [trunk(folded).float() for trunk in self.trunks]
        return [(functional.pixel_shuffle(each[:, :-_CHANGED], FOLD) - UNLIKELY, each[:, -_CHANGED:]) for each in said]

    def said_of_each_pixel(self, planes: Tensor) -> tuple[Tensor, Tensor]:
        """As ``said``, both [B, …, R, R]."""
        logits, change = self.said(planes)
        return logits, functional.interpolate(change, size=logits.shape[-1], mode="bilinear")

    def inner_kernels(self) -> list[Tensor]:
        """Of all convolutions but the first and the last of each trunk."""
        ends = [trunk.get_submodule(end) for trunk in self.trunks for end in ("enter", "leave")]
        apart = {id(parameter) for layer in ends for parameter in layer.parameters()}
        convolutions = [layer for layer in self.modules() if isinstance(layer, nn.Conv2d)]
        return [layer.weight for layer in convolutions if id(layer.weight) not in apart]

    def begin_with(self, weights: dict[str, Tensor]) -> None:
        """Go on from ``weights`` of a network of this size."""
        self.load_state_dict(weights)

    @property
    def faces(self) -> KnownFaces:
        """What it knows of faces."""
        places = self.frontal.numpy().astype(np.float64) / _PARTS_OF_PIXELS
        return KnownFaces(
            places, self.mean.numpy(), self.components.numpy(), self.fitted.numpy(), float(self.left.item())
        )

    def learn_faces(self, known: KnownFaces) -> None:
        """It knows this of faces from now on."""
        self.frontal.copy_(torch.from_numpy(np.rint(known.frontal * _PARTS_OF_PIXELS).astype(np.int32)))
        for name in ("mean", "components", "fitted"):
            getattr(self, name).copy_(torch.from_numpy(getattr(known, name)))
        self.left.fill_(known.left)


class _Trunk(nn.Module):
    def __init__(self, config: FaceLesionConfig) -> None:
        super().__init__()
        channels = config.channels
        steps, sides = list(pairwise(channels)), [config.resolution // FOLD >> level for level in range(len(channels))]
        self.enter = _Convolved(config.planes * FOLD**2, channels[0])
        self.usual = nn.ParameterList(
            nn.Parameter(torch.zeros(1, width, side, side)) for width, side in zip(channels, sides, strict=True)
        )
        self.inwards = nn.ModuleList(_blocks(*each) for each in zip(channels, config.inwards, strict=True))
        self.narrow = nn.ModuleList(_Convolved(outer, inner, stride=2) for outer, inner in steps)
        self.widen = nn.ModuleList(nn.Conv2d(inner, outer, 1) for outer, inner in steps)
        self.join = nn.ModuleList(_Convolved(2 * outer, outer) for outer, _ in steps)
        self.outwards = nn.ModuleList(_blocks(*each) for each in zip(channels[:-1], config.outwards, strict=True))
        self.leave = nn.Conv2d(channels[0], FOLD**2 + _CHANGED, 1)
        nn.init.zeros_(self.leave.weight)
        assert self.leave.bias is not None
        nn.init.zeros_(self.leave.bias)

    def forward(self, folded: Tensor) -> Tensor:
        places, passed = self._beside(0, self.enter(folded)), []
        for level, narrow in enumerate(self.narrow, 1):
            passed.append(places)
            places = self._beside(level, narrow(places))
        for level in reversed(range(len(self.widen))):
            larger = functional.interpolate(self.widen[level](places), scale_factor=2, mode="nearest")
            places = self.outwards[level](self.join[level](torch.cat([larger, passed.pop()], 1)))
        said: Tensor = self.leave(places)
        return said

    def _beside(self, level: int, places: Tensor) -> Tensor:
        """``places`` of this ``level``, beside what is usual there."""
        looked_at: Tensor = self.inwards[level](places + self.usual[level].to(places.dtype))
        return looked_at


def _blocks(width: int, count: int) -> nn.Sequential:
    return nn.Sequential(*(_Residual(width) for _ in range(count)))


class _Convolved(nn.Module):
    def __init__(self, inside: int, outside: int, stride: int = 1) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inside, outside, 3, stride, 1, bias=False)
        self.norm = nn.BatchNorm2d(outside, momentum=_MOMENTUM)

    def forward(self, places: Tensor) -> Tensor:
        return functional.relu(self.norm(self.convolution(places)))


class _Residual(nn.Module):
    """Two convolutions beside a shortcut (He et al., arXiv 1512.03385), which begin as nothing."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = _Convolved(width, width)
        self.second = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(width, momentum=_MOMENTUM)
        nn.init.zeros_(self.norm.weight)

    def forward(self, places: Tensor) -> Tensor:
        return functional.relu(places + self.norm(self.second(self.first(places))))
