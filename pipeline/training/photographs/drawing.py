"""Strokes on skin: drawn at twice the canvas's size, brought to its size, and inked."""

from __future__ import annotations

import cv2
import numpy as np

from pipeline.training.photographs.canvas import Array, Canvas

FINER = 2
"""Strokes are drawn at twice the size: hair lines would be stairs."""


def inked(skin: Array, ink: Array, how_much: Array) -> Array:
    """Ink under skin: part multiplies the light, part replaces it."""
    much = how_much[..., None]
    through = skin ** (1 - 0.3 * much) * (ink / np.maximum(ink.max(), 0.05)) ** (0.25 * much)
    return np.asarray(np.minimum(through, skin * (1 - much) + (0.75 * ink + 0.12 * skin) * much), np.float32)


def blank_sheet(canvas: Canvas) -> Array:
    return np.zeros((canvas.side * FINER, canvas.side * FINER), np.float32)


def write(sheet: Array, text: str, left: float, base: float, font: int, scale: float, thick: int) -> None:
    """``text`` in ink of 1, from ``left`` on; OpenCV writes on bytes alone."""
    ink = np.zeros(sheet.shape, np.uint8)
    cv2.putText(ink, text, (round(left), round(base)), font, scale, 255, thick, cv2.LINE_AA)
    np.maximum(sheet, ink.astype(np.float32) / 255, out=sheet)


def reduced(sheet: Array, canvas: Canvas) -> Array:
    return np.asarray(cv2.resize(sheet, (canvas.side, canvas.side), interpolation=cv2.INTER_AREA), np.float32)


def corners(values: Array) -> np.ndarray:
    return np.rint(values * FINER).astype(np.int32).reshape(-1, 1, 2)


def corner(point: np.ndarray) -> tuple[int, int]:
    return round(point[0] * FINER), round(point[1] * FINER)
