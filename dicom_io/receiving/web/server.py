"""A port that speaks HTTP/1.1 to one ASGI application: a server of its own, in a thread of its own."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import uvicorn

from dicom_io.receiving.limits import ConnectionLimits
from dicom_io.receiving.tls import Tls, TlsSettings
from dicom_io.receiving.web.protocol import bounded_protocol

BACKLOG = 128
LONGEST_HEADERS = 1 << 14
"""Bytes of a request's line and headers."""


@dataclass(frozen=True)
class Address:
    """Where to listen. ``port``: 0 takes any free one. ``tls``: None for http in clear."""

    host: str
    port: int
    tls: TlsSettings | None = None
    limits: ConnectionLimits = field(default_factory=ConnectionLimits)


class WebServer:
    """Serves ``application`` (ASGI) from ``start`` until ``stop``. ``name``: of its thread."""

    def __init__(self, application: Callable[..., Any], address: Address, name: str) -> None:
        self._application = application
        self._address = address
        self._name = name
        self._socket: socket.socket | None = None
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        """The port that is listened on. Raises RuntimeError when not started."""
        if self._socket is None:
            raise RuntimeError("the server is not started")
        return int(self._socket.getsockname()[1])

    def start(self) -> None:
        """Listen. Raises OSError when the port is taken, CertificateRefused."""
        address = self._address
        context = None if address.tls is None else _renewed(Tls(address.tls))
        family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
        opened = socket.socket(family, socket.SOCK_STREAM)
        try:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            opened.bind((address.host, address.port))
            opened.listen(BACKLOG)
        except BaseException:
            opened.close()
            raise
        self._socket = opened
        self._server = uvicorn.Server(
            uvicorn.Config(
                self._application,
                http=bounded_protocol(address.limits),
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                h11_max_incomplete_event_size=LONGEST_HEADERS,
                ssl_context_factory=None if context is None else _always(context),
            )
        )
        self._thread = threading.Thread(target=self._server.run, args=([opened],), name=self._name, daemon=True)
        self._thread.start()

    def stop(self, grace_seconds: float = 5.0) -> None:
        """Take no more, let what is under way end for ``grace_seconds``, and cut off the rest."""
        if self._server is None or self._thread is None or self._socket is None:
            return
        self._server.config.timeout_graceful_shutdown = int(grace_seconds)
        self._server.should_exit = True
        self._thread.join(grace_seconds + 5.0)
        self._socket.close()
        self._server = self._thread = self._socket = None


def _renewed(tls: Tls) -> ssl.SSLContext:
    """A context that gives way to the present one at each handshake: renewed files count without a restart."""

    def give_way(connection: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
        connection.context = tls.context()

    context = tls.context()
    context.sni_callback = give_way  # called whether or not a peer names us
    return context


def _always(context: ssl.SSLContext) -> Callable[..., ssl.SSLContext]:
    return lambda config, default: context
