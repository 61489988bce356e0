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
    DARKEST,
    VIEW_SIDE,
    FaceMesh,
    FrontalView,
    TypicalFace,
    bare_skin,
    relative_colours,
    shown_skin,
    standing_out,
    taken_from,
)
from pipeline.srgb import intensities
from pipeline.training.examples import SoughtOnFaces
from pipeline.training.photographs.canvas import Array, Canvas
from pipeline.training.photographs.lesions import PAINTERS, Painted, moved
from pipeline.training.photographs.mingling import Crowd
from pipeline.training.photographs.scenes import Scene, captured, lit
from pipeline.training.photographs.store import Store, kept_in
from pipeline.training.photographs.variety import varied

_FOLDS = 4
"""Parts of the faces. What a face is compared with was learned from the others: one that was learned itself would have
less that stands out than anybody else."""
_FOLDS_SEED = 5
_PAINTED, _MOVED = 0.62, 0.10
"""Shares of faces with painted lesions, every kind as often as another, and with real ones moved there."""
_ACROSS = (0.03, 0.3)
"""Of a moved lesion, of the square's side."""
_CAPTURED = 0.5
"""Share of photographs that are blurred and grainy at all."""
_SAVED, _QUALITY = 0.36, (60, 96)
"""Share of photographs that were saved as JPEG again, and how well."""
_MOST_CHANGED = 2.0
"""By a lesion, of the logarithm of an intensity, in what is taught of that."""
_SCALED, _SHEARED, _SHIFTED = 0.03, 0.015, 1.5
"""Standard deviations by which a view is moved, as by a mesh that lies a little beside the face: pixels the last."""
_LEAST_SHOWN = 0.15
"""Below this share of skin nobody can know."""
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
        relative, bare = self._from_the_front()
        rows = np.stack([_coarse(each.astype(np.float32)) for each in relative])
        mirrored, bare_mirrored = np.concatenate([rows, rows[:, :, ::-1]]), np.concatenate([bare, bare[:, :, ::-1]])
        self._shown = [
            shown_skin(*(np.asarray(each / 255, np.float32) for each in (bare, store.face_skin[number])))
            for number, bare in zip(faces.numbers, faces.bare, strict=True)
        ]
        self._fold = np.random.default_rng(_FOLDS_SEED).integers(0, _FOLDS, len(faces.numbers))
        seen = [
            taken_from(each, moves.astype(np.float32)) for each, moves in zip(self._shown, faces.moves, strict=True)
        ]
        self._crowd = Crowd(relative, (np.stack(seen) * 255).astype(np.uint8), self._fold)
        folds = np.concatenate([self._fold, self._fold])
        self._typical_of = [
            TypicalFace.of(mirrored[folds != fold], bare_mirrored[folds != fold]) for fold in range(_FOLDS)
        ]
        self.typical = TypicalFace.of(mirrored, bare_mirrored)

    def _from_the_front(self) -> tuple[NDArray[np.float16], Array]:
        """The colours of all faces, and their bare skin as ``TypicalFace`` learns it."""
        views, skin = [], []
        for number, moves, bare in zip(*vars(self._faces).values(), strict=True):
            places = moves.astype(np.float32)
            seen = np.asarray(taken_from(bare, places) / 255, np.float32)
            relative = relative_colours(taken_from(self._store.faces[number], places), seen)
            views.append(relative.astype(np.float16))
            skin.append(_coarse(seen))
        return np.stack(views), np.stack(skin)

    def draw(self, rows: int, seed: int) -> SoughtOnFaces:
        """``rows`` examples."""
        random = np.random.default_rng(seed)
        drawn = varied([self._one(random) for _ in range(rows)], random)
        planes, lesion, change = (torch.from_numpy(np.stack(each)) for each in zip(*drawn, strict=True))
        where = lesion.masked_fill(planes[:, -1] <= _LEAST_SHOWN, torch.nan)
        return SoughtOnFaces(planes, where[:, None], change.permute(0, 3, 1, 2))

    def _one(self, random: np.random.Generator) -> tuple[Array, Array, Array]:
        """Planes, where disease is, and by what it changes the logarithms of intensities."""
        row = int(random.integers(len(self._faces.numbers)))
        number = self._faces.numbers[row]
        skin = intensities(self._store.faces[number])
        where = self._store.face_skin[number].astype(np.float32) / 255
        sick, soft = self._lesion(skin, where, random) or (skin, np.zeros_like(where))
        change = np.log((sick + np.float32(DARKEST)) / (skin + np.float32(DARKEST)))
        scene = lit(Scene(sick, sick, soft, None), random)
        if random.random() < _CAPTURED:
            scene = captured(scene, random)
        moves = _beside(self._faces.moves[row].astype(np.float32), random)
        flat = self._faces.bare[row].astype(np.float32) / 255
        seen = [
            taken_from(each, moves)
            for each in (_saved(scene.before, random), soft, flat, self._shown[row], change.astype(np.float32))
        ]
        seen[0] = self._crowd.mingled(seen[0], seen[3], row, random)
        if random.random() < 0.5:
            seen = [each[:, ::-1] for each in seen]
        view, lesion, bare, shown, change = (np.ascontiguousarray(each, np.float32) for each in seen)
        planes = standing_out(relative_colours(view, bare), bare, shown, self._typical_of[self._fold[row]])
        coarse = cv2.resize(change, (VIEW_SIDE // 2, VIEW_SIDE // 2), interpolation=cv2.INTER_AREA)
        return planes, (lesion > _LESION).astype(np.float32), np.clip(coarse, -_MOST_CHANGED, _MOST_CHANGED)

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


def _coarse(values: Array) -> Array:
    return np.asarray(cv2.resize(values, (COARSE, COARSE), interpolation=cv2.INTER_AREA), np.float32)


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
