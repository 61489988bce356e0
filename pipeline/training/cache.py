"""Rendered pairs on disk and in memory: what the trainer reads."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from pipeline.crop import head_matte
from pipeline.errors import PipelineError
from pipeline.prompts import FIELDS

MARGIN = 1.25
"""Side of a cached picture over the side of the canonical crop: room to shift and to scale."""
SIDE = 160
"""Pixels of a cached picture, so that the canonical crop within it has 128."""


IMAGES = ("patient_sick", "patient_healthy", "disguised_sick", "disguised_healthy")
"""The four pictures of a row: the same scene with and without the lesion, as the patient and in a persona's face."""
CANONICAL = 128


@dataclass(frozen=True)
class Batch:
    """``images``, ``tokens`` by name of ``IMAGES``: float32 [B,3,R,R] in [-1,1] and int64 [B, fields].

    ``soft``: by "patient" and "disguised", how much of a pixel is lesion, [B,1,R,R] in [0,1]. ``landmarks``: of the
    face [B,5,2] in pixels, the patient's and, after a swap, the persona's; not numbers where there is no face.
    ``head`` [B,1,R,R]: what an edit of a face puts back into the photograph, in [0,1]; 1 where there is no face.
    """

    images: dict[str, Tensor]
    tokens: dict[str, Tensor]
    soft: dict[str, Tensor]
    landmarks: Tensor
    head: Tensor


class PairCache:
    """All shards of a folder, uint8 in memory (360 kB a row)."""

    def __init__(self, folder: Path) -> None:
        shards = sorted(folder.glob("pairs-*.npz"))
        if not shards:
            raise PipelineError(f"no rendered pairs in {folder}: render them first")
        columns = [*IMAGES, *(f"{name}_tokens" for name in IMAGES), "patient_soft", "disguised_soft", "landmarks"]
        parts: dict[str, list[Tensor]] = {name: [] for name in columns}
        for shard in shards:
            with np.load(shard) as data:
                if json.loads(str(data["fields"])) != {name: list(words) for name, words in FIELDS.items()}:
                    raise PipelineError(f"{shard} was rendered with another vocabulary: render it again")
                for name, tensors in parts.items():
                    tensors.append(torch.from_numpy(data[name]))
        self.columns = {name: torch.cat(tensors) for name, tensors in parts.items()}

    def __len__(self) -> int:
        return len(self.columns["patient_sick"])

    def draw(self, rows: int, generator: torch.Generator) -> Batch:
        """Random rows, framed and lit a little differently each time, all four pictures of a row alike."""
        index = torch.randint(len(self), (rows,), generator=generator)
        colour = [self.columns[name][index].permute(0, 3, 1, 2).float() / 127.5 - 1 for name in IMAGES]
        soft = [self.columns[name][index][:, None].float() / 255 for name in ("patient_soft", "disguised_soft")]
        close_up = self.columns["landmarks"][index].isnan().any((1, 2))
        head = torch.from_numpy(head_matte(SIDE, MARGIN)).expand(rows, 1, SIDE, SIDE)
        head = torch.where(close_up[:, None, None, None], torch.ones_like(head), head)
        zoom = 1 / MARGIN * (1 + 0.06 * (2 * torch.rand(rows, generator=generator) - 1))
        shift = (1 - zoom)[:, None] * 0.3 * (2 * torch.rand(rows, 2, generator=generator) - 1)
        frame = torch.zeros(rows, 2, 3)
        frame[:, 0, 0] = frame[:, 1, 1] = zoom
        frame[:, :, 2] = shift
        grid = functional.affine_grid(frame, [rows, 1, CANONICAL, CANONICAL], align_corners=False)
        layers = torch.cat([*colour, *soft, head], 1)
        stack = functional.grid_sample(layers, grid, padding_mode="border", align_corners=False)
        gain = 1 + 0.05 * torch.randn(rows, 3, 1, 1, generator=generator)
        images = {
            name: ((stack[:, 3 * k : 3 * k + 3] + 1) * gain - 1).clamp(-1, 1) for k, name in enumerate(IMAGES)
        }
        tokens = {name: self.columns[f"{name}_tokens"][index].long() for name in IMAGES}
        # The columns' landmarks are in [-1, 1] over the cached picture.
        landmarks = ((self.columns["landmarks"][index] - shift[:, None]) / zoom[:, None, None] + 1) * CANONICAL / 2
        soft_by_name = {"patient": stack[:, 12:13], "disguised": stack[:, 13:14]}
        return Batch(images, tokens, soft_by_name, landmarks.float(), stack[:, 14:15])
