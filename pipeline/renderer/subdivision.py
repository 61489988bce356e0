"""Catmull-Clark subdivision as a matrix: the smooth mesh is ``matrix @ points`` for every shape of the coarse one.

Catmull & Clark, "Recursively generated B-spline surfaces on arbitrary topological meshes", Computer-Aided Design 10(6),
1978; open borders follow the cubic B-spline rule.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

Ids = NDArray[np.int32]
SparseMatrix = Any
"""scipy.sparse.csr_matrix, float32; scipy carries no types."""


def subdivide(quads: Ids, vertices: int) -> tuple[SparseMatrix, Ids, Ids]:
    """One step over ``quads`` (faces, 4) of a mesh with ``vertices`` points.

    Returns the matrix (new points, vertices), the new quads (4 faces, 4), and the old indices of the points that the
    first rows stand for, in order.
    """
    edge_number: dict[tuple[int, int], int] = {}
    edge_faces: list[list[int]] = []
    vertex_faces: list[list[int]] = [[] for _ in range(vertices)]
    vertex_edges: list[set[int]] = [set() for _ in range(vertices)]
    for face, quad in enumerate(quads.tolist()):
        for corner in range(4):
            a, b = quad[corner], quad[(corner + 1) % 4]
            edge = (min(a, b), max(a, b))
            if edge not in edge_number:
                edge_number[edge] = len(edge_faces)
                edge_faces.append([])
            edge_faces[edge_number[edge]].append(face)
            vertex_faces[a].append(face)
            vertex_edges[a].add(edge_number[edge])
            vertex_edges[b].add(edge_number[edge])
    edges = sorted(edge_number, key=edge_number.__getitem__)
    used = [vertex for vertex in range(vertices) if vertex_faces[vertex]]
    row_of = {vertex: row for row, vertex in enumerate(used)}
    first_edge, first_face = len(used), len(used) + len(edges)

    rows: list[int] = []
    columns: list[int] = []
    values: list[float] = []

    def add(row: int, column: int, value: float) -> None:
        rows.append(row)
        columns.append(column)
        values.append(value)

    for face, quad in enumerate(quads.tolist()):
        for vertex in quad:
            add(first_face + face, vertex, 0.25)
    for number, (a, b) in enumerate(edges):
        if len(edge_faces[number]) == 2:
            add(first_edge + number, a, 0.25)
            add(first_edge + number, b, 0.25)
            for face in edge_faces[number]:
                for vertex in quads[face].tolist():
                    add(first_edge + number, vertex, 0.0625)
        else:
            add(first_edge + number, a, 0.5)
            add(first_edge + number, b, 0.5)
    for vertex in used:
        border = [number for number in sorted(vertex_edges[vertex]) if len(edge_faces[number]) == 1]
        if border:
            add(row_of[vertex], vertex, 0.75)
            for number in border[:2]:
                a, b = edges[number]
                add(row_of[vertex], a if b == vertex else b, 0.125)
        else:
            valence = len(vertex_edges[vertex])
            add(row_of[vertex], vertex, (valence - 3) / valence)
            for number in vertex_edges[vertex]:
                for end in edges[number]:
                    add(row_of[vertex], end, 1 / valence**2)
            for face in vertex_faces[vertex]:
                for other in quads[face].tolist():
                    add(row_of[vertex], other, 0.25 / valence**2)

    matrix = scipy.sparse.csr_matrix(
        (values, (rows, columns)), shape=(first_face + len(quads), vertices), dtype=np.float32
    )
    new_quads = [
        (
            row_of[quad[corner]],
            first_edge
            + edge_number[(min(quad[corner], quad[(corner + 1) % 4]), max(quad[corner], quad[(corner + 1) % 4]))],
            first_face + face,
            first_edge + edge_number[(min(quad[corner], quad[corner - 1]), max(quad[corner], quad[corner - 1]))],
        )
        for face, quad in enumerate(quads.tolist())
        for corner in range(4)
    ]
    return matrix, np.array(new_quads, np.int32), np.array(used, np.int32)


def as_triangles(quads: Ids) -> Ids:
    """Two triangles a quad."""
    return np.ascontiguousarray(np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]), np.int32)
