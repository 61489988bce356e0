"""Ambient light with its shadows, baked: per vertex, how much of each spherical harmonic of the light arrives.

Precomputed radiance transfer for diffuse surfaces, Sloan, Kautz & Snyder, SIGGRAPH 2002, with nine harmonics as in
Ramamoorthi & Hanrahan, SIGGRAPH 2001. It is baked once on the average head, per hair style, since hair shades the face.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.renderer.geometry_bake import Arrays
from pipeline.renderer.head import NEUTRAL_MIX, Head
from pipeline.renderer.proxies import HAIR_ASSETS
from pipeline.renderer.raster import light_reaches, rasterise_depth, vertex_normals

Array = NDArray[np.float32]

DIRECTIONS = 96
SHADOW_SIDE = 160
"""Pixels of the shadow buffer that is drawn for each direction."""
HAIR_OPACITY = 0.75
BARE = "bare"
"""The entry for a head without hair cards."""


def harmonics(directions: NDArray[np.floating]) -> Array:
    """The nine real spherical harmonics up to degree 2 at unit ``directions`` (n, 3), shape (n, 9)."""
    x, y, z = directions[..., 0], directions[..., 1], directions[..., 2]
    return np.stack(
        [
            0.282095 + 0 * x,
            0.488603 * y,
            0.488603 * z,
            0.488603 * x,
            1.092548 * x * y,
            1.092548 * y * z,
            0.315392 * (3 * z * z - 1),
            1.092548 * x * z,
            0.546274 * (x * x - y * y),
        ],
        -1,
    ).astype(np.float32)


def bake_transfer(head: Head) -> Arrays:
    """Hair style (or ``BARE``) to transfer vectors (skin and eye vertices, 9), float16."""
    points = head.shaped(head.coefficients(NEUTRAL_MIX))
    skin = np.asarray(head.skin_matrix @ points, np.float32)
    eyes = np.asarray(head.eye_matrix @ points, np.float32)
    normals = np.concatenate([vertex_normals(skin, head.skin_triangles), vertex_normals(eyes, head.eye_triangles)])
    everything = np.concatenate([skin, eyes])

    number = np.arange(DIRECTIONS) + 0.5  # a Fibonacci sphere
    polar, azimuth = np.arccos(1 - 2 * number / DIRECTIONS), np.pi * (1 + 5**0.5) * number
    directions = np.stack([np.cos(azimuth) * np.sin(polar), np.cos(polar), np.sin(azimuth) * np.sin(polar)], 1)

    styles = {BARE: None} | {s: head.proxies[a] for s, a in HAIR_ASSETS.items() if a in head.proxies}
    fitted = {style: None if proxy is None else proxy.fit(points) for style, proxy in styles.items()}
    result = {style: np.zeros((len(everything), 9), np.float32) for style in styles}
    for direction in directions:
        lit = np.maximum(normals @ direction, 0)
        open_to_light = _visible(direction, skin, head.skin_triangles, everything, 0.05)
        for style, proxy in styles.items():
            arriving = open_to_light
            hair = fitted[style]
            if proxy is not None and hair is not None:
                through = _visible(direction, hair, proxy.triangles, everything, 0.10)
                arriving = arriving * (1 - HAIR_OPACITY + HAIR_OPACITY * through)
            result[style] += (arriving * lit)[:, None] * harmonics(direction)[None]
    return {style: (vectors * (4 / DIRECTIONS)).astype(np.float16) for style, vectors in result.items()}


def _visible(
    direction: NDArray[np.float64], occluder: Array, triangles: NDArray[np.int32], points: Array, bias: float
) -> Array:
    """Share of light from ``direction`` that reaches ``points`` past ``occluder``."""
    buffer = np.full((SHADOW_SIDE, SHADOW_SIDE), -1e9, np.float32)
    centre, half_width = np.array([0, 7.2, 0.6]), 2.2
    rasterise_depth(*seen_from(direction, occluder, centre, half_width, SHADOW_SIDE), triangles, buffer)
    out = np.zeros(len(points), np.float32)
    light_reaches(*seen_from(direction, points, centre, half_width, SHADOW_SIDE), buffer, bias, out)
    return out


def seen_from(
    direction: NDArray[np.floating], points: Array, centre: NDArray[np.floating], half_width: float, side: int
) -> tuple[Array, Array, Array]:
    """Orthographic view along a light: x, y in pixels of a ``side`` x ``side`` buffer, and nearness to the light."""
    up = np.array([0.0, 1.0, 0.0]) if abs(direction[1]) < 0.9 else np.array([1.0, 0.0, 0.0])
    right = np.cross(up, direction)
    right /= np.linalg.norm(right)
    above = np.cross(direction, right)
    offset = points - centre
    half = side / 2
    return (
        np.asarray(offset @ right / half_width * half + half, np.float32),
        np.asarray(offset @ above / half_width * half + half, np.float32),
        np.asarray(points @ direction, np.float32),
    )
