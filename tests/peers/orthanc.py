"""A real Orthanc: the archive that twins are delivered to."""

from __future__ import annotations

import contextlib
import json
import subprocess
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.peers import require_peer
from tests.peers.processes import LOOPBACK, free_port, patience, running

AE_TITLE = "SITEPACS"

_NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class Orthanc:
    """One server with an archive of its own in ``folder``; ``running`` starts it, also once more."""

    folder: Path
    dicom_port: int
    http_port: int
    ae_title: str = AE_TITLE

    @contextlib.contextmanager
    def running(self) -> Iterator[subprocess.Popen[bytes]]:
        command = [require_peer("Orthanc"), self.folder / "orthanc.json"]
        with running(command, self.folder / "orthanc.log", port=self.http_port) as process:
            yield process

    def get(self, path: str) -> Any:
        return json.loads(self.get_bytes(path))

    def get_bytes(self, path: str) -> bytes:
        with _NO_PROXY.open(f"http://{LOOPBACK}:{self.http_port}{path}", timeout=patience()) as answer:
            content: bytes = answer.read()
            return content

    def post(self, path: str, body: bytes, content_type: str = "application/octet-stream") -> Any:
        url, headers = f"http://{LOOPBACK}:{self.http_port}{path}", {"Content-Type": content_type}
        request = urllib.request.Request(url, data=body, headers=headers, method="POST")
        with _NO_PROXY.open(request, timeout=patience()) as answer:
            return json.loads(answer.read())

    def put(self, path: str, body: bytes) -> None:
        request = urllib.request.Request(f"http://{LOOPBACK}:{self.http_port}{path}", data=body, method="PUT")
        _NO_PROXY.open(request, timeout=60).close()

    def instances(self) -> list[str]:
        """Orthanc's own identifiers of every instance that it holds."""
        return sorted(self.get("/instances"))

    def file(self, instance: str) -> bytes:
        """The DICOM file of an instance, as it arrived."""
        return self.get_bytes(f"/instances/{instance}/file")


@contextlib.contextmanager
def orthanc(folder: Path, **more: Any) -> Iterator[Orthanc]:
    """An Orthanc on free ports of loopback with its archive in ``folder``, ended with the block.

    ``more``: settings of its configuration besides those that every test needs.
    """
    server = install_orthanc(folder, **more)
    with server.running():
        yield server


def install_orthanc(folder: Path, server: Orthanc | None = None, **more: Any) -> Orthanc:
    """The configuration of an Orthanc in ``folder``, anew for ``server`` where that is given; nothing is started."""
    require_peer("Orthanc")
    server = server or Orthanc(folder, dicom_port=free_port(), http_port=free_port())
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "orthanc.json").write_text(
        json.dumps(
            {
                "Name": AE_TITLE,
                "StorageDirectory": str(folder / "archive"),
                "IndexDirectory": str(folder / "archive"),
                "HttpPort": server.http_port,
                "RemoteAccessAllowed": False,
                "AuthenticationEnabled": False,
                "DicomAet": AE_TITLE,
                "DicomPort": server.dicom_port,
                "DicomCheckCalledAet": True,
                "DicomAlwaysAllowStore": True,
                "UnknownSopClassAccepted": True,
                "StableAge": 2,
                "OverwriteInstances": False,
                "Plugins": [],
                **more,
            }
        )
    )
    return server
