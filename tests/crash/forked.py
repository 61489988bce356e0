"""Nodes in processes of their own, each a fork of one that has imported everything: none of them imports it anew."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tests.crash.warm"])


class ForkedNode:
    """``python -m tests.crash.worker`` with these arguments, as much of a ``subprocess.Popen`` as tests ask for.

    Its log goes to the end of ``log``. Whoever starts one ends it by ``end``.
    """

    def __init__(self, log: Path, *arguments: str | Path) -> None:
        reading, writing = FORKS.Pipe(duplex=False)
        self._process = FORKS.Process(target=_live, args=(log, writing, [str(each) for each in arguments]))
        self._process.start()
        writing.close()
        self._said = os.fdopen(os.dup(reading.fileno()))
        reading.close()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def line(self) -> str:
        """The next line that it says; "" when it has ended."""
        return self._said.readline()

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Its status, negative for the signal that ended it. Raises subprocess.TimeoutExpired."""
        self._process.join(timeout)
        status = self._process.exitcode
        if status is None:
            raise subprocess.TimeoutExpired("tests.crash.worker", timeout or 0.0)
        return status

    def send_signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def end(self) -> None:
        """Killed, if it still runs, and waited for."""
        with suppress(ProcessLookupError):
            self.send_signal(signal.SIGKILL)
        self.wait()
        self._said.close()


def _live(log: Path, said: Connection, arguments: list[str]) -> None:
    from tests.crash.worker import main  # there already; whoever only asks for nodes needs none of it

    os.dup2(said.fileno(), 1)
    said.close()
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.dup2(descriptor, 2)
    os.close(descriptor)
    sys.argv[1:] = arguments
    main()
