"""A spool and a running listener, on a port that the operating system chose."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from dicom_io.receiving import AllowedCaller, ConnectionLimits, Listener, ListenerSettings, Spool, StoredInstance


@dataclass
class Node:
    """A running listener and what it was told to remember."""

    listener: Listener
    spool: Spool
    stored: list[StoredInstance] = field(default_factory=list)

    @property
    def port(self) -> int:
        return self.listener.port


SETTINGS = ListenerSettings(
    ae_title="TWINVEIL",
    port=0,
    allowed=(AllowedCaller("CAMERA", "127.0.0.0/8"), AllowedCaller("ELSEWHERE", "192.0.2.7")),
    limits=ConnectionLimits(
        request_seconds=3.0, idle_seconds=2.0, patience_seconds=0.1, max_instance_bytes=8 << 20
    ),
)


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool", min_free_bytes=1 << 20)


@pytest.fixture
def node(spool: Spool) -> Iterator[Node]:
    stored: list[StoredInstance] = []
    node = Node(Listener(SETTINGS, spool, stored.append), spool, stored)
    node.listener.start()
    yield node
    node.listener.stop(grace_seconds=1.0)
