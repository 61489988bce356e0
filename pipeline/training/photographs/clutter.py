"""What lies on skin or around it and is neither anybody's nor disease: ink, rulers, hairs, plasters, stickers, bubbles,
sheen, the rim of a dermatoscope. It is taught as nothing at all.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from pipeline.training.photographs.canvas import Array, Canvas, smooth_step
from pipeline.training.photographs.drawing import FINER, blank_sheet, corner, corners, inked, reduced, write

_PEN_INKS = ((0.10, 0.04, 0.30), (0.05, 0.05, 0.25), (0.16, 0.05, 0.28))
_STICKERS = (
    (0.85, 0.28, 0.03),
    (0.05, 0.22, 0.75),
    (0.04, 0.35, 0.13),
    (0.85, 0.70, 0.05),
    (0.75, 0.75, 0.75),
    (0.70, 0.05, 0.06),
    (0.75, 0.15, 0.12),
    (0.40, 0.32, 0.70),
)


def clutter(canvas: Canvas) -> Array:
    """The skin with something on it that is nobody's and no disease."""
    kinds = (_pen, _ruler, _hairs, _plaster, _sheen, _bubbles, _sticker, _sticker, _sticker, _sticker, _rim, _rim)
    return kinds[int(canvas.random.integers(len(kinds)))](canvas)


def _pen(canvas: Canvas) -> Array:
    """A surgeon's pen: dots, arrows, rings and dashes in violet or blue."""
    random, sheet, side = canvas.random, blank_sheet(canvas), canvas.side
    ink = np.array(_PEN_INKS[int(random.integers(len(_PEN_INKS)))], np.float32)
    thick = max(1, round(random.uniform(0.006, 0.02) * side * FINER))
    for _ in range(int(random.integers(1, 6))):
        start = random.uniform(0.05, 0.95, 2) * side
        end = start + random.normal(0, 0.12, 2) * side
        if random.random() < 0.4:
            cv2.circle(sheet, corner(start), round(random.uniform(0.5, 3) * thick), 1.0, -1)
        elif random.random() < 0.5:
            cv2.arrowedLine(sheet, corner(start), corner(end), 1.0, thick, cv2.LINE_AA, 0, 0.3)
        else:
            reach = round(random.uniform(0.1, 0.4) * side * FINER)
            cv2.ellipse(
                sheet, corner(start), (reach, reach), 0, random.uniform(0, 180), random.uniform(200, 360), 1.0, thick
            )
    worn = np.clip(0.8 + 0.35 * canvas.noise(2), 0, 1) * random.uniform(0.3, 0.9)
    return inked(canvas.skin, ink, reduced(sheet, canvas) * worn)


