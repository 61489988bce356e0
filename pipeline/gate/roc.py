"""How well scores tell pairs of one person from pairs of two: ROC, equal error rate, TAR at a FAR, with bounds.

Scores are higher for more alike. FAR, the false accept rate, is the share of stranger pairs at or above a threshold;
TAR, the true accept rate, that of pairs of one person above it (ISO/IEC 19795-1). Pairs that share a person are not
independent, so bounds come from draws of people with replacement, a pair weighing as often as its two were drawn.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64]
Weights = NDArray[np.float64]

DRAWS = 200
RATES = {"1e3": 1e-3, "1e4": 1e-4}
ROC_RATES = (1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 0.1, 0.2, 0.5)

RocPoint = tuple[float, float, float]
"""Threshold, false accept rate, true accept rate."""


def receiver_figures(scores: Scores, same: NDArray[np.bool_], weights: Weights | None = None) -> dict[str, float]:
    """EER, and TAR at a FAR of 1e-3 and of 1e-4, of ``scores`` (n,) against the truth. ``weights`` (n,): of each pair.

    A FAR below one in the number of stranger pairs cannot be measured: the TAR is then that above the highest of them.
    """
    weights = np.ones(len(scores)) if weights is None else weights
    genuine, strangers = _sorted(scores[same], weights[same]), _sorted(scores[~same], weights[~same])
    thresholds = np.unique(scores)
    missed, accepted = _below(genuine, thresholds), 1 - _below(strangers, thresholds)
    equal = int(np.argmin(np.abs(missed - accepted)))
    figures = {"eer": float((missed[equal] + accepted[equal]) / 2)}
    for label, rate in RATES.items():
        figures[f"tar_at_far_{label}"] = _above(genuine, _threshold_at(strangers, rate))
    return figures


def bounded_figures(scores: Scores, same: NDArray[np.bool_], pairs: NDArray[np.int64]) -> dict[str, float]:
    """``receiver_figures`` and, as ``..._low`` and ``..._high``, their 95 % bounds. ``pairs`` (n, 2): the people."""
    figures = receiver_figures(scores, same)
    drawn = [receiver_figures(scores, same, weights) for weights in drawn_weights(pairs)]
    for name in list(figures):
        low, high = np.quantile([each[name] for each in drawn], [0.025, 0.975])
        figures |= {f"{name}_low": float(low), f"{name}_high": float(high)}
    return figures


def roc(scores: Scores, same: NDArray[np.bool_]) -> tuple[RocPoint, ...]:
    """The curve at ``ROC_RATES``, as far as there are stranger pairs enough to measure them."""
    weights = np.ones(len(scores))
    genuine, strangers = _sorted(scores[same], weights[same]), _sorted(scores[~same], weights[~same])
    points = []
    for rate in ROC_RATES:
        if rate * len(strangers[0]) >= 1:
            threshold = _threshold_at(strangers, rate)
            points.append((threshold, _above(strangers, threshold), _above(genuine, threshold)))
    return tuple(points)


def drawn_weights(pairs: NDArray[np.int64]) -> Iterator[Weights]:
    """How often each of ``pairs`` (n, 2) counts in each draw of its people: always the same draws."""
    people, index = np.unique(pairs, return_inverse=True)
    first, second = index.reshape(-1, 2).T
    random = np.random.default_rng(0)
    for _ in range(DRAWS):
        times = np.bincount(random.integers(0, len(people), len(people)), minlength=len(people))
        yield (times[first] * np.where(first == second, 1, times[second])).astype(np.float64)


def _sorted(scores: Scores, weights: Weights) -> tuple[Scores, Weights]:
    """Scores, ascending, and the weight of everything up to each."""
    order = np.argsort(scores, kind="stable")
    return scores[order], np.concatenate([[0.0], np.cumsum(weights[order])])


def _below(group: tuple[Scores, Weights], thresholds: Scores) -> Scores:
    scores, cumulated = group
    return np.asarray(cumulated[np.searchsorted(scores, thresholds, "left")] / max(cumulated[-1], 1e-12), np.float64)


def _above(group: tuple[Scores, Weights], threshold: float) -> float:
    scores, cumulated = group
    return float(1 - cumulated[np.searchsorted(scores, threshold, "right")] / max(cumulated[-1], 1e-12))


def _threshold_at(strangers: tuple[Scores, Weights], rate: float) -> float:
    """The score of the last stranger pair that has no more than ``rate`` of all above it."""
    scores, cumulated = strangers
    above = cumulated[-1] - cumulated[1:]  # strictly later in the order, for each pair
    return float(scores[int(np.argmax(above <= rate * cumulated[-1] + 1e-9))])
