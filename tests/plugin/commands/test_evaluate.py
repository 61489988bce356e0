"""The command that examines many patients: what it knows is on disk before it is done."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

import pipeline.evaluation
from pipeline.evaluation import Case
from plugin.commands.evaluate import KEPT_EVERY, evaluate
from tests.pipeline.evaluation.cases import case


class InterruptedCrowd(pipeline.evaluation.Crowd):
    """Patients as they come, and then the machine is wanted for something else."""

    def examined(self) -> Iterator[Case]:
        yield from (case(number) for number in range(KEPT_EVERY + 1))
        raise KeyboardInterrupt


def test_an_evaluation_that_is_ended_leaves_the_figures_of_those_it_examined(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline.evaluation, "Crowd", InterruptedCrowd)

    with pytest.raises(KeyboardInterrupt):
        evaluate(200, 0, tmp_path, None, None, Console(quiet=True))

    card = json.loads((tmp_path / "scorecard.json").read_text())
    assert card["conditions"]["patients"] == KEPT_EVERY
    assert card["conditions"]["asked for"] == 200
    assert card["figures"]["release_rate"]["n"] == KEPT_EVERY
    assert (tmp_path / "report.html").exists() and (tmp_path / "overview.png").exists()
