"""What tells who somebody is, painted on skin: tattoos, letters, rings and bands; and what lies there and does not:
ink, rulers, hairs, plasters, bubbles, sheen.

The first are taught as something that is neither skin nor disease, the second as nothing at all.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np

from pipeline.training.photographs.canvas import Array, Canvas, blurred, smooth_step

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
_PEN_INKS = ((0.10, 0.04, 0.30), (0.05, 0.05, 0.25), (0.16, 0.05, 0.28))
_FINER = 2
"""Strokes are drawn at twice the size: hair lines would be stairs."""
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
        skin = _inked(skin, colour * lit, shade)
    else:
        filled = np.zeros_like(filled)
    skin = _inked(skin, ink * lit, outline * density)
    everywhere = np.clip(np.maximum(outline, filled), 0, 1)
    # The figure is the mark, not each of its strokes: what lies between them belongs to it.
    width = max(3, round(0.035 * size) * 2 + 1)
    whole = cv2.morphologyEx(everywhere, cv2.MORPH_CLOSE, np.ones((width, width), np.uint8))
    return skin, np.asarray(np.clip(whole, 0, 1), np.float32)


def _inked(skin: Array, ink: Array, how_much: Array) -> Array:
    """Ink under skin: part multiplies the light, part replaces it."""
    much = how_much[..., None]
    through = skin ** (1 - 0.3 * much) * (ink / np.maximum(ink.max(), 0.05)) ** (0.25 * much)
    return np.asarray(np.minimum(through, skin * (1 - much) + (0.75 * ink + 0.12 * skin) * much), np.float32)


def _sheet(canvas: Canvas) -> Array:
    return np.zeros((canvas.side * _FINER, canvas.side * _FINER), np.float32)


def _write(sheet: Array, text: str, left: float, base: float, font: int, scale: float, thick: int) -> None:
    """``text`` in ink of 1, from ``left`` on; OpenCV writes on bytes alone."""
    written = np.zeros(sheet.shape, np.uint8)
    cv2.putText(written, text, (round(left), round(base)), font, scale, 255, thick, cv2.LINE_AA)
    np.maximum(sheet, written.astype(np.float32) / 255, out=sheet)


def _small(sheet: Array, canvas: Canvas) -> Array:
    return np.asarray(cv2.resize(sheet, (canvas.side, canvas.side), interpolation=cv2.INTER_AREA), np.float32)


def _points(values: Array) -> np.ndarray:
    return np.rint(values * _FINER).astype(np.int32).reshape(-1, 1, 2)


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
    random, sheet, inside = canvas.random, _sheet(canvas), _sheet(canvas)
    thick = max(1, round(random.uniform(0.008, 0.03) * size * _FINER))
    first = _curve(canvas, place, size, int(random.integers(5, 14)))
    cv2.fillPoly(inside, [_points(first)], 1.0)
    cv2.polylines(sheet, [_points(first)], True, 1.0, thick, cv2.LINE_AA)
    for _ in range(int(random.integers(2, 9))):
        near = (place[0] + random.normal(0, size * 0.2), place[1] + random.normal(0, size * 0.2))
        if random.random() < 0.35:
            turns = np.linspace(0, random.uniform(2, 5) * math.pi, 70)
            reach = turns / turns.max() * size * random.uniform(0.08, 0.3)
            line = np.stack([near[0] + reach * np.cos(turns), near[1] + reach * np.sin(turns)], 1)
            cv2.polylines(sheet, [_points(line)], False, 1.0, thick, cv2.LINE_AA)
        else:
            inner = _curve(canvas, near, size * random.uniform(0.15, 0.6), int(random.integers(3, 10)))
            cv2.polylines(sheet, [_points(inner)], bool(random.random() < 0.8), 1.0, thick, cv2.LINE_AA)
    if random.random() < 0.4:
        turn = random.uniform(0, math.pi)
        hatch = _sheet(canvas)
        step = max(3.0, size * random.uniform(0.03, 0.08))
        for k in range(-20, 21):
            middle = np.array(place) + k * step * np.array([math.cos(turn), math.sin(turn)])
            along = size * np.array([-math.sin(turn), math.cos(turn)])
            cv2.polylines(hatch, [_points(np.stack([middle - along, middle + along]))], False, 1.0, max(1, thick - 1))
        sheet = np.maximum(sheet, hatch * inside)
    return _small(sheet, canvas), _small(inside, canvas)


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
    random, sheet, inside = canvas.random, _sheet(canvas), _sheet(canvas)
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
    cv2.fillPoly(inside, [_points(drawn)], 1.0, cv2.LINE_AA)
    thick = max(1, round(random.uniform(0.015, 0.05) * size * _FINER))
    cv2.polylines(sheet, [_points(drawn)], True, 1.0, thick, cv2.LINE_AA)
    return (_small(np.maximum(sheet, inside), canvas), _small(inside, canvas)) if random.random() < 0.35 else (
        _small(sheet, canvas), _small(inside, canvas)
    )  # fmt: skip


def _letters(canvas: Canvas, place: tuple[float, float], size: float) -> tuple[Strokes, Strokes]:
    random, sheet = canvas.random, _sheet(canvas)
    lines = int(random.integers(1, 4))
    for line in range(lines):
        text = "".join(random.choice(list(_LETTERS), int(random.integers(2, 10))))
        font = int(_FONTS[int(random.integers(len(_FONTS)))])
        (width, height), _ = cv2.getTextSize(text, font, 1.0, 1)
        scale = size * _FINER / max(width, height * lines * 1.6)
        thick = max(1, round(scale * random.uniform(0.8, 3.2)))
        left = place[0] * _FINER - width * scale / 2
        base = place[1] * _FINER + (line - (lines - 1) / 2) * 1.7 * height * scale + height * scale / 2
        _write(sheet, text, left, base, font, scale, thick)
    matrix = cv2.getRotationMatrix2D((place[0] * _FINER, place[1] * _FINER), float(random.normal(0, 35)), 1.0)
    turned = np.asarray(cv2.warpAffine(sheet, matrix, sheet.shape[::-1]), np.float32)
    x, y = canvas.grid()
    bend = size * 0.05 * random.random()
    wave = np.asarray(y + bend * np.sin(x / size * random.uniform(2, 6)), np.float32)
    bent = cv2.remap(_small(turned, canvas), x, wave, cv2.INTER_LINEAR)
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


def clutter(canvas: Canvas) -> Array:
    """The skin with something on it that is nobody's and no disease."""
    kinds = (_pen, _ruler, _hairs, _plaster, _sheen, _bubbles)
    return kinds[int(canvas.random.integers(len(kinds)))](canvas)


