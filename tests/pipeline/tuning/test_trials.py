"""The search finds what is best, takes what is quick among equals, and spends its trials where they matter."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest

from pipeline.tuning import Found, Range, front, search

RANGES = {"sigma_start": Range(0.4, 1.0), "steps": Range(4, 40, whole=True), "target_guidance": Range(1.0, 12.0)}
START = {"sigma_start": 0.95, "steps": 28.0, "target_guidance": 9.0}


@dataclass(frozen=True)
class Scored:
    loss: float
    seconds: float


class Planted:
    """The loss is a bowl around one place; enough steps are enough."""

    def __init__(self, sigma_start: float, guidance: float, enough: int) -> None:
        self.where, self.enough = (sigma_start, guidance), enough
        self.asked: list[int | None] = []

    def __call__(self, knobs: dict[str, float], few: int | None) -> Scored:
        self.asked.append(few)
        off = ((knobs["sigma_start"] - self.where[0]) / 0.6) ** 2 + (
            (knobs["target_guidance"] - self.where[1]) / 11
        ) ** 2
        return Scored(4 * off + max(0.0, self.enough - knobs["steps"]) / 20, knobs["steps"] / 10)


@pytest.mark.parametrize(("sigma_start", "guidance", "enough"), [(0.6, 3.0, 10), (0.85, 10.0, 20), (0.5, 6.0, 12)])
def test_a_planted_optimum_is_found(sigma_start: float, guidance: float, enough: int) -> None:
    planted = Planted(sigma_start, guidance, enough)
    (best, *_) = search(START, RANGES, planted, candidates=24, few=2)
    assert best.score.loss < 0.1 < planted(START, None).loss
    assert best.knobs["sigma_start"] == pytest.approx(sigma_start, abs=0.12)
    assert best.knobs["target_guidance"] == pytest.approx(guidance, abs=2.2)
    assert best.knobs["steps"] == int(best.knobs["steps"])


def test_the_spread_sees_few_photographs_and_the_best_of_it_all() -> None:
    planted = Planted(0.6, 3.0, 10)
    found = search(START, RANGES, planted, candidates=12, few=2)
    assert planted.asked.count(2) == 12
    assert planted.asked[:12] == [2] * 12
    assert len(found) == planted.asked.count(None), "none is tried twice on all"


def test_of_equals_the_quickest_is_taken() -> None:
    (best, *others) = search(START, RANGES, lambda knobs, few: Scored(0.1, knobs["steps"]), candidates=12, few=1)
    assert best.score.seconds == min(each.score.seconds for each in [best, *others])


def test_what_has_one_value_is_left_alone() -> None:
    ranges = {**RANGES, "target_guidance": Range(1.0, 1.0)}
    found = search({**START, "target_guidance": 1.0}, ranges, Planted(0.6, 1.0, 10), candidates=8, few=1)
    assert {each.knobs["target_guidance"] for each in found} == {1.0}
    only = {name: Range(value, value) for name, value in START.items()}
    assert [each.knobs for each in search(START, only, Planted(0.6, 1.0, 10), candidates=8, few=1)] == [START]


def test_the_front_holds_what_nothing_beats() -> None:
    scores = [Scored(0.5, 1), Scored(0.4, 2), Scored(0.6, 3), Scored(0.1, 4), Scored(0.1, 5)]
    found = [Found({}, score) for score in scores]
    assert [each.score for each in front(found)] == [scores[0], scores[1], scores[3]]


def test_a_range_holds_its_ends() -> None:
    whole = Range(3, 10, whole=True)
    assert [whole.at(share) for share in (-1, 0, 0.5, 1, 2)] == [3, 3, 6, 10, 10]
    assert math.isclose(Range(0.4, 1.0).share(0.7), 0.5)
