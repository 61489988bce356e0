"""A server that answers the Store transaction as a test wants, over HTTP or TLS."""

from __future__ import annotations

import email
import email.policy
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import Any

import pydicom


def stored(uid: str, warning: int | None = None) -> dict[str, Any]:
    item = {"00081155": {"vr": "UI", "Value": [uid]}}
    if warning is not None:
        item["00081196"] = {"vr": "US", "Value": [warning]}
    return {"00081199": {"vr": "SQ", "Value": [item]}}


def refused(uid: str, reason: int) -> dict[str, Any]:
    item = {"00081155": {"vr": "UI", "Value": [uid]}, "00081197": {"vr": "US", "Value": [reason]}}
    return {"00081198": {"vr": "SQ", "Value": [item]}}


@dataclass
class WebArchive:
    """``answers``: status and body, one after the other; a body is made of the UID where it can be called. Then 200."""

    port: int = 0
    scheme: str = "http"
    answers: list[tuple[int, Any]] = field(default_factory=list)
    objects: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    targets: list[str] = field(default_factory=list)
    more_headers: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/dicom-web/studies"


@contextmanager
def web_archive(*answers: tuple[int, Any], context: ssl.SSLContext | None = None) -> Iterator[WebArchive]:
    archive = WebArchive(answers=list(answers), scheme="http" if context is None else "https")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
            message = email.message_from_bytes(head + content, policy=email.policy.HTTP)
            parts = [part.get_payload(decode=True) for part in message.iter_parts()]
            archive.objects += parts
            archive.headers.append(dict(self.headers))
            archive.targets.append(self.path)
            uid = str(pydicom.dcmread(BytesIO(parts[0])).SOPInstanceUID) if parts else ""
            status, body = archive.answers.pop(0) if archive.answers else (200, stored)
            body = body(uid) if callable(body) else body
            encoded = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            for name, value in archive.more_headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/dicom+json")
            self.send_header("Content-Length", str(len(encoded)))
            self.end_headers()
            self.wfile.write(encoded)

        def log_message(self, *_: object) -> None:
            return

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            return

    server = Server(("127.0.0.1", 0), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    archive.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield archive
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
