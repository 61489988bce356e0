"""Render pairs for training once, in shards, on all cores: a killed run goes on with the shards that are missing."""

from __future__ import annotations

import json
import multiprocessing
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from pipeline.errors import PipelineError
from pipeline.faces import FaceFinder, Square, square_around
from pipeline.models import SIDE as LARGE
from pipeline.models import Portraits, similarities
from pipeline.photograph import Rgb
from pipeline.training.cache import LAYOUTS, MARGIN, Layout
from pipeline.training.personas import persona_lifts
from pipeline.vocabulary import FIELDS, FIRST_PERSONA_SEED, PERSONAS, ClinicalPrompt

if TYPE_CHECKING:
    from pipeline.renderer import RenderedPatient, Renderer

SHARD = 200
FACE_SEEDS = range(0, 400_000)
CLOSE_UP_SEEDS = range(400_000, 800_000)
HELD_OUT_FACE_SEEDS = range(800_000, 900_000)
"""Training takes seeds below 800,000 alone; evaluation and samples take theirs from 1,000,000 on."""

PORTRAIT_SIDE = LAYOUTS["swap"].canonical
PORTRAIT_VIEWS = tuple((yaw, pitch) for pitch in (-3.0, 3.0) for yaw in (-12.0, -6.0, 0.0, 6.0, 12.0))
"""Degrees. Rendered heads turn by 7 and nod by 4 (standard deviations)."""


@dataclass(frozen=True)
class RenderTask:
    """What one worker needs to make one shard."""

    mpfb2: Path
    assets: Path | None
    renderer_cache: Path
    out: Path
    first_seed: int
    layout: Layout


def render_pairs(task: RenderTask, pairs: int, report: Callable[[str], None]) -> None:
    """Write ``pairs`` rendered pairs (rounded up to whole shards) under ``task.out``."""
    task.out.mkdir(parents=True, exist_ok=True)
    renderer(task)  # bakes the geometry once, before the workers start
    if "disguised" in task.layout.people:
        portraits(task)
    starts = range(task.first_seed, task.first_seed + pairs, SHARD)
    missing = [replace(task, first_seed=start) for start in starts if not _shard(task.out, start).exists()]
    context = multiprocessing.get_context("spawn")
    with context.Pool(os.cpu_count() or 1) as pool:
        for done, line in enumerate(pool.imap_unordered(_render_shard, missing), start=1):
            report(f"{done}/{len(missing)} shards: {line}")


