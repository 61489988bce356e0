"""Who is connected: those without an association yet and those with one, counted apart, and by address.

Any machine at an allowed address can open a connection without saying a word. So those that have not asked for an
association never take the place of those that have, and when there are too many of either, whoever has hung up or been
silent longest makes room: a sender that says what it wants at once, and waits, always finds a place.
"""

from __future__ import annotations

import array
import contextlib
import fcntl
import logging
import select
import socket
import termios
import threading
import time
from collections import Counter
from collections.abc import Iterable
from enum import Enum, auto
from struct import Struct

from dicom_io.receiving.association_request import LONGEST_ASSOCIATION_REQUEST, is_reasonable
from dicom_io.receiving.limits import ConnectionLimits

log = logging.getLogger(__name__)

SHORTEST_REQUEST = 74
"""Bytes of an association request before its first item (PS3.8 9.3.2). A TLS client has more to say at first, too."""

MOST_AWAITED = 1 << 16
"""Bytes of a request that are waited for in the socket, whose buffer has an end; the thread that reads it has the rest.
"""

LOOK_AGAIN_SECONDS = 0.05
"""Between two looks for an association that has fallen silent meanwhile."""

A_ASSOCIATE_RQ, TLS_HANDSHAKE = 0x01, 0x16
"""What the first byte of a connection must be (PS3.8 9.3.2, RFC 8446 5.1)."""

ABORT_OF_UNEXPECTED_PDU = bytes.fromhex("070000000004" "00000202")
"""An A-ABORT by the service provider: unexpected PDU (PS3.8 9.3.8)."""

_PDU_HEAD = Struct(">BxL")


class Standing(Enum):
    """What may become of a connection that has no association: its request is not whole yet, is, or never will be."""

    WAITS = auto()
    ASKS = auto()
    HOPELESS = auto()


