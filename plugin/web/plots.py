"""Plots as SVG: drawn here, because no page fetches anything from elsewhere. Colours are the style sheet's."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

WIDTH, HEIGHT = 480, 120
LEFT, BOTTOM, TOP, RIGHT = 44, 26, 10, 10


def bars(values: Sequence[int], title: str) -> Markup:
    """A bar for each of ``values``, the last one being now."""
    most = max(max(values, default=0), 1)
    step = (WIDTH - LEFT - RIGHT) / max(len(values), 1)
    tall = HEIGHT - TOP - BOTTOM
    drawn = [
        Markup('<rect class="bar" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>').format(
            LEFT + number * step + 1, HEIGHT - BOTTOM - tall * value / most, step - 2, tall * value / most
        )
        for number, value in enumerate(values)
        if value
    ]
    axis = _line(LEFT, HEIGHT - BOTTOM, WIDTH - RIGHT, HEIGHT - BOTTOM)
    labels = [
        _text(LEFT - 6, TOP + 8, str(most), "end"), _text(LEFT - 6, HEIGHT - BOTTOM, "0", "end"),
        _text(LEFT, HEIGHT - 8, f"{len(values)} h ago", "start"), _text(WIDTH - RIGHT, HEIGHT - 8, "now", "end"),
    ]  # fmt: skip
    return _svg(title, HEIGHT, [*drawn, axis, *labels])


@dataclass(frozen=True)
class Receiver:
    """One measurement. ``rates``: pairs of false and true accept rate. ``whole``: they are a curve, and joined."""

    name: str
    rates: Sequence[tuple[float, float]]
    whole: bool


def receiver_curves(drawn: Sequence[Receiver], title: str) -> Markup:
    """True accept rate over false accept rate, the latter in powers of ten: dots for the first measurement, squares for
    others. The axis of the true accept rate begins where something is to be seen."""
    tall, height = 160, 160 + TOP + BOTTOM
    each_rates = [[(max(far, 1e-5), tar) for far, tar in each.rates] for each in drawn]
    everywhere = [rate for rates in each_rates for rate in rates]
    first = min(math.floor(math.log10(min((far for far, _ in everywhere), default=1e-4))), -1)
    base = min(0.9, math.floor(10 * min((tar for _, tar in everywhere), default=0.0)) / 10)

    def across(far: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (math.log10(far) - first) / max(-first, 1)

    def down(tar: float) -> float:
        return TOP + tall * (1 - tar) / (1 - base)

    levels = (base, (base + 1) / 2, 1.0)
    grid = [_line(LEFT, down(tar), WIDTH - RIGHT, down(tar), "grid") for tar in levels]
    grid += [_line(across(10.0**power), TOP, across(10.0**power), TOP + tall, "grid") for power in range(first, 1)]
    labels = [_text(LEFT - 6, down(tar) + 4, f"{tar:g}", "end") for tar in levels]
    labels += [_text(across(10.0**power), height - 8, f"{10.0**power:g}", "middle") for power in range(first, 0)]
    marks: list[Markup] = []
    for number, (each, rates) in enumerate(zip(drawn, each_rates, strict=True)):
        places = [(across(far), down(tar)) for far, tar in rates]
        if each.whole:
            marks.append(_joined(places, "curve" if number == 0 else "curve second"))
        at = TOP + tall - 12 - 18 * (len(drawn) - 1 - number)
        marks += [
            _dot(*place, f"{each.name}: {tar:.4g} accepted where {far:.2g} of strangers are", second=number > 0)
            for place, (far, tar) in zip(places, rates, strict=True)
        ]
        marks += [_dot(LEFT + 14, at, each.name, second=number > 0), _text(LEFT + 24, at + 4, each.name, "start")]
    return _svg(title, height, [*grid, *labels, *marks])


def trade(points: Sequence[tuple[float, float]], unbeaten: Sequence[bool], title: str) -> Markup:
    """Loss over seconds of ``points`` (seconds, loss), the first of which was chosen: it has a ring. Those that no
    other beats in both are joined. A loss without end, or that is no number, stands at the top; ValueError where a
    time is not finite."""
    tall, height = 160, 160 + TOP + BOTTOM
    most = max([seconds for seconds, _ in points] + [1e-6])
    worst = max([loss for _, loss in points if math.isfinite(loss)] + [1e-6])
    if not all(math.isfinite(seconds) for seconds, _ in points):
        raise ValueError("seconds that are not finite")

    def place(seconds: float, loss: float) -> tuple[float, float]:
        share = loss / worst if math.isfinite(loss) else 1.0
        return LEFT + (WIDTH - LEFT - RIGHT) * seconds / most, TOP + tall * (1 - share)

    grid = [_line(LEFT, TOP + tall * share, WIDTH - RIGHT, TOP + tall * share, "grid") for share in (0.0, 0.5, 1.0)]
    labels = [_text(LEFT - 6, TOP + tall * (1 - share) + 4, f"{share * worst:.2f}", "end") for share in (0.0, 0.5, 1.0)]
    labels += [_text(WIDTH - RIGHT, height - 8, f"{most:.3g} s", "end"), _text(LEFT, height - 8, "0 s", "start")]
    best = sorted(point for point, kept in zip(points, unbeaten, strict=True) if kept)
    marks = [_joined([place(*point) for point in best], "curve")]
    marks += [
        Markup('<circle class="{}" cx="{:.1f}" cy="{:.1f}" r="3.5"><title>{}</title></circle>').format(
            "dot" if kept else "other", *place(*point), f"loss {point[1]:.3g}, {point[0]:.3g} s"
        )
        for point, kept in zip(points, unbeaten, strict=True)
    ]
    ring = Markup('<circle class="ring" cx="{:.1f}" cy="{:.1f}" r="7"/>')
    marks += [ring.format(*place(*chosen)) for chosen in points[:1]]
    return _svg(title, height, [*grid, *labels, *marks])


def interval(low: float | None, value: float, high: float | None, title: str) -> Markup:
    """A figure between 0 and 1 with its interval, on one line."""
    wide, tall = 160, 18

    def across(number: float) -> float:
        return 6 + (wide - 12) * min(max(number, 0.0), 1.0)

    parts = [_line(6, tall / 2, wide - 6, tall / 2, "grid")]
    if low is not None and high is not None:
        parts.append(_line(across(low), tall / 2, across(high), tall / 2, "range"))
    parts.append(Markup('<circle class="dot" cx="{:.1f}" cy="{:.1f}" r="4"/>').format(across(value), tall / 2))
    return _svg(title, tall, parts, wide)


def _svg(title: str, height: int, parts: Sequence[Markup], width: int = WIDTH) -> Markup:
    head = Markup('<svg class="plot" role="img" aria-label="{}" viewBox="0 0 {} {}" width="{}" height="{}">').format(
        title, width, height, width, height
    )
    return head + Markup("").join(parts) + Markup("</svg>")


def _joined(places: Sequence[tuple[float, float]], kind: str) -> Markup:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    return Markup('<polyline class="{}" points="{}"/>').format(kind, path)


def _dot(x: float, y: float, title: str, *, second: bool) -> Markup:
    """A dot, or a square for what is drawn second: not by colour alone."""
    if second:
        shape = Markup('<rect class="dot second" x="{:.1f}" y="{:.1f}" width="7" height="7"><title>{}</title></rect>')
        return shape.format(x - 3.5, y - 3.5, title)
    return Markup('<circle class="dot" cx="{:.1f}" cy="{:.1f}" r="3"><title>{}</title></circle>').format(x, y, title)


def _line(x1: float, y1: float, x2: float, y2: float, kind: str = "axis") -> Markup:
    return Markup('<line class="{}" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>').format(kind, x1, y1, x2, y2)


def _text(x: float, y: float, words: str, anchor: str) -> Markup:
    return Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>').format(x, y, anchor, escape(words))
