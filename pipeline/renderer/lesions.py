"""Five kinds of lesion on the face, painted into a skin texture in skin space.

A lesion is drawn from its own seed: the same seed gives the same kind, severity, place and pattern on every identity.
Sides are the person's own.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.renderer.atlas import EYE_X, EYE_Y, Atlas, NoiseBank, smooth_step
from pipeline.renderer.shading import BLOOD, GLOSS, HEIGHT, LESION, MELANIN, STAIN, WHITE

Array = NDArray[np.float32]

KINDS = ("erythema", "papules", "plaque", "naevus", "vitiligo")
SEVERITIES = ("mild", "moderate", "severe")
STRENGTH = {"mild": 0.55, "moderate": 1.0, "severe": 1.6}
PLACES = {
    "cheek": (0.43, 6.90),
    "forehead": (0.0, 7.68),
    "chin": (0.0, 6.28),
    "nose": (0.0, 7.10),
    "temple": (0.60, 7.42),
    "perioral": (0.22, 6.62),
}
"""Template x (mirrored by the side) and y, decimetres."""


@dataclass(frozen=True)
class Lesion:
    """What was painted, in the words of ``description.FIELDS``; all ``None`` but ``kind`` for healthy skin."""

    kind: str
    severity: str | None
    site: str | None


@dataclass(frozen=True)
class Canvas:
    """A texture that a painter may change, what it lies on, and the lesion's own randomness."""

    texture: Array
    atlas: Atlas
    noise: NoiseBank
    random: np.random.Generator
    severity: str
    side: int
    """-1 the person's right, 1 the left."""

    @property
    def strength(self) -> float:
        return STRENGTH[self.severity]

    def site(self, place: str) -> str:
        """A place's word; cheeks and temples have sides."""
        return f"{'left' if self.side > 0 else 'right'} {place}" if place in ("cheek", "temple") else place


def choose_lesion(seed: int, kind: str | None, severity: str | None) -> tuple[str, str]:
    """Kind and severity that ``seed`` stands for, unless they are given. Raises ValueError on unknown words."""
    random = np.random.default_rng([seed, 404])
    drawn_kind, drawn_severity = str(random.choice(KINDS)), str(random.choice(SEVERITIES))
    kind, severity = kind or drawn_kind, severity or drawn_severity
    if kind not in (*KINDS, "healthy") or severity not in SEVERITIES:
        raise ValueError(f"no lesion {severity} {kind}; kinds are healthy, {', '.join(KINDS)}")
    return kind, severity


def paint_lesion(
    healthy: Array, atlas: Atlas, seed: int, kind: str | None = None, severity: str | None = None
) -> tuple[Array, Lesion]:
    """A copy of the ``healthy`` texture with the lesion of ``seed`` in it, and what it is."""
    kind, severity = choose_lesion(seed, kind, severity)
    texture = healthy.copy()
    if kind == "healthy":
        return texture, Lesion("healthy", None, None)
    random = np.random.default_rng([seed, 405])
    side = int(random.choice([-1, 1]))
    canvas = Canvas(texture, atlas, NoiseBank(atlas, random), random, severity, side)
    mask, site = PAINTERS[kind](canvas)
    under_hair = np.clip((healthy[..., STAIN] - 0.4) / 0.5, 0, 1)  # what a beard hides is not part of the truth
    texture[..., LESION] = mask * (1 - under_hair)
    return texture, Lesion(kind, severity, site)


def _erythema(canvas: Canvas) -> tuple[Array, str]:
    """Diffuse redness with visible vessels, as in rosacea: both cheeks and nose, all of the face, or one cheek."""
    atlas, random, strength = canvas.atlas, canvas.random, canvas.strength
    extent = random.random()
    cheeks = np.exp(-(((atlas.across - 0.36) / 0.26) ** 4) - ((atlas.y - 6.98 + 0.10 * atlas.across) / 0.20) ** 4)
    nose = np.exp(-((atlas.x / 0.16) ** 4) - ((atlas.y - 7.05) / 0.16) ** 4)
    place, site = np.clip(cheeks + nose, 0, 1), "cheeks and nose"
    if extent < 0.25:
        forehead = np.exp(-((atlas.x / 0.3) ** 4) - ((atlas.y - 7.66) / 0.12) ** 4)
        place, site = np.clip(place + 0.8 * atlas.chin + 0.8 * forehead, 0, 1), "whole face"
    elif extent < 0.45:
        place, site = cheeks * smooth_step(atlas.x * canvas.side, -0.02, 0.10), canvas.site("cheek")
    place = place * (1 - 0.6 * np.exp(-((atlas.folds / 0.03) ** 2)) * (atlas.y < 6.98))
    draw = canvas.noise.draw
    mask = smooth_step(place + 0.10 * draw(4) + 0.08 * draw(5) + 0.04 * draw(3), 0.12, 1.0) * atlas.paintable
    vessels = (1 - smooth_step(np.abs(draw(2)), 0, 0.16)) * mask
    texture = canvas.texture
    texture[..., BLOOD] *= 1 + mask * 2.1 * strength * (1 + 0.10 * draw(3)) + vessels * 0.7 * strength
    texture[..., HEIGHT] += mask * 0.05 * draw(1)
    return np.asarray(mask, np.float32), site


