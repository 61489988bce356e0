"""Photographs as the examples are drawn from them: squares of the network's size in memory, made once and kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.edits import FaceCrop, FrameCrop
from pipeline.errors import PipelineError, UnusablePhotograph
from pipeline.faces import FaceFinder
from pipeline.heads import face_skin
from pipeline.photograph import Rgb
from pipeline.training.photographs.album import albums, for_training
from pipeline.training.photographs.canvas import Array
from pipeline.training.photographs.filling import healthy_below
from pipeline.training.photographs.lesions import RealLesion

_LARGEST_FILLED = 0.6
"""Share of a picture beyond which nothing around a lesion is left to fill it from."""
_SMALLEST_LESION = 12
"""Pixels along its shorter side below which a lesion is not worth moving."""


@dataclass(frozen=True, eq=False)
class Store:
    """All uint8. ``faces`` (n, R, R, 3) and ``face_skin`` (n, R, R): healthy, as far as anybody knows.

    ``lesions``, ``filled`` (m, R, R, 3) and ``outlines`` (m, R, R) of the photographs that people outlined;
    ``through_dermatoscope`` bool (m,) tells the views apart.
    """

    faces: NDArray[np.uint8]
    face_skin: NDArray[np.uint8]
    lesions: NDArray[np.uint8]
    filled: NDArray[np.uint8]
    outlines: NDArray[np.uint8]
    through_dermatoscope: NDArray[np.bool_]

    @property
    def counts(self) -> dict[str, int]:
        """How many photographs of each kind there are."""
        dermoscopy = int(self.through_dermatoscope.sum())
        return {"faces": len(self.faces), "dermoscopy": dermoscopy, "close-ups": len(self.lesions) - dermoscopy}

    def real_lesions(self) -> list[RealLesion]:
        """All that can be cut out."""
        cut_out = (self.real_lesion(number) for number in range(len(self.lesions)))
        return [lesion for lesion in cut_out if lesion is not None]

    def real_lesion(self, number: int) -> RealLesion | None:
        """The lesion of one outlined photograph, cut out; ``None`` if it is too small or reaches the edge."""
        mask = self.outlines[number] > 127
        if not mask.any() or mask[0].any() or mask[-1].any() or mask[:, 0].any() or mask[:, -1].any():
            return None
        ys, xs = np.nonzero(mask)
        if min(np.ptp(ys), np.ptp(xs)) < _SMALLEST_LESION:
            return None
        return RealLesion.of(self.lesions[number], self.filled[number], mask)


def open_store(folder: Path, cache: Path, side: int, say: Callable[[str], None]) -> Store:
    """What ``folder`` holds for training, from ``cache`` (an .npz) if it was read before.

    Held-out photographs are not read. Raises PipelineError where there is nothing.
    """
    store = Store(**kept_in(cache, lambda: _read(folder, side, say)))
    say(f"{len(store.faces)} faces, {len(store.lesions)} outlined photographs of skin")
    return store


def kept_in(cache: Path, make: Callable[[], Mapping[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    """The columns in ``cache`` (an .npz), which ``make`` makes where there is none."""
    if not cache.exists():
        columns: dict[str, Any] = dict(make())
        cache.parent.mkdir(parents=True, exist_ok=True)
        partial = cache.with_suffix(".partial")
        with partial.open("wb") as file:
            np.savez(file, **columns)
        partial.replace(cache)
    with np.load(cache) as data:
        return {name: data[name] for name in data.files}


def _read(folder: Path, side: int, say: Callable[[str], None]) -> dict[str, NDArray[np.generic]]:
    finder, random = FaceFinder(), np.random.default_rng(2026)
    faces: list[tuple[Rgb, Array]] = []
    skin: list[tuple[Rgb, Rgb, NDArray[np.uint8], bool]] = []
    for album in albums(folder):
        before = len(faces) + len(skin)
        for one in for_training(album):
            rgb = one.rgb()
            mask = one.truth(rgb.shape)
            if one.view == "face":
                faces += _face(finder, rgb, side)
            elif mask is not None and mask.mean() < _LARGEST_FILLED:
                skin.append((*_skin(rgb, mask, side, random), one.view == "dermoscopy"))
        say(f"{album.name}: {len(faces) + len(skin) - before} photographs")
    if not faces or not skin:
        raise PipelineError(f"{folder} needs photographs of faces and outlined photographs of skin")
    return {
        "faces": np.stack([square for square, _ in faces]),
        "face_skin": np.stack([np.rint(where * 255).astype(np.uint8) for _, where in faces]),
        "lesions": np.stack([rgb for rgb, _, _, _ in skin]),
        "filled": np.stack([filled for _, filled, _, _ in skin]),
        "outlines": np.stack([outline for _, _, outline, _ in skin]),
        "through_dermatoscope": np.array([dermoscopy for _, _, _, dermoscopy in skin]),
    }


def _face(finder: FaceFinder, rgb: Rgb, side: int) -> list[tuple[Rgb, Array]]:
    found = finder.find(rgb)
    if not found:
        return []
    try:
        crop = FaceCrop.around(found[0], rgb.shape)
    except UnusablePhotograph:
        return []
    square = crop.take(rgb, side)
    return [(square, face_skin(square, crop.within(found[0].landmarks, side)))]


def _skin(
    rgb: Rgb, mask: NDArray[np.bool_], side: int, random: np.random.Generator
) -> tuple[Rgb, Rgb, NDArray[np.uint8]]:
    frame = FrameCrop.whole(rgb.shape)
    outline = np.repeat(mask[..., None].astype(np.uint8) * 255, 3, -1)
    filled = healthy_below(rgb, mask, random)
    square = frame.take(outline, side)[..., 0]
    return frame.take(rgb, side), frame.take(filled, side), square


def enlarged_skin(face: Rgb, where: NDArray[np.uint8], random: np.random.Generator) -> tuple[Rgb, Array]:
    """A patch of a face's skin as a close-up of skin: (R, R, 3) and where it is skin."""
    side = face.shape[0]
    ys, xs = np.nonzero(where > 200)
    if len(ys) < 200:
        return face, np.asarray(where / 255, np.float32)
    k, reach = int(random.integers(len(ys))), int(random.uniform(0.14, 0.4) * side)
    top, left = (int(np.clip(at - reach // 2, 0, side - reach)) for at in (ys[k], xs[k]))
    part = np.s_[top : top + reach, left : left + reach]
    patch = cv2.resize(face[part], (side, side), interpolation=cv2.INTER_CUBIC)
    skin = cv2.resize(where[part].astype(np.float32) / 255, (side, side), interpolation=cv2.INTER_LINEAR)
    return np.asarray(patch, np.uint8), np.asarray(skin, np.float32)
