"""What the healing network is taught: where disease is, and what the skin below it looks like.

The two are learned apart. Where: from the overlap with the truth, as segmentation networks are. What: from the picture,
with the place as the network sees it held fixed, so that a network in doubt cannot hedge by healing everywhere a
little.
"""

from __future__ import annotations

from dataclasses import fields, replace

import torch
from torch import Tensor
from torch.nn import functional

from pipeline.models import HealingNet, fast_precision
from pipeline.training.ahead import DrawnAhead
from pipeline.training.cache import PairCache
from pipeline.training.examples import Examples, examples, mirrored, noised, picture_loss, together, without_sides
from pipeline.training.lesson import Lesson
from pipeline.training.photographs import PhotographExamples
from pipeline.training.recipe import HealingRecipe

TRUE_LESION = 0.35
"""Share of a pixel from which the renderer's truth calls it lesion."""
_EMPTY = 4.0
"""Pixels added to both parts of Dice's coefficient: a few marked where nothing is are no whole miss."""


class HealingLesson(Lesson):
    """Examples and losses of one training."""

    net: HealingNet
    recipe: HealingRecipe

    def __init__(
        self,
        net: HealingNet,
        cache: PairCache | None,
        recipe: HealingRecipe,
        photographs: PhotographExamples | None = None,
    ) -> None:
        self.net, self.cache, self.recipe = net, cache, recipe
        self._photographs = None if photographs is None else DrawnAhead(photographs)

    def compile(self) -> None:
        self.net.trunk.compile()

    def losses(self, random: torch.Generator) -> tuple[Tensor, Tensor]:
        """Sigma and loss [B] of each example of one step."""
        recipe = self.recipe
        shown = self.drawn(random)
        z, sigma = noised(shown.before, shown.after, recipe, random)
        with fast_precision():
            healing = self.net(z, sigma, shown.tokens, shown.before)
        healed = healing.applied(shown.before, torch.sigmoid(healing.share).detach())
        truth = shown.soft * shown.changes[:, None, None, None]
        emphasis = 1 + recipe.lesion_weight * alike(shown.soft, recipe.matters_alike, recipe.most_emphasis) * shown.soft
        wrong = picture_loss(healed - shown.after, emphasis, recipe)
        notice = 1 + (alike(truth, recipe.noticed, recipe.most_notice) - 1) * truth
        entropy = functional.binary_cross_entropy_with_logits(healing.share, truth, notice, reduction="none")
        apart = 1 - overlap(healing.share, truth, recipe.steep)
        if not recipe.overlap_of_nothing:
            apart = apart * (truth > TRUE_LESION).any(3).any(2).any(1)
        place = recipe.place_weight * entropy.mean((1, 2, 3)) + recipe.overlap_weight * apart
        return sigma, wrong + place

    def drawn(self, random: torch.Generator) -> Examples:
        """One batch: rendered patients and, where there are photographs, a share of each."""
        recipe, rows = self.recipe, self.recipe.examples_in_batch
        if self._photographs is None:
            assert self.cache is not None
            return self.shown(examples(self.cache.draw(rows, random), recipe, random), random)
        photographed = self._photographs.draw(rows, random.initial_seed())
        if self.cache is None:
            return photographed
        rendered = int((torch.rand(rows, generator=random) < recipe.rendered).sum())
        parts = [_rows(photographed, slice(rendered, rows))]
        if rendered:
            batch = self.cache.draw(rendered, random)
            parts.append(self.shown(examples(batch, recipe, random), random))
        return together(parts)

    def shown(self, drawn: Examples, random: torch.Generator) -> Examples:
        """Some of them mirrored."""
        which = torch.rand(len(drawn.tokens), generator=random) < self.recipe.mirrored
        before, after, soft = (mirrored(each, which) for each in (drawn.before, drawn.after, drawn.soft))
        return replace(drawn, before=before, after=after, soft=soft, tokens=without_sides(drawn.tokens, which))


def _rows(batch: Examples, which: slice) -> Examples:
    return Examples(**{each.name: getattr(batch, each.name)[which] for each in fields(Examples)})


def alike(soft: Tensor, area: float, most: float) -> Tensor:
    """How many times [B,1,1,1] a lesion ``soft`` [B,1,R,R] must weigh to matter like one that covers the share
    ``area`` of the picture; from 1, for a larger one, to ``most``."""
    return (area / soft.mean((1, 2, 3), keepdim=True).clamp(min=1e-6)).clamp(1, most)


def overlap(share: Tensor, truth: Tensor, steep: float = 2.0) -> Tensor:
    """Dice's coefficient [B] (V-Net, Milletari et al., arXiv 1606.04797) of where ``share``, a logit [B,1,R,R], passes
    what it is at the edge of the truth's mask, and that mask; smooth, so that it can be learned from."""
    mask = (truth > TRUE_LESION).float()
    edge = torch.logit(torch.tensor(TRUE_LESION))
    marked = torch.sigmoid(steep * (share - edge))
    both, either = (marked * mask).sum((1, 2, 3)), (marked + mask).sum((1, 2, 3))
    return (2 * both + _EMPTY) / (either + _EMPTY)
