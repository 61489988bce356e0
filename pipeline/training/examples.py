"""What one step of training is shown: edits drawn from rendered pairs, and the noised pictures on their way.

FlowEdit feeds its target branch ``z_edit + z_src - x``: the noised picture of somebody who is on the way from the
source to the target. A flow trained on finished pictures alone never saw such a mixture, and a small one does not guess
it. The renderer knows both ends, so the network is taught on the way itself (``on_the_way``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from pipeline.training.cache import Batch
from pipeline.training.captions import LESION, PERSONA, SITE, thin
from pipeline.training.recipe import Recipe

NOT_BEGUN = 1e9
"""1/sigma_start of an edit of which nothing is done yet at any sigma."""


@dataclass(frozen=True)
class Examples:
    """``before``, ``after`` [B,3,R,R] in [-1,1], the caption after [B, fields], ``soft`` [B,1,R,R]: how much of a pixel
    is disease before the edit, ``head`` [B,1,R,R]: what a swap puts back, ``landmarks`` [B,5,2] of the face before.

    ``mark`` [B,1,R,R]: how much of a pixel tells who somebody is (a tattoo, a ring); not a number where nobody knows.
    """

    before: Tensor
    after: Tensor
    tokens: Tensor
    soft: Tensor
    head: Tensor
    landmarks: Tensor
    mark: Tensor

    @property
    def changes(self) -> Tensor:
        """[B]: 0 where ``after`` is ``before``."""
        return (self.before != self.after).any((1, 2, 3)).float()


@dataclass(frozen=True, eq=False)
class Sought:
    """``shown`` [rows, planes, R, R], and of how much of each place it is what is looked for: ``where`` [rows, 1, R, R]
    in [0, 1], not a number where nobody knows."""

    shown: Tensor
    where: Tensor


@dataclass(frozen=True, eq=False)
class SoughtOnFaces(Sought):
    """``change`` [rows, 3, R / 2, R / 2]: what the lesion adds to the natural logarithm of each colour's intensity. The
    last plane of what is ``shown`` says where skin is."""

    change: Tensor


def examples(batch: Batch, recipe: Recipe, random: torch.Generator) -> Examples:
    """One edit for each row of ``batch``, drawn by its share. Only a swap's caption names a persona."""
    captions = thin(batch.tokens, recipe.dropout, random)
    shares = torch.tensor([edit.share for edit in recipe.edits])
    rows = len(batch.landmarks)
    as_it_is = torch.rand(rows, generator=random) < recipe.dropout.lesion_as_it_is
    drawn = torch.multinomial(shares, rows, replacement=True, generator=random).tolist()
    before, after, tokens, soft = [], [], [], []
    for row, edit in enumerate(recipe.edits[number] for number in drawn):
        before.append(batch.images[edit.before][row])
        after.append(batch.images[edit.after][row])
        caption = captions[edit.after][row].clone()
        if not edit.is_swap:
            caption[PERSONA] = 0
        if edit.before == edit.after and bool(as_it_is[row]):
            caption[LESION] = 0
        tokens.append(caption)
        person, state = edit.before.split("_")
        soft.append(batch.soft[person][row] * (state == "sick"))
    unknown = torch.full_like(batch.head, torch.nan)
    return Examples(
        torch.stack(before), torch.stack(after), torch.stack(tokens), torch.stack(soft), batch.head, batch.landmarks,
        unknown,
    )  # fmt: skip


def together(parts: Sequence[Examples]) -> Examples:
    """One batch of several."""
    return Examples(**{each.name: torch.cat([getattr(part, each.name) for part in parts]) for each in fields(Examples)})


def mirrored(picture: Tensor, which: Tensor) -> Tensor:
    """Left for right in the rows of ``which`` [B]: twice as many faces."""
    return torch.where(which[:, None, None, None], picture.flip(-1), picture)


def without_sides(tokens: Tensor, which: Tensor) -> Tensor:
    """Captions that say of no side in the rows of ``which`` [B], for pictures that are mirrored."""
    said = tokens.clone()
    said[which, SITE] = 0
    return said


def noised(before: Tensor, after: Tensor, recipe: Recipe, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """``z`` [B,3,R,R] and its ``sigma`` [B] for one example each."""
    rows = len(before)
    # One in each of as many slices: every batch sees every level of noise, more of the high: edits begin there.
    sigma = ((torch.arange(rows) + torch.rand(rows, generator=random)) / rows).sqrt()
    low, high = recipe.hurry
    hurry = low + (high - low) * torch.rand(rows, generator=random)
    hurry[torch.rand(rows, generator=random) < recipe.untouched] = NOT_BEGUN
    noise = torch.randn(before.shape, generator=random)
    return on_the_way(before, after, sigma, hurry, noise), sigma


def on_the_way(before: Tensor, after: Tensor, sigma: Tensor, hurry: Tensor, noise: Tensor) -> Tensor:
    """What FlowEdit shows its target branch at ``sigma`` [B]: with exact velocities the edit so far is
    ``(after - before) (1 - sigma hurry)``, ``hurry = 1 / sigma_start``, on top of the noised picture before it."""
    s, done = sigma[:, None, None, None], (1 - sigma * hurry).clamp(min=0)[:, None, None, None]
    return (1 - s) * before + s * noise + done * (after - before)


def picture_loss(error: Tensor, weight: Tensor, recipe: Recipe) -> Tensor:
    """Error [B,3,R,R] of pixels and of their differences, absolute and squared, times ``weight`` [B,1,R,R]; [B].

    Not squared alone: with photograph and portrait in sight little is left to chance, and squares would blur what is.
    """

    def size(values: Tensor, share: Tensor) -> Tensor:
        return ((values.abs() + recipe.square_weight * values**2) * share).mean((1, 2, 3))

    detail = size(error.diff(dim=-1), weight[..., 1:]) + size(error.diff(dim=-2), weight[..., 1:, :])
    return size(error, weight) + recipe.detail_weight * detail
