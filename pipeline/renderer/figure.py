"""A person posed before the camera: identity, styling and scene turned into points in space and on the image plane."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.renderer.atlas import smooth_step
from pipeline.renderer.geometry_bake import ANCESTRIES
from pipeline.renderer.head import Head
from pipeline.renderer.identity import Colour, Identity
from pipeline.renderer.proxies import HAIR_ASSETS, Proxy
from pipeline.renderer.raster import vertex_normals
from pipeline.renderer.scene import Scene
from pipeline.renderer.styling import Glasses, Styling

Array = NDArray[np.float32]
Ids = NDArray[np.int32]

CAP_HEIGHT, CAP_SLOPE, CAP_FRONT_Z = 8.0, 0.55, 1.5
"""The cap covers template points with y > CAP_HEIGHT - CAP_SLOPE (CAP_FRONT_Z - z)."""
CAP_THICKNESS, CLOTH_THICKNESS = 0.07, 0.05


@dataclass(frozen=True)
class Camera:
    """Perspective: ``centre`` of the view and the camera's z in mesh units, focal length and offset in pixels."""

    centre: NDArray[np.float64]
    z: float
    focal: float
    offset: tuple[float, float]

    @property
    def position(self) -> Array:
        return np.array([self.centre[0], self.centre[1], self.z], np.float32)

    def project(self, points: Array) -> tuple[Array, Array, Array]:
        """Pixel x, y and 1/distance of points (n, 3)."""
        depth = (1 / (self.z - points[:, 2])).astype(np.float32)
        x = (points[:, 0] - self.centre[0]) * self.focal * depth + self.offset[0]
        y = -(points[:, 1] - self.centre[1]) * self.focal * depth + self.offset[1]
        return x.astype(np.float32), y.astype(np.float32), depth


@dataclass(frozen=True)
class Solids:
    """Opaque things that are neither skin nor eye: points, triangles, and per triangle rgb, gloss and roughness."""

    points: Array
    triangles: Ids
    material: Array  # (t, 5)


@dataclass(frozen=True)
class Cards:
    """A proxy on this figure."""

    points: Array
    proxy: Proxy


@dataclass(frozen=True)
class Figure:
    neutral: Array
    """Coarse vertices (n, 3) without expression and pose: what persona words are measured from."""
    coarse: Array
    """Coarse vertices, posed."""
    skin: Array
    eyes: Array
    eye_directions: Array
    """Unit vectors from an eyeball's centre to its vertices, before the pose."""
    solids: Solids
    hair: Cards | None
    brows: Cards | None
    lashes: Cards | None
    rotation: Array
    camera: Camera
    wears_cap: bool


