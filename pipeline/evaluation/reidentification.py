"""Would somebody who has the originals find the patient again? Two recognisers against a gallery of all patients.

Rendered faces resemble each other, so what is one person to a recogniser is measured on the patients themselves: the
threshold is the one that one in a thousand pairs of different patients passes. Beside it stand the gate's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.evaluation.case import Case, Described
from pipeline.gate import Calibration, Domain

FAR = 1e-3
RECOGNISERS = ("sface", "dlib")


@dataclass(frozen=True)
class Likeness:
    """One recogniser's scores, higher for more alike: ``twins`` (n, n), each row a twin against every original.

    NaN where a recogniser sees no face. ``threshold``: what ``FAR`` of the pairs of different originals lie above.
    """

    twins: NDArray[np.float64]
    threshold: float

    @property
    def matched(self) -> NDArray[np.bool_]:
        """(n,) twins that still count as their patient; a twin without a face matches nobody."""
        return np.asarray(np.nan_to_num(np.diag(self.twins), nan=-np.inf) > self.threshold)

    def matched_at(self, limit: float) -> NDArray[np.bool_]:
        """(n,) twins that score at least ``limit`` with their patient; one without a face matches nobody."""
        return np.asarray(np.nan_to_num(np.diag(self.twins), nan=-np.inf) >= limit)

    @property
    def ranked_first(self) -> NDArray[np.bool_]:
        """(n,) twins to whom no original is nearer than their own patient's."""
        scores = np.nan_to_num(self.twins, nan=-np.inf)
        return np.asarray(np.isfinite(np.diag(scores)) & (scores.argmax(1) == np.arange(len(scores))))


def likeness(cases: Sequence[Case], recogniser: str, which: str, domain: Domain | None) -> Likeness:
    """Scores of ``recogniser`` ("sface" or "dlib") between twins and originals.

    ``which``: the pictures of a case that are compared: "ungated", "twin", "reversed_once" or "reversed_averaged".
    ``domain``: whose centre is taken off SFace's descriptors first.
    """
    originals = _descriptors([case.original for case in cases], recogniser, domain)
    twins = _descriptors([getattr(case, which) for case in cases], recogniser, domain)
    between = _scores(originals, originals, recogniser)[np.triu_indices(len(cases), 1)]
    strangers = np.sort(between[np.isfinite(between)])
    threshold = float(strangers[-1 - int(FAR * len(strangers))]) if len(strangers) else float("nan")
    return Likeness(_scores(twins, originals, recogniser), threshold)


def gate_limit(calibration: Calibration, recogniser: str) -> float:
    """The score of ``likeness`` at which the gate would say that it is the patient."""
    return calibration.sface_cosine if recogniser == "sface" else -calibration.dlib_distance


def nearer_to_goal(cases: Sequence[Case], recogniser: str, domain: Domain | None) -> NDArray[np.float64]:
    """(n,) 1 where the first twin is more like a true swap into its persona than like its patient; 0 where no face is
    found in it. Not a number where the true swap shows none."""
    twins, goals, originals = (
        _descriptors([getattr(case, which) for case in cases], recogniser, domain)
        for which in ("ungated", "goal", "original")
    )
    to_goal, to_patient = (np.diag(_scores(twins, others, recogniser)) for others in (goals, originals))
    nearer = (np.nan_to_num(to_goal, nan=-np.inf) > np.nan_to_num(to_patient, nan=-np.inf)).astype(np.float64)
    seen = np.array([getattr(case.goal, recogniser) is not None for case in cases])
    return np.where(seen, nearer, np.nan)


def same_over_visits(cases: Sequence[Case], recogniser: str, domain: Domain | None) -> NDArray[np.float64]:
    """(n,) share of a patient's later twins whom ``recogniser`` takes for the person of the first twin."""
    threshold = likeness(cases, recogniser, "ungated", domain).threshold
    first = _descriptors([case.ungated for case in cases], recogniser, domain)
    later = [_descriptors([case.later[k] for case in cases], recogniser, domain) for k in range(len(cases[0].later))]
    scores = np.stack([np.diag(_scores(first, visit, recogniser)) for visit in later])
    return np.asarray((np.nan_to_num(scores, nan=-np.inf) > threshold).mean(0), np.float64)


def _descriptors(described: Sequence[Described], recogniser: str, domain: Domain | None) -> NDArray[np.float64]:
    rows = []
    for each in described:
        descriptor = getattr(each, recogniser)
        if descriptor is None:
            descriptor = np.full(128, np.nan)
        elif recogniser == "sface" and domain is not None:
            descriptor = domain.centred(descriptor)
        rows.append(descriptor)
    return np.stack(rows)


def _scores(first: NDArray[np.float64], second: NDArray[np.float64], recogniser: str) -> NDArray[np.float64]:
    if recogniser == "dlib":
        return np.asarray(-np.linalg.norm(first[:, None] - second[None], axis=-1))
    unit = [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (first, second)]
    return np.asarray(unit[0] @ unit[1].T)
