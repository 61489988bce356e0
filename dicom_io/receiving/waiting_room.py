"""Where connections wait until they have asked for an association: all of them in one thread, however many there are.

A thread for each would have to be begun by the one that accepts, and would take its turn of Python's lock with those
that store. A few hundred connections a second then were enough for the kernel to drop those that nobody had accepted,
and whoever was dropped tried again a second later. So nothing is made for a connection before its request lies whole in
the socket, and nothing at all for one that has hung up by then.
"""

from __future__ import annotations

import logging
import os
import select
import threading
import time
from collections.abc import Callable

from dicom_io.receiving.connections import Connection, Standing

log = logging.getLogger(__name__)

LOOK_AGAIN_SECONDS = 0.1
"""Between two looks at the clock, while anybody waits."""


class WaitingRoom:
    """``seconds``: from a connection to the whole of its request. ``tls``: what the requests of this port begin with.

    ``serve`` is called for one that has asked, ``leave`` for one that will not; either has it from then on. Both are
    called in the thread of this room, and must not wait.
    """

    def __init__(
        self, seconds: float, *, tls: bool, serve: Callable[[Connection], None], leave: Callable[[Connection], None]
    ) -> None:
        self._seconds = seconds
        self._tls = tls
        self._serve = serve
        self._leave = leave
        self._lock = threading.Lock()
        self._waiting: dict[int, Connection] = {}  # by descriptor, in the order in which they came
        self._closed = False
        self._poll = select.epoll()
        self._bell = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._poll.register(self._bell, select.EPOLLIN)
        self._thread = threading.Thread(target=self._run, name="waiting room", daemon=True)

    def open(self) -> None:
        """Begin to look. Call it once."""
        self._thread.start()

    def enter(self, connection: Connection) -> None:
        """``connection`` waits here from now on."""
        connection.awaits(1)
        with self._lock:
            if not self._closed:
                self._poll.register(connection.request.fileno(), select.EPOLLIN | select.EPOLLRDHUP)
                self._waiting[connection.request.fileno()] = connection
                if len(self._waiting) == 1:
                    os.eventfd_write(self._bell, 1)
                return
        self._leave(connection)

    def close(self) -> None:
        """Whoever still waits leaves, and nobody enters any more."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        os.eventfd_write(self._bell, 1)
        if self._thread.ident is not None:
            self._thread.join()
        for connection in self._waiting.values():
            self._leave(connection)
        self._waiting.clear()
        self._poll.close()
        os.close(self._bell)

    def _run(self) -> None:
        while not self._closed:
            for descriptor, events in self._poll.poll(LOOK_AGAIN_SECONDS if self._waiting else None):
                if descriptor == self._bell:
                    os.eventfd_read(self._bell)
                    continue
                with self._lock:
                    connection = self._waiting[descriptor]
                standing = Standing.HOPELESS
                if not events & (select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR):
                    standing = connection.looked_at(tls=self._tls)
                if standing is not Standing.WAITS:
                    self._let_go(connection, self._serve if standing is Standing.ASKS else self._leave)
            while (late := self._first_too_late()) is not None:
                self._let_go(late, self._leave)

    def _first_too_late(self) -> Connection | None:
        with self._lock:
            first = next(iter(self._waiting.values()), None)
        return first if first is not None and time.monotonic() > first.opened + self._seconds else None

    def _let_go(self, connection: Connection, then: Callable[[Connection], None]) -> None:
        descriptor = connection.request.fileno()
        with self._lock:
            del self._waiting[descriptor]
            self._poll.unregister(descriptor)
        connection.awaits(1)
        try:
            then(connection)
        except Exception:  # it is one connection: whatever befell it, the others go on
            log.exception("a connection from %s could not be dealt with", connection.address)