class FigureMaker:
    """Knows where on the head things sit; makes a ``Figure`` from what was drawn."""

    def __init__(self, head: Head) -> None:
        self.head = head
        rest = head.skin_rest
        self._crown = rest[:, 1] > 6.9
        self._chin = (np.abs(rest[:, 0]) < 0.15) & (rest[:, 2] > 1.2) & (rest[:, 1] < 6.6) & (rest[:, 1] > 6.0)
        self._brow_ridge = np.nonzero(
            (np.abs(rest[:, 0]) < 0.6) & (rest[:, 1] > 7.1) & (rest[:, 1] < 7.6) & (rest[:, 2] > 1.2)
        )[0]
        self._lobes = (head.nearest_skin(0.80, 6.93, 0.62), head.nearest_skin(-0.80, 6.93, 0.62))
        self._studs = {
            "nose": head.nearest_skin(0.16, 6.98, 1.52),
            "brow": head.nearest_skin(0.45, 7.56, 1.40),
            "lip": head.nearest_skin(0.16, 6.58, 1.45),
            "bindi": head.nearest_skin(0, 7.52, 1.58),
        }
        self._cap_cover = smooth_step(rest[:, 1] - (CAP_HEIGHT - CAP_SLOPE * (CAP_FRONT_Z - rest[:, 2])), -0.02, 0.10)

    def make(self, identity: Identity, neutral: Array, styling: Styling, scene: Scene, side: int) -> Figure:
        """``neutral``: the identity's coarse vertices; ``side``: pixels of the square image."""
        head = self.head
        points = head.shaped(self._expression(identity, scene), base=neutral)
        skin = np.asarray(head.skin_matrix @ points, np.float32)
        eyes = np.asarray(head.eye_matrix @ points, np.float32)
        left, right = eyes[head.left_eye].mean(0), eyes[~head.left_eye].mean(0)
        from_centre = eyes - np.where(head.left_eye[:, None], left, right)
        directions = from_centre / np.linalg.norm(from_centre, axis=1, keepdims=True)

        normals = vertex_normals(skin, head.skin_triangles)
        if styling.hair_style == "cap":
            skin = skin + normals * (CAP_THICKNESS * self._cap_cover[:, None])
        skin = skin + normals * (CLOTH_THICKNESS * self._cloth_cover(scene)[:, None])
        solids = self._solids(skin, left, right, styling)

        pivot = points[head.neck_joint].mean(0) * 0.5 + points[head.head_joint].mean(0) * 0.5
        rotation = scene.rotation

        def posed(free: Array, follow: Array) -> Array:
            turned = (free - pivot) @ rotation.T + pivot
            return np.asarray(free + (turned - free) * follow[:, None], np.float32)

        def cards(asset: str | None) -> Cards | None:
            proxy = head.proxies.get(asset or "")
            if proxy is None:
                return None
            return Cards(posed(proxy.fit(points), proxy.follow(head.head_weight)), proxy)

        skin, eyes = posed(skin, head.skin_weight), posed(eyes, np.ones(len(eyes), np.float32))
        extra = Solids(posed(solids.points, np.ones(len(solids.points), np.float32)), solids.triangles, solids.material)
        return Figure(
            neutral=neutral,
            coarse=posed(points, head.head_weight),
            skin=skin,
            eyes=eyes,
            eye_directions=np.asarray(directions, np.float32),
            solids=extra,
            hair=cards(HAIR_ASSETS.get(styling.hair_style)),
            brows=cards(styling.brow),
            lashes=cards(styling.lashes),
            rotation=rotation,
            camera=self._camera(skin, eyes, pivot, scene, side),
            wears_cap=styling.hair_style == "cap",
        )

    def _expression(self, identity: Identity, scene: Scene) -> Array:
        """Expression units exist per ancestry; they are mixed like the face itself."""
        weights: dict[str, float] = {}
        units = dict(scene.expression)
        if scene.eyes_closed:
            units["eye-left-closure"] = 1.0
        for unit, weight in units.items():
            sides = {unit, unit.replace("-left-", "-right-")}
            for ancestry in ANCESTRIES:
                for name in sides:
                    weights[f"expr/{ancestry}/{name}"] = weight * identity.ancestry[ancestry]
        return self.head.coefficients(weights)

    def _cloth_cover(self, scene: Scene) -> Array:
        height, depth, half_width, slope = scene.neckline
        x, y, z = self.head.skin_rest.T
        line = height - depth * np.maximum(0, 1 - np.abs(x) / half_width) * (z > 0.2) + slope * (0.25 - z) * 0.5
        return smooth_step(line - y, -0.01, 0.06)

    def _camera(self, skin: Array, eyes: Array, pivot: Array, scene: Scene, side: int) -> Camera:
        top, chin = float(skin[self._crown][:, 1].max()), float(skin[self._chin][:, 1].min())
        height = top - chin
        gaze = eyes.mean(0)
        centre = np.array([gaze[0] * 0.7 + pivot[0] * 0.3, (top + chin) / 2 - 0.03 * height, 0.0])
        offset = (side * (0.5 + scene.shift[0]), side * (0.5 + scene.shift[1]))
        focal = scene.head_share * side * scene.camera_distance / height
        return Camera(centre, scene.camera_distance + float(gaze[2]), focal, offset)

    def _solids(self, skin: Array, left: Array, right: Array, styling: Styling) -> Solids:
        parts: list[tuple[Array, Ids, tuple[float, ...]]] = []
        if styling.glasses is not None:
            material = (*styling.glasses.colour, 1.0, 0.25)
            parts += [(*tube, material) for tube in self._glasses(skin, left, right, styling.glasses)]
        if styling.earrings is not None:
            for lobe in self._lobes:
                ball = sphere(skin[lobe] + np.array([0, -0.04, 0.03]), styling.earring_radius)
                parts.append((*ball, (*styling.earrings, 6.0, 0.25)))
        if styling.stud is not None:
            bindi = styling.stud == "bindi"
            colour: Colour = (0.45, 0.01, 0.02) if bindi else (0.8, 0.8, 0.8)
            centre = skin[self._studs[styling.stud]] + np.array([0, 0, 0.008])
            parts.append((*sphere(centre, 0.03 if bindi else 0.022), (*colour, 0.1 if bindi else 6.0, 0.25)))
        if not parts:
            return Solids(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32), np.zeros((1, 5), np.float32))
        starts = np.cumsum([0] + [len(points) for points, _, _ in parts[:-1]])
        return Solids(
            np.concatenate([points for points, _, _ in parts]),
            np.concatenate([tri + start for (_, tri, _), start in zip(parts, starts, strict=True)]).astype(np.int32),
            np.concatenate([np.tile(np.array(material, np.float32), (len(tri), 1)) for _, tri, material in parts]),
        )

    def _glasses(self, skin: Array, left: Array, right: Array, glasses: Glasses) -> list[tuple[Array, Ids]]:
        middle = (left + right) / 2
        half = float(left[0] - right[0]) / 2
        front = float(skin[self._brow_ridge].max(0)[2]) + 0.10
        angle = np.linspace(0, 2 * math.pi, 40, endpoint=False)

        def superellipse(wave: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.asarray(np.sign(wave) * np.abs(wave) ** (2 / glasses.squareness))

        tubes = []
        for centre in (middle[0] + half * 1.05, middle[0] - half * 1.05):
            x = centre + superellipse(np.cos(angle)) * half * 0.83
            y = middle[1] - 0.03 + superellipse(np.sin(angle)) * half * 0.62
            z = front - 0.12 * np.abs(x - middle[0]) ** 2
            tubes.append(tube(np.stack([x, y, z], 1), glasses.thickness, closed=True))
        bridge = [
            (middle[0] - half * 0.25, middle[1] + 0.08, front),
            (middle[0], middle[1] + 0.12, front + 0.02),
            (middle[0] + half * 0.25, middle[1] + 0.08, front),
        ]
        tubes.append(tube(bridge, glasses.thickness, closed=False))
        for side, lobe in ((-1, self._lobes[1]), (1, self._lobes[0])):
            arm = [
                (middle[0] + side * half * 1.88, middle[1] + 0.08, front - 0.35),
                (middle[0] + side * 0.92 * skin[self._lobes[0]][0] / 0.8, middle[1] + 0.05, front - 0.6),
                (skin[lobe][0] + side * 0.03, middle[1], 0.55),
            ]
            tubes.append(tube(arm, glasses.thickness, closed=False))
        return tubes


def sphere(centre: ArrayLike, radius: float, around: int = 10, down: int = 7) -> tuple[Array, Ids]:
    """Points and triangles of a ball."""
    polar = np.repeat(math.pi * np.arange(down + 1) / down, around)
    azimuth = np.tile(2 * math.pi * np.arange(around) / around, down + 1)
    points = np.stack([np.sin(polar) * np.cos(azimuth), np.cos(polar), np.sin(polar) * np.sin(azimuth)], 1)
    triangles = []
    for i in range(down):
        for j in range(around):
            a, b = i * around + j, i * around + (j + 1) % around
            triangles += [(a, a + around, b), (b, a + around, b + around)]
    return (points * radius + np.asarray(centre)).astype(np.float32), np.array(triangles, np.int32)


def tube(
    path: ArrayLike | Sequence[Sequence[float]], radius: float, closed: bool, around: int = 6
) -> tuple[Array, Ids]:
    """Points and triangles of a pipe along ``path`` (n, 3)."""
    line = np.asarray(path, np.float32)
    count = len(line)
    tangent = np.roll(line, -1, 0) - np.roll(line, 1, 0)
    if not closed:
        tangent[0], tangent[-1] = line[1] - line[0], line[-1] - line[-2]
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True) + 1e-9
    first = np.cross(tangent, np.array([0.1, 0.2, 1.0], np.float32))
    first /= np.linalg.norm(first, axis=1, keepdims=True) + 1e-9
    second = np.cross(tangent, first)
    angle = np.arange(around) * 2 * math.pi / around
    ring = np.cos(angle)[None, :, None] * first[:, None] + np.sin(angle)[None, :, None] * second[:, None]
    points = (line[:, None] + radius * ring).reshape(-1, 3)
    triangles = []
    for i in range(count if closed else count - 1):
        for j in range(around):
            a, b = i * around + j, i * around + (j + 1) % around
            c, d = (i + 1) % count * around + j, (i + 1) % count * around + (j + 1) % around
            triangles += [(a, c, b), (b, c, d)]
    return points.astype(np.float32), np.array(triangles, np.int32)
