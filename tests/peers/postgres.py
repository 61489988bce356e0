"""A PostgreSQL server of the test's own, on loopback, run by a user without privileges and gone afterwards."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.peers import require_peer
from tests.peers.processes import LOOPBACK, PATIENCE, free_port, patience, wait_until

USER = "twinveil"
NOBODY = "nobody"
"""PostgreSQL refuses to run as root."""


def program(name: str) -> str:
    """The newest of Debian's; they are not on the path."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: float(path.parts[4]))
    return str(found[-1] if found else require_peer(name))


@dataclass
class Server:
    """One server with one folder, which may be stopped and started again."""

    folder: Path
    port: int
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://{USER}@{LOOPBACK}:{self.port}/{database}"

    def new_database(self) -> str:
        """The URL of an empty one."""
        name = f"t{uuid.uuid4().hex}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"'.encode())
        return self.url(name)

    def start(self) -> None:
        command = [
            program("postgres"), "-D", str(self.folder), "-p", str(self.port), "-c", f"listen_addresses={LOOPBACK}",
            "-c", "unix_socket_directories=", "-c", "fsync=off", "-c", "max_connections=200",
        ]  # fmt: skip
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder, **as_nobody())
        wait_until(self._answers, PATIENCE, f"PostgreSQL answers; see {self.folder / 'log'}", interval=0.05)

    def stop(self) -> None:
        """At once, as if its machine had lost power: no session is waited for."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(patience())
            self._process = None

    def _answers(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError((self.folder / "log").read_text())
        with contextlib.suppress(psycopg.OperationalError), psycopg.connect(self.url(), connect_timeout=2):
            return True
        return False


def as_nobody() -> dict[str, Any]:
    return {"user": NOBODY, "group": "nogroup"} if os.geteuid() == 0 else {}


@contextlib.contextmanager
def postgres() -> Iterator[Server]:
    """A running server; its folder is gone when the block ends. Skips the test where there is no such program."""
    initdb = program("initdb")
    with tempfile.TemporaryDirectory(prefix="twinveil-postgres-") as name:
        folder = Path(name) / "data"
        folder.mkdir(mode=0o700)
        if os.geteuid() == 0:
            Path(name).chmod(0o711)
            shutil.chown(folder, NOBODY)
        command = [initdb, "-D", str(folder), "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
        made = subprocess.run(command, capture_output=True, text=True, cwd=folder, **as_nobody())
        assert made.returncode == 0, made.stderr
        server = Server(folder, free_port())
        server.start()
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    with postgres() as server:
        yield server
