"""The benchmark compares what is the same, and counts it right."""

from __future__ import annotations

import pytest

from scripts import bench_flowedit
from scripts.bench_flowedit import flowedit_figures


def test_both_ways_give_the_same_latents_with_the_rows_that_are_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_flowedit, "SIDE", 64)
    monkeypatch.setattr(bench_flowedit, "ROUNDS", 1)
    steps = bench_flowedit.STEPS

    figures = flowedit_figures(model="sd3")

    assert figures["flowedit_rows_1"] == [2 * steps, 4 * steps]
    assert figures["flowedit_rows_4"] == [5 * steps, 16 * steps]
    assert figures["flowedit_guided_rows_1"] == [3 * steps, 4 * steps]
    assert figures["flowedit_guided_rows_4"] == [9 * steps, 16 * steps]
    for name in ("flowedit", "flowedit_guided"):
        for targets in (1, 4):
            assert figures[f"{name}_difference_{targets}"] <= 1e-4
            assert figures[f"{name}_ratio_{targets}"] > 0