def portraits(task: RenderTask) -> Portraits:
    """Every persona from ``PORTRAIT_VIEWS`` in the canonical square; rendered once, then read from the cache."""
    path = task.renderer_cache / "portraits-3.npz"
    if not path.exists():
        renderer(task)  # bakes the geometry once, before the workers start
        with multiprocessing.get_context("spawn").Pool(os.cpu_count() or 1) as pool:
            rendered = pool.map(partial(_render_persona, task), range(len(PERSONAS)), chunksize=1)
        columns = {name: np.stack([one[name] for one in rendered]) for name in rendered[0]}
        _write(path, {**columns, "lifts": persona_lifts(renderer(task))})
    with np.load(path) as data:
        large, landmarks, lifts = (torch.from_numpy(data[name]) for name in ("pictures", "landmarks", "lifts"))
    shown = Portraits(len(PERSONAS), len(PORTRAIT_VIEWS), PORTRAIT_SIDE)
    halved = functional.avg_pool2d(large.flatten(0, 1).float(), LARGE // PORTRAIT_SIDE).round().to(torch.uint8)
    shown.show(halved.reshape(*large.shape[:3], PORTRAIT_SIDE, PORTRAIT_SIDE), landmarks, lifts)
    shown.large = large
    return shown


def _render_persona(task: RenderTask, number: int) -> dict[str, NDArray[Any]]:
    """``pictures`` uint8 (views, 3, S, S), ``landmarks`` (views, 5, 2) as pixels of R a side."""
    patients, finder = renderer(task), FaceFinder()
    pictures, landmarks = [], []
    for yaw, pitch in PORTRAIT_VIEWS:
        portrait = patients.portrait(FIRST_PERSONA_SEED + number, yaw=yaw, pitch=pitch, output=2 * LARGE)
        found = _landmarks(finder, portrait)
        if found is None:
            raise PipelineError(f"no face is found in the portrait of {PERSONAS[number]}")
        square = square_around(found)
        cut = _cut(portrait.photograph, replace(square, side=square.side / MARGIN), LARGE)
        pictures.append(cut.transpose(2, 0, 1))
        landmarks.append(_within(found, square) * PORTRAIT_SIDE)
    return {"pictures": np.stack(pictures), "landmarks": np.stack(landmarks)}


def _write(path: Path, columns: dict[str, Any]) -> None:
    """All of it or nothing: a killed run leaves no half of a file."""
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        np.savez(file, **columns)
    partial.replace(path)


def _within(landmarks: NDArray[np.floating], square: Square) -> NDArray[np.float32]:
    """Landmarks as shares of the square's side, from its upper left corner."""
    corner = np.array([square.centre_x, square.centre_y]) - square.side / 2
    return np.asarray((landmarks - corner) / square.side, np.float32)


def _shard(folder: Path, first_seed: int) -> Path:
    return folder / f"pairs-{first_seed:07d}.npz"


def renderer(task: RenderTask) -> Renderer:
    from pipeline.renderer import Renderer

    return Renderer(task.mpfb2, task.assets, task.renderer_cache)


def _render_shard(task: RenderTask) -> str:
    torch.set_num_threads(1)
    draw, finder, rows = _Draw(task), FaceFinder(), []
    for seed in range(task.first_seed, task.first_seed + SHARD):
        drawn = draw(seed)
        found = [_landmarks(finder, each) for each in drawn.people.values()]
        if all(each.visible for each in drawn.people.values()) and all(each is not None for each in found):
            rows.append(_as_row(task.layout, _Frame.around(drawn, [each for each in found if each is not None]), drawn))
    path = _shard(task.out, task.first_seed)
    columns: dict[str, Any] = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
    columns["fields"] = json.dumps({name: list(words) for name, words in FIELDS.items()})
    _write(path, columns)
    return f"{path.name} holds {len(rows)} of {SHARD} patients (the others' lesion or face cannot be seen)"


@dataclass(frozen=True)
class _Drawn:
    """Who is seen in a row, by the layout's name, the persona of the disguise, and how that one's portrait lies."""

    people: dict[str, RenderedPatient]
    persona: str | None = None
    portraits: Portraits | None = None


class _Draw:
    """A patient and, where the layout wants it, the same in a persona's face.

    Close-ups, every third of them through a dermatoscope, teach skin without a face: they are their own disguise.
    """

    def __init__(self, task: RenderTask) -> None:
        self._renderer, self._layout = renderer(task), task.layout
        self._portraits = portraits(task) if "disguised" in task.layout.people else None

    def __call__(self, seed: int) -> _Drawn:
        output = self._layout.output
        if seed in CLOSE_UP_SEEDS:
            patch = self._renderer.close_up(seed, dermoscopy=seed % 3 == 0, output=output)
            return _Drawn(dict.fromkeys(self._layout.people, patch))
        patient = self._renderer.patient(seed, output=output)
        if self._portraits is None:
            return _Drawn({"patient": patient})
        number = int(np.random.default_rng([seed, 77]).integers(len(PERSONAS)))
        disguised = self._renderer.disguised(seed, FIRST_PERSONA_SEED + number, output=output)
        return _Drawn({"patient": patient, "disguised": disguised}, PERSONAS[number], self._portraits)


@dataclass(frozen=True)
class _Frame:
    """How a row is cut: the square around the patient, and how the disguised picture is moved under it."""

    square: Square
    landmarks: NDArray[np.floating]
    """Of the patient, in pixels of the photograph."""
    move: NDArray[np.floating]
    """(3, 3): from the disguised photograph's pixels to the patient's."""

    @classmethod
    def around(cls, drawn: _Drawn, landmarks: list[NDArray[np.floating]]) -> _Frame:
        """``landmarks``: where the faces' landmarks were found in each photograph, the patient's first.

        An edit knows the patient's landmarks and lays the portrait there. The truth is therefore moved to where that
        portrait lies: another head in the same neck would sit elsewhere, and nobody could know where.
        """
        patient = drawn.people["patient"]
        if patient.view != "face":
            height, width = patient.photograph.shape[:2]
            return cls(Square(width / 2, height / 2, width / MARGIN), landmarks[0], np.eye(3))
        square = square_around(landmarks[0])
        if drawn.persona is None or drawn.portraits is None:
            return cls(square, landmarks[0], np.eye(3))
        within = torch.from_numpy(_within(landmarks[0], square) * PORTRAIT_SIDE)
        wanted = drawn.portraits.placed(PERSONAS.index(drawn.persona) + 1, within)
        corner = np.array([square.centre_x, square.centre_y]) - square.side / 2
        there = wanted.double() * square.side / PORTRAIT_SIDE + torch.from_numpy(corner)
        matrix, _ = similarities(torch.as_tensor(landmarks[1]), there)
        return cls(square, landmarks[0], np.vstack([matrix.numpy(), [0.0, 0.0, 1.0]]))


def _as_row(layout: Layout, frame: _Frame, drawn: _Drawn) -> dict[str, np.ndarray]:
    square = frame.square
    # In [-1, 1] over the cached picture.
    row = {"landmarks": 2 * _within(frame.landmarks, replace(square, side=square.side * MARGIN)) - 1}
    for name, person in drawn.people.items():
        move, persona = (np.eye(3), None) if name == "patient" else (frame.move, drawn.persona)
        row |= _columns(name, person, persona, partial(_cut, square=square, side=layout.side, move=move))
    return row


def _landmarks(finder: FaceFinder, patient: RenderedPatient) -> NDArray[np.floating] | None:
    """Where the largest face is; not numbers for a view without a face; ``None`` where a face is not found."""
    if patient.view != "face":
        return np.full((5, 2), np.nan)
    faces = finder.find(patient.photograph)
    return max(faces, key=lambda face: face.size).landmarks if faces else None


def _columns(
    name: str, patient: RenderedPatient, persona: str | None, cut: Callable[[NDArray[np.uint8]], Rgb]
) -> dict[str, np.ndarray]:
    words = {field: word for field, word in patient.description.words().items() if word is not None}
    sick = ClinicalPrompt(words).saying(persona=persona)
    healthy = sick.saying(lesion="healthy", severity=None, site=None)
    return {
        f"{name}_sick": cut(patient.photograph),
        f"{name}_healthy": cut(patient.healthy_twin),
        f"{name}_soft": cut((patient.lesion_soft * 255).round().astype(np.uint8)),
        f"{name}_sick_tokens": np.array(sick.tokens(), np.int16),
        f"{name}_healthy_tokens": np.array(healthy.tokens(), np.int16),
    }


def _cut(image: np.ndarray, square: Square, side: int, move: NDArray[np.floating] | None = None) -> Rgb:
    """``MARGIN`` times the square of the ``image``, moved first, as ``side`` pixels."""
    import cv2

    # Twice the size first, then the mean of four: an affine warp alone would alias.
    scale = 2 * side / (square.side * MARGIN)
    x, y = square.centre_x - square.side * MARGIN / 2, square.centre_y - square.side * MARGIN / 2
    matrix = np.array([[scale, 0, -x * scale + (scale - 1) / 2], [0, scale, -y * scale + (scale - 1) / 2]])
    if move is not None:
        matrix = matrix @ move
    size = (2 * side, 2 * side)
    large = cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(large, (side, side), interpolation=cv2.INTER_AREA), np.uint8)
