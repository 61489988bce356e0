"""What every test shares: where the repository is, and threads that do not fight over two cores."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers.postgres import postgres_server as postgres_server

# Read by libraries when they are first imported, so it is set before any test module is.
os.environ.setdefault("OMP_NUM_THREADS", "1" if "PYTEST_XDIST_WORKER" in os.environ else "2")
# Else a thread that waits for one whose core somebody else has spins, and takes the core from whom it waits for.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("HF_HUB_OFFLINE", "1")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests go first: else one of several processes has a long one left when the others are done."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session", autouse=True)
def callers_close_their_sockets() -> Iterator[None]:
    """pynetdicom leaves a socket open that its peer was quicker to end: shutting it down fails, and closing is skipped.
    Tests call with it; what the product opens it closes itself."""
    from pynetdicom.transport import AssociationSocket

    shut_down = AssociationSocket._shutdown_socket

    def closed_as_well(connection: AssociationSocket) -> None:
        opened = connection.socket
        shut_down(connection)
        if opened is not None:
            opened.close()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AssociationSocket, "_shutdown_socket", closed_as_well)
        yield


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the working tree."""
    return Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def sample_studies(repository: Path) -> Path:
    """The folder of sample studies, one folder a patient."""
    return repository / "sample_data" / "studies"
