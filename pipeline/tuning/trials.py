"""A search over few knobs with dear and noisy trials: a spread of candidates, the best of them again, then small steps.

Losses are compared on the same photographs. Of candidates that are as good as the best the quickest is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import numpy as np
from scipy.stats import qmc

Knobs = Mapping[str, float]


class Score(Protocol):
    """What a trial came to: the less the better."""

    @property
    def loss(self) -> float: ...

    @property
    def seconds(self) -> float: ...


S = TypeVar("S", bound=Score)


@dataclass(frozen=True)
class Range:
    """What a knob may be, both ends included; ``whole`` numbers only, where it counts something."""

    low: float
    high: float
    whole: bool = False

    def at(self, share: float) -> float:
        """The value at a ``share`` of the range from 0 to 1, beyond it at its end."""
        value = self.low + min(max(share, 0.0), 1.0) * (self.high - self.low)
        return float(round(value)) if self.whole else round(value, 3)

    def share(self, value: float) -> float:
        """Where ``value`` lies in the range."""
        return (value - self.low) / (self.high - self.low) if self.high > self.low else 0.0


@dataclass(frozen=True)
class Found(Generic[S]):
    """A candidate that was tried on all photographs."""

    knobs: Knobs
    score: S


AS_GOOD = 0.02
"""Loss by which a quicker candidate may be worse than the best: two runs with other noise differ by more."""

_KEPT = 1 / 3
"""Of the first candidates, which saw a few photographs, so many see all of them."""

_FIRST_STEP, _LAST_STEP = 0.15, 0.05
"""Shares of a range by which the best candidate's knobs are moved."""


def search(
    start: Knobs,
    ranges: Mapping[str, Range],
    trial: Callable[[Knobs, int | None], S],
    candidates: int,
    few: int,
    seed: int = 0,
    rounds: int = 4,
) -> list[Found[S]]:
    """Candidates that were tried on all photographs, the chosen one first.

    ``trial``: the score of knobs on so many photographs, None being all. ``candidates``: of the spread, ``start``
    among them. ``few``: photographs that each of these sees. ``seed``: of where they lie. ``rounds``: in which each
    knob of the best is moved both ways, at most.
    """
    names = [name for name, spread in ranges.items() if spread.high > spread.low]
    fixed = {name: start[name] for name in ranges}
    spread = [dict(fixed)]
    if names and candidates > 1:
        points = qmc.Halton(len(names), seed=seed).random(candidates - 1)
        spread += [fixed | {name: ranges[name].at(x) for name, x in zip(names, row, strict=True)} for row in points]
    first = sorted(_distinct(spread), key=lambda knobs: trial(knobs, few).loss)
    tried: dict[tuple[float, ...], Found[S]] = {}

    def whole(knobs: Knobs) -> Found[S]:
        key = tuple(knobs[name] for name in ranges)
        if key not in tried:
            tried[key] = Found(dict(knobs), trial(knobs, None))
        return tried[key]

    best = min((whole(knobs) for knobs in first[: max(1, round(len(first) * _KEPT))]), key=_loss)
    step = _FIRST_STEP
    for _ in range(rounds if names else 0):
        if step < _LAST_STEP:
            break
        nearby = [_moved(best.knobs, name, ranges[name], sign * step) for name in names for sign in (-1, 1)]
        better = min((whole(knobs) for knobs in _distinct(nearby)), key=_loss)
        if better.score.loss < best.score.loss - AS_GOOD / 2:
            best = better
        else:
            step /= 2
    return _chosen_first(list(tried.values()))


def front(found: Sequence[Found[S]]) -> list[Found[S]]:
    """Those that no other beats in both loss and seconds, the quickest first."""
    ordered = sorted(found, key=lambda each: (each.score.seconds, each.score.loss))
    kept: list[Found[S]] = []
    for each in ordered:
        if not kept or each.score.loss < kept[-1].score.loss:
            kept.append(each)
    return kept


def _chosen_first(found: list[Found[S]]) -> list[Found[S]]:
    least = min(map(_loss, found))
    as_good = [each for each in found if each.score.loss <= least + AS_GOOD]
    chosen = min(as_good, key=lambda each: each.score.seconds)
    return [chosen, *sorted((each for each in found if each is not chosen), key=_loss)]


def _loss(found: Found[S]) -> float:
    return found.score.loss


def _moved(knobs: Knobs, name: str, spread: Range, by: float) -> dict[str, float]:
    moved = spread.at(spread.share(knobs[name]) + by)
    if spread.whole and moved == knobs[name]:
        moved = min(max(knobs[name] + np.sign(by), spread.low), spread.high)
    return {**knobs, name: float(moved)}


def _distinct(candidates: Sequence[dict[str, float]]) -> list[dict[str, float]]:
    return list({tuple(sorted(knobs.items())): knobs for knobs in candidates}.values())
