"""The rasteriser puts what is nearest where it is."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("numba", reason="numba is not installed: nothing renders (pip install twinveil[train])")

from pipeline.renderer.raster import (
    empty_buffers,
    interpolate,
    light_reaches,
    rasterise,
    rasterise_depth,
    sample_bilinear,
    vertex_normals,
)

SIDE = 16


def drawn(depths: list[float], cull: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Square after square over the whole image, each made of two triangles at its depth; ids and depth."""
    x = np.array([0, SIDE, SIDE, 0] * len(depths), np.float32)
    y = np.array([0, 0, SIDE, SIDE] * len(depths), np.float32)
    depth = np.repeat(np.array(depths, np.float32), 4)
    squares = [(4 * k + a, 4 * k + b, 4 * k + c) for k in range(len(depths)) for a, b, c in ((0, 1, 2), (0, 2, 3))]
    buffer, ids, u, v = empty_buffers(SIDE)
    rasterise(x, y, depth, np.array(squares, np.int32), buffer, ids, u, v, 0, cull)
    return ids, buffer


def test_the_nearer_square_hides_the_farther_in_any_order() -> None:
    assert set(np.unique(drawn([0.5, 1.0])[0])) == {2, 3}
    assert set(np.unique(drawn([1.0, 0.5])[0])) == {0, 1}


def test_what_faces_away_is_left_out_when_asked() -> None:
    assert (drawn([1.0], cull=True)[0] == -1).all()  # clockwise on the screen, whose y points down


def test_attributes_are_interpolated_with_perspective() -> None:
    """A floor from depth 1 (left edge) to distance 3 (right edge): its middle on the screen is not its middle."""
    x = np.array([0, SIDE, SIDE, 0], np.float32)
    y = np.array([0, 0, SIDE, SIDE], np.float32)
    depth = np.array([1, 1 / 3, 1 / 3, 1], np.float32)
    triangles = np.array([(0, 1, 2), (0, 2, 3)], np.int32)
    buffer, ids, u, v = empty_buffers(SIDE)
    rasterise(x, y, depth, triangles, buffer, ids, u, v, 0, False)
    out = np.zeros((SIDE, SIDE, 1), np.float32)
    distance = (1 / depth)[:, None].astype(np.float32)
    interpolate(ids, u, v, triangles, distance, out)
    assert out[..., 0] == pytest.approx(1 / buffer, rel=1e-4)


def test_normals_are_unit_vectors_across_the_surface() -> None:
    points = np.array([(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0)], np.float32)
    normals = vertex_normals(points, np.array([(0, 1, 2), (0, 2, 3)], np.int32))
    assert normals == pytest.approx(np.tile([0, 0, 1], (4, 1)))


def test_a_shadow_falls_on_what_lies_behind() -> None:
    x, y = np.array([4, 12, 12, 4], np.float32), np.array([4, 4, 12, 12], np.float32)
    buffer = np.full((SIDE, SIDE), -1e9, np.float32)
    rasterise_depth(x, y, np.ones(4, np.float32), np.array([(0, 1, 2), (0, 2, 3)], np.int32), buffer)
    behind, beside = np.array([8, 1], np.float32), np.array([8, 1], np.float32)
    arriving = np.zeros(2, np.float32)
    light_reaches(behind, beside, np.zeros(2, np.float32), buffer, 0.05, arriving)
    assert arriving.tolist() == [0, 1]


def test_textures_are_sampled_between_texels_and_clamped() -> None:
    texture = np.array([[[0.0], [1.0]], [[0.0], [1.0]]], np.float32)
    out = np.zeros(1, np.float32)
    values = []
    for u in (0.0, 0.25, 0.5, 0.75, 1.0):
        sample_bilinear(texture, u, 0.5, out)
        values.append(float(out[0]))
    assert values == pytest.approx([0, 0, 0.5, 1, 1], abs=2e-3)
