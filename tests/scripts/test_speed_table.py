"""The documented seconds are what the formula gives."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.models.published import CARDS, COST_DA, VARIANTS, seconds
from scripts.speed_table import table


def test_the_table_in_the_documentation_is_the_formulas(repository: Path) -> None:
    assert table() in (repository / "docs" / "large_models_speed.md").read_text()


def test_seconds_are_work_over_speed() -> None:
    """FLUX.1-dev at 1024 pixels: 2 edits, 24 steps, 2 rows, 74.4 TFLOP, on an A100 at 45 % of 312 TFLOP/s."""
    dev = next(each for each in VARIANTS if each.name == "FLUX.1-dev")
    a100, rtx = (next(card for card in CARDS if card.name == name) for name in ("A100", "RTX 4090"))

    assert seconds(dev, a100, 1024) == pytest.approx(2 * 24 * 2 * 74.4 / (312 * 0.45))
    assert seconds(dev, rtx, 1024) is None, "23.8 GB of weights do not fit in 24 GiB with anything beside them"


def test_a_guided_target_costs_a_row_more() -> None:
    base, few = (
        next(each for each in VARIANTS if each.name == name) for name in ("FLUX.2-klein-base-4B", "FLUX.2-klein-4B")
    )
    ratio = (seconds(base, CARDS[0], 512) or 0) / (seconds(few, CARDS[0], 512) or 1)

    assert ratio == pytest.approx(28 * 3 / (4 * 2))


def test_every_documented_cost_is_the_codes(repository: Path) -> None:
    text = (repository / "docs" / "large_models_speed.md").read_text()
    cells = [[cell.strip() for cell in line.split("|")] for line in text.splitlines() if line.count("|") == 5]
    rows = {row[1]: row[2] for row in cells}
    for name, documented in (("bfloat16", "`bfloat16`"), ("float16", "`float16`"), ("compiled", "`torch.compile`")):
        assert float(rows[documented].split()[0]) == COST_DA[name]
