"""The start of a node: the port is open before the models are loaded, and nothing that comes in meanwhile is lost."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from plugin.commands.demo_archive import Receiver
from plugin.ledger import State
from tests.crash.test_kill import PATIENCE, STUDY, Bench, bench, receiver, wait_for
from tests.plugin.fakes import photograph, save

__all__ = ["bench", "receiver"]


@pytest.mark.parametrize("ended_by", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed"])
def test_ended_while_the_models_load_it_keeps_what_it_took(
    bench: Bench, receiver: Receiver, tmp_path: Path, ended_by: signal.Signals
) -> None:
    hold = tmp_path / "hold-load"
    hold.touch()
    with bench.worker() as (process, port):
        bench.send(port, save(photograph(STUDY, number=1), tmp_path / "in"))
        process.send_signal(ended_by)
        status = process.wait(timeout=PATIENCE)
    assert status == (0 if ended_by == signal.SIGTERM else -signal.SIGKILL)
    assert bench.states() == {State.RECEIVED: 1}
    with bench.worker() as (_, port):
        bench.send(port, save(photograph(STUDY, number=2), tmp_path / "in"))
        assert bench.states() == {State.RECEIVED: 2}
        hold.unlink()
        wait_for(lambda: bench.finished(2), "both photographs")
    assert bench.states() == {State.PURGED: 2}
    assert len(receiver.stored) == len(set(receiver.stored)) == 8


def test_a_node_whose_models_cannot_be_loaded_ends_and_says_why(bench: Bench, tmp_path: Path) -> None:
    hold = tmp_path / "hold-load"
    hold.touch()
    (tmp_path / "die-in-load").touch()
    with bench.worker() as (process, port):
        bench.send(port, save(photograph(STUDY, number=1), tmp_path / "in"))
        hold.unlink()
        assert process.wait(timeout=PATIENCE) != 0
    assert "the model is not there" in (tmp_path / "log").read_text()
    assert bench.states() == {State.RECEIVED: 1}
