"""A syslog server on loopback that keeps what it gets: RFC 5425 over TLS, the same frames in clear, or datagrams."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from lxml import etree


class SyslogServer:
    """``received``: whole syslog messages, in the order in which they came."""

    def __init__(self, tls: ssl.SSLContext | None = None, port: int = 0) -> None:
        self.received: list[bytes] = []
        self._tls = tls
        self._listening = socket.create_server(("127.0.0.1", port))
        self.port = int(self._listening.getsockname()[1])
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    @property
    def connections(self) -> int:
        """How many it has accepted, if in clear."""
        return len(self._open)

    def messages(self) -> list[etree._Element]:
        """The audit messages, out of their syslog headers."""
        return [etree.fromstring(body_of(one)) for one in self.received]

    def events(self) -> list[str]:
        """Codes of their events, in the order in which they came."""
        return [str(message.find("EventIdentification/EventID").get("csd-code")) for message in self.messages()]

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                self._open.append(connection)
                threading.Thread(target=self._read, args=(connection,), daemon=True).start()

    def _read(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError):
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
                self._open.append(connection)
            with connection.makefile("rb") as stream:
                while length := b"".join(iter(lambda: stream.read(1).strip(), b"")):
                    self.received.append(stream.read(int(length)))


def body_of(message: bytes) -> bytes:
    """The XML after the header of RFC 5424, which has seven fields and a byte order mark."""
    head, mark, body = message.partition(b"\xef\xbb\xbf")
    fields = head.decode("ascii").split(" ")
    assert mark and fields[-1] == "", head
    priority, _, host, application, process, message_id, structured, _ = fields
    assert priority in {"<85>1", "<84>1"}
    assert (application, message_id, structured) == ("twinveil", "DICOM+RFC3881", "-")
    assert host and process.isdigit()
    return body


@contextmanager
def serving(tls: ssl.SSLContext | None = None, port: int = 0) -> Iterator[SyslogServer]:
    server = SyslogServer(tls, port)
    try:
        yield server
    finally:
        server.close()
