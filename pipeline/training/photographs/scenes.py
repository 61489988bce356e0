"""How a photograph might have been taken instead: another cut, other light, another camera.

Whatever is done is done alike to the picture before and after healing, and to the truth.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.srgb import coded
from pipeline.training.photographs.canvas import Array, blurred


@dataclass(frozen=True, eq=False)
class Scene:
    """``before``, ``after``: intensities (R, R, 3); ``soft``, ``mark``: (R, R) in [0, 1], how much of a pixel is
    disease and how much is a mark that tells who somebody is; ``mark`` is ``None`` where nobody knows of marks."""

    before: Array
    after: Array
    soft: Array
    mark: Array | None


def cut(scene: Scene, random: np.random.Generator, zoom: tuple[float, float], *, any_side_up: bool) -> Scene:
    """Mirrored, turned and zoomed by a factor of ``zoom``; beyond the picture it is mirrored or its edge goes on."""
    side = scene.soft.shape[0]
    scale = math.exp(random.uniform(math.log(zoom[0]), math.log(zoom[1])))
    turn = random.uniform(-12, 12) + (90 * int(random.integers(4)) if any_side_up else 0)
    matrix = cv2.getRotationMatrix2D((side / 2, side / 2), turn if any_side_up else turn / 3, scale)
    matrix[:, 2] += random.uniform(-1, 1, 2) * side * (0.05 + 0.4 * max(0.0, scale - 1))
    if random.random() < 0.5:
        matrix = matrix @ np.array([[-1, 0, side - 1], [0, 1, 0], [0, 0, 1.0]])
    border = cv2.BORDER_REFLECT_101 if random.random() < 0.7 else cv2.BORDER_REPLICATE

    def warped(values: Array) -> Array:
        if scale < 0.75:
            values = blurred(values, 0.4 / scale)
        drawn = cv2.warpAffine(
            np.ascontiguousarray(values), matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=border
        )
        return np.asarray(drawn, np.float32)

    mark = None if scene.mark is None else warped(scene.mark)
    same = scene.after is scene.before
    before = warped(scene.before)
    return Scene(before, before if same else warped(scene.after), warped(scene.soft), mark)


def part(scene: Scene, corner: tuple[int, int] | NDArray[np.integer], reach: int) -> Scene:
    """The square of ``reach`` pixels from ``corner`` (row, column) on."""
    top, left = corner
    here = np.s_[top : top + reach, left : left + reach]
    return _each(scene, lambda values: values[here])


def resized(scene: Scene, side: int) -> Scene:
    """In another size; itself if it has it."""
    if scene.soft.shape[0] == side:
        return scene
    how = cv2.INTER_AREA if side < scene.soft.shape[0] else cv2.INTER_LINEAR
    return _each(scene, lambda values: np.asarray(cv2.resize(values, (side, side), interpolation=how), np.float32))


def _each(scene: Scene, change: Callable[[Array], Array]) -> Scene:
    before = change(scene.before)
    after = before if scene.after is scene.before else change(scene.after)
    return Scene(before, after, change(scene.soft), None if scene.mark is None else change(scene.mark))


def letterboxed(scene: Scene, random: np.random.Generator) -> Scene:
    """A photograph that is no square: the model is shown it in one, with its edge rows or columns drawn out."""
    side = scene.soft.shape[0]
    kept = round(side * random.uniform(0.55, 0.97))
    first = int(random.integers(side - kept + 1))
    edge = (side - kept) // 2
    rows = np.clip(np.arange(side) - edge, 0, kept - 1) + first
    axis = int(random.integers(2))

    def drawn_out(values: Array) -> Array:
        return np.ascontiguousarray(np.take(values, rows, axis))

    mark = None if scene.mark is None else drawn_out(scene.mark)
    same = scene.after is scene.before
    before = drawn_out(scene.before)
    return Scene(before, before if same else drawn_out(scene.after), drawn_out(scene.soft), mark)


def lit(scene: Scene, random: np.random.Generator) -> Scene:
    """Exposure, white balance, contrast, and a light that falls off to one side: coded values in [0, 1] come out."""
    side = scene.soft.shape[0]
    cast = 0.28 if random.random() < 0.2 else 0.10
    gain = np.exp(random.normal(0, cast, 3) + random.normal(0, 0.3)).astype(np.float32)
    gamma = np.float32(math.exp(random.normal(0, 0.12)))
    field = np.ones((side, side, 1), np.float32)
    if random.random() < 0.4:
        y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j].astype(np.float32)
        turn, slope = random.uniform(0, 2 * math.pi), random.uniform(0.05, 0.55)
        fall = slope * (x * math.cos(turn) + y * math.sin(turn))
        if random.random() < 0.4:
            fall = fall - random.uniform(0.1, 0.8) * (x**2 + y**2)
        field = np.exp(fall)[..., None].astype(np.float32)
    brightest = float(np.percentile(scene.before.max(-1), 98)) * float(gain.max())
    gain = gain * min(1.0, random.uniform(0.9, 1.6) / max(brightest, 1e-3))

    def seen(intensity: Array) -> Array:
        return coded(np.asarray(np.clip(intensity * gain * field, 0, 1) ** gamma, np.float32))

    before = seen(scene.before)
    after = before if scene.after is scene.before else seen(scene.after)
    return replace(scene, before=before, after=after)


def captured(scene: Scene, random: np.random.Generator) -> Scene:
    """Blur and grain of a camera, the same for both pictures; coded values."""
    before, after = scene.before, scene.after
    same = after is before
    if random.random() < 0.25:
        blur = random.uniform(0.4, 1.6)
        before = blurred(before, blur)
        after = before if same else blurred(after, blur)
    if random.random() < 0.35:
        grain = random.standard_normal(before.shape, np.float32) * np.float32(random.uniform(0.003, 0.025))
        if random.random() < 0.5:
            grain = blurred(grain, 0.8) * 2
        before = np.asarray(np.clip(before + grain, 0, 1), np.float32)
        after = before if same else np.asarray(np.clip(after + grain, 0, 1), np.float32)
    return replace(scene, before=before, after=after)
