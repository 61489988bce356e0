"""Rendered pairs on disk and in memory: what the trainer reads."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from pipeline.edits import head_matte
from pipeline.errors import PipelineError
from pipeline.vocabulary import FIELDS

MARGIN = 1.25
"""Side of a cached picture over the side of the canonical crop: room to shift and to scale."""


@dataclass(frozen=True)
class Layout:
    """What a row holds, and how finely."""

    images: tuple[str, ...]
    """Of one scene: "patient" or, in a persona's face, "disguised", each "sick" or "healthy"."""
    canonical: int
    """Pixels along each side of the canonical crop: the network's resolution."""
    output: int
    """Pixels along each side of the photographs that are rendered."""

    @property
    def people(self) -> tuple[str, ...]:
        """Who is seen: "patient" and perhaps "disguised"."""
        return tuple(dict.fromkeys(name.split("_")[0] for name in self.images))

    @property
    def side(self) -> int:
        """Pixels along each side of a cached picture."""
        return round(MARGIN * self.canonical)


HEALED = Layout(("patient_sick", "patient_healthy"), canonical=256, output=384)
LAYOUTS = {
    "heal": HEALED,
    "skin": HEALED,
    "swap": Layout(
        ("patient_sick", "patient_healthy", "disguised_sick", "disguised_healthy"), canonical=128, output=256
    ),
}
"""Of the pairs for each edit. A naevus is a few pixels wide at 256; a face is somebody's at 128."""


@dataclass(frozen=True)
class Batch:
    """``images``, ``tokens`` by name of the layout's images: float32 [B,3,R,R] in [-1,1] and int64 [B, fields].

    ``soft``: by person, how much of a pixel is lesion, [B,1,R,R] in [0,1]. ``landmarks``: of the patient's face
    [B,5,2] in pixels; not numbers where there is no face. ``head`` [B,1,R,R]: what an edit of a face puts back into the
    photograph, in [0,1]; 1 where there is no face.
    """

    images: dict[str, Tensor]
    tokens: dict[str, Tensor]
    soft: dict[str, Tensor]
    landmarks: Tensor
    head: Tensor


class PairCache:
    """All shards of a folder, uint8 in memory (a row of "heal" 0.7 MB, one of "swap" 0.4 MB)."""

    def __init__(self, folder: Path, layout: Layout) -> None:
        self.layout = layout
        shards = sorted(folder.glob("pairs-*.npz"))
        if not shards:
            raise PipelineError(f"no rendered pairs in {folder}: render them first")
        columns = [*layout.images, *(f"{name}_tokens" for name in layout.images), "landmarks"]
        columns += [f"{person}_soft" for person in layout.people]
        parts: dict[str, list[Tensor]] = {name: [] for name in columns}
        for shard in shards:
            with np.load(shard) as data:
                if json.loads(str(data["fields"])) != {name: list(words) for name, words in FIELDS.items()}:
                    raise PipelineError(f"{shard} was rendered with another vocabulary: render it again")
                for name, tensors in parts.items():
                    tensors.append(torch.from_numpy(data[name]))
        self.columns = {name: torch.cat(parts.pop(name)) for name in columns}

    def __len__(self) -> int:
        return len(self.columns["landmarks"])

    def draw(self, rows: int, generator: torch.Generator) -> Batch:
        """Random rows, framed and lit a little differently each time, all pictures of a row alike."""
        names, people, side, canonical = (
            self.layout.images, self.layout.people, self.layout.side, self.layout.canonical,
        )  # fmt: skip
        index = torch.randint(len(self), (rows,), generator=generator)
        colour = [self.columns[name][index].permute(0, 3, 1, 2).float() / 127.5 - 1 for name in names]
        soft = [self.columns[f"{person}_soft"][index][:, None].float() / 255 for person in people]
        close_up = self.columns["landmarks"][index].isnan().any((1, 2))
        head = torch.from_numpy(head_matte(side, MARGIN)).expand(rows, 1, side, side)
        head = torch.where(close_up[:, None, None, None], torch.ones_like(head), head)
        zoom = 1 / MARGIN * (1 + 0.06 * (2 * torch.rand(rows, generator=generator) - 1))
        shift = (1 - zoom)[:, None] * 0.3 * (2 * torch.rand(rows, 2, generator=generator) - 1)
        frame = torch.zeros(rows, 2, 3)
        frame[:, 0, 0] = frame[:, 1, 1] = zoom
        frame[:, :, 2] = shift
        grid = functional.affine_grid(frame, [rows, 1, canonical, canonical], align_corners=False)
        layers = torch.cat([*colour, *soft, head], 1)
        stack = functional.grid_sample(layers, grid, padding_mode="border", align_corners=False)
        gain = 1 + 0.05 * torch.randn(rows, 3, 1, 1, generator=generator)
        *pictures, masks, head = stack.split([3] * len(names) + [len(people), 1], 1)
        images = {name: ((picture + 1) * gain - 1).clamp(-1, 1) for name, picture in zip(names, pictures, strict=True)}
        tokens = {name: self.columns[f"{name}_tokens"][index].long() for name in names}
        # The columns' landmarks are in [-1, 1] over the cached picture.
        landmarks = ((self.columns["landmarks"][index] - shift[:, None]) / zoom[:, None, None] + 1) * canonical / 2
        return Batch(images, tokens, dict(zip(people, masks.split(1, 1), strict=True)), landmarks.float(), head)
