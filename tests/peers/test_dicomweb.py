"""Orthanc's DICOMweb plugin: twins reach it by STOW-RS, in clear and by TLS, and photographs come from it."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
import urllib.error
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from dicom_io.errors import DeliveryFailed
from dicom_io.header import SiteKey
from dicom_io.receiving import Spool
from dicom_io.sending import WebDestination, examine
from plugin.commands.demo_archive import Receiver
from plugin.config import Configuration
from plugin.ledger import State
from tests.certificates import Authority
from tests.dicom_io.receiving.web.test_web_listener import TOKEN, door
from tests.peers import missing_peer
from tests.peers.orthanc import Orthanc, orthanc
from tests.plugin.conftest import *  # noqa: F403
from tests.plugin.conftest import wait_for
from tests.plugin.fakes import photograph, save
from tests.plugin.node.test_node import STUDY, running, send

pytestmark = pytest.mark.peers

PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")


def with_dicomweb(folder: Path, **more: Any) -> Any:
    """An Orthanc with its DICOMweb plugin."""
    if not PLUGIN.exists():
        missing_peer("orthanc-dicomweb")
    return orthanc(folder, Plugins=[str(PLUGIN)], **more)


def going_to(configuration: Configuration, **destination: Any) -> Configuration:
    stated = {**configuration.model_dump(), "folder": configuration.folder}
    return Configuration.model_validate({**stated, "destinations": [{"name": "web", **destination}]})


@contextmanager
def behind_tls(authority: Authority, port: int) -> Iterator[int]:
    """A port of TLS, with certificates on both sides, before the one of an archive; as a reverse proxy does it.

    Debian's Orthanc crashes over the first request by its own TLS.
    """
    identity = authority.identity("proxy")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(identity.certificate, identity.key)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(authority.root)

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while piece := await reader.read(1 << 16):
                writer.write(piece)
                await writer.drain()
        with suppress(OSError, RuntimeError):
            writer.close()

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back_reader, back_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(pipe(reader, back_writer), pipe(back_reader, writer))

    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(forward, "127.0.0.1", 0, ssl=context))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()


def node_delivers(configuration: Configuration, key: SiteKey, folder: Path) -> None:
    """One photograph in, everything made of it out."""
    with running(configuration, key) as node:
        send(node, save(photograph(STUDY), folder / "in"))
        wait_for(lambda: node.ledger.counts() == {State.PURGED: 1})


def test_twins_arrive_by_http(configuration: Configuration, key: SiteKey, receiver: Receiver, tmp_path: Path) -> None:
    with with_dicomweb(tmp_path / "orthanc") as server:
        url = f"http://127.0.0.1:{server.http_port}/dicom-web/studies"
        assert "lets us store" in examine(WebDestination("web", url))
        with pytest.raises(DeliveryFailed, match="404"):
            examine(WebDestination("web", url.replace("dicom-web", "elsewhere")))
        assert server.instances() == []
        node_delivers(going_to(configuration, url=url), key, tmp_path)
        assert len(server.instances()) == 4
        modalities = {server.get(f"/instances/{one}/simplified-tags")["Modality"] for one in server.instances()}
    assert modalities == {"XC", "SEG"}
    assert receiver.stored == []


def test_twins_arrive_by_tls_with_certificates_on_both_sides(
    configuration: Configuration, key: SiteKey, tmp_path: Path
) -> None:
    authority = Authority(tmp_path / "authority")
    ours = authority.identity("node")
    with with_dicomweb(tmp_path / "orthanc") as server, behind_tls(authority, server.http_port) as port:
        destination = {
            "url": f"https://127.0.0.1:{port}/dicom-web/studies",
            "authorities": str(authority.root),
            "certificate": str(ours.certificate),
            "key": str(ours.key),
        }
        node_delivers(going_to(configuration, **destination), key, tmp_path)
        assert len(server.instances()) == 4


def stow(server: Orthanc, file: Path) -> None:
    """Have Orthanc send ``file`` to the node by its DICOMweb client."""
    instance = server.post("/instances", file.read_bytes())["ID"]
    server.post("/dicom-web/servers/node/stow", json.dumps({"Resources": [instance]}).encode())


@pytest.mark.parametrize("token", [TOKEN, "another token altogether"], ids=["known", "unknown"])
def test_orthanc_stores_photographs_where_it_is_known(tmp_path: Path, token: str) -> None:
    file = save(photograph(STUDY), tmp_path / "in")
    spool = Spool(tmp_path / "spool", min_free_bytes=0)
    with door(spool, tmp_path) as web:
        known_by = {"Authorization": f"Bearer {token}"}
        node = {"Url": web.url.removesuffix("studies"), "HttpHeaders": known_by}
        with with_dicomweb(tmp_path / "orthanc", DicomWeb={"Servers": {"node": node}}) as server:
            if token == TOKEN:
                stow(server, file)
            else:
                with pytest.raises(urllib.error.HTTPError):
                    stow(server, file)
        assert len(web.stored) == (token == TOKEN)
