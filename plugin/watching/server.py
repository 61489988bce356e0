"""``/metrics``, ``/healthz`` and ``/readyz`` by HTTP, for Prometheus and whoever keeps the process running.

GET and HEAD alone, no bodies, a few seconds a connection, and no more than some connections at a time: it is meant for
loopback, and whoever reaches it can learn what ``twinveil status`` says, change nothing, and hold up nothing.
"""

from __future__ import annotations

import json
import logging
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import AF_INET6, socket
from typing import Any

from prometheus_client.exposition import choose_encoder

from plugin.errors import ConfigurationRefused
from plugin.watching.metrics import Metrics
from plugin.watching.readiness import Readiness

log = logging.getLogger(__name__)

IDLE_SECONDS = 5.0
MOST_CONNECTIONS = 16
JSON = "application/json; charset=utf-8"


class WatchServer:
    """Answers in threads of its own from ``start`` until ``stop``. ``port``: the one that is bound, also for 0."""

    def __init__(self, host: str, port: int, metrics: Metrics, readiness: Readiness) -> None:
        try:
            self._server = _Server(host, port, metrics, readiness)
        except OSError as error:
            raise ConfigurationRefused(
                f"watching: {host}:{port} cannot be listened on ({error.strerror}); name another port, or 0 for none"
            ) from error
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="watching", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, host: str, port: int, metrics: Metrics, readiness: Readiness) -> None:
        self.metrics = metrics
        self.readiness = readiness
        self._places = threading.BoundedSemaphore(MOST_CONNECTIONS)
        if ":" in host:
            self.address_family = AF_INET6
        super().__init__((host, port), _Handler)

    def process_request(self, request: socket | tuple[bytes, socket], client_address: Any) -> None:
        if self._places.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: socket | tuple[bytes, socket], client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A peer that went away, or something of ours: it is one request."""
        log.debug("a request to the watching port failed")


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    server_version, sys_version = "twinveil", ""
    timeout = IDLE_SECONDS

    def do_GET(self) -> None:
        match self.path.partition("?")[0]:
            case "/metrics":
                encode, kind = choose_encoder(self.headers.get("Accept", ""))
                self._answer(HTTPStatus.OK, kind, encode(self.server.metrics.registry))
            case "/healthz":
                self._answer(HTTPStatus.OK, JSON, b'{"alive": true}\n')
            case "/readyz":
                report = self.server.readiness.report()
                lacking = {part: why for part, why in report.items() if why}
                status = HTTPStatus.SERVICE_UNAVAILABLE if lacking else HTTPStatus.OK
                self._answer(status, JSON, json.dumps({"ready": not lacking, "lacking": lacking}).encode() + b"\n")
            case _:
                self._answer(HTTPStatus.NOT_FOUND, JSON, b'{"known": ["/metrics", "/healthz", "/readyz"]}\n')

    do_HEAD = do_GET

    def _answer(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: what was asked for is the asker's own text."""