def _ruler(canvas: Canvas) -> Array:
    random, side, sheet = canvas.random, canvas.side, blank_sheet(canvas)
    step, edge = random.uniform(4, 22), random.uniform(0.03, 0.97) * side
    for k in range(int(side / step) + 1):
        length = (3 if k % 10 == 0 else 2 if k % 5 == 0 else 1) * random.uniform(4, 6)
        cv2.line(sheet, corner(np.array([k * step, edge])), corner(np.array([k * step, edge - length])), 1.0, FINER)
        if k % 10 == 0:
            write(sheet, str(k // 10), FINER * k * step, FINER * (edge - 12), cv2.FONT_HERSHEY_PLAIN, 2.0, 2)
    turned = np.rot90(reduced(sheet, canvas), int(random.integers(4)))
    lit, skin = (np.float32(random.uniform(0.4, 0.95)), canvas.skin)
    if random.random() < 0.5:
        strip = np.rot90(np.abs(canvas.grid()[1] - edge + 8) < random.uniform(12, 30), int(random.integers(1)))
        skin = np.where(strip[..., None], lit, skin)
    return np.asarray(skin * (1 - 0.9 * np.ascontiguousarray(turned)[..., None]), np.float32)


def _hairs(canvas: Canvas) -> Array:
    random, sheet, side = canvas.random, blank_sheet(canvas), canvas.side
    heading = random.uniform(0, 2 * math.pi)
    for _ in range(int(random.integers(3, 70))):
        start, length = random.uniform(-0.1, 1.1, 2) * side, random.uniform(0.1, 0.7) * side
        bend, turn = random.normal(0, 0.8), heading + random.normal(0, 0.5)
        t = np.linspace(0, 1, 16)
        angle = turn + bend * t
        path = start + np.cumsum(np.stack([np.cos(angle), np.sin(angle)], 1) * length / 16, 0)
        cv2.polylines(
            sheet,
            [corners(np.asarray(path, np.float32))],
            False,
            float(random.uniform(0.4, 1)),
            int(random.integers(1, 4)),
            cv2.LINE_AA,
        )
    colour = np.array(random.choice([0.01, 0.04, 0.15, 0.5]) * random.uniform(0.6, 1.2, 3), np.float32)
    hair = reduced(sheet, canvas)[..., None] * random.uniform(0.4, 0.95)
    return np.asarray(canvas.skin * (1 - hair) + colour * hair, np.float32)


def _plaster(canvas: Canvas) -> Array:
    random, side, sheet = canvas.random, canvas.side, blank_sheet(canvas)
    centre = random.uniform(-0.05, 1.05, 2) * side
    reach = random.uniform(0.05, 0.25, 2) * side * FINER
    if random.random() < 0.5:
        cv2.ellipse(sheet, corner(centre), (round(reach[0]), round(reach[0])), 0, 0, 360, 1.0, -1)
    else:
        box = cv2.boxPoints((tuple(centre * FINER), tuple(2 * reach), float(random.uniform(0, 180))))
        cv2.fillPoly(sheet, [np.rint(box).astype(np.int32)], 1.0)
    where = reduced(sheet, canvas)[..., None]
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
    random, sheet, side = canvas.random, blank_sheet(canvas), canvas.side
    for _ in range(int(random.integers(3, 30))):
        centre, reach = random.uniform(0, side, 2), round(random.uniform(1, 9) * FINER)
        cv2.circle(
            sheet, corner(centre), reach, float(random.uniform(0.2, 0.7)), int(random.integers(1, 3)), cv2.LINE_AA
        )
    ring = reduced(sheet, canvas)[..., None]
    return np.asarray(canvas.skin + (1 - canvas.skin) * ring * random.choice([1.0, -0.6]), np.float32).clip(0, 1)


def _sticker(canvas: Canvas) -> Array:
    """Paper of plain colours stuck beside a lesion to tell colours or sides by: discs, often one on another, most of
    them cut off by the picture's edge."""
    random, side = canvas.random, canvas.side
    x, y = canvas.grid()
    picture = canvas.skin
    for _ in range(int(random.integers(1, 3))):
        reach, turn = side * random.uniform(0.1, 0.5), random.uniform(0, 2 * math.pi)
        away = side * (0.5 + random.uniform(-0.15, 0.2)) + reach * random.uniform(-0.3, 0.6)
        middle = side / 2 + away * np.array([math.cos(turn), math.sin(turn)])
        from_middle = np.hypot((x - middle[0]) / random.uniform(0.65, 1.0), y - middle[1])
        grain = 1 + random.uniform(0.01, 0.1) * canvas.noise(1.5)[..., None]
        for size in (1.0, random.uniform(0.4, 0.7)) if random.random() < 0.6 else (1.0,):
            paper = (1 - smooth_step(np.asarray(from_middle - size * reach, np.float32), -0.8, 0.8))[..., None]
            colour = np.array(_STICKERS[int(random.integers(len(_STICKERS)))], np.float32) + random.normal(0, 0.05, 3)
            shade = np.clip(colour * random.uniform(0.5, 1.2), 0, 1) * grain
            picture = np.asarray(picture * (1 - paper) + shade * paper, np.float32)
    return np.asarray(np.clip(picture, 0, 1), np.float32)


def _rim(canvas: Canvas) -> Array:
    """The round field of a dermatoscope: darkness, or a grey ring, beyond it."""
    random, side = canvas.random, canvas.side
    x, y = canvas.grid()
    middle = side / 2 + random.normal(0, 0.04, 2) * side
    reach = side * random.uniform(0.42, 0.72)
    soft = side * random.uniform(0.004, 0.12)
    from_middle = np.asarray(np.hypot(x - middle[0], y - middle[1]), np.float32)
    beyond = smooth_step(from_middle, reach, reach + soft)[..., None]
    dark = np.array(random.choice([0.0, 0.01, 0.05, 0.2]) * random.uniform(0.7, 1.1, 3), np.float32)
    return np.asarray(canvas.skin * (1 - beyond) + dark * beyond, np.float32)
