"""Whom each persona resembles and where its face lies: measured on rendered patients in the persona's face."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pipeline.errors import PipelineError
from pipeline.faces import FaceFinder
from pipeline.prompts import PERSONAS
from pipeline.recognisers import SFace
from pipeline.training.cache import SIDE, PairCache
from pipeline.training.captions import PERSONA

PATIENTS = 40
"""Of each persona; the mean of so many no longer depends on whose hair, light and complexion they were."""


def persona_descriptors(cache: PairCache, path: Path) -> Tensor:
    """Float [personas, 128]: the mean of the unit descriptors of ``PATIENTS`` disguised patients; kept in ``path``."""
    if not path.exists():
        descriptors = _measured(cache)
        with path.open("wb") as file:
            np.save(file, descriptors)
    return torch.from_numpy(np.load(path))


def persona_offsets(cache: PairCache) -> Tensor:
    """Float [personas, 5, 2]: from a patient's landmarks to a persona's in their place, pixels of the square."""
    personas = cache.columns["disguised_healthy_tokens"][:, PERSONA]
    offsets = cache.columns["disguised_landmarks"] - cache.columns["landmarks"]
    # Landmarks are in [-1, 1] over the cached picture.
    return torch.stack([offsets[personas == number].mean(0) for number in range(1, len(PERSONAS) + 1)]) * SIDE / 2


def _measured(cache: PairCache) -> np.ndarray:
    finder, sface = FaceFinder(), SFace()
    personas = cache.columns["disguised_healthy_tokens"][:, PERSONA].numpy()
    rows = []
    for number, name in enumerate(PERSONAS, start=1):
        seen: list[np.ndarray] = []
        for row in np.flatnonzero(personas == number):
            picture = cache.columns["disguised_healthy"][row].numpy()
            if faces := finder.find(picture):
                descriptor = sface.describe(picture, faces[0])
                seen.append(descriptor / np.linalg.norm(descriptor))
            if len(seen) == PATIENTS:
                break
        if not seen:
            raise PipelineError(f"nobody was rendered in the face of {name}: render more pairs")
        rows.append(np.mean(seen, axis=0))
    return np.stack(rows).astype(np.float32)
