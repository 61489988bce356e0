"""The sample sheet: what the model does to patients it has not seen, as a picture, while it trains."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from pipeline.flowedit import flow_edit
from pipeline.models.base import Branch, rgb_from_pixels
from pipeline.models.embedded import EmbeddedModel, EmbeddedPrompt
from pipeline.models.embedded_net import EmbeddedNet
from pipeline.prompts import FIELDS, PERSONA_FIELDS
from pipeline.training.cache import PairCache

_UNKNOWN = [list(FIELDS).index(name) for name in (*PERSONA_FIELDS, "severity", "site")]
"""What no header says: prompts of the sheet leave it out, as in service."""


def write_sheet(net: EmbeddedNet, held_out: PairCache, path: Path, patients: int = 8) -> None:
    """A row for each patient: photograph, swapped, true swap, swapped and healed, true healed swap."""
    model = EmbeddedModel(net, digest="in training")
    random = torch.Generator().manual_seed(7)
    batch = held_out.draw(patients, random)
    rows = []
    for k in range(patients):
        image = {name: pictures[k : k + 1] for name, pictures in batch.images.items()}
        face = batch.landmarks[k : k + 1]

        def edit(z: Tensor, source: Tensor, target: Tensor) -> Tensor:
            branches = [Branch(_prompt(net, z, tokens, face)) for tokens in (source, target)]
            return flow_edit(model, z, branches[0], branches[1:], sigma_start=1.0, steps=8, generator=random)[0]

        said = {name: tokens[k] for name, tokens in batch.tokens.items()}
        swapped = edit(image["patient_sick"], said["patient_sick"], said["disguised_sick"])
        healed = edit(swapped, _of_nobody(said["disguised_sick"]), _of_nobody(said["disguised_healthy"]))
        pictures = (image["patient_sick"], swapped, image["disguised_sick"], healed, image["disguised_healthy"])
        rows.append(np.concatenate([rgb_from_pixels(z) for z in pictures], 1))
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.concatenate(rows, 0)).save(path)
    net.train().requires_grad_(False)


def _of_nobody(tokens: Tensor) -> Tensor:
    return torch.cat([tokens[:-1], torch.zeros_like(tokens[-1:])])


def _prompt(net: EmbeddedNet, photograph: Tensor, tokens: Tensor, landmarks: Tensor) -> EmbeddedPrompt:
    said = tokens.clone()
    said[_UNKNOWN] = 0
    return EmbeddedPrompt(tuple(said.tolist()), photograph, net.portraits.beside(said[-1:], landmarks))
