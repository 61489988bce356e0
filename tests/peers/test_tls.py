"""Orthanc as a sender over TLS: with a certificate that counts its photographs come in, with any other they do not."""

from __future__ import annotations

import urllib.error
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dicom_io.receiving import AllowedCaller, Listener, Spool, TlsSettings
from tests.certificates import Authority, Identity
from tests.dicom_io.builders import photograph, rich_header, write
from tests.dicom_io.conftest import SETTINGS
from tests.peers.orthanc import AE_TITLE, Orthanc, orthanc

pytestmark = pytest.mark.peers


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "authority")


@pytest.fixture
def listener(spool: Spool, authority: Authority) -> Iterator[Listener]:
    ours = authority.identity("node")
    tls = TlsSettings(ours.certificate, ours.key, authority.root, port=0)
    settings = replace(SETTINGS, port=None, tls=tls, allowed=(AllowedCaller(AE_TITLE, "127.0.0.1"),))
    listener = Listener(settings, spool, lambda stored: None)
    listener.start()
    yield listener
    listener.stop(0)


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool", min_free_bytes=0)


def sender(folder: Path, port: int, identity: Identity, trusted: Path) -> dict[str, object]:
    """What Orthanc's configuration says of the node, and of its own certificate."""
    return {
        "DicomTlsCertificate": str(identity.certificate),
        "DicomTlsPrivateKey": str(identity.key),
        "DicomTlsTrustedCertificates": str(trusted),
        "DicomModalities": {
            "node": {"AET": "TWINVEIL", "Host": "127.0.0.1", "Port": port, "UseDicomTls": True},
        },
    }


def forward(server: Orthanc, file: Path) -> None:
    """Have Orthanc send ``file`` to the node. Raises HTTPError where it could not."""
    server.post("/modalities/node/store", server.post("/instances", file.read_bytes())["ID"].encode())


def test_orthanc_sends_over_tls(tmp_path: Path, listener: Listener, spool: Spool, authority: Authority) -> None:
    file = write(photograph(rich_header()), tmp_path / "photograph.dcm")
    settings = sender(tmp_path, listener.tls_port, authority.identity("orthanc"), authority.root)
    with orthanc(tmp_path / "orthanc", **settings) as server:
        forward(server, file)
    assert len(list(spool.accepted())) == 1


@pytest.mark.parametrize("which", ["a stranger's", "an expired one"])
def test_orthanc_with_another_certificate_is_refused(
    tmp_path: Path, listener: Listener, spool: Spool, authority: Authority, which: str
) -> None:
    identity = (
        Authority(tmp_path / "other").identity("orthanc")
        if which == "a stranger's"
        else authority.identity("orthanc", days=-1)
    )
    file = write(photograph(rich_header()), tmp_path / "photograph.dcm")
    settings = sender(tmp_path, listener.tls_port, identity, authority.root)
    with orthanc(tmp_path / "orthanc", **settings) as server, pytest.raises(urllib.error.HTTPError):
        forward(server, file)
    assert list(spool.accepted()) == []