def _pen(canvas: Canvas) -> Array:
    """A surgeon's pen: dots, arrows, rings and dashes in violet or blue."""
    random, sheet, side = canvas.random, _sheet(canvas), canvas.side
    ink = np.array(_PEN_INKS[int(random.integers(len(_PEN_INKS)))], np.float32)
    thick = max(1, round(random.uniform(0.006, 0.02) * side * _FINER))
    for _ in range(int(random.integers(1, 6))):
        start = random.uniform(0.05, 0.95, 2) * side
        end = start + random.normal(0, 0.12, 2) * side
        if random.random() < 0.4:
            cv2.circle(sheet, _pixel(start), round(random.uniform(0.5, 3) * thick), 1.0, -1)
        elif random.random() < 0.5:
            cv2.arrowedLine(sheet, _pixel(start), _pixel(end), 1.0, thick, cv2.LINE_AA, 0, 0.3)
        else:
            reach = round(random.uniform(0.1, 0.4) * side * _FINER)
            cv2.ellipse(
                sheet, _pixel(start), (reach, reach), 0, random.uniform(0, 180), random.uniform(200, 360), 1.0, thick
            )
    worn = np.clip(0.8 + 0.35 * canvas.noise(2), 0, 1) * random.uniform(0.3, 0.9)
    return _inked(canvas.skin, ink, _small(sheet, canvas) * worn)


def _pixel(point: np.ndarray) -> tuple[int, int]:
    return round(point[0] * _FINER), round(point[1] * _FINER)


