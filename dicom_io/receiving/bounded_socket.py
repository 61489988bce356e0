"""A connection whose reads, writes and TLS handshake end in time, with whatever peer."""

from __future__ import annotations

import select
import socket
import ssl
import time

from pynetdicom.association import Association
from pynetdicom.transport import AssociationSocket

from dicom_io.receiving.connections import Connection
from dicom_io.receiving.limits import ConnectionLimits
from dicom_io.receiving.proposed_contexts import RefusedContext, with_refused

READ_AT_ONCE = 1 << 18
"""Bytes asked of the operating system in one call."""


class BoundedSocket(AssociationSocket):
    """An association's socket. Every wait has a deadline on ``time.monotonic()``; passing it raises TimeoutError."""

    def __init__(self, association: Association, connection: Connection, limits: ConnectionLimits) -> None:
        request = connection.request
        request.setblocking(False)
        request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connection = connection
        self._limits = limits
        self.refused_contexts: list[RefusedContext] = []
        self._poll = select.poll()
        self._poll.register(request.fileno(), select.POLLIN)
        super().__init__(association, client_socket=request)

    def handshake(self, context: ssl.SSLContext, deadline: float) -> None:
        """Become a TLS connection. Raises OSError (ssl.SSLError is one) when the peer does not play its part."""
        wrapped = context.wrap_socket(
            self._open_socket(), server_side=True, do_handshake_on_connect=False, suppress_ragged_eofs=True
        )
        self._connection.request = self.socket = wrapped
        while True:
            try:
                wrapped.do_handshake()
                return
            except ssl.SSLWantReadError:
                self._wait(select.POLLIN, deadline)
            except ssl.SSLWantWriteError:
                self._wait(select.POLLOUT, deadline)

    def fill(self, view: memoryview, first_by: float) -> int:
        """Fill ``view`` and return how much was filled: less than all of it only when the peer closed.

        The first byte must come by ``first_by``; the rest at ``min_bytes_per_second``, without a pause of
        ``idle_seconds``. Raises OSError (TimeoutError is one).
        """
        limits, wanted, count = self._limits, len(view), 0
        deadline = first_by
        while count < wanted:
            read = self._receive(view[count : count + READ_AT_ONCE], deadline)
            if not read:
                break
            now = self._connection.heard = time.monotonic()
            if not count:
                begun = now
            count += read
            in_all = begun + limits.idle_seconds + count / limits.min_bytes_per_second
            if now > in_all:
                raise TimeoutError("a PDU came in too slowly")
            deadline = min(now + limits.idle_seconds, in_all)
        return count

    def send(self, bytestream: bytes) -> None:
        """All of ``bytestream``, or the connection counts as closed. An acceptance has ``refused_contexts`` added."""
        deadline = time.monotonic() + self._limits.idle_seconds
        rest = memoryview(with_refused(bytestream, self.refused_contexts))
        try:
            while rest:
                try:
                    rest = rest[self._open_socket().send(rest) :]
                except (BlockingIOError, ssl.SSLWantWriteError):
                    self._wait(select.POLLOUT, deadline)
                except ssl.SSLWantReadError:
                    self._wait(select.POLLIN, deadline)
        except OSError:
            self.event_queue.put("Evt17")  # PS3.8 9.2: transport connection closed

    def linger(self, seconds: float) -> None:
        """Let the peer read our last word and close, for ``seconds`` at most; a little that it still sends is lost."""
        deadline = time.monotonic() + seconds
        waste, left = memoryview(bytearray(1 << 12)), READ_AT_ONCE
        try:
            self._open_socket().shutdown(socket.SHUT_WR)
            while left > 0 and (read := self._receive(waste, deadline)):
                left -= read
        except OSError:
            return

    def _receive(self, view: memoryview, deadline: float) -> int:
        while True:
            try:
                return self._open_socket().recv_into(view)
            except (BlockingIOError, ssl.SSLWantReadError):
                self._wait(select.POLLIN, deadline)
            except ssl.SSLWantWriteError:
                self._wait(select.POLLOUT, deadline)

    def _wait(self, events: int, deadline: float) -> None:
        seconds = deadline - time.monotonic()
        self._poll.modify(self._open_socket().fileno(), events)
        if seconds <= 0 or not self._poll.poll(seconds * 1000):
            raise TimeoutError("the peer kept silent for too long")

    def _open_socket(self) -> socket.socket:
        if self.socket is None:
            raise OSError("the connection is closed")
        return self.socket
