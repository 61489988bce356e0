"""Subdivision rounds a mesh off without moving it."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("scipy", reason="scipy is not installed: nothing to subdivide with (pip install twinveil[train])")

from pipeline.renderer.subdivision import as_triangles, subdivide

CUBE = np.array([(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], np.float32)
SIDES = np.array([(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)], np.int32)


def test_every_face_becomes_four_and_weights_sum_to_one() -> None:
    matrix, quads, origin = subdivide(SIDES, 8)
    assert quads.shape == (24, 4)
    assert matrix.shape == (8 + 12 + 6, 8)
    assert matrix.sum(1) == pytest.approx(np.ones((26, 1)))
    assert origin.tolist() == list(range(8))


def test_a_cube_shrinks_towards_its_middle_and_stays_symmetric() -> None:
    matrix, _, _ = subdivide(SIDES, 8)
    smooth = matrix @ CUBE
    assert smooth.mean(0) == pytest.approx(np.zeros(3), abs=1e-6)
    # Catmull and Clark: a cube's corner goes to 5/9 of its place.
    assert np.abs(smooth[:8]) == pytest.approx(np.full((8, 3), 5 / 9), abs=1e-6)


def test_a_flat_sheet_stays_flat_and_keeps_its_border() -> None:
    sheet = np.array([(x, y, 0) for y in range(3) for x in range(3)], np.float32)
    quads = np.array([(i, i + 1, i + 4, i + 3) for i in (0, 1, 3, 4)], np.int32)
    matrix, smaller, _ = subdivide(quads, 9)
    smooth = matrix @ sheet
    assert not smooth[:, 2].any()
    assert smooth[:, 0].min() == pytest.approx(0)
    assert as_triangles(smaller).shape == (32, 3)
