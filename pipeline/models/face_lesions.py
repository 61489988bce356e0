"""Where disease is on a photographed face: a network that sees it from the front, and what it knows of faces."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from pipeline.models.places import PlaceConfig, PlaceNet

_PARTS_OF_PIXELS = 64
"""Places are kept as whole numbers: weights are rounded to eight bits."""


@dataclass(frozen=True, eq=False)
class KnownFaces:
    """What goes with the weights. ``frontal`` (vertices, 2): where a mesh's vertices lie in the view; ``mean`` (n, n,
    3), ``components`` (k, n, n, 3), ``fitted`` bool (n, n) and ``left``: as ``heads.TypicalFace`` has them."""

    frontal: NDArray[np.float64]
    mean: NDArray[np.float32]
    components: NDArray[np.float32]
    fitted: NDArray[np.bool_]
    left: float


class FaceLesionNet(PlaceNet):
    """Planes of a face seen from the front [B, planes, R, R] to logits [B, 1, R, R]."""

    frontal: torch.Tensor
    mean: torch.Tensor
    components: torch.Tensor
    fitted: torch.Tensor
    left: torch.Tensor

    def __init__(self, config: PlaceConfig, vertices: int = 468, coarse: int = 32, components: int = 50) -> None:
        super().__init__(config)
        self.register_buffer("frontal", torch.zeros(vertices, 2, dtype=torch.int32))
        self.register_buffer("mean", torch.zeros(coarse, coarse, 3))
        self.register_buffer("components", torch.zeros(components, coarse, coarse, 3))
        self.register_buffer("fitted", torch.zeros(coarse, coarse, dtype=torch.bool))
        self.register_buffer("left", torch.ones(()))

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
