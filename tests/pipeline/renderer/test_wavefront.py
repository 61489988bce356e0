"""MakeHuman's text files are read for what they say."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from pipeline.renderer.wavefront import read_fitting, read_mesh, read_target

SQUARE = """# a square and a triangle
v 0 0 0
v 1 0 0
v 1 1 0
v 0 1 0
vt 0 0
vt 1 0
vt 1 1
vt 0 1
g body
f 1/1 2/2 3/3 4/4
g helper
f 1/1 2/2 3/3
"""


@pytest.fixture
def mesh_file(tmp_path: Path) -> Path:
    path = tmp_path / "square.obj"
    path.write_text(SQUARE)
    return path


def test_a_mesh_keeps_its_groups_and_its_two_numberings(mesh_file: Path) -> None:
    mesh = read_mesh(mesh_file)
    quads, uv_quads, groups = mesh.quads()
    assert mesh.points.shape == (4, 3)
    assert quads.tolist() == uv_quads.tolist() == [[0, 1, 2, 3]]
    assert groups.tolist() == ["body"]


def test_polygons_become_fans_of_triangles(mesh_file: Path) -> None:
    triangles, _ = read_mesh(mesh_file).triangles()
    assert triangles.tolist() == [[0, 1, 2], [0, 2, 3], [0, 1, 2]]


def test_a_target_moves_the_vertices_that_it_names(tmp_path: Path) -> None:
    path = tmp_path / "nose.target.gz"
    with gzip.open(path, "wt") as file:
        file.write("# comment\n2 0.5 0 -1\n")
    moved = read_target(path, 4)
    assert moved[2].tolist() == [0.5, 0, -1]
    assert not np.delete(moved, 2, axis=0).any()


def test_a_fitting_knows_exact_and_weighted_points(tmp_path: Path) -> None:
    path = tmp_path / "hair.mhclo"
    path.write_text("# hair\nx_scale 1 2 2.0\nverts 0\n7\n1 2 3 0.5 0.25 0.25 0 0.1 0\n\nmaterial hair.mhmat\n")
    fitting = read_fitting(path)
    assert fitting.vertices.tolist() == [[7, 7, 7], [1, 2, 3]]
    assert fitting.weights[1].tolist() == [0.5, 0.25, 0.25]
    assert fitting.offsets[1] == pytest.approx([0, 0.1, 0])
    assert fitting.span_vertices[0].tolist() == [1, 2]
    assert fitting.spans[0] == 2
