"""Figures of a receiver are those of the textbook, and their bounds come from people, not from pairs."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.gate.roc import bounded_figures, drawn_weights, receiver_figures, roc


def test_receiver_figures_of_known_scores() -> None:
    strangers, genuine = np.linspace(0, 1, 10_001), np.linspace(0.5, 1.5, 10_001)
    same = np.arange(20_002) >= 10_001
    figures = receiver_figures(np.concatenate([strangers, genuine]), same)
    assert figures["eer"] == pytest.approx(0.25, abs=1e-3)
    assert figures["tar_at_far_1e3"] == pytest.approx(0.501, abs=1e-3)
    assert figures["tar_at_far_1e4"] == pytest.approx(0.5001, abs=1e-3)


def test_weights_count_as_repetitions() -> None:
    random = np.random.default_rng(0)
    same = random.random(400) < 0.3
    scores = random.normal(size=400) + 1.5 * same
    weights = random.integers(0, 4, 400)
    repeated = receiver_figures(np.repeat(scores, weights), np.repeat(same, weights))
    weighted = receiver_figures(scores, same, weights.astype(float))
    assert weighted == pytest.approx(repeated, abs=2e-3)


def test_the_curve_keeps_what_it_promises() -> None:
    random = np.random.default_rng(1)
    same = np.arange(30_000) < 5_000
    scores = random.normal(size=30_000) + 2 * same
    points = roc(scores, same)
    assert points[0][1] <= 1e-4
    for threshold, far, tar in points:
        assert far == pytest.approx((scores[~same] > threshold).mean())
        assert tar == pytest.approx((scores[same] > threshold).mean())
    assert len(roc(scores[:5_100], same[:5_100])) < len(points), "a rate below one in all pairs is not measured"


def test_bounds_are_wider_when_pairs_share_people() -> None:
    """One person who is taken for everybody moves a draw of people much more than a draw of pairs would."""
    people = np.repeat(np.arange(30), 3)
    one, two = np.triu_indices(90, 1)
    pairs = np.stack([people[one], people[two]], axis=1)
    same = pairs[:, 0] == pairs[:, 1]
    random = np.random.default_rng(2)
    scores = random.normal(size=len(one)) + 3 * same
    alike = scores + 3 * ((pairs == 0).any(1) & ~same)
    plain, skewed = bounded_figures(scores, same, pairs), bounded_figures(alike, same, pairs)
    for figures in (plain, skewed):
        assert figures["eer_low"] <= figures["eer"] <= figures["eer_high"]
    assert skewed["eer_high"] - skewed["eer_low"] > 1.5 * (plain["eer_high"] - plain["eer_low"])
    first, again = next(iter(drawn_weights(pairs))), next(iter(drawn_weights(pairs)))
    assert (first == again).all()
