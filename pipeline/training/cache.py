"""Rendered pairs on disk and in memory: what the trainer reads."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from pipeline.errors import PipelineError
from pipeline.prompts import FIELDS

MARGIN = 1.25
"""Side of a cached picture over the side of the canonical crop: room to shift and to scale."""
SIDE = 160
"""Pixels of a cached picture, so that the canonical crop within it has 128."""


@dataclass(frozen=True)
class Batch:
    """``sick``, ``healthy``: float32 [B,3,R,R] in [-1,1]; ``soft``: [B,1,R,R] in [0,1]; tokens: int64 [B, fields]."""

    sick: Tensor
    healthy: Tensor
    soft: Tensor
    sick_tokens: Tensor
    healthy_tokens: Tensor


class PairCache:
    """All shards of a folder, uint8 in memory (180 kB a pair)."""

    def __init__(self, folder: Path) -> None:
        shards = sorted(folder.glob("pairs-*.npz"))
        if not shards:
            raise PipelineError(f"no rendered pairs in {folder}: render them first")
        parts: dict[str, list[Tensor]] = {"sick": [], "healthy": [], "soft": [], "sick_tokens": [], "healthy_tokens": []}
        for shard in shards:
            with np.load(shard) as data:
                if json.loads(str(data["fields"])) != {name: list(words) for name, words in FIELDS.items()}:
                    raise PipelineError(f"{shard} was rendered with another vocabulary: render it again")
                for name, tensors in parts.items():
                    tensors.append(torch.from_numpy(data[name]))
        self.sick = torch.cat(parts["sick"])
        self.healthy = torch.cat(parts["healthy"])
        self.soft = torch.cat(parts["soft"])
        self.sick_tokens = torch.cat(parts["sick_tokens"]).long()
        self.healthy_tokens = torch.cat(parts["healthy_tokens"]).long()

    def __len__(self) -> int:
        return len(self.sick)

    def draw(self, pairs: int, resolution: int, generator: torch.Generator) -> Batch:
        """Random pairs, framed a little differently each time, both of a pair alike."""
        index = torch.randint(len(self), (pairs,), generator=generator)
        stack = torch.cat(
            [
                self.sick[index].permute(0, 3, 1, 2).float() / 127.5 - 1,
                self.healthy[index].permute(0, 3, 1, 2).float() / 127.5 - 1,
                self.soft[index][:, None].float() / 255,
            ],
            1,
        )
        zoom = 1 / MARGIN * (1 + 0.10 * (2 * torch.rand(pairs, generator=generator) - 1))
        shift = (1 - zoom)[:, None] * 0.6 * (2 * torch.rand(pairs, 2, generator=generator) - 1)
        frame = torch.zeros(pairs, 2, 3)
        frame[:, 0, 0] = frame[:, 1, 1] = zoom
        frame[:, :, 2] = shift
        grid = functional.affine_grid(frame, [pairs, 7, 128, 128], align_corners=False)
        stack = functional.grid_sample(stack, grid, padding_mode="border", align_corners=False)
        if resolution != 128:
            stack = functional.interpolate(stack, size=(resolution, resolution), mode="area")
        gain = 1 + 0.05 * torch.randn(pairs, 3, 1, 1, generator=generator)
        white = lambda x: ((x + 1) * gain - 1).clamp(-1, 1)  # noqa: E731
        return Batch(
            white(stack[:, 0:3]),
            white(stack[:, 3:6]),
            stack[:, 6:7],
            self.sick_tokens[index],
            self.healthy_tokens[index],
        )
