"""Syslog to one server: over TLS (RFC 5425), in clear over TCP (RFC 6587, counted octets) or UDP (RFC 5426).

None of the three has an answer that says that a message arrived. Over TLS and TCP a server that closes or resets the
connection within a moment of a batch is taken not to have it, and the batch is sent again: some may come twice.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

CONNECT_SECONDS = 10.0
MOMENT_SECONDS = 0.2
"""How long after a batch the connection must stand."""


@dataclass(frozen=True)
class Server:
    """Where messages go. ``authorities``, ``certificate`` and ``key``: PEM files, of TLS alone, where needed."""

    transport: str
    host: str
    port: int
    authorities: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


class SyslogConnection:
    """A connection that is made when it is needed. Not to be used by two threads at a time."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._socket: socket.socket | None = None

    def open(self) -> None:
        """Connect, to see whether that can be done. Raises ``OSError``. Over UDP nobody can tell."""
        if self._server.transport != "udp" and self._socket is None:
            self._socket = self._connected()

    def send(self, messages: Sequence[bytes]) -> None:
        """All of them, in order. Raises ``OSError`` (ssl.SSLError is one), and then none of them counts as sent."""
        try:
            if self._server.transport == "udp":
                self._send_datagrams(messages)
                return
            if self._socket is not None and self._is_over(0.0):
                self.close()
            if self._socket is None:
                self._socket = self._connected()
            self._socket.sendall(b"".join(b"%d %b" % (len(message), message) for message in messages))
            if self._is_over(MOMENT_SECONDS):
                raise ConnectionResetError("the syslog server closed the connection")
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the connection, if there is one."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.close()
            self._socket = None

    def _send_datagrams(self, messages: Sequence[bytes]) -> None:
        server = self._server
        family, kind, protocol, _, address = socket.getaddrinfo(server.host, server.port, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind, protocol) as sender:
            sender.connect(address)
            for message in messages:
                sender.send(message)

    def _connected(self) -> socket.socket:
        server = self._server
        plain = socket.create_connection((server.host, server.port), timeout=CONNECT_SECONDS)
        if server.transport == "tcp":
            return plain
        try:
            context = ssl.create_default_context(cafile=server.authorities)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            if server.certificate is not None:
                context.load_cert_chain(server.certificate, server.key)
            return context.wrap_socket(plain, server_hostname=server.host)
        except BaseException:
            plain.close()
            raise

    def _is_over(self, seconds: float) -> bool:
        """Whether the server ends the connection within ``seconds``. It has nothing else to say."""
        assert self._socket is not None
        if not select.select([self._socket], [], [], seconds)[0]:
            return False
        self._socket.settimeout(0.05)
        try:
            return self._socket.recv(4096) == b""
        except (TimeoutError, ssl.SSLWantReadError):  # a session ticket of TLS 1.3, say
            return False
        finally:
            self._socket.settimeout(CONNECT_SECONDS)