class Connection:
    """One TCP connection. ``heard``: when something last came in; ``busy``: we are at work for it and it must wait;
    ``asked``: its association request is read; ``broke_protocol``: what it began with is no request that we answer.

    Only the thread that serves it reads from it and closes it; any thread may ask it to give way.
    """

    def __init__(self, request: socket.socket, address: str, port: int = 0) -> None:
        self.request = request
        self.address = address
        self.port = port
        self.opened = self.heard = time.monotonic()
        self.asked = False
        self.established = False
        self.busy = False
        self.gave_way = False
        self.broke_protocol = False
        self._awaited = 1

    def awaits(self, count: int) -> None:
        """It counts as readable once ``count`` bytes of it lie in the socket, or as many as that takes at all."""
        with contextlib.suppress(OSError):
            self.request.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, count)
        self._awaited = count

    def looked_at(self, *, tls: bool) -> Standing:
        """How it stands, now that it is readable. None of what it sent is taken.

        Nothing is made for a connection before its request is whole: until then it costs what the kernel keeps of it.
        """
        try:
            request = b"" if self.gave_way else self.request.recv(self._awaited, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except OSError:
            return Standing.HOPELESS
        if not request or not _may_become_request(request, tls=tls):
            self.broke_protocol = bool(request)
            if request and not tls:
                with contextlib.suppress(OSError):
                    self.request.send(ABORT_OF_UNEXPECTED_PDU, socket.MSG_DONTWAIT)
            return Standing.HOPELESS
        if len(request) >= SHORTEST_REQUEST:
            return Standing.ASKS
        if tls:
            self.awaits(SHORTEST_REQUEST)
        elif len(request) < _PDU_HEAD.size:
            self.awaits(_PDU_HEAD.size)
        else:
            self.awaits(min(_PDU_HEAD.size + _PDU_HEAD.unpack_from(request)[1], MOST_AWAITED))
        return Standing.WAITS

    def asks_for(self) -> int:
        """Bytes of its request that lie in the socket: 0 while they are fewer than the shortest has, 1 once we have
        read it."""
        if self.asked:
            return 1
        waiting = self._waiting_bytes()
        return waiting if waiting >= SHORTEST_REQUEST else 0

    def _waiting_bytes(self) -> int:
        waiting = array.array("i", [0])
        try:
            fcntl.ioctl(self.request.fileno(), termios.FIONREAD, waiting)
        except (OSError, ValueError):
            return 0
        return waiting[0]

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
        self._room = threading.Condition()
        self._open: dict[Connection, None] = {}  # in the order in which they came

    def admit(self, connection: Connection) -> None:
        """Count ``connection`` among those without an association; where they are too many, one gives way.

        All that have hung up meanwhile, else the oldest that has not asked for anything: a sender which has, and
        waits, is served however busy we are.
        """
        with self._room:
            pending = [one for one in self._open if not one.established]
            beside = [one for one in pending if one.address == connection.address]
            leaving: list[Connection] = []
            if len(beside) >= self._limits.max_pending_per_address:
                leaving = _first_to_go(beside)
            elif len(pending) >= self._limits.max_pending:
                most = _address_with_most(pending)
                leaving = _first_to_go([one for one in pending if one.address == most])
            for one in leaving:
                del self._open[one]
            self._open[connection] = None
        for one in leaving:
            one.give_way()

    def establish(self, connection: Connection) -> bool:
        """``connection`` asks for an association. Whether there is room for it, perhaps because a silent one left.

        Waits for room for ``patience_seconds``: an association may end by then, or fall silent.
        """
        by = time.monotonic() + self._limits.patience_seconds
        with self._room:
            while True:
                if connection not in self._open:
                    return False
                is_free, leaving = self._place_for(connection)
                if is_free or leaving is not None:
                    break
                if time.monotonic() >= by:
                    return False
                self._room.wait(LOOK_AGAIN_SECONDS)
            if leaving is not None:
                del self._open[leaving]
            connection.established = True
        if leaving is not None:
            log.info("an association of %s that was silent gave way to another", leaving.address)
            leaving.give_way()
        return True

    def _place_for(self, connection: Connection) -> tuple[bool, Connection | None]:
        """Whether there is a free place, and otherwise who may be asked to leave one."""
        held = [one for one in self._open if one.established]
        beside = [one for one in held if one.address == connection.address]
        if len(beside) >= self._limits.max_associations_per_address:
            return False, self._longest_silent(beside)
        if len(held) >= self._limits.max_associations:
            most = _address_with_most(held)
            return False, self._longest_silent(one for one in held if one.address == most)
        return True, None

    def leave(self, connection: Connection) -> None:
        """``connection`` is gone."""
        with self._room:
            self._open.pop(connection, None)
            self._room.notify_all()

    @property
    def count(self) -> int:
        """How many are open now."""
        return len(self._open)

    def all(self) -> list[Connection]:
        """Those that are open now."""
        with self._room:
            return list(self._open)

    def _longest_silent(self, connections: Iterable[Connection]) -> Connection | None:
        before = time.monotonic() - self._limits.reclaim_seconds
        silent = [one for one in connections if not one.busy and one.heard <= before]
        return min(silent, key=lambda one: one.heard, default=None)


def _may_become_request(begun: bytes, *, tls: bool) -> bool:
    """Whether a request may begin with ``begun``, which has one byte at least."""
    if begun[0] != (TLS_HANDSHAKE if tls else A_ASSOCIATE_RQ):
        return False
    if tls or len(begun) < _PDU_HEAD.size:
        return True
    length: int = _PDU_HEAD.unpack_from(begun)[1]
    if not SHORTEST_REQUEST - _PDU_HEAD.size <= length <= LONGEST_ASSOCIATION_REQUEST:
        return False
    return len(begun) < SHORTEST_REQUEST or is_reasonable(memoryview(begun)[_PDU_HEAD.size :])


def _first_to_go(connections: list[Connection]) -> list[Connection]:
    """All that have hung up; else the oldest that asks for nothing; else the one that asks for most."""
    if gone := _hung_up(connections):
        return gone
    silent = next((one for one in connections if not one.asks_for()), None)
    return [silent or max(connections, key=Connection.asks_for)]


def _hung_up(connections: list[Connection]) -> list[Connection]:
    """Whose peer has closed, perhaps after a request: they wait for nothing any more."""
    poll, by_descriptor = select.poll(), {one.request.fileno(): one for one in connections}
    for descriptor in by_descriptor:
        if descriptor >= 0:
            poll.register(descriptor, select.POLLRDHUP)
    return [by_descriptor[descriptor] for descriptor, _ in poll.poll(0)]


def _address_with_most(connections: Iterable[Connection]) -> str:
    return Counter(one.address for one in connections).most_common(1)[0][0]
