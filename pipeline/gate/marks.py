"""What tells who somebody is on skin without a face: a tattoo, a ring, a wrist band.

A close-up keeps its own pixels, so such a mark would leave as it is. The healing network was taught to see painted ones
(``training.photographs.marks``); what it is sure of, and what is no disease, holds the photograph until a person has
looked. What it does not see is not held: it is a help for a reviewer, no proof that nothing is there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pipeline.errors import IdentifyingMark


@dataclass(frozen=True)
class MarkRule:
    """When something counts as a mark."""

    sure: float = 0.5
    """Of the network's sureness from which a pixel belongs to a mark…"""
    certain: float = 0.955
    """…if the surest fifth of the same part reaches this on average. (Tuning photographs, 105 dermoscopic and 15 of
    wounds: 3 of 120 are held, and .89 and .59 with a painted tattoo. From .94 on as many are held and more found, but
    of held-out photographs .05.)"""
    smallest: float = 0.003
    """Share of the square that a part must cover: below it no line of a tattoo is told from a hair."""


DEFAULT_MARK_RULE = MarkRule()


def hold_marks(
    sureness: NDArray[np.floating],
    diseased: NDArray[np.bool_],
    shape: tuple[int, ...],
    rule: MarkRule = DEFAULT_MARK_RULE,
) -> None:
    """Raise ``IdentifyingMark``, saying where, if a mark is seen beside the disease.

    ``sureness``: (R, R) in [0, 1] over the square that holds the photograph of ``shape`` (height, width, ...);
    ``diseased``: (R, R).
    """
    found = boxes(sureness, diseased, rule)
    if not found:
        return
    side = max(shape[:2])
    scale, left, top = side / len(sureness), (shape[1] - side) / 2, (shape[0] - side) / 2
    places = "; ".join(
        f"{round(columns.start * scale + left)} to {round(columns.stop * scale + left)} across, "
        f"{round(rows.start * scale + top)} to {round(rows.stop * scale + top)} down"
        for rows, columns in found[:_TOLD]
    )
    raise IdentifyingMark(
        f"{len(found)} mark{'s' * (len(found) > 1)} like a tattoo, a ring or a band, in pixels: {places}. If nobody "
        "can be known by it, a reviewer may release the photograph"
    )


_TOLD = 4
"""Places that a message names."""


def boxes(
    sureness: NDArray[np.floating], diseased: NDArray[np.bool_], rule: MarkRule = DEFAULT_MARK_RULE
) -> list[tuple[slice, slice]]:
    """Rows and columns of each mark in the square, the largest first."""
    parts, count = ndimage.label((sureness >= rule.sure) & ~diseased, np.ones((3, 3)))
    if not count:
        return []
    numbers = np.arange(1, count + 1)
    areas = ndimage.sum_labels(np.ones_like(sureness), parts, numbers)
    surest = ndimage.labeled_comprehension(sureness, parts, numbers, _surest_fifth, float, 0.0)
    found = ndimage.find_objects(parts)
    kept = [
        number
        for number in range(count)
        if areas[number] >= rule.smallest * sureness.size and surest[number] >= rule.certain
    ]
    return [found[number] for number in sorted(kept, key=lambda number: -areas[number])]


def _surest_fifth(values: NDArray[np.floating]) -> float:
    return float(np.sort(values)[-max(1, len(values) // 5) :].mean())
