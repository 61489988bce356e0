"""Close-ups without a face: a gently curved patch of skin, by daylight and flash or through a dermatoscope."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.renderer import shading
from pipeline.renderer.description import Description
from pipeline.renderer.identity import sample_identity
from pipeline.renderer.lesions import choose_lesion
from pipeline.renderer.optics import one_skin_colour
from pipeline.renderer.patch import Patch, healthy_patch
from pipeline.renderer.patch_lesions import CLOSE_UP_FIELD, DERMOSCOPY_FIELD, paint_patch_lesion
from pipeline.renderer.photography import Development, Stage, backdrop
from pipeline.renderer.scene import BACKGROUNDS

Array = NDArray[np.float32]

TEXTURE_SIDE = 512
LARGE_OUTPUT = 384
"""Above this output the texture has twice the side."""
LIMB_RADIUS, TRUNK_RADIUS = (32.0, 55.0), (90.0, 400.0)
"""Millimetres, of the cylinder that the skin lies on."""
CAMERA_DISTANCE = 300.0
NEVER = np.array([-1e6, 0.0, 1.0, 0.0], np.float32)
"""A neckline below everything: a patch wears no clothes."""


@dataclass(frozen=True)
class CloseUp:
    """Everything ``photography.photograph`` needs for one patch."""

    stage: Stage
    healthy: Array
    sick: Array
    development: Development
    description: Description
    vignette: Array | None
    """What the dermatoscope's tube lets through, float32 (output, output, 1) in [0, 1]."""


def close_up_stage(
    seed: int, kind: str | None, severity: str | None, dermoscopy: bool, side: int, output: int
) -> CloseUp:
    """``side``: pixels rendered, ``output``: pixels wanted. Raises ValueError on unknown kinds and severities."""
    kind, severity = choose_lesion(seed, kind, severity)
    identity = sample_identity(seed)
    random = np.random.default_rng([seed, 606, int(dermoscopy)])
    field = float(random.uniform(*(DERMOSCOPY_FIELD if dermoscopy else CLOSE_UP_FIELD[kind])))
    texels = TEXTURE_SIDE if output <= LARGE_OUTPUT else 2 * TEXTURE_SIDE
    patch = Patch(field, texels, np.random.default_rng([seed, 607]))
    healthy = healthy_patch(patch, identity, dermoscopy)
    if dermoscopy:
        healthy[..., shading.GLOSS] *= 0.05  # immersion and crossed polarisers take the glare away
        healthy[..., shading.HEIGHT] *= 0.25
    lesion_patch = Patch(field, texels, np.random.default_rng([seed, 608]))
    sick = paint_patch_lesion(healthy, lesion_patch, kind, severity, dermoscopy)

    ambient, lights, colours = _dermatoscope_light() if dermoscopy else _room_light(random)
    stage = _stage(random, field, side, ambient, lights, colours, seed, flat=dermoscopy)
    brightness = max(float(one_skin_colour(identity.melanin, identity.blood).mean()), 0.04)
    level = ambient * 0.9 + float(colours.mean(1).sum()) * 0.45
    exposure = 2 ** random.normal(0, 0.10) * (0.36 / brightness) ** 0.28 * 0.62 / level**0.9 * 1.25
    gain = np.exp(random.normal(0, 0.03, 3)) * exposure
    development = Development(
        gain=gain.astype(np.float32),
        noise=float(random.uniform(0.002, 0.008)),
        noise_seed=seed,
        blur=float(random.choice([0, 0, 0.4, 0.6])),
        output=output,
        bump=0.05 if dermoscopy else 0.16,
    )
    description = Description(
        view="dermoscopy" if dermoscopy else "close-up",
        skin_type=identity.skin_type,
        lesion=kind,
        severity=None if kind == "healthy" else severity,
        site=None if kind == "healthy" else "skin patch",
    )
    vignette = _tube(random, output) if dermoscopy else None
    return CloseUp(stage, healthy, sick, development, description, vignette)


