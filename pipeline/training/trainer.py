"""The training loop of any network.

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

from pipeline.errors import ModelError
from pipeline.training.lesson import Lesson

REPORT_STEPS = 100
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


class Trainer:
    """Trains the lesson's network; state lives in ``folder/checkpoint.pt``."""

    def __init__(self, lesson: Lesson, folder: Path) -> None:
        self.lesson, self.recipe, self.folder = lesson, lesson.recipe, folder
        self.net = net = lesson.net
        recipe = self.recipe
        self.average: Any = copy.deepcopy(net).requires_grad_(False)
        large = [parameter for parameter in net.parameters() if parameter.ndim > 1]
        small = [parameter for parameter in net.parameters() if parameter.ndim <= 1]
        rate = recipe.kernels_rate
        self._kernels = [] if rate is None else lesson.kernels()
        inner = {id(kernel) for kernel in self._kernels}
        self._matrices = [nn.Parameter(kernel.detach().flatten(1)) for kernel in self._kernels]
        """The kernels' own memory, as Muon takes it."""
        adamw = torch.optim.AdamW(
            [
                {"params": [each for each in large if id(each) not in inner], "weight_decay": recipe.weight_decay},
                {"params": small, "weight_decay": 0.0},
            ],
            lr=recipe.rate,
            betas=(0.9, 0.98),
            fused=True,
        )
        self.optimizers: list[torch.optim.Optimizer] = [adamw]
        if rate is not None and self._matrices:
            self.optimizers.append(torch.optim.Muon(self._matrices, lr=rate, weight_decay=recipe.kernels_decay))
        self._rates = [[group["lr"] for group in optimizer.param_groups] for optimizer in self.optimizers]
        self.step = self.images = 0
        self.seconds = 0.0
        self._resume()

    def run(self, report: Callable[[str], None], sheet: Callable[[Any, int], None] | None = None) -> None:
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
        recipe = self.recipe
        random = torch.Generator().manual_seed(recipe.seed * 1_000_003 + self.step)
        sigma, per_image = self.lesson.losses(random)
        self._set_rate()
        self.net.zero_grad(set_to_none=True)
        per_image.mean().backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), recipe.clip_norm)
        for matrix, kernel in zip(self._matrices, self._kernels, strict=True):
            matrix.grad = None if kernel.grad is None else kernel.grad.flatten(1)
        for optimizer in self.optimizers:
            optimizer.step()
        self._follow()
        self.step += 1
        self.images += recipe.examples_in_batch
        return sigma.detach(), per_image.detach()

    def _set_rate(self) -> None:
        done = self.images / self.recipe.images
        rate = min(1.0, (self.step + 1) / self.recipe.warmup_steps)
        if done > 1 - self.recipe.cooldown:
            rate *= max(0.02, (1 - done) / self.recipe.cooldown)
        for optimizer, rates in zip(self.optimizers, self._rates, strict=True):
            for group, full in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * full

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
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
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
        try:
            self.net.load_state_dict(state["net"])
        except RuntimeError as error:
            raise ModelError(f"{path} is of another network: move it away, or train in another folder") from error
        self.average.load_state_dict(state["average"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.step, self.images = state["counts"]
        self.seconds = state["seconds"]
