"""The table of partial leaks: counts, bounds and bars, from verdicts that are made up."""

from __future__ import annotations

import pytest

from pipeline.evaluation import FULL_SWAP, KINDS, LEAKS
from scripts.composites import figures, table

Verdicts = dict[str, str | None]


def verdicts(*wrong: str) -> Verdicts:
    """As they should be, but for what is ``wrong``."""
    return {kind: "Rejected: still the patient" if (kind in LEAKS) != (kind in wrong) else None for kind in KINDS}


def test_what_is_right_meets_every_bar_and_none_of_forty_is_not_never() -> None:
    shares = figures([(("I", "VI")[number % 2], verdicts()) for number in range(40)])
    assert set(shares) == set(KINDS)
    assert all(one["meets_first_bar"] is not False for one in shares.values())
    assert shares["eyes_kept"]["value"] == 0.0
    assert shares["eyes_kept"]["high"] == pytest.approx(0.0876, abs=1e-3)  # Wilson: 1.96² / (40 + 1.96²)
    assert shares["eyes_kept"]["by_skin_type"]["VI"]["n"] == 20
    (row,) = (line for line in table(shares).splitlines() if LEAKS["eyes_kept"] in line)
    assert row.endswith("| 0 of 40 (to 0.09) | 0 of 20 (to 0.16) | 0 of 20 (to 0.16) |")


def test_a_leak_released_and_swaps_held_back_miss_their_bars() -> None:
    cases = [("II", verdicts()) for _ in range(40)]
    cases[0] = ("II", verdicts("rim_kept", FULL_SWAP))
    cases[1] = cases[2] = ("II", verdicts(FULL_SWAP))
    shares = figures(cases)
    assert shares["rim_kept"]["meets_first_bar"] is False
    assert shares[FULL_SWAP]["meets_first_bar"] is False
    assert shares["mouth_kept"]["meets_first_bar"] is True
    assert "1 of 40 (0.00 to 0.13)" in table(shares)
