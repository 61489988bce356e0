"""The training loop: a rectified flow that is taught the edits it will be asked for.

The network is shown a photograph, a caption, and a noised picture, and predicts what the photograph becomes under the
caption. FlowEdit feeds its target branch ``z_edit + z_src - x``: the noised picture of somebody who is on the way from
the source to the target. A flow trained on finished pictures alone never saw such a mixture, and a small one does not
guess it. The renderer knows both ends, so the network is taught on the way itself (``on_the_way``).

Resumable from any kill: a checkpoint holds weights, averages, optimizers and the count of pictures seen, and each
step's random numbers follow from the recipe's seed and the step, so a resumed run draws what the killed one would have.
"""

from __future__ import annotations

import copy
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from pipeline.models.embedded_net import EmbeddedNet
from pipeline.models.portraits import Portraits
from pipeline.training.cache import Batch, PairCache
from pipeline.training.captions import LESION, PERSONA, SITE, thin
from pipeline.training.recipe import Recipe

REPORT_STEPS = 100
NOT_BEGUN = 1e9
"""1/sigma_start of an edit of which nothing is done yet at any sigma."""
BANDS = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass
class Progress:
    """What the progress line says: pictures seen, images/s, and the loss by band of sigma."""

    step: int
    images: int
    images_per_second: float
    loss_by_band: list[float]
    minutes: float

    def __str__(self) -> str:
        bands = " ".join(
            f"{low:.2f}-{high:.2f}:{loss:.3f}"
            for (low, high), loss in zip(pairwise(BANDS), self.loss_by_band, strict=True)
        )
        return (
            f"step {self.step} images {self.images} "
            f"{self.images_per_second:.1f} images/s  loss by sigma {bands}  {self.minutes:.1f} min"
        )


@dataclass(frozen=True)
class Examples:
    """``before``, ``after`` [B,3,R,R] in [-1,1], the caption after [B, fields], the persona's ``portrait`` [B,4,R,R]
    (0 where the caption names none), ``soft`` [B,1,R,R]: where either picture shows disease, ``head`` [B,1,R,R]: what
    the edit puts back (everything but in a swap), ``changes`` [B]: 0 where ``after`` is ``before``."""

    before: Tensor
    after: Tensor
    tokens: Tensor
    portrait: Tensor
    soft: Tensor
    head: Tensor
    changes: Tensor


def examples(batch: Batch, recipe: Recipe, portraits: Portraits, random: torch.Generator) -> Examples:
    """One edit for each row of ``batch``, drawn by its share."""
    captions = thin(batch.tokens, recipe.dropout, random)
    shares = torch.tensor([edit.share for edit in recipe.edits])
    as_it_is = torch.rand(len(batch.landmarks), generator=random) < recipe.dropout.lesion_as_it_is
    drawn = torch.multinomial(shares, len(batch.landmarks), replacement=True, generator=random).tolist()
    before, after, tokens, soft, head, changes = [], [], [], [], [], []
    for row, edit in enumerate(recipe.edits[number] for number in drawn):
        before.append(batch.images[edit.before][row])
        after.append(batch.images[edit.after][row])
        caption = captions[edit.after][row].clone()
        if not edit.is_swap:
            caption[PERSONA] = 0
        if edit.before == edit.after and bool(as_it_is[row]):
            caption[LESION] = 0
        tokens.append(caption)
        sides = {name.split("_")[0] for name in (edit.before, edit.after) if name.endswith("sick")}
        soft.append(torch.stack([batch.soft[side][row] for side in sides] or [batch.soft["patient"][row] * 0]).amax(0))
        head.append(batch.head[row] if edit.is_swap else torch.ones_like(batch.head[row]))
        changes.append(float(edit.before != edit.after))
    said = torch.stack(tokens)
    portrait = portraits.beside(said[:, PERSONA], batch.landmarks)
    shown = Examples(
        torch.stack(before), torch.stack(after), said, portrait, torch.stack(soft), torch.stack(head),
        torch.tensor(changes),
    )  # fmt: skip
    return mirrored(shown, torch.rand(len(said), generator=random) < recipe.mirrored)


