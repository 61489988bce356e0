"""The processes that receive beside the node's own, from its side: started, heard, and started again when they end."""

from __future__ import annotations

import logging
import math
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from dicom_io.receiving import RefusedFor, StoredInstance
from plugin.config import Configuration
from plugin.intake.orders import BEAT_SECONDS, Orders, Pipe, stored_of
from plugin.observer import Observer

log = logging.getLogger(__name__)

SHORTEST_WAIT, LONGEST_WAIT = 0.2, 30.0
"""Seconds before a process that has ended is started again; doubled while it does not get to its port."""

SILENT_SECONDS = 15.0
"""A process that says nothing for so long is held to hang, and is ended: connections that it has taken up hang too.
It speaks every second, and on a busy machine a few seconds late."""

BEGIN_SECONDS = 120.0
"""How long one may take for its first word, while it reads its code from a slow disk."""

GRACE_SECONDS = 15.0
"""How long one may take to end that was told to: its associations have five seconds for it."""

CODE = Path(__file__).resolve().parents[2]
"""What a process imports from: the code that this one runs."""


class Receivers:
    """``opened``: descriptors of the sockets that the node listens at, and ``locks``: of what it holds. Its processes
    have both as well for as long as they live, so that no other node begins beside what is left of this one.

    ``set_aside``: called for an instance that conflicts with another one, before its sender is told Success.
    ``on_lost``: called when a process has ended by itself or hung; what it had on disk may lack its row.
    ``now_and_then``: called every second, for what the node's own process does as one of several.
    """

    def __init__(
        self,
        configuration: Configuration,
        opened: Mapping[str, int],
        locks: Sequence[int],
        observer: Observer,
        set_aside: Callable[[StoredInstance], object],
        on_lost: Callable[[], None],
        now_and_then: Callable[[], None] = lambda: None,
    ) -> None:
        self._configuration = configuration
        self._opened, self._locks = dict(opened), tuple(locks)
        self._observer = observer
        self._set_aside = set_aside
        self._on_lost = on_lost
        self._now_and_then = now_and_then
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._running: dict[int, tuple[subprocess.Popen[bytes], Pipe]] = {}
        self._listening: set[int] = set()
        self._silent_from: dict[int, float] = {}  # when each that runs is held to hang unless it speaks
        self._threads = [
            threading.Thread(target=self._keep, args=(place,), name=f"receiver {place}", daemon=True)
            for place in range(1, configuration.listener.receiving)
        ]
        self._threads.append(threading.Thread(target=self._watch, name="receivers", daemon=True))

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    @property
    def listening(self) -> int:
        """How many of them have the port open now."""
        return len(self._listening)

    @property
    def pids(self) -> list[int]:
        """Of the processes that run now."""
        with self._lock:
            return [process.pid for process, _ in self._running.values()]

    def begin_to_stop(self) -> None:
        """They take nothing more, and end."""
        self._stopping.set()
        with self._lock:
            for _, pipe in self._running.values():
                with suppress(OSError, ValueError):  # it has ended by itself
                    pipe.tell({"stop": True})

    def stop(self) -> None:
        """They have ended, or are ended."""
        self.begin_to_stop()
        by = time.monotonic() + GRACE_SECONDS
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(by - time.monotonic(), 0.0))
        with self._lock:
            for process, _ in self._running.values():
                process.kill()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()

    def _keep(self, place: int) -> None:
        wait = SHORTEST_WAIT
        while not self._stopping.is_set():
            listened, status = self._run(place)
            if self._stopping.is_set():
                return
            log.error("receiving process %d ended (%s) and is started again", place, status)
            self._on_lost()
            wait = SHORTEST_WAIT if listened else min(2 * wait, LONGEST_WAIT)
            self._stopping.wait(wait)

    def _watch(self) -> None:
        while not self._stopping.wait(BEAT_SECONDS):
            self._now_and_then()
            now = time.monotonic()
            with self._lock:
                for place, (process, _) in self._running.items():
                    if now > self._silent_from[place] and not _has_spoken(process):
                        log.error("receiving process %d does not answer any more and is ended", place)
                        process.kill()  # a stopped one as well; whoever listens to it hears that it has ended

    def _run(self, place: int) -> tuple[bool, str]:
        """One life of the process: whether it came to listen, and how it ended."""
        path = os.pathsep.join(filter(None, (str(CODE), os.environ.get("PYTHONPATH"))))
        try:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "plugin.intake"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                pass_fds=(*self._locks, *self._opened.values()), env={**os.environ, "PYTHONPATH": path},
            )  # fmt: skip
        except OSError as error:
            return False, f"not begun: {error.strerror}"
        assert process.stdin is not None and process.stdout is not None
        pipe, listened = Pipe(process.stdout, process.stdin), False
        try:
            pipe.tell(Orders(place, self._configuration, self._opened).encoded())
            with self._lock:
                self._silent_from[place] = time.monotonic() + BEGIN_SECONDS
                self._running[place] = process, pipe
            if self._stopping.is_set():
                pipe.tell({"stop": True})
            while (message := pipe.hear()) is not None:
                if "open" in message:
                    listened = True
                    self._listening.add(place)
                    log.info("receiving process %d listens", place)
                self._silent_from[place] = math.inf  # while it is we who do not listen
                self._take(pipe, message)
                self._silent_from[place] = time.monotonic() + SILENT_SECONDS
        except (OSError, ValueError) as error:  # it ended while it was told something
            log.debug("receiving process %d is not heard any more (%s)", place, type(error).__name__)
        finally:
            with self._lock:
                self._running.pop(place, None)
                self._listening.discard(place)
            with suppress(OSError):
                process.stdin.close()  # which ends it where it has not ended
            process.stdout.close()
            status = process.wait()
        return listened, f"status {status}"

    def _take(self, pipe: Pipe, message: dict[str, Any]) -> None:
        if "received" in message:
            self._observer.received_beside(message["received"])
        elif "refused" in message:
            self._observer.refused_beside(RefusedFor(message["refused"]))
        elif "conflict" in message:
            try:
                self._set_aside(stored_of(message["stored"]))
                done = True
            except Exception:
                log.exception("an instance is on disk but could not be set aside")
                done = False
            pipe.tell({"set_aside": message["conflict"], "done": done})


def _has_spoken(process: subprocess.Popen[bytes]) -> bool:
    """Whether what it said lies in the pipe: it is we who are late, then."""
    assert process.stdout is not None
    return bool(select.select([process.stdout], [], [], 0)[0])
