"""A short load; `make load` is the long one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.load.__main__ import run
from tests.peers.processes import PATIENCE


@pytest.mark.slow
def test_what_two_senders_store_is_delivered_once(tmp_path: Path) -> None:
    figures = run(tmp_path, senders=2, seconds=60.0, instances=10, patience=PATIENCE)
    assert figures["met"], figures
    assert figures["accepted"]
