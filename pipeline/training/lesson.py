"""What a network is taught, as the training loop asks for it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor

from pipeline.models import Net
from pipeline.training.recipe import Recipe


class Lesson(ABC):
    """Draws examples and tells how wrong the network is."""

    net: Net
    recipe: Recipe
    BEGUN = "going on from {}"
    """What is said where its network begins with the weights of another."""

    @abstractmethod
    def losses(self, random: torch.Generator) -> tuple[Tensor, Tensor]:
        """Sigma and loss [B] of each example of one step, the same for the same ``random``."""
        ...

    def kernels(self) -> list[Tensor]:
        """Those of the network's weights that Muon steps, where the recipe has a rate for them."""
        return []

    def compile(self) -> None:
        """Make the network quick, once before the first step. Does nothing where that is not worth its time."""
        return

    def settle(self, averaged: Any) -> None:
        """Once after the last step: what ``averaged`` weights need besides, which are the network's that is kept."""
        return
