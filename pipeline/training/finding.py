"""What networks for places are taught: where something was painted, or outlined by people."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional
from torch.optim.swa_utils import update_bn

from pipeline.models import FaceLesionNet, PlaceNet, fast_precision
from pipeline.training.ahead import DrawnAhead, Source
from pipeline.training.examples import Sought, SoughtOnFaces
from pipeline.training.lesson import Lesson
from pipeline.training.photographs import PhotographExamples
from pipeline.training.recipe import FaceLesionRecipe, PlaceRecipe

_EMPTY = 20.0
"""Places added to both parts of Dice's coefficient."""
_SETTLING = 32
"""Batches over which statistics are taken."""
_LEAST = 4.0
"""Places below which what is there is cut off and counts in the cross entropy alone."""


class SoughtInPhotographs:
    """Marks, or disease, in photographs of skin."""

    def __init__(self, photographs: PhotographExamples, which: Literal["mark", "soft"]) -> None:
        self._photographs, self._which = photographs, which

    def draw(self, rows: int, seed: int) -> Sought:
        drawn = self._photographs.draw(rows, seed)
        return Sought(drawn.before, getattr(drawn, self._which))


class FindingLesson(Lesson):
    """Examples and losses of one training."""

    net: PlaceNet
    recipe: PlaceRecipe

    def __init__(self, net: PlaceNet, recipe: PlaceRecipe, source: Source[Sought]) -> None:
        self.net, self.recipe, self._source = net, recipe, DrawnAhead(source)

    def compile(self) -> None:
        self.net.trunk.compile()

    def losses(self, random: torch.Generator) -> tuple[Tensor, Tensor]:
        """1 and the loss [B] of each example of one step: nothing is noised."""
        rows = self.recipe.examples_in_batch
        drawn = self._source.draw(rows, random.initial_seed())
        with fast_precision():
            seen = self.net(drawn.shown)
        return torch.ones(rows), wrong_places(seen, drawn.where, self.recipe)


class FaceLesionLesson(Lesson):
    """The same of faces seen from the front, and beside it what a lesion changes where one is: what is said of places
    without one counts for nothing, so that who is not sure of a place need not say less."""

    net: FaceLesionNet
    recipe: FaceLesionRecipe

    def __init__(self, net: FaceLesionNet, recipe: FaceLesionRecipe, source: Source[SoughtOnFaces]) -> None:
        self.net, self.recipe, self._source = net, recipe, DrawnAhead(source)

    def kernels(self) -> list[Tensor]:
        return self.net.inner_kernels()

    def losses(self, random: torch.Generator) -> tuple[Tensor, Tensor]:
        """As of ``FindingLesson``."""
        drawn = self._source.draw(self.recipe.examples_in_batch, random.initial_seed())
        with fast_precision():
            apart = self.net.apart(drawn.shown)
        wrong = torch.stack([self._wrong(drawn, *each) for each in apart]).mean(0)
        return torch.ones(len(wrong)), wrong

    def _wrong(self, drawn: SoughtOnFaces, seen: Tensor, change: Tensor) -> Tensor:
        there = _as_large(torch.nan_to_num(drawn.where), change)
        colours = ((change - drawn.change).abs() * there).mean(1).sum((1, 2)) / (there.sum((1, 2, 3)) + _EMPTY)
        return wrong_places(seen, drawn.where, self.recipe) + self.recipe.change_weight * colours

    def settle(self, averaged: FaceLesionNet) -> None:
        """Batch normalisation's statistics of ``averaged`` weights (Izmailov et al., arXiv 1803.05407, section 3)."""
        seeds = range(_SETTLING)
        with fast_precision():
            update_bn((self._source.draw(self.recipe.examples_in_batch, seed).shown for seed in seeds), averaged)


def wrong_places(seen: Tensor, truth: Tensor, recipe: PlaceRecipe) -> Tensor:
    """Cross entropy and Dice's coefficient (V-Net, Milletari et al., arXiv 1606.04797) [B] of what is ``seen``, a logit
    [B,1,r,r], against the ``truth`` [B,1,R,R]; 0 where that is not a number."""
    known = torch.isfinite(truth)
    there = _as_large(torch.where(known, truth, torch.zeros_like(truth)), seen)
    counts = _as_large(known.float(), seen)
    size = there.sum((1, 2, 3))
    most = (recipe.noticed * there[0].numel() / size.clamp(min=1)).clamp(max=recipe.most_notice)
    entropy = functional.binary_cross_entropy_with_logits(seen, there, reduction="none")
    place = (entropy * counts * (1 + there * most[:, None, None, None])).mean((1, 2, 3))
    marked = torch.sigmoid(seen) * counts
    both, either = (marked * there).sum((1, 2, 3)), (marked + there).sum((1, 2, 3))
    apart = 1 - (2 * both + _EMPTY) / (either + _EMPTY)
    if not recipe.overlap_of_nothing:
        apart = apart * (size > _LEAST)
    return recipe.place_weight * place + recipe.overlap_weight * apart


def _as_large(field: Tensor, seen: Tensor) -> Tensor:
    return functional.avg_pool2d(field, field.shape[-1] // seen.shape[-1])
