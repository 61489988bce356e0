"""A persona's words say what the face measures."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("numba", reason="numba is not installed: nothing renders (pip install twinveil[train])")

from pipeline.renderer.description import FIELDS
from pipeline.renderer.persona import BINS
from pipeline.renderer.persona_bins import tercile_bounds
from pipeline.renderer.styling import sample_styling

if TYPE_CHECKING:
    from pipeline.renderer import Renderer

GEOMETRIC = sorted(set(BINS) - {"brows", "brow_height", "weight"})
"""Measured on the face alone, so the same with and without hair assets."""

MORPHS = {
    "face_width": "head/head-scale-horiz-incr",
    "jaw": "head/head-scale-horiz-incr",
    "nose_width": "nose/nose-flaring-incr",
    "nose_length": "nose/nose-scale-vert-incr",
    "lips": "mouth/mouth-lowerlip-height-incr",
    "mouth_width": "mouth/mouth-scale-horiz-incr",
}


def test_bounds_are_in_order_and_every_word_has_its_place() -> None:
    for field, (low, high) in BINS.items():
        assert low < high
        assert len(FIELDS[field]) == 3


@pytest.mark.parametrize(("field", "morph"), MORPHS.items())
def test_a_morph_of_the_feature_raises_its_measure(renderer: Renderer, field: str, morph: str) -> None:
    person, neutral = renderer.identity(1)
    styling = sample_styling(1, person, with_assets=False)
    changed = renderer.head.shaped(renderer.head.coefficients({morph: 1.0}), base=neutral)
    before, after = (renderer.measurer.ratios(face, person, styling)[field] for face in (neutral, changed))
    assert after > before * 1.01


def test_the_bounds_part_people_into_thirds(renderer: Renderer) -> None:
    counts: dict[str, Counter[str]] = {field: Counter() for field in GEOMETRIC}
    people = 150
    for seed in range(5000, 5000 + people):
        person, neutral = renderer.identity(seed)
        words = renderer.measurer.words(neutral, person, sample_styling(seed, person, with_assets=False))
        for field in GEOMETRIC:
            counts[field][words[field]] += 1
    for field in GEOMETRIC:
        shares = [counts[field][word] / people for word in FIELDS[field]]
        assert min(shares) > 0.18, f"{field}: {shares}"


@pytest.mark.slow
def test_the_bounds_are_what_the_command_computes(renderer_with_hair: Renderer) -> None:
    assert tercile_bounds(renderer_with_hair.head) == {
        field: pytest.approx(bounds, abs=2e-4) for field, bounds in BINS.items()
    }
