"""The training loop: a rectified flow that is taught the edits it will be asked for.

FlowEdit feeds its target branch ``z_tar = z_edit + z_src - x``: the noised picture of somebody who is on the way from
the source to the target, under the target's caption. A flow trained on pictures and their own captions alone never saw
such a mixture, and a small one does not guess it. The renderer knows both ends: the patient and the same scene in a
persona's face, each with and without the lesion. With exact velocities FlowEdit's path between two pictures A and B is
``z_edit = B + (A - B) sigma / sigma_start``, so that is what the network is shown: noised points of this path, with
B's caption and B as the clean image. At ``sigma -> 0`` and for plain rows it is ordinary flow matching.

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
from torch import Tensor, nn

from pipeline.models.embedded_net import EmbeddedNet
from pipeline.training.cache import Batch, PairCache
from pipeline.training.captions import thin
from pipeline.training.recipe import Recipe, Stage

BANDS = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass
class Progress:
    """What the progress line says: pictures seen, images/s, and the loss by band of sigma."""

    stage: int
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
            f"stage {self.stage} step {self.step} images {self.images} "
            f"{self.images_per_second:.1f} images/s  loss by sigma {bands}  {self.minutes:.1f} min"
        )


EDITS = (
    ("patient_sick", "patient_sick"),
    ("patient_sick", "disguised_sick"),
    ("patient_healthy", "disguised_healthy"),
    ("disguised_sick", "disguised_healthy"),
)
"""Before and after: nothing, two swaps, a healing. A close-up is its own disguise, so its swaps change nothing."""


def examples(batch: Batch, recipe: Recipe, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Pictures before and after each of ``EDITS`` [4B,3,R,R], the captions after it [4B, fields], where disease is."""
    captions = thin(batch.tokens, recipe.dropout, generator)
    tokens = [captions[after] for _, after in EDITS]
    silent = torch.rand(len(tokens[0]), 1, generator=generator) < recipe.dropout.everything
    tokens[0] = tokens[0].masked_fill(silent, 0)
    either = torch.maximum(batch.patient_soft, batch.disguised_soft)
    soft = [batch.patient_soft, either, torch.zeros_like(either), batch.disguised_soft]
    return (
        torch.cat([batch.images[before] for before, _ in EDITS]),
        torch.cat([batch.images[after] for _, after in EDITS]),
        torch.cat(tokens),
        torch.cat(soft),
    )


