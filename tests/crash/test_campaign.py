"""A short campaign of kills; `make crash` is the long one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash.campaign import run


@pytest.mark.slow
def test_a_dozen_kills_lose_nothing_and_leave_nothing_in_the_open(tmp_path: Path) -> None:
    figures = run(kills=12, accepted=12, seconds=300, seed=3, folder=tmp_path)
    assert figures["ended"]
    assert figures["kills"]
    assert figures["accepted"]
    names = ("lost", "duplicates", "unsafe", "leftovers", "innocent")
    assert {name: figures[name] for name in names} == dict.fromkeys(names, 0), figures["what"]
