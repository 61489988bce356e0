"""Examples of faces varied: two become one along a soft seam, contrast changes, comparisons are left out."""

from __future__ import annotations

import numpy as np

from pipeline.training.photographs.variety import Example, varied

PLANES, SIDE = 16, 48


def example(value: float, lesion: float) -> Example:
    planes = np.full((PLANES, SIDE, SIDE), value, np.float32)
    planes[-1] = 1.0
    change = np.full((SIDE // 2, SIDE // 2, 3), lesion, np.float32)
    return planes, np.full((SIDE, SIDE), lesion, np.float32), change


def many(count: int = 200) -> list[Example]:
    """Of a plain face and one that is all lesion, in turn."""
    return varied([example(0.5 * (n % 2), float(n % 2)) for n in range(count)], np.random.default_rng(0))


def test_some_are_two_faces_along_a_straight_line_and_what_is_taught_follows() -> None:
    mixed = [each for each in many() if 0 < each[1].mean() < 1]
    assert 20 < len(mixed) < 100  # half of them, where the other one was not of the same kind
    for planes, where, change in mixed:
        level = np.asarray(planes[0], float)
        halves = level > level.max() / 2
        np.testing.assert_array_equal(halves, where > 0.5)
        assert abs(change.mean() - where.mean()) < 0.06
        y, x = np.mgrid[:SIDE, :SIDE]
        sides = np.stack([np.ones_like(x), x, y], -1).reshape(-1, 3).astype(float)
        fitted, *_ = np.linalg.lstsq(sides, np.where(where > 0.5, 1.0, -1.0).ravel(), rcond=None)
        assert ((sides @ fitted > 0) == (where > 0.5).ravel()).mean() > 0.85  # a straight line parts them


def test_the_seam_is_no_edge() -> None:
    steps = [np.abs(np.diff(planes[0], axis=1)).max() for planes, where, _ in many() if 0 < where.mean() < 1]
    assert np.median(steps) < 0.25


def test_contrast_differs_and_what_is_shown_stays() -> None:
    plain = varied([example(0.5, 0.0)] * 100, np.random.default_rng(1))
    levels = np.array([planes[:3].mean() for planes, _, _ in plain])
    assert 0.04 < levels.std() < 0.1
    assert all((planes[-1] == 1).all() for planes, _, _ in plain)


def test_now_and_then_a_comparison_is_left_out_and_the_colours_never() -> None:
    drawn = varied([example(0.5, 0.0)] * 300, np.random.default_rng(2))
    missing = np.array([[not planes[group : group + 3].any() for group in range(0, 15, 3)] for planes, _, _ in drawn])
    shares = missing.mean(0)
    assert shares[0] == shares[2] == 0
    assert ((shares[[1, 3, 4]] > 0.03) & (shares[[1, 3, 4]] < 0.15)).all()


def test_what_would_be_beyond_a_planes_bounds_is_cut_off() -> None:
    assert max(np.abs(planes).max() for planes, _, _ in varied([example(1.9, 0.0)] * 50, np.random.default_rng(3))) <= 2