def mirrored(shown: Examples, which: Tensor) -> Examples:
    """Left for right in the rows of ``which`` [B]: twice as many faces. Their captions say of no side."""
    pictures = (shown.before, shown.after, shown.portrait, shown.soft, shown.head)
    before, after, portrait, soft, head = (
        torch.where(which[:, None, None, None], picture.flip(-1), picture) for picture in pictures
    )
    tokens = shown.tokens.clone()
    tokens[which, SITE] = 0
    return Examples(before, after, tokens, portrait, soft, head, shown.changes)


def on_the_way(before: Tensor, after: Tensor, sigma: Tensor, hurry: Tensor, noise: Tensor) -> Tensor:
    """What FlowEdit shows its target branch at ``sigma`` [B]: with exact velocities the edit so far is
    ``(after - before) (1 - sigma hurry)``, ``hurry = 1 / sigma_start``, on top of the noised picture before it."""
    s, done = sigma[:, None, None, None], (1 - sigma * hurry).clamp(min=0)[:, None, None, None]
    return (1 - s) * before + s * noise + done * (after - before)


class Trainer:
    """Trains ``net`` by ``recipe`` on ``cache``; state lives in ``folder/checkpoint.pt``."""

    def __init__(self, net: EmbeddedNet, cache: PairCache, recipe: Recipe, folder: Path) -> None:
        self.recipe, self.cache, self.folder = recipe, cache, folder
        self.net = net
        self.average = copy.deepcopy(net).requires_grad_(False)
        large = [parameter for parameter in net.parameters() if parameter.ndim > 1]
        small = [parameter for parameter in net.parameters() if parameter.ndim <= 1]
        self.optimizer = torch.optim.AdamW(
            [{"params": large, "weight_decay": recipe.weight_decay}, {"params": small, "weight_decay": 0.0}],
            lr=recipe.rate,
            betas=(0.9, 0.98),
            fused=True,
        )
        self.step = self.images = 0
        self.seconds = 0.0
        self._resume()

    def run(self, report: Callable[[str], None], sheet: Callable[[EmbeddedNet, int], None] | None = None) -> None:
        """Train to the end of the recipe, or from where a killed run stopped."""
        torch.set_flush_denormal(True)
        saved = sheeted = time.monotonic()
        losses: list[tuple[Tensor, Tensor]] = []
        began = time.monotonic()
        while self.images < self.recipe.images:
            losses.append(self._one_step())
            now = time.monotonic()
            if len(losses) == REPORT_STEPS:
                self.seconds += now - began
                report(str(self._progress(losses, REPORT_STEPS * self.recipe.examples_in_batch / (now - began))))
                losses, began = [], now
            if now - saved > self.recipe.checkpoint_seconds:
                self.save()
                saved = now
            if sheet is not None and now - sheeted > self.recipe.sheet_seconds:
                sheet(self.average, self.images)
                sheeted = now
        self.save()

    def _one_step(self) -> tuple[Tensor, Tensor]:
        recipe, rows = self.recipe, self.recipe.examples_in_batch
        random = torch.Generator().manual_seed(recipe.seed * 1_000_003 + self.step)
        shown = examples(self.cache.draw(rows, random), recipe, self.net.portraits, random)
        # One in each of as many slices: every batch sees every level of noise, more of the high: edits begin there.
        sigma = ((torch.arange(rows) + torch.rand(rows, generator=random)) / rows).sqrt()
        low, high = recipe.hurry
        hurry = low + (high - low) * torch.rand(rows, generator=random)
        hurry[torch.rand(rows, generator=random) < recipe.untouched] = NOT_BEGUN
        noise = torch.randn(shown.before.shape, generator=random)
        z = on_the_way(shown.before, shown.after, sigma, hurry, noise)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            prediction, share = self.net(z, sigma, shown.tokens, shown.before, shown.portrait)
        per_image = self._loss(prediction.float() - shown.after, shown) + self._misplaced(share.float(), shown)
        self._set_rate()
        self.optimizer.zero_grad(set_to_none=True)
        per_image.mean().backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), recipe.clip_norm)
        self.optimizer.step()
        self._follow()
        self.step += 1
        self.images += rows
        return sigma.detach(), per_image.detach()

    def _loss(self, error: Tensor, shown: Examples) -> Tensor:
        """Error of pixels and of their differences, absolute and squared, more where disease is and less where the
        edit is not put back; [B].

        Not squared alone: with photograph and portrait in sight little is left to chance, and squares would blur what
        is.
        """

        def size(values: Tensor, weight: Tensor) -> Tensor:
            return ((values.abs() + self.recipe.square_weight * values**2) * weight).mean((1, 2, 3))

        beyond = self.recipe.beyond_weight
        weight = (beyond + (1 - beyond) * shown.head) * self._emphasis(shown)
        detail = size(error.diff(dim=-1), weight[..., 1:]) + size(error.diff(dim=-2), weight[..., 1:, :])
        return size(error, weight) + self.recipe.detail_weight * detail

    def _emphasis(self, shown: Examples) -> Tensor:
        """Weights [B,1,R,R], 1 beside disease and more on it: small lesions count as much as ``matters_alike`` does."""
        area = shown.soft.mean((1, 2, 3), keepdim=True)
        small = (self.recipe.matters_alike / area.clamp(min=1e-6)).clamp(1, self.recipe.most_emphasis)
        return 1 + self.recipe.lesion_weight * small * shown.soft

    def _misplaced(self, share: Tensor, shown: Examples) -> Tensor:
        """Cross entropy of where the network alters a picture against where disease is taken off it; [B].

        Where a persona is named the share means the portrait's, and is learned from the picture alone.
        """
        truth = shown.soft * shown.changes[:, None, None, None]
        entropy = functional.binary_cross_entropy_with_logits(share, truth, reduction="none")
        weighted = (entropy * self._emphasis(shown)).mean((1, 2, 3))
        return self.recipe.place_weight * weighted * (shown.tokens[:, PERSONA] == 0)

    def _set_rate(self) -> None:
        done = self.images / self.recipe.images
        rate = min(1.0, (self.step + 1) / self.recipe.warmup_steps)
        if done > 1 - self.recipe.cooldown:
            rate *= max(0.02, (1 - done) / self.recipe.cooldown)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * self.recipe.rate

    def _follow(self) -> None:
        decay = min(self.recipe.ema, (5 + self.step) / (15 + self.step))
        with torch.no_grad():
            averaged: list[Tensor] = list(self.average.parameters())
            current: list[Tensor] = list(self.net.parameters())
            torch._foreach_mul_(averaged, decay)
            torch._foreach_add_(averaged, current, alpha=1 - decay)

    def _progress(self, losses: list[tuple[Tensor, Tensor]], images_per_second: float) -> Progress:
        sigma = torch.cat([s for s, _ in losses])
        loss = torch.cat([value for _, value in losses])
        bands = []
        for low, high in pairwise(BANDS):
            inside = (sigma >= low) & (sigma < high)
            bands.append(float(loss[inside].mean()) if inside.any() else float("nan"))
        return Progress(self.step, self.images, images_per_second, bands, self.seconds / 60)

    def save(self) -> None:
        """Write the checkpoint to a new file and rename it: a kill leaves the old one or the new one, never half."""
        self.folder.mkdir(parents=True, exist_ok=True)
        state: dict[str, Any] = {
            "net": self.net.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "counts": [self.step, self.images],
            "seconds": self.seconds,
        }
        partial = self.folder / "checkpoint.partial"
        torch.save(state, partial)
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(self.folder / "checkpoint.pt")

    def _resume(self) -> None:
        path = self.folder / "checkpoint.pt"
        if not path.exists():
            return
        state = torch.load(path, map_location="cpu", weights_only=True)
        self.net.load_state_dict(state["net"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.images = state["counts"]
        self.seconds = state["seconds"]


def _weights(net: EmbeddedNet) -> dict[str, Tensor]:
    # The position grid follows from the resolution and is laid anew: it is not learned and must not be loaded.
    return {name: value for name, value in net.state_dict().items() if "pos_embed.pos_embed" not in name}