def _room_light(random: np.random.Generator) -> tuple[float, Array, Array]:
    """Ambient level, directions and colours: a lamp or window from one side, often a flash."""
    azimuth, elevation = random.uniform(0, 2 * math.pi), random.uniform(0.5, 1.2)
    flat = math.cos(elevation)
    directions = [np.array([math.cos(azimuth) * flat, math.sin(azimuth) * flat, math.sin(elevation)])]
    warmth = random.normal(0, 0.05)
    colours = [np.array([1 + warmth, 1, 1 - warmth]) * random.uniform(0.5, 1.1)]
    if random.random() < 0.5:
        directions.append(np.array([0.04, 0.10, 0.994]))
        colours.append(np.full(3, random.uniform(0.2, 0.7)))
    ambient = float(random.uniform(0.35, 0.65))
    return ambient, np.array(directions, np.float32), np.array(colours, np.float32)


def _dermatoscope_light() -> tuple[float, Array, Array]:
    return 0.75, np.array([[0.0, 0.0, 1.0]], np.float32), np.full((1, 3), 0.6, np.float32)


def _stage(
    random: np.random.Generator,
    field: float,
    side: int,
    ambient: float,
    lights: Array,
    colours: Array,
    seed: int,
    flat: bool,
) -> Stage:
    """The G-buffer of a cylinder seen from straight above; beside a limb the background shows."""
    axis = ((np.arange(side) + 0.5) / side - 0.5) * field
    x, y = np.meshgrid(axis, -axis)
    turn = random.uniform(0, math.pi)
    radius = float(random.uniform(*(LIMB_RADIUS if random.random() < 0.4 else TRUNK_RADIUS)))
    offset = random.normal(0, 0.06) * field
    slope = ((x * math.cos(turn) + y * math.sin(turn) - offset) / radius) * (0.0 if flat else 1.0)
    on_skin = np.abs(slope) < 0.985
    slope = np.clip(slope, -0.985, 0.985)
    height = np.sqrt(1 - slope**2)

    g = np.zeros((side, side, shading.ATTRIBUTES), np.float32)
    g[..., 0], g[..., 1], g[..., 2] = slope * math.cos(turn), slope * math.sin(turn), height
    g[..., 3], g[..., 4] = x / field + 0.5, 0.5 - y / field
    g[..., 5:8] = (ambient * (0.55 + 0.45 * height))[..., None]
    g[..., 8] = 1
    g[..., 12], g[..., 13], g[..., 14] = x, y, -CAMERA_DISTANCE
    wall = BACKGROUNDS[int(random.integers(len(BACKGROUNDS)))]
    none = np.zeros(3, np.float32)
    return Stage(
        ids=np.where(on_skin, 0, -1).astype(np.int32),
        skin_triangles=1,
        eye_triangles=0,
        g=g,
        layer=np.zeros((side, side, 4), np.float32),
        background=backdrop(wall, seed, side),
        lights=lights,
        light_colours=colours,
        eye=np.zeros(11, np.float32),
        neckline=NEVER,
        cloth=none,
        cap=none,
        cap_colour=none,
        materials=np.zeros((1, 5), np.float32),
    )


def _tube(random: np.random.Generator, output: int) -> Array:
    """A round view, darker towards its rim; sometimes wider than the picture, so that only the corners are dark."""
    axis = (np.arange(output) + 0.5) / output - 0.5
    x, y = np.meshgrid(axis, axis)
    radius = random.uniform(0.46, 0.58)
    distance = np.hypot(x - random.normal(0, 0.01), y - random.normal(0, 0.01)) / radius
    edge = np.clip((1.0 - distance) / 0.02, 0, 1)
    through = cv2.GaussianBlur(edge.astype(np.float32), (0, 0), 0.004 * output) * (1 - 0.18 * distance**4)
    return np.clip(through, 0, 1)[..., None].astype(np.float32)