def _ruler(canvas: Canvas) -> Array:
    random, side, sheet = canvas.random, canvas.side, _sheet(canvas)
    step, edge = random.uniform(4, 22), random.uniform(0.03, 0.97) * side
    for k in range(int(side / step) + 1):
        length = (3 if k % 10 == 0 else 2 if k % 5 == 0 else 1) * random.uniform(4, 6)
        cv2.line(sheet, _pixel(np.array([k * step, edge])), _pixel(np.array([k * step, edge - length])), 1.0, _FINER)
        if k % 10 == 0:
            _write(sheet, str(k // 10), _FINER * k * step, _FINER * (edge - 12), cv2.FONT_HERSHEY_PLAIN, 2.0, 2)
    turned = np.rot90(_small(sheet, canvas), int(random.integers(4)))
    lit, skin = (np.float32(random.uniform(0.4, 0.95)), canvas.skin)
    if random.random() < 0.5:
        strip = np.rot90(np.abs(canvas.grid()[1] - edge + 8) < random.uniform(12, 30), int(random.integers(1)))
        skin = np.where(strip[..., None], lit, skin)
    return np.asarray(skin * (1 - 0.9 * np.ascontiguousarray(turned)[..., None]), np.float32)


def _hairs(canvas: Canvas) -> Array:
    random, sheet, side = canvas.random, _sheet(canvas), canvas.side
    heading = random.uniform(0, 2 * math.pi)
    for _ in range(int(random.integers(3, 70))):
        start, length = random.uniform(-0.1, 1.1, 2) * side, random.uniform(0.1, 0.7) * side
        bend, turn = random.normal(0, 0.8), heading + random.normal(0, 0.5)
        t = np.linspace(0, 1, 16)
        angle = turn + bend * t
        path = start + np.cumsum(np.stack([np.cos(angle), np.sin(angle)], 1) * length / 16, 0)
        cv2.polylines(
            sheet,
            [_points(np.asarray(path, np.float32))],
            False,
            float(random.uniform(0.4, 1)),
            int(random.integers(1, 4)),
            cv2.LINE_AA,
        )
    colour = np.array(random.choice([0.01, 0.04, 0.15, 0.5]) * random.uniform(0.6, 1.2, 3), np.float32)
    hair = _small(sheet, canvas)[..., None] * random.uniform(0.4, 0.95)
    return np.asarray(canvas.skin * (1 - hair) + colour * hair, np.float32)


def _plaster(canvas: Canvas) -> Array:
    random, side, sheet = canvas.random, canvas.side, _sheet(canvas)
    centre = random.uniform(-0.05, 1.05, 2) * side
    reach = random.uniform(0.05, 0.25, 2) * side * _FINER
    if random.random() < 0.5:
        cv2.ellipse(sheet, _pixel(centre), (round(reach[0]), round(reach[0])), 0, 0, 360, 1.0, -1)
    else:
        box = cv2.boxPoints((tuple(centre * _FINER), tuple(2 * reach), float(random.uniform(0, 180))))
        cv2.fillPoly(sheet, [np.rint(box).astype(np.int32)], 1.0)
    where = _small(sheet, canvas)[..., None]
    colour = np.array(random.uniform(0.05, 0.9, 3), np.float32)
    return np.asarray(canvas.skin * (1 - where) + colour * where * (1 + 0.05 * canvas.noise(4)[..., None]), np.float32)


def _sheen(canvas: Canvas) -> Array:
    """Flash on oily or wet skin: bright, white, and no disease."""
    random = canvas.random
    bumps = canvas.noise(random.uniform(1.5, 8)) + canvas.noise(random.uniform(20, 80))
    shine = smooth_step(bumps, random.uniform(0.8, 1.6), random.uniform(1.8, 3.0)) * random.uniform(0.2, 0.9)
    return np.asarray(canvas.skin + (1 - canvas.skin) * shine[..., None], np.float32)


def _bubbles(canvas: Canvas) -> Array:
    """Air in the gel below a dermatoscope."""
    random, sheet, side = canvas.random, _sheet(canvas), canvas.side
    for _ in range(int(random.integers(3, 30))):
        centre, reach = random.uniform(0, side, 2), round(random.uniform(1, 9) * _FINER)
        cv2.circle(
            sheet, _pixel(centre), reach, float(random.uniform(0.2, 0.7)), int(random.integers(1, 3)), cv2.LINE_AA
        )
    ring = _small(sheet, canvas)[..., None]
    return np.asarray(canvas.skin + (1 - canvas.skin) * ring * random.choice([1.0, -0.6]), np.float32).clip(0, 1)
