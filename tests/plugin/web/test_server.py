"""The page's port: over TLS with the site's certificate, and named where it cannot be had."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import httpx2
import pytest

from dicom_io.errors import CertificateRefused
from plugin.errors import ConfigurationRefused
from plugin.web import open_page
from plugin.web.guard import LARGEST_FORM
from tests.certificates import Authority
from tests.peers.processes import LOOPBACK, PATIENCE, free_port
from tests.plugin.web.conftest import sign_in
from tests.plugin.web.state import Site


def test_over_tls_it_is_the_same_page_and_its_cookies_are_secured(site: Site, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    ours = authority.identity("page")
    server = open_page(site.desk(port=free_port(), certificate=str(ours.certificate), key=str(ours.key)))
    trust = ssl.create_default_context(cafile=str(authority.root))
    try:
        with httpx2.Client(base_url=f"https://{LOOPBACK}:{server.port}", verify=trust, timeout=PATIENCE) as client:
            answer = sign_in(client, "vera")
            assert answer.headers["set-cookie"].startswith("__Host-twinveil=")
            assert "server" not in answer.headers
            assert client.get("/").status_code == 200
            assert client.post("/logout", content=b"a=" + bytes(LARGEST_FORM)).status_code == 413
        with pytest.raises(httpx2.TransportError):
            httpx2.get(f"http://{LOOPBACK}:{server.port}/login", timeout=PATIENCE)
    finally:
        server.stop()


def test_a_port_that_is_taken_and_a_certificate_that_is_none_are_named(site: Site, tmp_path: Path) -> None:
    with socket.create_server((LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationRefused, match=rf"page: {LOOPBACK}:{port} cannot be listened on"):
            open_page(site.desk(port=port))
    (tmp_path / "none.pem").write_text("none")
    with pytest.raises(CertificateRefused):
        open_page(site.desk(port=port, certificate=str(tmp_path / "none.pem"), key=str(tmp_path / "none.pem")))
