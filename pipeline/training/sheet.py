"""The sample sheet: what the model does to patients it has not seen, as a picture, while it trains."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from pipeline.flowedit import flow_edit
from pipeline.models.base import Branch, rgb_from_pixels
from pipeline.models.embedded import EmbeddedModel, EmbeddedPrompt
from pipeline.models.embedded_net import EmbeddedNet
from pipeline.prompts import FIELDS, PERSONA_FIELDS
from pipeline.training.cache import PairCache

_NAMES = list(FIELDS)
_PERSONA = [_NAMES.index(name) for name in PERSONA_FIELDS]


def write_sheet(net: EmbeddedNet, held_out: PairCache, path: Path, patients: int = 6) -> None:
    """A row for each patient: photograph, swapped, swapped and healed, healed alone, the true healthy twin."""
    model = EmbeddedModel(net, digest="in training")
    side = model.resolution
    random = torch.Generator().manual_seed(7)
    batch = held_out.draw(patients, side, random)
    rows = []
    for k in range(patients):
        x = batch.sick[k : k + 1]
        sick = batch.sick_tokens[k]
        healthy = batch.healthy_tokens[k]
        other = batch.sick_tokens[(k + 1) % patients]
        persona_sick, persona_healthy = sick.clone(), healthy.clone()
        persona_sick[_PERSONA] = persona_healthy[_PERSONA] = other[_PERSONA]

        def edit(z: torch.Tensor, source: torch.Tensor, target: torch.Tensor, start: float) -> torch.Tensor:
            branches = [Branch(EmbeddedPrompt(tuple(tokens.tolist()))) for tokens in (source, target)]
            return flow_edit(model, z, branches[0], branches[1:], sigma_start=start, steps=12, generator=random)[0]

        swapped = edit(x, sick, persona_sick, 0.9)
        both = edit(swapped, persona_sick, persona_healthy, 0.8)
        alone = edit(x, sick, healthy, 0.8)
        pictures = (x, swapped, both, alone, batch.healthy[k : k + 1])
        rows.append(np.concatenate([rgb_from_pixels(z.clamp(-1, 1)) for z in pictures], 1))
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.concatenate(rows, 0)).save(path)
    net.train()
