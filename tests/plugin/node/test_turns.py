"""Whose step is next, with a clock that is told."""

from __future__ import annotations

import threading

import pytest

from plugin.node.turns import WAITED_FOR_HAD, NodeStopping, Turns
from tests.plugin.conftest import wait_for


class Line:
    """Steps that queue behind one that runs, and the order in which they got their turn."""

    def __init__(self) -> None:
        self.now = 0.0
        self.turns = Turns(clock=lambda: self.now)
        self.order: list[str] = []
        self._threads: list[threading.Thread] = []

    def join(self, name: str, *, urgent: bool = False, had: float = 0.0) -> None:
        """``name`` stands in line when this returns."""

        def step() -> None:
            try:
                with self.turns.turn(urgent=urgent, had=had):
                    self.order.append(name)
            except NodeStopping:
                self.order.append(f"{name} stopped")

        before = self.turns.waiting()
        thread = threading.Thread(target=step)
        self._threads.append(thread)
        thread.start()
        wait_for(lambda: self.turns.waiting() > before)

    def leave(self) -> list[str]:
        for thread in self._threads:
            thread.join()
        return self.order


def test_the_small_go_past_what_has_had_much_and_a_person_goes_past_all() -> None:
    line = Line()
    with line.turns.turn():
        line.join("large", had=120.0)
        line.join("second", had=3.0)
        line.join("first", had=1.0)
        line.join("new")
        line.join("released", urgent=True, had=500.0)
    assert line.leave() == ["released", "new", "first", "second", "large"]


def test_nobody_waits_for_ever() -> None:
    line = Line()
    with line.turns.turn():
        line.join("large", had=120.0)
        line.now = 120.0 * WAITED_FOR_HAD + 1
        line.join("new")
    assert line.leave() == ["large", "new"]


def test_equals_go_in_the_order_in_which_they_came() -> None:
    line = Line()
    with line.turns.turn():
        for name in "abc":
            line.join(name)
    assert line.leave() == ["a", "b", "c"]


def test_once_the_node_stops_nothing_begins_and_what_runs_ends() -> None:
    line = Line()
    with line.turns.turn():
        line.join("waiting")
        assert not line.turns.close(0.0), "one step runs still"
        assert line.leave() == ["waiting stopped"]
    assert line.turns.close(0.0)
    with pytest.raises(NodeStopping):
        line.turns.wait(60.0)
    with pytest.raises(NodeStopping), line.turns.turn():
        pass
