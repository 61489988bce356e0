"""The node under test as what it is in production: a configuration file, a key file and a process."""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.peers.processes import LOOPBACK, free_port, patience, running

COMMAND = Path(sys.executable).with_name("twinveil")
"""The installed command of the environment that the tests run in."""

KEY = hashlib.sha512(b"a key of tests alone").digest()
"""64 bytes that follow no pattern."""


def twinveil(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the ``twinveil`` command to its end, without a terminal and without a key of the environment's own."""
    return subprocess.run(
        [COMMAND, *map(str, arguments)],
        capture_output=True, text=True, check=False, timeout=patience(), stdin=subprocess.DEVNULL,
        env=_environment(environment),
    )  # fmt: skip


def _environment(additions: dict[str, str]) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TWINVEIL_")}
    return {**inherited, **additions}


@dataclass(frozen=True)
class Node:
    """A node's files; ``running`` starts it."""

    folder: Path
    port: int
    ae_title: str = "TWINVEIL"

    @property
    def configuration(self) -> Path:
        return self.folder / "twinveil.toml"

    @property
    def key(self) -> Path:
        return self.folder / "site.key"

    @property
    def manifests(self) -> Path:
        return self.folder / "state" / "manifests"

    @property
    def log(self) -> Path:
        return self.folder / "node.log"

    @contextlib.contextmanager
    def running(self) -> Iterator[subprocess.Popen[bytes]]:
        command = [COMMAND, "serve", "--config", self.configuration]
        with running(command, self.log, says=f"{self.ae_title} listens on", env=_environment({})) as process:
            yield process


def make_node(
    folder: Path, *, destination_port: int | None = None, state: Path | None = None, min_free_bytes: int = 2**20
) -> Node:
    """Write key and configuration of a node that takes photographs from CAMERA on loopback."""
    folder.mkdir(parents=True, exist_ok=True)
    node = Node(folder, free_port())
    node.key.write_bytes(KEY)
    node.key.chmod(0o600)
    lines = [
        f'state = "{state or folder / "state"}"',
        'key_file = "site.key"',
        "[listener]",
        f'ae_title = "{node.ae_title}"',
        f'host = "{LOOPBACK}"',
        f"port = {node.port}",
        "[[callers]]",
        'ae_title = "CAMERA"',
        f'network = "{LOOPBACK}/32"',
        "[study]",
        "quiet_seconds = 1.0",
        "[limits]",
        f"min_free_bytes = {min_free_bytes}",
    ]
    if destination_port is not None:
        lines += [
            "[[destinations]]",
            'name = "archive"',
            'ae_title = "SITEPACS"',
            f'host = "{LOOPBACK}"',
            f"port = {destination_port}",
        ]
    node.configuration.write_text("\n".join(lines) + "\n")
    return node
