"""What the swapping network is taught: the patient's photograph in a persona's face."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional

from pipeline.models import SwappingNet, fast_precision
from pipeline.training.cache import PairCache
from pipeline.training.captions import PERSONA
from pipeline.training.examples import Examples, examples, mirrored, noised, picture_loss, without_sides
from pipeline.training.lesson import Lesson
from pipeline.training.recipe import SwappingRecipe


class SwappingLesson(Lesson):
    """Examples and losses of one training."""

    net: SwappingNet
    recipe: SwappingRecipe
    BEGUN = "begun with what {} sees; what it says is learned anew"

    def __init__(self, net: SwappingNet, cache: PairCache, recipe: SwappingRecipe) -> None:
        self.net, self.cache, self.recipe = net, cache, recipe

    def compile(self) -> None:
        self.net.trunk.compile()

    def losses(self, random: torch.Generator) -> tuple[Tensor, Tensor]:
        """Sigma and loss [B] of each example of one step."""
        recipe, rows = self.recipe, self.recipe.examples_in_batch
        drawn = examples(self.cache.draw(rows, random), recipe, random)
        shown, portrait = self.shown(drawn, random)
        z, sigma = noised(shown.before, shown.after, recipe, random)
        with fast_precision():
            swap = self.net(z, sigma, shown.tokens, shown.before, portrait)
        error = swap.applied(shown.before, portrait) - shown.after
        weight = recipe.beyond_weight + (1 - recipe.beyond_weight) * shown.head
        return sigma, picture_loss(error, weight, recipe) + recipe.fold_weight * strain(swap.shapes)

    def shown(self, drawn: Examples, random: torch.Generator) -> tuple[Examples, Tensor]:
        """Some of them mirrored, and each persona's portrait [B,4,R,R], mirrored likewise."""
        which = torch.rand(len(drawn.tokens), generator=random) < self.recipe.mirrored
        portrait = mirrored(self.net.portraits.beside(drawn.tokens[:, PERSONA], drawn.landmarks), which)
        before, after, soft, head = (
            mirrored(each, which) for each in (drawn.before, drawn.after, drawn.soft, drawn.head)
        )
        tokens = without_sides(drawn.tokens, which)
        return replace(drawn, before=before, after=after, soft=soft, head=head, tokens=tokens), portrait


def strain(shapes: Tensor) -> Tensor:
    """[B]: mean square of how much further than half their distance neighbouring places of ``shapes`` [B,C,r,r], in
    half sides, are drawn apart or together. From 1 on a picture is folded."""
    distance = 2 / shapes.shape[-1]

    def beyond(drawn: Tensor) -> Tensor:
        return functional.relu(drawn.abs() / distance - 0.5).square().mean((1, 2, 3))

    return beyond(shapes.diff(dim=-1)) + beyond(shapes.diff(dim=-2))
