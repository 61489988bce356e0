"""From a posed figure to pixels: G-buffer, lights, hair, background, exposure, sensor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.renderer import shading
from pipeline.renderer.figure import CAP_HEIGHT, CAP_SLOPE, Cards, Figure
from pipeline.renderer.head import Head
from pipeline.renderer.identity import EYE_COLOURS, Identity
from pipeline.renderer.optics import one_skin_colour, skin_table
from pipeline.renderer.raster import (
    composite_cards,
    empty_buffers,
    interpolate,
    light_reaches,
    rasterise,
    rasterise_depth,
    vertex_normals,
)
from pipeline.renderer.scene import Scene
from pipeline.renderer.styling import Styling
from pipeline.renderer.transfer import BARE, harmonics, seen_from

Array = NDArray[np.float32]
Ids = NDArray[np.int32]
Rgb = NDArray[np.uint8]

ROUGHNESS, SPECULAR = 0.42, 0.75
BUMP = 0.22
"""Slope per unit of height at 512 pixels a side."""
SHADOW_SIDE = 192
LASH_COLOUR = (0.012, 0.01, 0.009)
PUPIL_RADIUS = 0.17


@dataclass(frozen=True)
class Stage:
    """All of a photograph that does not depend on the skin's texture. Images are (side, side, ...) float32."""

    ids: Ids
    skin_triangles: int
    eye_triangles: int
    g: Array
    """See ``shading`` for the channels."""
    layer: Array
    """Hair, brows and lashes, premultiplied rgba."""
    background: Array
    lights: Array
    light_colours: Array
    eye: Array
    neckline: Array
    cloth: Array
    cap: Array
    cap_colour: Array
    materials: Array

    @property
    def side(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class Development:
    """How light becomes a file: exposure with white balance (3,), sensor noise, blur (pixels at 256), output side."""

    gain: Array
    noise: float
    noise_seed: int
    blur: float
    output: int
    bump: float = BUMP


def set_stage(
    head: Head,
    transfer: dict[str, Array],
    figure: Figure,
    identity: Identity,
    styling: Styling,
    scene: Scene,
    side: int,
) -> Stage:
    """Rasterises the figure and lights it; ``transfer`` is the baked ambient light per hair style."""
    skin_count, eye_count = len(head.skin_triangles), len(head.eye_triangles)
    solids = figure.solids
    points = np.concatenate([figure.skin, figure.eyes, solids.points])
    firsts = (len(figure.skin), len(figure.skin) + len(figure.eyes))
    triangles = np.concatenate([head.skin_triangles, head.eye_triangles + firsts[0], solids.triangles + firsts[1]])
    triangles = triangles.astype(np.int32)
    x, y, nearness = figure.camera.project(points)
    depth, ids, u, v = empty_buffers(side)
    opaque = skin_count + eye_count
    rasterise(x, y, nearness, triangles[:opaque], depth, ids, u, v, 0, True)
    rasterise(x, y, nearness, triangles[opaque:], depth, ids, u, v, opaque, False)

    normals = np.concatenate(
        [
            vertex_normals(figure.skin, head.skin_triangles),
            vertex_normals(figure.eyes, head.eye_triangles),
            vertex_normals(solids.points, solids.triangles),
        ]
    )
    lights, light_colours = _lights(scene)
    visible = _key_visibility(figure, points, triangles, scene)
    ambient = _ambient(transfer.get(styling.hair_style, transfer[BARE]), scene)
    ambient = np.concatenate([ambient, np.full((len(solids.points), 3), scene.ambient)])
    template = np.concatenate([head.skin_rest, figure.eye_directions, np.zeros_like(solids.points)])
    uv = np.concatenate([head.skin_uv, np.zeros((len(points) - len(head.skin_uv), 2))])
    attributes = [normals, uv, ambient, visible[:, None], template, points - figure.camera.position]
    g = np.zeros((side, side, shading.ATTRIBUTES), np.float32)
    interpolate(ids, u, v, triangles, np.concatenate(attributes, 1).astype(np.float32), g)

    layer = np.zeros((side, side, 4), np.float32)
    hair = identity.hair_rgb
    for cards, colour, bias, opacity in (
        (figure.brows, hair * 0.55 + 0.004, 0.004, styling.brow_density * 1.1),
        (figure.lashes, np.array(LASH_COLOUR), 0.004, 0.9),
        (figure.hair, hair, 0.001, 1.4),
    ):
        if cards is not None:
            _lay_cards(cards, colour, bias, opacity, figure, scene, light_colours, depth, layer)

    gaze = np.array([*scene.gaze, 1.0])
    iris = np.array(EYE_COLOURS[identity.eye_colour])
    inner = iris * 1.3 + np.array([0.03, 0.015, 0])
    return Stage(
        ids=ids,
        skin_triangles=skin_count,
        eye_triangles=eye_count,
        g=g,
        layer=layer,
        background=backdrop(scene.background, scene.noise_seed, side),
        lights=lights,
        light_colours=light_colours,
        eye=np.array([*(gaze / np.linalg.norm(gaze)), identity.iris_radius, PUPIL_RADIUS, *iris, *inner], np.float32),
        neckline=np.array(scene.neckline, np.float32),
        cloth=np.array(scene.cloth, np.float32),
        cap=np.array([1.0 if figure.wears_cap else 0.0, CAP_HEIGHT, CAP_SLOPE], np.float32),
        cap_colour=np.array(styling.cap_colour, np.float32),
        materials=solids.material,
    )


def _lights(scene: Scene) -> tuple[Array, Array]:
    """Directions and colours: the key light, and the camera's flash where there is one."""
    directions = [scene.key_direction]
    colours = [np.array([1 + scene.key_warmth, 1, 1 - scene.key_warmth]) * scene.key_intensity]
    if scene.flash > 0:
        directions.append(np.array([0.05, 0.12, 1.0], np.float32) / np.float32(1.008))
        colours.append(np.array([1.0, 1.0, 1.02]) * scene.flash * 0.8)
    return np.array(directions, np.float32), np.array(colours, np.float32)


def _key_visibility(figure: Figure, points: Array, triangles: Ids, scene: Scene) -> Array:
    """Per vertex, how much of the key light arrives past body and hair."""
    direction, centre = scene.key_direction, figure.eyes.mean(0)
    x, y, nearness = seen_from(direction, points, centre, 2.3, SHADOW_SIDE)
    buffer = np.full((SHADOW_SIDE, SHADOW_SIDE), -1e9, np.float32)
    rasterise_depth(x, y, nearness, triangles, buffer)
    if figure.hair is not None:
        hair_x, hair_y, hair_near = seen_from(direction, figure.hair.points, centre, 2.3, SHADOW_SIDE)
        rasterise_depth(hair_x, hair_y, hair_near - np.float32(0.10), figure.hair.proxy.triangles, buffer)
    visible = np.ones(len(points), np.float32)
    light_reaches(x, y, nearness, buffer, 0.06, visible)
    return visible


def _ambient(transfer: Array, scene: Scene) -> NDArray[np.floating]:
    """Light from the room per vertex, (n, 3): five soft lights around the head and an even glow."""
    directions = np.array([[0, 1, 0.2], [1, 0.2, 0.4], [-1, 0.2, 0.4], [0, 0, 1], [0, -1, 0.3]], np.float32)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    left, right, front = scene.surround
    weights = np.array([0.9, 0.75 * (1 + left), 0.75 * (1 + right), 0.7 * (1 + front), 0.22])
    tints = np.stack([1 + 0.10 * np.array([scene.tint[k % 3], 0, -scene.tint[k % 3]]) for k in range(5)])
    into_head = directions @ scene.rotation  # the transfer was baked in the head's own frame
    light = harmonics(into_head).T @ (weights[:, None] * tints * scene.ambient * 1.15)
    light[0] += 0.9 * scene.ambient
    return np.maximum(transfer @ light.astype(np.float32), 0.02)


def _lay_cards(
    cards: Cards,
    colour: NDArray[np.float64],
    bias: float,
    opacity: float,
    figure: Figure,
    scene: Scene,
    light_colours: Array,
    depth: Array,
    layer: Array,
) -> None:
    proxy = cards.proxy
    x, y, nearness = figure.camera.project(cards.points)
    normals = vertex_normals(cards.points, proxy.triangles)
    normals[normals[:, 2] < 0] *= -1
    key = np.clip((normals @ scene.key_direction) * 0.7 + 0.3, 0, 1)
    from_above = 0.35 + 0.45 * np.clip(normals[:, 1] * 0.5 + 0.6, 0, 1)
    light = (scene.ambient * from_above)[:, None] * np.ones(3) + key[:, None] * light_colours[0] * 0.8
    if len(light_colours) > 1:
        light = light + np.clip(normals[:, 2], 0, 1)[:, None] * light_colours[1] * 0.7
    order = np.argsort(nearness[proxy.triangles].mean(1), kind="stable").astype(np.int64)
    composite_cards(
        x,
        y,
        nearness,
        proxy.triangles,
        proxy.uv_triangles,
        proxy.uv,
        (light * colour).astype(np.float32),
        proxy.texture,
        order,
        depth,
        bias,
        opacity,
        layer,
    )


def backdrop(colour: Sequence[float], seed: int, side: int) -> Array:
    """A softly uneven wall, sometimes with patches of colour, (side, side, 3)."""
    random = np.random.default_rng([seed, 5])

    def clouds(grid: tuple[int, ...]) -> Array:
        coarse = random.standard_normal(grid).astype(np.float32)
        return np.asarray(cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC))

    wall = np.array(colour, np.float32) * np.exp(0.15 * clouds((4, 4)))[..., None]
    if random.random() < 0.3:
        wall = wall * np.exp(0.10 * clouds((9, 9, 3)))
    return np.ascontiguousarray(wall, np.float32)