def _papules(canvas: Canvas) -> tuple[Array, str]:
    """Inflamed papules, some with pus, as in acne."""
    atlas, random, texture = canvas.atlas, canvas.random, canvas.texture
    count = int(random.integers(*{"mild": (5, 10), "moderate": (12, 22), "severe": (25, 45)}[canvas.severity]))
    areas = {
        "whole face": atlas.cheeks + 0.9 * atlas.forehead + 0.9 * atlas.chin + 0.15 * atlas.nose,
        "forehead": atlas.forehead + 0 * atlas.x,
        "chin": np.exp(-((atlas.x / 0.30) ** 2) - ((atlas.y - 6.30) / 0.13) ** 2),
        "cheeks and nose": atlas.cheeks + 0.5 * atlas.nose,
    }
    site = str(random.choice(list(areas), p=[0.6, 0.15, 0.1, 0.15]))
    if site in ("forehead", "chin"):
        count = max(count // 2, 3)
    chance = np.clip(areas[site], 0, 1) * atlas.paintable * (atlas.across < 0.62) * (atlas.y < 7.80)
    chance = (chance * smooth_step(atlas.z, 0.85, 1.1)).astype(np.float64).ravel()
    # Places are drawn through the cumulated chance, so that a seed means the same places at every texture size.
    cumulated = np.cumsum(chance)
    centres = np.searchsorted(cumulated, random.random(count) * cumulated[-1])
    mask = np.zeros_like(atlas.x)
    dark_rim = texture[..., MELANIN] > 0.06
    for centre in centres:
        row, column = divmod(int(centre), atlas.side)
        radius = float(random.uniform(0.014, 0.030))
        reach = int(radius * 3.5 * atlas.side / 3.0) + 3
        near = (slice(max(row - reach, 0), row + reach + 1), slice(max(column - reach, 0), column + reach + 1))
        dx, dy = atlas.x[near] - atlas.x[row, column], atlas.y[near] - atlas.y[row, column]
        squared = (dx * dx + dy * dy) / radius**2 * (1 + 0.07 * atlas.bank[3][near])
        core, halo = np.exp(-(squared**1.5)), np.exp(-squared / 4.5)
        strength = random.uniform(0.7, 1.2)
        spot = texture[near]
        spot[..., BLOOD] *= 1 + strength * (1.5 * core + 0.9 * halo)
        spot[..., MELANIN] *= 1 + 0.25 * halo * dark_rim[near]
        spot[..., HEIGHT] += core * 0.55
        spot[..., GLOSS] *= 1 + 0.5 * core
        if random.random() < 0.4:
            pus = np.exp(-((squared * 4) ** 1.5)) * np.where(dark_rim[near], 0.25, 0.6)
            spot[..., WHITE] = np.maximum(spot[..., WHITE], pus)
        mask[near] = np.maximum(mask[near], np.clip(core + 0.75 * halo, 0, 1))
    return np.asarray(mask * atlas.paintable, np.float32), site


def _plaque(canvas: Canvas) -> tuple[Array, str]:
    """Red plaques with scale: sharply bordered as in psoriasis, or blurred as in eczema."""
    atlas, random, texture, strength = canvas.atlas, canvas.random, canvas.texture, canvas.strength
    count = int(random.integers(*{"mild": (1, 2), "moderate": (1, 3), "severe": (2, 5)}[canvas.severity]))
    places = [str(p) for p in random.choice(["cheek", "forehead", "chin", "temple", "perioral"], count, replace=False)]
    psoriatic = bool(random.random() < 0.5)
    wide, wider, medium = (canvas.noise.draw(scale) for scale in (4, 5, 3))
    mask = np.zeros_like(atlas.x)
    for place in places:
        x, y = PLACES[place]
        x, y = canvas.side * x + random.normal(0, 0.04), y + random.normal(0, 0.04)
        radius, stretch = random.uniform(0.11, 0.20) * strength**0.4, random.uniform(0.7, 1.4)
        distance = np.hypot((atlas.x - x) / stretch, (atlas.y - y) * stretch) / radius
        distance = distance + 0.16 * wide + 0.14 * wider + 0.07 * medium
        edge = (0.86, 1.06) if psoriatic else (0.65, 1.25)
        mask = np.maximum(mask, 1 - smooth_step(distance, *edge))
    mask = mask * atlas.paintable
    grain = canvas.noise.draw(1) + 0.9 * canvas.noise.draw(2) + 0.5 * canvas.noise.draw(3)
    scale = smooth_step(grain, 0.1, 1.8) * mask * smooth_step(mask, 0.5, 0.9)
    texture[..., BLOOD] *= 1 + mask * (1.9 if psoriatic else 1.5) * strength**0.5 * (1 + 0.15 * medium)
    texture[..., MELANIN] *= 1 + mask * 0.15
    texture[..., WHITE] = np.maximum(texture[..., WHITE], scale * (0.36 if psoriatic else 0.12) * strength**0.3)
    texture[..., HEIGHT] += mask * 0.5 + scale * 0.5 * canvas.noise.draw(1)
    texture[..., GLOSS] *= 1 - 0.6 * mask
    return np.asarray(mask, np.float32), canvas.site(places[0]) if count == 1 else "multiple"


def _naevus(canvas: Canvas) -> tuple[Array, str]:
    """One pigmented naevus, flat or raised."""
    atlas, random, texture, strength = canvas.atlas, canvas.random, canvas.texture, canvas.strength
    place = str(random.choice(list(PLACES)))
    x, y = PLACES[place]
    spread = 0.035 if place == "nose" else 0.06
    x, y = canvas.side * x + random.normal(0, spread), y + random.normal(0, 0.045)
    radius, stretch = random.uniform(0.036, 0.056) * strength**0.5, random.uniform(0.8, 1.25)
    turn = random.uniform(0, math.pi)
    along = (atlas.x - x) * math.cos(turn) + (atlas.y - y) * math.sin(turn)
    across = -(atlas.x - x) * math.sin(turn) + (atlas.y - y) * math.cos(turn)
    ragged = 0.05 + 0.12 * (canvas.severity == "severe")
    centre = np.argmin((atlas.x - x) ** 2 + (atlas.y - y) ** 2 + 9 * (atlas.front < 0.5))
    deep = 0.7 * (atlas.z - atlas.z.flat[centre])  # on the slope of a nose the spot would run out along it
    distance = np.sqrt((along / stretch) ** 2 + (across * stretch) ** 2 + deep**2) / radius
    distance = distance + ragged * canvas.noise.draw(2) + 0.06 * canvas.noise.draw(3)
    mask = (1 - smooth_step(distance, 0.75, 1.12)) * atlas.paintable
    pigment = 0.40 + 0.25 * strength + 0.8 * float(np.median(texture[..., MELANIN]))
    texture[..., MELANIN] += mask * pigment * np.clip(1 + 0.22 * canvas.noise.draw(2), 0.5, 1.6)
    texture[..., HEIGHT] += mask * random.choice([0, 0.8, 1.6])
    return np.asarray(mask, np.float32), canvas.site(place)


def _vitiligo(canvas: Canvas) -> tuple[Array, str]:
    """Sharply bordered patches without melanin; hardly to be seen on the lightest skin."""
    atlas, random, texture = canvas.atlas, canvas.random, canvas.texture
    side = canvas.side
    wide, wider, medium = (canvas.noise.draw(scale) for scale in (4, 5, 3))
    shapes: dict[str, Callable[[], Array]] = {
        "perioral": lambda: np.abs(np.hypot(atlas.x / 1.25, atlas.y - 6.62) - 0.20) / 0.13,
        "periocular": lambda: np.abs(np.hypot((atlas.across - EYE_X) / 1.3, atlas.y - EYE_Y) - 0.20) / 0.12,
        "forehead": lambda: np.hypot((atlas.x - side * 0.15) / 1.4, atlas.y - 7.7) / 0.22,
        "cheek": lambda: np.hypot(atlas.x - side * 0.42, atlas.y - 6.85) / 0.22,
        "chin": lambda: np.hypot((atlas.x - side * 0.05) / 1.3, atlas.y - 6.30) / 0.17,
    }
    count = {"mild": 1, "moderate": 2, "severe": 3}[canvas.severity]
    chosen = [str(place) for place in random.choice(list(shapes), count, replace=False)]
    mask = np.zeros_like(atlas.x)
    for place in chosen:
        distance = shapes[place]() + 0.22 * wide + 0.16 * wider + 0.07 * medium
        mask = np.maximum(mask, 1 - smooth_step(distance, 0.82, 1.05))
    mask = mask * atlas.paintable * (1 - np.clip(texture[..., STAIN], 0, 1))
    bleached = np.minimum(texture[..., MELANIN], 0.010)
    texture[..., MELANIN] = texture[..., MELANIN] * (1 - mask) + mask * bleached
    return np.asarray(mask, np.float32), canvas.site(chosen[0]) if count == 1 else "multiple"


PAINTERS: dict[str, Callable[[Canvas], tuple[Array, str]]] = {
    "erythema": _erythema,
    "papules": _papules,
    "plaque": _plaque,
    "naevus": _naevus,
    "vitiligo": _vitiligo,
}
