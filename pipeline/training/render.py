"""Render pairs for training once, in shards, on all cores: a killed run goes on with the shards that are missing."""

from __future__ import annotations

import json
import multiprocessing
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipeline.framing import Square, square_around
from pipeline.photograph import Rgb
from pipeline.prompts import FIELDS, FIRST_PERSONA_SEED, PERSONAS, ClinicalPrompt
from pipeline.training.cache import CANONICAL, MARGIN, SIDE

if TYPE_CHECKING:
    from pipeline.renderer.patient import RenderedPatient, Renderer

SHARD = 200
FACE_SEEDS = range(0, 400_000)
CLOSE_UP_SEEDS = range(400_000, 800_000)
HELD_OUT_FACE_SEEDS = range(800_000, 900_000)
"""Training takes seeds below 800,000 alone; evaluation and samples take theirs from 1,000,000 on."""


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


def render_portraits(task: RenderTask) -> NDArray[np.uint8]:
    """Every persona in the canonical square: uint8 (personas, 3, CANONICAL, CANONICAL)."""
    renderer = _renderer(task)
    portraits = []
    for number in range(len(PERSONAS)):
        portrait = renderer.portrait(FIRST_PERSONA_SEED + number)
        square = square_around(portrait.landmarks)
        cut = _cut(portrait.photograph, replace(square, side=square.side / MARGIN), CANONICAL)
        portraits.append(cut.transpose(2, 0, 1))
    return np.stack(portraits)


def _shard(folder: Path, first_seed: int) -> Path:
    return folder / f"pairs-{first_seed:07d}.npz"


def _renderer(task: RenderTask) -> Renderer:
    from pipeline.renderer.patient import Renderer

    return Renderer(task.mpfb2, task.assets, task.renderer_cache)


def _render_shard(task: RenderTask) -> str:
    renderer = _renderer(task)
    rows = []
    for seed in range(task.first_seed, task.first_seed + SHARD):
        patient, disguised, persona = _draw(renderer, seed)
        if patient.visible and disguised.visible:
            rows.append(_as_row(patient, disguised, persona))
    path = _shard(task.out, task.first_seed)
    columns: dict[str, Any] = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
    columns["fields"] = json.dumps({name: list(words) for name, words in FIELDS.items()})
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        np.savez(file, **columns)
    partial.replace(path)
    return f"{path.name} holds {len(rows)} of {SHARD} patients (the others' lesions cannot be seen)"


def _draw(renderer: Renderer, seed: int) -> tuple[RenderedPatient, RenderedPatient, str | None]:
    """A patient, the same in a persona's face, and the persona. Close-ups, every third of them through a dermatoscope,
    teach skin without a face: they are their own disguise."""
    if seed in CLOSE_UP_SEEDS:
        patch = renderer.close_up(seed, dermoscopy=seed % 3 == 0)
        return patch, patch, None
    number = int(np.random.default_rng([seed, 77]).integers(len(PERSONAS)))
    return renderer.patient(seed), renderer.disguised(seed, FIRST_PERSONA_SEED + number), PERSONAS[number]


def _as_row(patient: RenderedPatient, disguised: RenderedPatient, persona: str | None) -> dict[str, np.ndarray]:
    height, width = patient.photograph.shape[:2]
    if patient.view == "face":
        square = square_around(patient.landmarks)
    else:
        square = Square(width / 2, height / 2, width / MARGIN)
    # Both are framed by the patient's landmarks: an edit sees no others.
    return {
        **_columns("patient", patient, square, None),
        **_columns("disguised", disguised, square, persona),
    }


def _columns(name: str, patient: RenderedPatient, square: Square, persona: str | None) -> dict[str, np.ndarray]:
    words = {field: word for field, word in patient.description.words().items() if word is not None}
    sick = ClinicalPrompt(words).saying(persona=persona)
    healthy = sick.saying(lesion="healthy", severity=None, site=None)
    return {
        f"{name}_sick": _cut(patient.photograph, square),
        f"{name}_healthy": _cut(patient.healthy_twin, square),
        f"{name}_soft": _cut((patient.lesion_soft * 255).round().astype(np.uint8), square),
        f"{name}_sick_tokens": np.array(sick.tokens(), np.int16),
        f"{name}_healthy_tokens": np.array(healthy.tokens(), np.int16),
    }


def _cut(image: np.ndarray, square: Square, side: int = SIDE) -> Rgb:
    """``MARGIN`` times the square, as ``side`` pixels."""
    import cv2

    # Twice the size first, then the mean of four: an affine warp alone would alias.
    scale = 2 * side / (square.side * MARGIN)
    x, y = square.centre_x - square.side * MARGIN / 2, square.centre_y - square.side * MARGIN / 2
    matrix = np.array([[scale, 0, -x * scale + (scale - 1) / 2], [0, scale, -y * scale + (scale - 1) / 2]])
    size = (2 * side, 2 * side)
    large = cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(large, (side, side), interpolation=cv2.INTER_AREA), np.uint8)
