"""The head that all identities are made from: a smooth bust, two eyeballs, morph targets and what hangs on it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from pipeline.renderer.geometry_bake import Arrays, baked
from pipeline.renderer.proxies import Proxy
from pipeline.renderer.subdivision import SparseMatrix

Array = NDArray[np.float32]
Ids = NDArray[np.int32]

UNWRAP_ANGLE = 2.15
"""Radians to either side of straight ahead that the cylindrical skin texture spans."""
UNWRAP_BOTTOM, UNWRAP_TOP, UNWRAP_AXIS_Z = 5.55, 8.55, 0.45
"""Decimetres in the mesh's frame (x to the person's left, y up, z forward)."""

NEUTRAL_MIX = {
    **{f"macro/{a}-{s}-young": 1 / 6 for a in ("caucasian", "asian", "african") for s in ("female", "male")},
    **{f"macro/universal-{s}-young-averagemuscle-averageweight": 0.5 for s in ("female", "male")},
}
"""The average young adult, for what is baked once for all identities."""


def unwrap(points: Array) -> Array:
    """Texture coordinates (n, 2), u to the right and v down, of points on the template head."""
    angle = np.arctan2(points[:, 0], points[:, 2] - UNWRAP_AXIS_Z)
    v = (UNWRAP_TOP - points[:, 1]) / (UNWRAP_TOP - UNWRAP_BOTTOM)
    return np.stack([angle / UNWRAP_ANGLE * 0.5 + 0.5, v], 1).astype(np.float32)


@dataclass(frozen=True)
class Head:
    """Template geometry. ``n`` coarse vertices, ``s`` smooth skin vertices, ``e`` eyeball vertices."""

    rest: Array  # (n, 3)
    target_names: tuple[str, ...]
    targets: Array  # (targets, 3 n)
    head_weight: Array  # (n,)
    skin_matrix: SparseMatrix  # (s, n)
    eye_matrix: SparseMatrix  # (e, n)
    skin_triangles: Ids
    eye_triangles: Ids
    skin_rest: Array  # (s, 3): the template, in which skin patterns and lesions are painted
    skin_uv: Array  # (s, 2): cylindrical
    mask_uv: Array  # (s, 2): MPFB2's own unwrapping, in which its masks are drawn
    skin_weight: Array  # (s,)
    skin_of_vertex: Ids  # (n,): smooth vertex that stands for a coarse one, or -1
    left_eye: NDArray[np.bool_]  # (e,)
    neck_joint: Ids
    head_joint: Ids
    proxies: dict[str, Proxy]
    target_index: dict[str, int]

    @classmethod
    def load(cls, mpfb2_folder: Path, assets_folder: Path | None, cache_folder: Path) -> Head:
        """From the cache folder, baking first when it is empty. Raises RendererDataMissing."""
        arrays = baked(mpfb2_folder, assets_folder, cache_folder)
        skin, eye = _matrix(arrays, "skin"), _matrix(arrays, "eye")
        rest = arrays["rest"]
        skin_rest = np.asarray(skin @ rest, np.float32)
        skin_of_vertex = np.full(len(rest), -1, np.int32)
        skin_of_vertex[arrays["skin_origin"]] = np.arange(len(arrays["skin_origin"]))
        names = tuple(str(name) for name in arrays["target_names"])
        proxy_names = sorted({key.split("/")[1] for key in arrays if key.startswith("proxy/")})
        return cls(
            rest=rest,
            target_names=names,
            targets=arrays["targets"].astype(np.float32),
            head_weight=arrays["head_weight"],
            skin_matrix=skin,
            eye_matrix=eye,
            skin_triangles=arrays["skin_triangles"],
            eye_triangles=arrays["eye_triangles"],
            skin_rest=skin_rest,
            skin_uv=np.clip(unwrap(skin_rest), -0.2, 1.2),
            mask_uv=np.asarray(skin @ arrays["uv"], np.float32),
            skin_weight=np.asarray(skin @ arrays["head_weight"], np.float32),
            skin_of_vertex=skin_of_vertex,
            left_eye=np.asarray((eye @ rest)[:, 0] > 0),
            neck_joint=arrays["neck_joint"],
            head_joint=arrays["head_joint"],
            proxies={name: _proxy(arrays, name) for name in proxy_names},
            target_index={name: number for number, name in enumerate(names)},
        )

    def shaped(self, coefficients: Array, base: Array | None = None) -> Array:
        """Coarse vertices (n, 3) of ``base`` (the template if None) moved by the targets' ``coefficients``."""
        active = np.nonzero(coefficients)[0]
        start = self.rest if base is None else base
        return np.asarray(start + (coefficients[active] @ self.targets[active]).reshape(-1, 3), np.float32)

    def coefficients(self, weights: dict[str, float]) -> Array:
        """A coefficient vector from target names; names that this data set lacks are left out."""
        vector = np.zeros(len(self.target_names), np.float32)
        for name, weight in weights.items():
            if name in self.target_index:
                vector[self.target_index[name]] += weight
        return vector

    def nearest_vertex(self, x: float, y: float, z: float) -> int:
        """The coarse skin vertex nearest to a point of the template."""
        distance = np.linalg.norm(self.rest - np.array([x, y, z], np.float32), axis=1)
        return int(np.argmin(np.where(self.skin_of_vertex >= 0, distance, np.inf)))

    def nearest_skin(self, x: float, y: float, z: float) -> int:
        """The smooth skin vertex nearest to a point of the template."""
        return int(np.argmin(np.linalg.norm(self.skin_rest - np.array([x, y, z], np.float32), axis=1)))


def _matrix(arrays: Arrays, name: str) -> SparseMatrix:
    parts = tuple(arrays[f"{name}_matrix_{part}"] for part in ("data", "indices", "indptr"))
    return scipy.sparse.csr_matrix(parts, shape=tuple(arrays[f"{name}_matrix_shape"]))


def _proxy(arrays: Arrays, name: str) -> Proxy:
    values = {field.name: arrays[f"proxy/{name}/{field.name}"] for field in fields(Proxy)}
    values["texture"] = np.ascontiguousarray(values["texture"].astype(np.float32))
    return Proxy(**values)
