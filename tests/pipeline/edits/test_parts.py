"""What is changed in parts of a square comes together without seams."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.edits.parts import corners, mixed, seen


@pytest.mark.parametrize(("side", "reach", "count"), [(512, 192, 4), (64, 24, 4), (65, 24, 3), (32, 32, 1)])
def test_parts_reach_from_edge_to_edge(side: int, reach: int, count: int) -> None:
    covered = np.zeros((side, side), int)
    for corner in corners(side, reach, count):
        covered[seen(corner, reach)] += 1
        assert covered[seen(corner, reach)].shape == (reach, reach)
    assert len(corners(side, reach, count)) == count**2
    assert covered.min() >= 1


def test_a_change_that_all_parts_agree_on_is_what_comes_out() -> None:
    change = np.random.default_rng(0).normal(0, 20, (96, 96, 3)).astype(np.float32)
    parts = [(corner, change[seen(corner, 40)]) for corner in corners(96, 40, 4)]
    np.testing.assert_allclose(mixed(96, parts), change, atol=0.02)


def test_where_parts_differ_each_fades_out_towards_its_edge() -> None:
    parts = [((0, 0), np.full((40, 40, 3), 10, np.float32)), ((0, 20), np.full((40, 40, 3), 20, np.float32))]
    row = mixed(60, parts)[20, :, 0]
    assert row[10] == pytest.approx(10, abs=0.1) and row[50] == pytest.approx(20, abs=0.1)
    assert (np.diff(row) > -1e-3).all() and np.diff(row).max() < 1.5


def test_where_nothing_was_looked_at_nothing_changes() -> None:
    assert mixed(64, []).max() == 0
    one = mixed(64, [((0, 0), np.full((24, 24, 3), 9, np.float32))])
    assert abs(one[30:]).max() == 0 and one[12, 12, 0] == pytest.approx(9, abs=0.01)
