"""Whom each persona resembles, as SFace sees it, and how high that face lies: measured on rendered patients in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from pipeline.errors import PipelineError
from pipeline.faces import FaceFinder, SFace, square_around
from pipeline.renderer import cached
from pipeline.training.cache import LAYOUTS, PairCache
from pipeline.training.captions import PERSONA
from pipeline.vocabulary import FIRST_PERSONA_SEED, PERSONAS

if TYPE_CHECKING:
    from pipeline.renderer import Renderer

LEAST_LIFT = 3.0
"""Pixels of the square: a face that lay nearer to the patient's would let their textures fall together."""
FIRST_PATIENT = 300_000
PATIENTS = 40
"""Of each persona; the mean of so many no longer depends on whose hair, light and complexion they were."""


def persona_descriptors(cache: PairCache, path: Path) -> Tensor:
    """Float [personas, 128]: the mean of the unit descriptors of ``PATIENTS`` disguised patients; kept in ``path``."""
    return torch.from_numpy(cached(path, lambda: {"descriptors": _measured(cache)})["descriptors"])


def persona_lifts(renderer: Renderer) -> np.ndarray:
    """Float32 (personas,): how much lower each persona's face lies on a patient's neck, in pixels of the canonical
    square, the mean over ``PATIENTS``; ``LEAST_LIFT`` where it lies about as high."""
    lifts = []
    for number in range(len(PERSONAS)):
        moved = []
        for seed in range(FIRST_PATIENT, FIRST_PATIENT + PATIENTS):
            patient, disguised = renderer.landmarks(seed), renderer.landmarks(seed, FIRST_PERSONA_SEED + number)
            moved.append((disguised - patient)[:, 1].mean() / square_around(patient).side * LAYOUTS["swap"].canonical)
        lift = float(np.mean(moved))
        lifts.append(lift if abs(lift) > LEAST_LIFT else float(np.copysign(LEAST_LIFT, lift)))
    return np.array(lifts, np.float32)


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