def development(identity: Identity, scene: Scene, output: int) -> Development:
    """Exposes for the skin, not quite to the same brightness: dark skin stays darker."""
    brightness = max(float(one_skin_colour(identity.melanin, identity.blood).mean()), 0.04)
    light = scene.ambient * 0.9 + scene.key_intensity * 0.45 + scene.flash * 0.45
    exposure = 2**scene.exposure * (0.36 / brightness) ** 0.28 * 0.62 / light**0.9 * 1.25
    gain = np.array(scene.white_balance, np.float32) * np.float32(exposure)
    return Development(gain, scene.sensor_noise, scene.noise_seed, scene.blur, output)


def photograph(stage: Stage, textures: Sequence[Array], how: Development) -> list[tuple[Rgb, Array]]:
    """One picture and its lesion in [0, 1] per texture; they share noise and all pixels where the texture is the same.

    The first texture is shaded whole; of the others only what differs from it.
    """
    side, output = stage.side, how.output
    random = np.random.default_rng([how.noise_seed, 9])
    noise = (random.standard_normal((output, output, 3)) * how.noise).astype(np.float32)
    composed = np.empty((side, side, 3), np.float32)
    seen = np.empty((side, side), np.float32)
    table = skin_table()
    first: Array | None = None
    pictures = []
    for texture in textures:
        lesion = np.zeros((side, side), np.float32)
        heights = np.zeros((side, side), np.float32)
        shading.sample_height(stage.ids, stage.skin_triangles, stage.g, texture, heights)
        heights *= np.float32(how.bump * side / 512)
        if first is None:
            changed, light = np.zeros((1, 1), np.uint8), stage.background.copy()
        else:
            changed, light = _changed_texels(texture, textures[0]), first.copy()
        shading.shade(
            changed,
            first is not None,
            stage.ids,
            stage.skin_triangles,
            stage.eye_triangles,
            stage.g,
            texture,
            table,
            heights,
            stage.lights,
            stage.light_colours,
            ROUGHNESS,
            SPECULAR,
            stage.neckline,
            stage.cloth,
            stage.cap,
            stage.cap_colour,
            stage.eye,
            stage.materials,
            light,
            lesion,
        )
        first = light if first is None else first
        shading.lay_over(light, stage.layer, lesion, composed, seen)
        encoded = np.clip(shading.tone_mapped(_exposed(composed, how)) + noise, 0, 1)
        soft = np.asarray(cv2.resize(seen, (output, output), interpolation=cv2.INTER_AREA), np.float32)
        pictures.append(((encoded * 255 + 0.5).astype(np.uint8), soft))
    return pictures


def _changed_texels(texture: Array, reference: Array) -> NDArray[np.uint8]:
    """1 where the skin's colour, height or gloss differs, and two texels around it."""
    differs = np.abs(texture[..., :5] - reference[..., :5]).max(-1) > 1e-4
    return np.asarray(cv2.dilate(differs.astype(np.uint8), np.ones((5, 5), np.uint8)), np.uint8)


def _exposed(composed: Array, how: Development) -> Array:
    """The light that the sensor sees, (output, output, 3)."""
    size = (how.output, how.output)
    picture = np.asarray(cv2.resize(composed, size, interpolation=cv2.INTER_AREA), np.float32) * how.gain
    if how.blur > 0:
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), how.blur * how.output / 256), np.float32)
    return picture