class Trainer:
    """Trains ``net`` by ``recipe`` on ``cache``; state lives in ``folder/checkpoint.pt``."""

    def __init__(self, net: EmbeddedNet, cache: PairCache, recipe: Recipe, folder: Path) -> None:
        self.recipe, self.cache, self.folder = recipe, cache, folder
        self.net = net
        self.average = copy.deepcopy(net).requires_grad_(False)
        matrices: list[nn.Parameter] = []
        others: list[nn.Parameter] = []
        for name, parameter in net.named_parameters():
            is_matrix = parameter.ndim == 2 and name.startswith("transformer.") and "pos_embed" not in name
            (matrices if is_matrix else others).append(parameter)
        self.optimizers: list[tuple[torch.optim.Optimizer, float]] = [
            (
                torch.optim.Muon(
                    matrices,
                    lr=recipe.muon_rate,
                    weight_decay=recipe.weight_decay,
                    adjust_lr_fn="match_rms_adamw",
                ),
                recipe.muon_rate,
            ),
            (torch.optim.AdamW(others, lr=recipe.adam_rate, betas=(0.9, 0.95), weight_decay=0.0), recipe.adam_rate),
        ]
        self.stage = self.step = self.images = 0
        self.images_in_stage = 0
        self.seconds = 0.0
        self._resume()

    def run(self, report: Callable[[str], None], sheet: Callable[[EmbeddedNet, int], None] | None = None) -> None:
        """Train to the end of the recipe, or from where a killed run stopped."""
        torch.set_flush_denormal(True)
        saved = sheeted = time.monotonic()
        while self.stage < len(self.recipe.stages):
            stage = self.recipe.stages[self.stage]
            losses: list[tuple[Tensor, Tensor]] = []
            began, seen = time.monotonic(), 0
            while self.images_in_stage < stage.images:
                losses.append(self._one_step(stage))
                seen += len(EDITS) * stage.rows_in_batch
                if len(losses) == 50:
                    now = time.monotonic()
                    self.seconds += now - began
                    report(str(self._progress(losses, seen / (now - began))))
                    losses, began, seen = [], now, 0
                if time.monotonic() - saved > self.recipe.checkpoint_seconds:
                    self.save()
                    saved = time.monotonic()
                if sheet is not None and time.monotonic() - sheeted > self.recipe.sheet_seconds:
                    sheet(self.average, self.images)
                    sheeted = time.monotonic()
            self.stage, self.images_in_stage = self.stage + 1, 0
            self.save()

    def _one_step(self, stage: Stage) -> tuple[Tensor, Tensor]:
        recipe, rows = self.recipe, stage.rows_in_batch
        random = torch.Generator().manual_seed(recipe.seed * 1_000_003 + self.step)
        batch = self.cache.draw(rows, random)
        draw = torch.randn(rows, generator=random)
        sigma = torch.sigmoid(recipe.sigma_mean + recipe.sigma_spread * draw)
        before, target, tokens, soft = examples(batch, recipe, random)
        # How far along its edit each input is: 0 before it, 1 done.
        low, high = recipe.hurry
        hurry = low + (high - low) * torch.rand(rows, generator=random)
        done = (1 - sigma * hurry).clamp(0, 1)
        done[torch.rand(rows, generator=random) < recipe.plain] = 1.0
        done, sigma = done.repeat(len(EDITS)), sigma.repeat(len(EDITS))
        u, s = done[:, None, None, None], sigma[:, None, None, None]
        # One noise and one sigma for all of a row: what differs between them is what their captions differ in.
        noise = torch.randn(batch.images["patient_sick"].shape, generator=random).repeat(len(EDITS), 1, 1, 1)
        z = (1 - s) * ((1 - u) * before + u * target) + s * noise
        with torch.autocast("cpu", dtype=torch.bfloat16):
            prediction = self.net(z, sigma, tokens)
        error = (prediction.float() - target) ** 2 * (1 + recipe.lesion_weight * soft)
        per_image = error.mean((1, 2, 3)) / sigma.clamp(min=recipe.sigma_floor) ** 2
        loss = per_image.mean()
        self._set_rates(stage)
        for optimizer, _ in self.optimizers:
            optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), recipe.clip_norm)
        for optimizer, _ in self.optimizers:
            optimizer.step()
        self._follow()
        self.step += 1
        self.images += len(target)
        self.images_in_stage += len(target)
        return sigma.detach(), per_image.detach()

    def _set_rates(self, stage: Stage) -> None:
        done = self.images_in_stage / stage.images
        rate = stage.peak * min(1.0, (self.step + 1) / self.recipe.warmup_steps)
        if stage.cooldown and done > 1 - stage.cooldown:
            rate *= max(0.05, (1 - done) / stage.cooldown)
        for optimizer, base in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate * base

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
        return Progress(self.stage, self.step, self.images, images_per_second, bands, self.seconds / 60)

    def save(self) -> None:
        """Write the checkpoint to a new file and rename it: a kill leaves the old one or the new one, never half."""
        self.folder.mkdir(parents=True, exist_ok=True)
        state: dict[str, Any] = {
            "net": self.net.state_dict(),
            "average": self.average.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer, _ in self.optimizers],
            "counts": [self.stage, self.step, self.images, self.images_in_stage],
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
        for (optimizer, _), saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.stage, self.step, self.images, self.images_in_stage = state["counts"]
        self.seconds = state["seconds"]


def _weights(net: EmbeddedNet) -> dict[str, Tensor]:
    # The position grid follows from the resolution and is laid anew: it is not learned and must not be loaded.
    return {name: value for name, value in net.state_dict().items() if "pos_embed.pos_embed" not in name}
