"""What a person looks at after a tuning: what was tried, with its front, and what the chosen knobs make."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pipeline.photograph import Rgb
from pipeline.tuning.trials import Found, S, front
from pipeline.tuning.tuner import Tuned

PLOT = (460, 300)
SIDE = 220
"""Pixels of a picture's longer side."""
COLUMNS = ("photograph", "healed", "healthy twin", "sick twin")

_PAPER, _INK, _FAINT, _FRONT, _CHOSEN = (250, 249, 247), (32, 34, 38), (170, 174, 180), (30, 110, 200), (210, 60, 40)
_MARGIN, _LINE = 44, 18


@dataclass(frozen=True, eq=False)
class Row:
    """One photograph with what the chosen knobs make of it, in the order of ``COLUMNS``."""

    name: str
    pictures: tuple[Rgb, ...]


def sheet(tuned: Tuned, rows: Sequence[Row]) -> Rgb:
    """Both plots and the pictures below each other."""
    plots = [_plot("heal", tuned.heal)] if tuned.heal else []
    plots += [_plot("swap", tuned.swap)] if tuned.swap else []
    height = PLOT[1] * bool(plots) + _LINE + sum(SIDE + _LINE for _ in rows)
    paper = Image.new("RGB", (max(2 * PLOT[0], len(COLUMNS) * (SIDE + 4)), height), _PAPER)
    for number, plot in enumerate(plots):
        paper.paste(plot, (number * PLOT[0], 0))
    pen, font = ImageDraw.Draw(paper), ImageFont.load_default(12)
    top = PLOT[1] * bool(plots)
    for number, column in enumerate(COLUMNS if rows else ()):
        pen.text((number * (SIDE + 4) + 2, top + 2), column, _INK, font)
    top += _LINE
    for row in rows:
        for number, picture in enumerate(row.pictures):
            small = Image.fromarray(picture)
            small.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
            paper.paste(small, (number * (SIDE + 4), top))
        top += SIDE + _LINE
    return np.asarray(paper, np.uint8)


def _plot(title: str, found: Sequence[Found[S]]) -> Image.Image:
    """Each candidate a dot; those of the front joined by a line; a ring around the chosen one."""
    paper = Image.new("RGB", PLOT, _PAPER)
    pen, font = ImageDraw.Draw(paper), ImageFont.load_default(12)
    across = max(each.score.seconds for each in found) or 1.0
    up = max(each.score.loss for each in found if math.isfinite(each.score.loss)) or 1.0

    def place(each: Found[S]) -> tuple[float, float]:
        x = _MARGIN + each.score.seconds / across * (PLOT[0] - 2 * _MARGIN)
        return x, PLOT[1] - _MARGIN - min(each.score.loss / up, 1.0) * (PLOT[1] - 2 * _MARGIN)

    pen.text((_MARGIN, 8), f"{title}: loss by seconds a photograph", _INK, font)
    pen.line([(_MARGIN, _MARGIN), (_MARGIN, PLOT[1] - _MARGIN), (PLOT[0] - _MARGIN, PLOT[1] - _MARGIN)], _FAINT)
    pen.text((4, _MARGIN - 6), f"{up:.2f}", _FAINT, font)
    pen.text((PLOT[0] - _MARGIN - 30, PLOT[1] - _MARGIN + 4), f"{across:.1f} s", _FAINT, font)
    best = front(found)
    pen.line([place(each) for each in best], _FRONT, 2)
    for each in found:
        x, y = place(each)
        pen.ellipse((x - 3, y - 3, x + 3, y + 3), _FRONT if each in best else _FAINT)
    x, y = place(found[0])
    pen.ellipse((x - 7, y - 7, x + 7, y + 7), outline=_CHOSEN, width=2)
    return paper
