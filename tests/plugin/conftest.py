"""A node with a fake twin maker, a receiving archive, and a configuration on loopback."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dicom_io.header import SiteKey, generate_key_file
from plugin.commands.demo_archive import Receiver
from plugin.config import Configuration
from plugin.database import Database, Postgres, close_idle
from tests.peers.postgres import Server
from tests.peers.processes import PATIENCE, wait_until


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "site.key"
    generate_key_file(path)
    return path


@pytest.fixture
def key(key_file: Path) -> SiteKey:
    return SiteKey.from_file(key_file)


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    archive = Receiver(tmp_path / "archive")
    archive.start()
    yield archive
    archive.stop()


@pytest.fixture
def configuration(tmp_path: Path, receiver: Receiver) -> Configuration:
    return Configuration.model_validate(
        {
            "folder": tmp_path,
            "listener": {"port": 0, "processes": 1},
            "callers": [{"ae_title": "CAMERA", "network": "127.0.0.1/32"}],
            "destinations": [
                {"name": "archive", "ae_title": "ARCHIVE", "host": "127.0.0.1", "port": receiver.port},
            ],
            "study": {"quiet_seconds": 0.4},
            "retries": {"attempts": 3, "first_wait_seconds": 0.2},
            "limits": {"min_free_bytes": 0},
        }
    )


def wait_for(condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Return once ``condition`` holds; fail when it does not in time."""
    wait_until(condition, seconds, "what the test waits for", interval=0.05)


@pytest.fixture(params=["file", "server"])
def records(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database: SQLite's file, and PostgreSQL where there is one."""
    if request.param == "file":
        yield tmp_path / "twinveil.sqlite"
        return
    server: Server = request.getfixturevalue("postgres_server")
    yield Postgres(server.new_database())
    close_idle()
