"""Faces that have nothing, laid out as they are seen from the front, with lesions painted on them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from pipeline.errors import PipelineError, Undecided
from pipeline.faces import FaceFinder
from pipeline.heads import (
    COARSE,
    VIEW_SIDE,
    FaceMesh,
    FrontalView,
    TypicalFace,
    bare_skin,
    relative_colours,
    standing_out,
    taken_from,
)
from pipeline.training.examples import Sought
from pipeline.training.photographs.canvas import Array, Canvas, linear
from pipeline.training.photographs.lesions import PAINTERS, Painted, moved
from pipeline.training.photographs.scenes import Scene, captured, lit
from pipeline.training.photographs.store import Store, kept_in

_FOLDS = 4
"""Parts of the faces. What a face is compared with was learned from the others: one that was learned itself would have
less that stands out than anybody else."""
_FOLDS_SEED = 5
_PAINTED, _MOVED = 0.62, 0.10
"""Shares of faces with painted lesions, every kind as often as another, and with real ones moved there."""
_ACROSS = (0.03, 0.3)
"""Of a moved lesion, of the square's side."""
_SAVED, _QUALITY = 0.6, (60, 96)
"""Share of photographs that were saved as JPEG again, and how well."""
_SCALED, _SHEARED, _SHIFTED = 0.03, 0.015, 1.5
"""Standard deviations by which a view is moved, as by a mesh that lies a little beside the face: pixels the last."""
_LESION = 0.35
"""Share of a pixel from which it is lesion, as in the other lessons."""


@dataclass(frozen=True, eq=False)
class FrontalFaces:
    """Of those faces of a store whose mesh was found. ``numbers`` (n,): which of the store's; ``moves`` float16 (n,
    VIEW_SIDE, VIEW_SIDE, 2) as of ``FrontalView``; ``bare`` uint8 (n, R, R): bare skin in the square."""

    numbers: NDArray[np.int64]
    moves: NDArray[np.float16]
    bare: NDArray[np.uint8]


def open_frontal(store: Store, frontal: NDArray[np.float64], cache: Path, say: Callable[[str], None]) -> FrontalFaces:
    """The faces of ``store``, from ``cache`` (an .npz) if they were laid out before. ``PipelineError`` without any."""
    faces = FrontalFaces(**kept_in(cache, lambda: vars(_laid_out(store, frontal))))
    say(f"{len(faces.numbers)} faces seen from the front")
    return faces


def _laid_out(store: Store, frontal: NDArray[np.float64]) -> FrontalFaces:
    finder, mesh, side = FaceFinder(), FaceMesh(), store.faces.shape[1]
    numbers, moves, bare = [], [], []
    for number, square in enumerate(store.faces):
        found = finder.find(square)
        if not found:
            continue
        try:
            points = mesh.points(square, found[0].landmarks)
        except Undecided:
            continue
        numbers.append(number)
        moves.append(FrontalView(points, frontal, side).moves.astype(np.float16))
        bare.append((bare_skin(points, side) * 255).astype(np.uint8))
    if not numbers:
        raise PipelineError("no mesh was found of any face")
    return FrontalFaces(np.array(numbers), np.stack(moves), np.stack(bare))


