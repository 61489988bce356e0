"""Real processes for tests: started on loopback, waited for, always ended."""

from __future__ import annotations

import contextlib
import os
import random
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

LOOPBACK = "127.0.0.1"

PATIENCE = 240.0
"""Seconds for one event that only a hang takes, on a machine with a core for it. Nothing waits for them to pass.

Longer than what a node waits for an answer by default, so that one that does not come shows as what it is.
"""


_PORTS = range(12_000, 32_000)
"""Below those from which the kernel gives callers theirs (Linux: 32768 on): else one of another test may have taken a
port by the time that a peer, seconds later, wants to listen there."""
_GIVEN = set[int]()


def free_port() -> int:
    """A TCP port on loopback that was free a moment ago, and another one each time."""
    chance = random.SystemRandom()  # of its own in each of the processes that test side by side
    while True:
        port = chance.choice(_PORTS)
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind((LOOPBACK, port))
            if port not in _GIVEN:
                _GIVEN.add(port)
                return port


def share_of_a_core() -> float:
    """What one process may have got of a core in the last minute, at most 1: the cores by the load."""
    return min(1.0, (os.cpu_count() or 1) / max(os.getloadavg()[0], 1.0))


def patience() -> float:
    """``PATIENCE`` on the machine as it is now: seconds for what knows nothing of a busy one."""
    return PATIENCE / share_of_a_core()


def wait_until(
    condition: Callable[[], bool], seconds: float, what: str | Callable[[], str], interval: float = 0.2
) -> None:
    """Return as soon as ``condition`` holds; AssertionError naming ``what`` when it does not within ``seconds``.

    ``seconds`` is ``PATIENCE`` unless the time itself is what is tested; on a busy machine they pass more slowly.
    ``what`` is called, if it can be, at the end.
    """
    waited, before = 0.0, time.monotonic()
    while not condition():
        now = time.monotonic()
        waited, before = waited + (now - before) * share_of_a_core(), now
        if waited > seconds:
            raise AssertionError(f"not within {seconds:.0f} s: {what() if callable(what) else what}")
        time.sleep(interval)


def end_of(log: Path, lines: int = 40) -> str:
    """What a log says last."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def is_listening(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((LOOPBACK, port), timeout=1):
        return True
    return False


@contextlib.contextmanager
def running(
    command: Sequence[str | Path],
    log: Path,
    *,
    port: int | None = None,
    says: str = "",
    env: Mapping[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run ``command`` until the block ends, with its output in ``log``.

    Entered on its own word, once ``says`` stands in the log, or, where it gives none, once it listens on ``port``.
    """

    def is_there() -> bool:
        if says:
            return says in log.read_text(errors="replace")
        return port is None or is_listening(port)

    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(part) for part in command], stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=env
        )
        try:
            what = f"{command[0]} says {says!r}" if says else f"{command[0]} listens on {port}"
            wait_until(lambda: process.poll() is not None or is_there(), PATIENCE, what)
            if process.poll() is not None:
                said = log.read_text(errors="replace")
                raise AssertionError(f"{command[0]} ended with {process.returncode}:\n{said}")
            yield process
        finally:
            process.terminate()
            try:
                process.wait(patience())
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
