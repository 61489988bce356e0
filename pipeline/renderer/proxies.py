"""Hair, brows and lashes: textured cards that hang on the head's mesh and follow its shape."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.renderer.wavefront import read_fitting, read_mesh

Array = NDArray[np.float32]
Ids = NDArray[np.int32]

HAIR_ASSETS = {
    "bob": "bob02",
    "braid": "braid01",
    "long": "long01",
    "ponytail": "ponytail01",
    "short slick": "short01",
    "short messy": "short02",
    "short crop": "short03",
    "short quiff": "short04",
    "afro": "afro01",
}
"""Hair style to the folder of its asset."""
BROWS = tuple(f"eyebrow{number:03d}" for number in range(1, 13))
LASHES = tuple(f"eyelashes{number:02d}" for number in range(1, 5))
HAIR_TEXTURE, FACE_TEXTURE = 768, 256
"""Pixels a side."""


@dataclass(frozen=True)
class Proxy:
    """Cards and how they hang on the head. Indices of head vertices count in the head's own (reduced) vertex list."""

    vertices: Ids  # (n, 3)
    weights: Array  # (n, 3)
    offsets: Array  # (n, 3)
    span_vertices: Ids  # (3, 2)
    spans: Array  # (3,)
    uv: Array  # (m, 2)
    triangles: Ids  # (t, 3) into the n points
    uv_triangles: Ids  # (t, 3) into uv
    texture: Array  # (rows, columns, 2): brightness around 1, alpha

    def fit(self, head_points: Array) -> Array:
        """The proxy's points, (n, 3), on a head of this shape."""
        ends = head_points[self.span_vertices]  # (3, 2, 3)
        axes = np.arange(3)
        scale = np.abs(ends[axes, 0, axes] - ends[axes, 1, axes]) / self.spans
        anchors = head_points[self.vertices]  # (n, 3, 3)
        return np.asarray((anchors * self.weights[..., None]).sum(1) + self.offsets * scale, np.float32)

    def follow(self, head_weight: Array) -> Array:
        """How much each point follows the head's rotation, (n,), from the head vertices' own share."""
        return np.asarray(np.clip((head_weight[self.vertices] * self.weights).sum(1), 0, 1), np.float32)

    def renumbered(self, new_number: Ids) -> Proxy:
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        values |= {name: new_number[values[name]] for name in ("vertices", "span_vertices")}
        return Proxy(**values)

    def coverage(self, head_points: Array) -> float:
        """Area of the cards weighted by their alpha, in square mesh units: how thick a brow looks."""
        p = self.fit(head_points)[self.triangles]
        area = np.linalg.norm(np.cross(p[:, 1] - p[:, 0], p[:, 2] - p[:, 0]), axis=1) / 2
        centre = self.uv[self.uv_triangles].mean(1) % 1.0
        rows, columns = self.texture.shape[:2]
        alpha = self.texture[
            np.clip(((1 - centre[:, 1]) * rows).astype(int), 0, rows - 1),
            np.clip((centre[:, 0] * columns).astype(int), 0, columns - 1),
            1,
        ]
        return float((area * alpha).sum())


def read_proxies(assets_folder: Path) -> dict[str, Proxy]:
    """All hair, brow and lash assets of the MakeHuman CC0 folder, by their asset name, on the full base mesh."""
    assets = [("hair", name) for name in HAIR_ASSETS.values()]
    assets += [("eyebrows", name) for name in BROWS] + [("eyelashes", name) for name in LASHES]
    return {name: _read_proxy(assets_folder / kind / name, name, kind) for kind, name in assets}


def _read_proxy(folder: Path, name: str, kind: str) -> Proxy:
    mesh = read_mesh(folder / f"{name}.obj")
    fitting = read_fitting(folder / f"{name}.mhclo")
    if len(mesh.points) != len(fitting.vertices):
        raise ValueError(f"{name}: {len(mesh.points)} points but {len(fitting.vertices)} fitted ones")
    triangles, uv_triangles = mesh.triangles()
    image = folder / (f"{name}_diffuse.png" if kind == "hair" else f"{name}.png")
    texture = _read_texture(image, hair=kind == "hair") if image.exists() else _curls()
    return Proxy(
        fitting.vertices,
        fitting.weights,
        fitting.offsets,
        fitting.span_vertices,
        fitting.spans,
        mesh.uv,
        triangles,
        uv_triangles,
        texture,
    )


def _read_texture(path: Path, hair: bool) -> Array:
    """Brightness relative to its mean (1 everywhere for brows and lashes) and alpha."""
    side = HAIR_TEXTURE if hair else FACE_TEXTURE
    drawn = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if drawn is None:
        raise ValueError(f"{path} is not a picture")
    image = np.asarray(drawn, np.float32) / 255
    alpha = cv2.resize(image[..., 3], (side, side), interpolation=cv2.INTER_AREA)
    brightness = image[..., :3] @ np.array([0.114, 0.587, 0.299], np.float32)
    premultiplied = cv2.resize(brightness * image[..., 3], (side, side), interpolation=cv2.INTER_AREA)
    brightness = premultiplied / np.maximum(alpha, 1e-3)
    if hair:
        brightness = np.clip(brightness / np.average(brightness, weights=alpha + 1e-6), 0, 3)
    else:
        brightness = np.ones_like(brightness)
    return np.stack([brightness, alpha], -1).astype(np.float32)


def _curls() -> Array:
    """The afro comes without a texture: band-limited noise reads as curls."""
    noise = np.random.default_rng(0).standard_normal((HAIR_TEXTURE, HAIR_TEXTURE)).astype(np.float32)
    noise = np.asarray(cv2.GaussianBlur(noise, (0, 0), 2.2), np.float32)
    noise /= noise.std()
    return np.stack([np.clip(1 + 0.45 * noise, 0.2, 2.5), np.ones_like(noise)], -1).astype(np.float32)