class FrontalExamples:
    """Draws examples; the same for the same seed. ``typical``: what all faces have in common, for the network's use."""

    def __init__(self, store: Store, faces: FrontalFaces) -> None:
        self._store, self._faces = store, faces
        self._lesions = store.real_lesions()
        rows, bare = self._coarse()
        mirrored, bare_mirrored = np.concatenate([rows, rows[:, :, ::-1]]), np.concatenate([bare, bare[:, :, ::-1]])
        self._fold = np.random.default_rng(_FOLDS_SEED).integers(0, _FOLDS, len(faces.numbers))
        folds = np.concatenate([self._fold, self._fold])
        self._typical_of = [
            TypicalFace.of(mirrored[folds != fold], bare_mirrored[folds != fold]) for fold in range(_FOLDS)
        ]
        self.typical = TypicalFace.of(mirrored, bare_mirrored)

    def _coarse(self) -> tuple[Array, Array]:
        """All faces as ``TypicalFace`` learns them, and their bare skin."""
        rows, skin = [], []
        for number, moves, bare in zip(*vars(self._faces).values(), strict=True):
            places = moves.astype(np.float32)
            seen = np.asarray(taken_from(bare, places) / 255, np.float32)
            relative = relative_colours(taken_from(self._store.faces[number], places), seen)
            rows.append(cv2.resize(relative, (COARSE, COARSE), interpolation=cv2.INTER_AREA))
            skin.append(cv2.resize(seen, (COARSE, COARSE), interpolation=cv2.INTER_AREA))
        return np.stack(rows), np.stack(skin)

    def draw(self, rows: int, seed: int) -> Sought:
        """``rows`` examples."""
        random = np.random.default_rng(seed)
        drawn = [self._one(random) for _ in range(rows)]
        planes, where = (torch.from_numpy(np.stack(each)) for each in zip(*drawn, strict=True))
        return Sought(planes, where[:, None])

    def _one(self, random: np.random.Generator) -> tuple[Array, Array]:
        row = int(random.integers(len(self._faces.numbers)))
        number = self._faces.numbers[row]
        skin = linear(self._store.faces[number])
        where = self._store.face_skin[number].astype(np.float32) / 255
        sick, soft = self._lesion(skin, where, random) or (skin, np.zeros_like(where))
        scene = captured(lit(Scene(sick, sick, soft, None), random), random)
        moves = _beside(self._faces.moves[row].astype(np.float32), random)
        view = taken_from(_saved(scene.before, random), moves)
        lesion = taken_from(scene.soft, moves)
        bare = taken_from(self._faces.bare[row].astype(np.float32) / 255, moves)
        if random.random() < 0.5:
            view, lesion, bare = view[:, ::-1], lesion[:, ::-1], bare[:, ::-1]
        bare = np.ascontiguousarray(bare, np.float32)
        relative = relative_colours(np.ascontiguousarray(view, np.float32), bare)
        planes = standing_out(relative, bare, self._typical_of[self._fold[row]])
        return planes, np.asarray(lesion > _LESION, np.float32)

    def _lesion(self, skin: Array, where: Array, random: np.random.Generator) -> Painted | None:
        chance = random.random()
        if chance < _PAINTED:
            kinds = list(PAINTERS.values())
            return kinds[int(random.integers(len(kinds)))].paint(Canvas(skin, where, random))
        if chance > _PAINTED + _MOVED or not self._lesions:
            return None
        soft, count = np.zeros_like(where), 1 if random.random() < 0.6 else int(random.integers(2, 6))
        for _ in range(count):
            across = math.exp(random.uniform(*np.log(_ACROSS)))
            chosen = self._lesions[int(random.integers(len(self._lesions)))]
            laid = moved(Canvas(skin, where, random), chosen, across)
            if laid is None:
                return None
            skin, soft = laid[0], np.maximum(soft, laid[1])
        return skin, soft


def _saved(coded: Array, random: np.random.Generator) -> Array:
    """``coded`` in [0, 1] as a camera saves it, now and then."""
    picture = np.clip(coded, 0, 1)
    if random.random() >= _SAVED:
        return picture
    whole = np.rint(picture[..., ::-1] * 255).astype(np.uint8)
    _, encoded = cv2.imencode(".jpg", whole, [cv2.IMWRITE_JPEG_QUALITY, int(random.integers(*_QUALITY))])
    decoded = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
    assert decoded is not None, "it was encoded here"
    return np.asarray(decoded[..., ::-1] / 255, np.float32)


def _beside(moves: Array, random: np.random.Generator) -> Array:
    """The same view of a face, a little moved."""
    turn = np.eye(2) * math.exp(random.normal(0, _SCALED)) + random.normal(0, _SHEARED, (2, 2))
    y, x = np.mgrid[:VIEW_SIDE, :VIEW_SIDE] - VIEW_SIDE / 2
    places = np.stack([x, y], -1) @ turn.T + VIEW_SIDE / 2 + random.normal(0, _SHIFTED, 2)
    return np.asarray(taken_from(moves, places.astype(np.float32)), np.float32)
