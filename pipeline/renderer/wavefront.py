"""Readers for the text files of MakeHuman and MPFB2: Wavefront meshes, morph targets, and proxies fitted to a mesh."""

from __future__ import annotations

import gzip
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Ids = NDArray[np.int32]


@dataclass(frozen=True)
class Mesh:
    """A Wavefront mesh: points (n, 3), texture coordinates (m, 2), polygons of both, and each polygon's group."""

    points: Array
    uv: Array
    faces: list[list[int]]
    uv_faces: list[list[int]]
    groups: list[str]

    def quads(self) -> tuple[Ids, Ids, NDArray[np.str_]]:
        """The polygons with four corners: point indices, texture indices, group names."""
        keep = [i for i, face in enumerate(self.faces) if len(face) == 4]
        return (
            np.array([self.faces[i] for i in keep], np.int32),
            np.array([self.uv_faces[i] for i in keep], np.int32),
            np.array([self.groups[i] for i in keep]),
        )

    def triangles(self) -> tuple[Ids, Ids]:
        """Every polygon as a fan of triangles: point indices and texture indices."""

        def fan(polygons: list[list[int]]) -> Ids:
            return np.array([(p[0], p[k], p[k + 1]) for p in polygons for k in range(1, len(p) - 1)], np.int32)

        return fan(self.faces), fan(self.uv_faces)


def read_mesh(path: Path) -> Mesh:
    points, uv, faces, uv_faces, groups, group = [], [], [], [], [], ""
    for line in path.read_text(encoding="utf8").splitlines():
        keyword, _, rest = line.partition(" ")
        if keyword == "v":
            points.append([float(x) for x in rest.split()[:3]])
        elif keyword == "vt":
            uv.append([float(x) for x in rest.split()[:2]])
        elif keyword == "g":
            group = rest.split()[0]
        elif keyword == "f":
            corners = [corner.split("/") for corner in rest.split()]
            faces.append([int(corner[0]) - 1 for corner in corners])
            uv_faces.append([int(corner[1]) - 1 for corner in corners])
            groups.append(group)
    return Mesh(np.array(points, np.float32), np.array(uv, np.float32), faces, uv_faces, groups)


def read_target(path: Path, vertices: int) -> Array:
    """A morph target's displacement per vertex, (vertices, 3); vertices that it does not name stay where they are."""
    displacement = np.zeros((vertices, 3), np.float32)
    with gzip.open(path, "rt", encoding="utf8") as lines:
        for line in lines:
            words = line.split()
            if len(words) >= 4 and words[0].isdigit():
                displacement[int(words[0])] = [float(x) for x in words[1:4]]
    return displacement


@dataclass(frozen=True)
class Fitting:
    """How a proxy's points hang on the base mesh: three vertices, their weights, an offset scaled by three spans."""

    vertices: Ids  # (n, 3)
    weights: Array  # (n, 3)
    offsets: Array  # (n, 3)
    span_vertices: Ids  # (3, 2): for x, y, z the two vertices between which the span is taken
    spans: Array  # (3,): the span for which the offsets were written


def read_fitting(path: Path) -> Fitting:
    """Reads a ``.mhclo`` file."""
    vertices: list[list[int]] = []
    weights: list[list[float]] = []
    offsets: list[list[float]] = []
    span_vertices, spans, inside = np.zeros((3, 2), np.int32), np.ones(3, np.float32), False
    for line in path.read_text(encoding="utf8").splitlines():
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if words[0] in ("x_scale", "y_scale", "z_scale"):
            axis = "xyz".index(words[0][0])
            span_vertices[axis] = int(words[1]), int(words[2])
            spans[axis] = float(words[3])
        elif words[0] == "verts":
            inside = True
        elif inside and re.match(r"-?\d", words[0]):
            if len(words) == 1:  # sits exactly on one vertex
                vertices.append([int(words[0])] * 3)
                weights.append([1.0, 0.0, 0.0])
                offsets.append([0.0, 0.0, 0.0])
            else:
                vertices.append([int(x) for x in words[:3]])
                weights.append([float(x) for x in words[3:6]])
                offsets.append([float(x) for x in words[6:9]] if len(words) >= 9 else [0.0, 0.0, 0.0])
        elif inside and vertices:
            inside = False
    return Fitting(
        np.array(vertices, np.int32),
        np.array(weights, np.float32),
        np.array(offsets, np.float32),
        span_vertices,
        spans,
    )
