"""Render pairs for training once, in shards, on all cores: a killed run goes on with the shards that are missing."""

from __future__ import annotations

import json
import multiprocessing
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline.framing import Square, square_around
from pipeline.photograph import Rgb
from pipeline.prompts import FIELDS, ClinicalPrompt
from pipeline.training.cache import MARGIN, SIDE

if TYPE_CHECKING:
    from pipeline.renderer.patient import RenderedPatient, Renderer

SHARD = 200
TRAINING_SEEDS = range(0, 1_000_000)
"""Training takes seeds from here alone: evaluation and samples start beyond."""


@dataclass(frozen=True)
class RenderTask:
    """What one worker needs to make one shard."""

    mpfb2: Path
    assets: Path | None
    renderer_cache: Path
    out: Path
    first_seed: int


def render_pairs(task: RenderTask, pairs: int, report: Callable[[str], None]) -> None:
    """Write ``pairs`` rendered pairs (rounded up to whole shards) under ``task.out``."""
    task.out.mkdir(parents=True, exist_ok=True)
    _renderer(task)  # bakes the geometry once, before the workers start
    starts = range(task.first_seed, task.first_seed + pairs, SHARD)
    missing = [
        RenderTask(task.mpfb2, task.assets, task.renderer_cache, task.out, start)
        for start in starts
        if not _shard(task.out, start).exists()
    ]
    context = multiprocessing.get_context("spawn")
    with context.Pool(os.cpu_count() or 1) as pool:
        for done, line in enumerate(pool.imap_unordered(_render_shard, missing), start=1):
            report(f"{done}/{len(missing)} shards: {line}")


def _shard(folder: Path, first_seed: int) -> Path:
    return folder / f"pairs-{first_seed:07d}.npz"


def _renderer(task: RenderTask) -> Renderer:
    from pipeline.renderer.patient import Renderer

    return Renderer(task.mpfb2, task.assets, task.renderer_cache)


def _render_shard(task: RenderTask) -> str:
    renderer = _renderer(task)
    pairs = []
    for seed in range(task.first_seed, task.first_seed + SHARD):
        patient = _draw_patient(renderer, seed)
        if patient.visible:
            pairs.append(_as_pair(patient))
    path = _shard(task.out, task.first_seed)
    columns = {name: np.stack([pair[name] for pair in pairs]) for name in pairs[0]}
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        np.savez(file, fields=json.dumps({name: list(words) for name, words in FIELDS.items()}), **columns)
    partial.replace(path)
    return f"{path.name} holds {len(pairs)} of {SHARD} patients (the others' lesions cannot be seen)"


def _draw_patient(renderer: Renderer, seed: int) -> RenderedPatient:
    """Four in five are faces; the others teach skin without one."""
    draw = np.random.default_rng([seed, 77]).random()
    if draw < 0.80:
        return renderer.patient(seed)
    return renderer.close_up(seed, dermoscopy=draw > 0.93)


def _as_pair(patient: RenderedPatient) -> dict[str, np.ndarray]:
    words = {name: word for name, word in patient.description.words().items() if word is not None}
    sick = ClinicalPrompt(words)
    healthy = sick.saying(lesion="healthy", severity=None, site=None)
    height, width = patient.photograph.shape[:2]
    if patient.view == "face":
        square = square_around(patient.landmarks)
    else:
        square = Square(width / 2, height / 2, width / MARGIN)
    return {
        "sick": _cut(patient.photograph, square),
        "healthy": _cut(patient.healthy_twin, square),
        "soft": _cut((patient.lesion_soft * 255).round().astype(np.uint8), square),
        "sick_tokens": np.array(sick.tokens(), np.int16),
        "healthy_tokens": np.array(healthy.tokens(), np.int16),
    }


def _cut(image: np.ndarray, square: Square) -> Rgb:
    import cv2

    # Twice the size first, then the mean of four: an affine warp alone would alias.
    scale = 2 * SIDE / (square.side * MARGIN)
    x, y = square.centre_x - square.side * MARGIN / 2, square.centre_y - square.side * MARGIN / 2
    matrix = np.array([[scale, 0, -x * scale + (scale - 1) / 2], [0, scale, -y * scale + (scale - 1) / 2]])
    size = (2 * SIDE, 2 * SIDE)
    large = cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(large, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)
