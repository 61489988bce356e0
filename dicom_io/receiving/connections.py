"""Who is connected: those without an association yet and those with one, counted apart, and by address.

A connection costs a thread, and any machine at an allowed address can open one without saying a word. So those that
have not asked for an association never take the place of those that have, and when there are too many of either, the
one that has been silent longest makes room: a sender that says what it wants at once always finds a place.
"""

from __future__ import annotations

import array
import fcntl
import logging
import select
import socket
import termios
import threading
import time
from collections import Counter
from collections.abc import Iterable

from dicom_io.receiving.limits import ConnectionLimits

log = logging.getLogger(__name__)

SHORTEST_REQUEST = 74
"""Bytes of an association request before its first item (PS3.8 9.3.2)."""


class Connection:
    """One TCP connection. ``heard``: when something last came in; ``busy``: we are at work for it and it must wait;
    ``asked``: its association request is read.

    Only the thread that serves it reads from it and closes it; any thread may ask it to give way.
    """

    def __init__(self, request: socket.socket, address: str) -> None:
        self.request = request
        self.address = address
        self.opened = self.heard = time.monotonic()
        self.asked = False
        self.established = False
        self.busy = False
        self.gave_way = False

    def speaks_by(self, deadline: float) -> bool:
        """Wait for its first byte, which is not taken. False where it closes, gives way, or keeps silent too long.

        Nothing is made for a connection before that: what keeps silent costs a thread that sleeps, and no more.
        """
        poll = select.poll()
        poll.register(self.request.fileno(), select.POLLIN)
        if not poll.poll(max(deadline - time.monotonic(), 0) * 1000) or self.gave_way:
            return False
        try:
            return bool(self.request.recv(1, socket.MSG_PEEK))
        except OSError:
            return False

    @property
    def is_asking(self) -> bool:
        """Whether its whole request is read, or as much lies in the socket as the shortest request has."""
        if self.asked:
            return True
        waiting = array.array("i", [0])
        try:
            fcntl.ioctl(self.request.fileno(), termios.FIONREAD, waiting)
        except (OSError, ValueError):
            return False
        return waiting[0] >= SHORTEST_REQUEST

    def give_way(self) -> None:
        """End it from outside: whoever waits for its bytes wakes up and finds none."""
        self.gave_way = True
        try:
            # The socket's own method also where TLS wraps it: that one's is not made for a second thread.
            socket.socket.shutdown(self.request, socket.SHUT_RDWR)
        except OSError:
            log.debug("a connection that was to give way was gone already")


class Connections:
    """The register of all connections of one listener, whatever port they came in by. Any thread may call it."""

    def __init__(self, limits: ConnectionLimits) -> None:
        self._limits = limits
        self._lock = threading.Lock()
        self._open: dict[Connection, None] = {}  # in the order in which they came

    def admit(self, connection: Connection) -> None:
        """Count ``connection`` among those without an association; where they are too many, one gives way.

        The oldest that has not asked for anything, so that a sender which has is served however busy we are.
        """
        with self._lock:
            pending = [one for one in self._open if not one.established]
            beside = [one for one in pending if one.address == connection.address]
            leaving = None
            if len(beside) >= self._limits.max_pending_per_address:
                leaving = _least_asking(beside)
            elif len(pending) >= self._limits.max_pending:
                most = _address_with_most(pending)
                leaving = _least_asking([one for one in pending if one.address == most])
            if leaving is not None:
                del self._open[leaving]
            self._open[connection] = None
        if leaving is not None:
            leaving.give_way()

    def establish(self, connection: Connection) -> bool:
        """``connection`` asks for an association. Whether there is room for it, perhaps because a silent one left."""
        with self._lock:
            if connection not in self._open:
                return False
            held = [one for one in self._open if one.established]
            beside = [one for one in held if one.address == connection.address]
            leaving = None
            if len(beside) >= self._limits.max_associations_per_address:
                leaving = self._longest_silent(beside)
            elif len(held) >= self._limits.max_associations:
                most = _address_with_most(held)
                leaving = self._longest_silent(one for one in held if one.address == most)
            else:
                connection.established = True
                return True
            if leaving is None:
                return False
            del self._open[leaving]
            connection.established = True
        log.info("an association of %s that was silent gave way to another", leaving.address)
        leaving.give_way()
        return True

    def leave(self, connection: Connection) -> None:
        """``connection`` is gone."""
        with self._lock:
            self._open.pop(connection, None)

    def all(self) -> list[Connection]:
        """Those that are open now."""
        with self._lock:
            return list(self._open)

    def _longest_silent(self, connections: Iterable[Connection]) -> Connection | None:
        before = time.monotonic() - self._limits.reclaim_seconds
        silent = [one for one in connections if not one.busy and one.heard <= before]
        return min(silent, key=lambda one: one.heard, default=None)


def _least_asking(connections: list[Connection]) -> Connection:
    return next((one for one in connections if not one.is_asking), connections[0])


def _address_with_most(connections: Iterable[Connection]) -> str:
    return Counter(one.address for one in connections).most_common(1)[0][0]
