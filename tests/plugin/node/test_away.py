"""A node whose archive is away for long: by a clock that passes when a test says so, with everything else as it is."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from dicom_io.header import SiteKey
from plugin.commands.demo_archive import Receiver
from plugin.config import Configuration
from plugin.ledger import State
from tests.plugin.conftest import wait_for
from tests.plugin.fakes import photograph, save
from tests.plugin.node.test_node import running, send

STUDY = "1.2.826.0.1.3680043.8.498.99"
HOUR, MINUTE = 3600.0, 60.0


class Clock:
    """Seconds that the couriers go by."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_after_a_day_without_its_archive_nothing_is_held_and_all_is_there_within_a_minute_of_its_return(
    configuration: Configuration, key: SiteKey, receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr("plugin.node.node.time", SimpleNamespace(monotonic=clock))
    port = receiver.port
    receiver.stop()
    with running(configuration, key) as node:
        send(node, *(save(photograph(f"{STUDY}.{number}", number=number), tmp_path / "in") for number in (1, 2, 3)))
        wait_for(lambda: node.ledger.counts() == {State.UNDELIVERED: 3})
        for _ in range(24):
            tries = node.destinations.standing("archive").failures
            clock.now += HOUR
            wait_for(lambda tries=tries: node.destinations.standing("archive").failures > tries)  # type: ignore[misc]
        assert node.ledger.counts() == {State.UNDELIVERED: 3}
        assert node.quarantine.entries() == []
        receiver.start(port)
        clock.now += MINUTE
        wait_for(lambda: node.ledger.counts() == {State.PURGED: 3})
        assert node.quarantine.entries() == []
    assert len(receiver.stored) == len(set(receiver.stored)) == 12
