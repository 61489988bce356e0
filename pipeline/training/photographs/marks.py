"""What tells who somebody is, painted on skin: tattoos, letters, rings and bands. They are taught as something that is
neither skin nor disease.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np

from pipeline.training.photographs.canvas import Array, Canvas, blurred, smooth_step
from pipeline.training.photographs.drawing import FINER, blank_sheet, corners, inked, reduced, write

_TATTOO_INKS = ((0.010, 0.011, 0.014), (0.012, 0.020, 0.030), (0.015, 0.030, 0.024), (0.02, 0.02, 0.02))
_COLOURS = (
    (0.35, 0.02, 0.03),
    (0.02, 0.16, 0.05),
    (0.03, 0.06, 0.30),
    (0.45, 0.30, 0.03),
    (0.20, 0.03, 0.20),
    (0.4, 0.12, 0.02),
)
_METALS = ((0.75, 0.55, 0.22), (0.72, 0.72, 0.74), (0.35, 0.36, 0.38), (0.62, 0.36, 0.26))
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789&"
_FONTS = (
    cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_COMPLEX, cv2.FONT_HERSHEY_TRIPLEX, cv2.FONT_HERSHEY_SCRIPT_SIMPLEX,
    cv2.FONT_HERSHEY_SCRIPT_COMPLEX, cv2.FONT_HERSHEY_PLAIN,
)  # fmt: skip

Strokes = Array
"""How much ink is at each pixel of the canvas, (R, R) in [0, 1]."""


def tattoo(canvas: Canvas) -> tuple[Array, Array] | None:
    """The skin with a tattoo, and where it is (R, R) in [0, 1]."""
    random, place = canvas.random, canvas.place()
    if place is None:
        return None
    size = math.exp(random.uniform(math.log(0.10), math.log(0.6))) * canvas.side
    shapes = list(_SHAPES.values())
    drawing = shapes[int(random.integers(len(shapes)))]
    outline, filled = drawing(canvas, place, size)
    age = random.random()
    ink = np.array(_TATTOO_INKS[int(random.integers(len(_TATTOO_INKS)))], np.float32)
    if random.random() < 0.12:
        ink = np.array(_COLOURS[int(random.integers(len(_COLOURS)))], np.float32)
    density = random.uniform(0.75, 0.97) - 0.45 * age * random.random()
    blur = 0.35 + 1.3 * age * random.random()
    outline = blurred(outline, blur) * canvas.where
    filled = blurred(filled, blur) * canvas.where
    skin = canvas.skin
    lit = float(np.clip(skin.max(-1)[canvas.where > 0.5].mean() / 0.6, 0.25, 1.3))
    if filled.any() and random.random() < 0.6:
        colour = np.array(_COLOURS[int(random.integers(len(_COLOURS)))], np.float32)
        colour = colour if random.random() < 0.6 else ink
        shade = np.clip(0.55 + 0.3 * canvas.noise(size * 0.3), 0, 1) * filled * random.uniform(0.35, 0.9)
        skin = inked(skin, colour * lit, shade)
    else:
        filled = np.zeros_like(filled)
    skin = inked(skin, ink * lit, outline * density)
    everywhere = np.clip(np.maximum(outline, filled), 0, 1)
    # The figure is the mark, not each of its strokes: what lies between them belongs to it.
    width = max(3, round(0.035 * size) * 2 + 1)
    whole = cv2.morphologyEx(everywhere, cv2.MORPH_CLOSE, np.ones((width, width), np.uint8))
    return skin, np.asarray(np.clip(whole, 0, 1), np.float32)


def _curve(canvas: Canvas, place: tuple[float, float], size: float, corners: int) -> Array:
    """A closed smooth curve through ``corners`` random points around ``place``, (n, 2) pixels."""
    random = canvas.random
    angles = np.sort(random.uniform(0, 2 * math.pi, corners))
    radii = size / 2 * random.uniform(0.3, 1.0, corners)
    fine = np.linspace(0, 2 * math.pi, 80)
    ring = np.interp(fine, np.append(angles, angles[0] + 2 * math.pi), np.append(radii, radii[0]), period=2 * math.pi)
    return np.asarray(np.stack([place[0] + ring * np.cos(fine), place[1] + ring * np.sin(fine)], 1), np.float32)


def _line_work(canvas: Canvas, place: tuple[float, float], size: float) -> tuple[Strokes, Strokes]:
    """Outlines within outlines, spirals and hatching, as flowers, animals and ornaments are drawn."""
    random, sheet, inside = canvas.random, blank_sheet(canvas), blank_sheet(canvas)
    thick = max(1, round(random.uniform(0.008, 0.03) * size * FINER))
    first = _curve(canvas, place, size, int(random.integers(5, 14)))
    cv2.fillPoly(inside, [corners(first)], 1.0)
    cv2.polylines(sheet, [corners(first)], True, 1.0, thick, cv2.LINE_AA)
    for _ in range(int(random.integers(2, 9))):
        near = (place[0] + random.normal(0, size * 0.2), place[1] + random.normal(0, size * 0.2))
        if random.random() < 0.35:
            turns = np.linspace(0, random.uniform(2, 5) * math.pi, 70)
            reach = turns / turns.max() * size * random.uniform(0.08, 0.3)
            line = np.stack([near[0] + reach * np.cos(turns), near[1] + reach * np.sin(turns)], 1)
            cv2.polylines(sheet, [corners(line)], False, 1.0, thick, cv2.LINE_AA)
        else:
            inner = _curve(canvas, near, size * random.uniform(0.15, 0.6), int(random.integers(3, 10)))
            cv2.polylines(sheet, [corners(inner)], bool(random.random() < 0.8), 1.0, thick, cv2.LINE_AA)
    if random.random() < 0.4:
        turn = random.uniform(0, math.pi)
        hatch = blank_sheet(canvas)
        step = max(3.0, size * random.uniform(0.03, 0.08))
        for k in range(-20, 21):
            middle = np.array(place) + k * step * np.array([math.cos(turn), math.sin(turn)])
            along = size * np.array([-math.sin(turn), math.cos(turn)])
            cv2.polylines(hatch, [corners(np.stack([middle - along, middle + along]))], False, 1.0, max(1, thick - 1))
        sheet = np.maximum(sheet, hatch * inside)
    return reduced(sheet, canvas), reduced(inside, canvas)


def _tribal(canvas: Canvas, place: tuple[float, float], size: float) -> tuple[Strokes, Strokes]:
    """Broad black bands and flames."""
    random = canvas.random
    x, y = canvas.grid()
    away = np.hypot(x - place[0], y - place[1]) / (size / 2)
    grain = size * random.uniform(0.12, 0.3)
    bands = np.abs(canvas.noise(grain) + 0.35 * canvas.noise(grain / 2))
    black = (1 - smooth_step(bands, 0.3, 0.38)) * (1 - smooth_step(away + 0.15 * canvas.noise(grain), 0.85, 1.0))
    return np.asarray(black, np.float32), np.zeros_like(black)


def _emblem(canvas: Canvas, place: tuple[float, float], size: float) -> tuple[Strokes, Strokes]:
    """Stars, hearts, crosses, anchors of few strokes."""
    random, sheet, inside = canvas.random, blank_sheet(canvas), blank_sheet(canvas)
    kind, turn = random.integers(4), random.normal(0, 0.5)
    t = np.linspace(0, 2 * math.pi, 60, endpoint=False)
    if kind == 0:
        spikes = int(random.integers(4, 9))
        t = np.arange(2 * spikes) * math.pi / spikes
        reach = np.where(np.arange(2 * spikes) % 2, random.uniform(0.3, 0.6), 1.0)
        shape = np.stack([reach * np.sin(t), -reach * np.cos(t)], 1)
    elif kind == 1:
        heart = (13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)) / 17
        shape = np.stack([np.sin(t) ** 3, -heart], 1)
    elif kind == 2:
        a = random.uniform(0.15, 0.3)
        shape = np.array(
            [
                (-a, -1),
                (a, -1),
                (a, -a),
                (0.7, -a),
                (0.7, a),
                (a, a),
                (a, 1),
                (-a, 1),
                (-a, a),
                (-0.7, a),
                (-0.7, -a),
                (-a, -a),
            ]
        )
    else:
        petals = int(random.integers(3, 8))
        reach = 0.55 + 0.45 * np.cos(petals * t)
        shape = np.stack([reach * np.sin(t), -reach * np.cos(t)], 1)
    spin = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    drawn = np.asarray(shape @ spin.T * size / 2 + np.array(place), np.float32)
    cv2.fillPoly(inside, [corners(drawn)], 1.0, cv2.LINE_AA)
    thick = max(1, round(random.uniform(0.015, 0.05) * size * FINER))
    cv2.polylines(sheet, [corners(drawn)], True, 1.0, thick, cv2.LINE_AA)
    return (reduced(np.maximum(sheet, inside), canvas), reduced(inside, canvas)) if random.random() < 0.35 else (
        reduced(sheet, canvas), reduced(inside, canvas)
    )  # fmt: skip


def _letters(canvas: Canvas, place: tuple[float, float], size: float) -> tuple[Strokes, Strokes]:
    random, sheet = canvas.random, blank_sheet(canvas)
    lines = int(random.integers(1, 4))
    for line in range(lines):
        text = "".join(random.choice(list(_LETTERS), int(random.integers(2, 10))))
        font = int(_FONTS[int(random.integers(len(_FONTS)))])
        (width, height), _ = cv2.getTextSize(text, font, 1.0, 1)
        scale = size * FINER / max(width, height * lines * 1.6)
        thick = max(1, round(scale * random.uniform(0.8, 3.2)))
        left = place[0] * FINER - width * scale / 2
        base = place[1] * FINER + (line - (lines - 1) / 2) * 1.7 * height * scale + height * scale / 2
        write(sheet, text, left, base, font, scale, thick)
    matrix = cv2.getRotationMatrix2D((place[0] * FINER, place[1] * FINER), float(random.normal(0, 35)), 1.0)
    turned = np.asarray(cv2.warpAffine(sheet, matrix, sheet.shape[::-1]), np.float32)
    x, y = canvas.grid()
    bend = size * 0.05 * random.random()
    wave = np.asarray(y + bend * np.sin(x / size * random.uniform(2, 6)), np.float32)
    bent = cv2.remap(reduced(turned, canvas), x, wave, cv2.INTER_LINEAR)
    return np.asarray(bent, np.float32), np.zeros_like(bent)


_SHAPES: dict[str, Callable[[Canvas, tuple[float, float], float], tuple[Strokes, Strokes]]] = {
    "line work": _line_work,
    "more line work": _line_work,
    "tribal": _tribal,
    "emblem": _emblem,
    "letters": _letters,
}


def band(canvas: Canvas) -> tuple[Array, Array] | None:
    """A ring, chain, wrist band or strap across the skin: the picture, and where it is."""
    random, place = canvas.random, canvas.place()
    if place is None:
        return None
    x, y = canvas.grid()
    turn, width = random.uniform(0, math.pi), math.exp(random.uniform(math.log(0.015), math.log(0.16))) * canvas.side
    along = (x - place[0]) * math.cos(turn) + (y - place[1]) * math.sin(turn)
    across = -(x - place[0]) * math.sin(turn) + (y - place[1]) * math.cos(turn)
    across = across + random.normal(0, 0.0015) * along**2
    where = (1 - smooth_step(np.asarray(np.abs(across) - width / 2, np.float32), -0.6, 0.6)) * (canvas.where > 0.3)
    if random.random() < 0.5:
        colour = np.array(_METALS[int(random.integers(len(_METALS)))], np.float32)
        shine = 0.35 + 0.65 * np.clip(np.cos(across / width * random.uniform(3, 9) + random.uniform(0, 6)), 0, 1) ** 2
        links = 1 - 0.5 * (np.cos(along / width * random.uniform(3, 12)) > random.uniform(0, 1.2))
        look = colour * (shine * links)[..., None]
    else:
        colour = np.array(random.uniform(0.02, 0.8, 3), np.float32)
        shine = 0.7 + 0.3 * np.sqrt(np.clip(1 - (2 * across / width) ** 2, 0, 1))
        look = colour * (shine * (1 + 0.06 * canvas.noise(3)))[..., None]
    shadow = blurred(where, max(1.0, 0.12 * width))
    under = canvas.skin * (1 - 0.35 * shadow[..., None])
    return np.asarray(under * (1 - where[..., None]) + look * where[..., None], np.float32), np.asarray(
        where, np.float32
    )


