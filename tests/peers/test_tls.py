"""TLS with programs that are not ours: Orthanc as a sender, dcmtk's storescp as an archive."""

from __future__ import annotations

import shutil
import urllib.error
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dicom_io.receiving import AllowedCaller, Listener, Spool, TlsSettings
from plugin.config import load_configuration
from plugin.delivery import NotTaken
from plugin.node.node import carrier_of
from tests.certificates import Authority, Identity
from tests.dicom_io.builders import photograph, rich_header, write
from tests.dicom_io.conftest import SETTINGS
from tests.dicom_io.sending.test_tls import storescp
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


def test_twins_go_to_an_archive_by_tls_as_configured(tmp_path: Path, authority: Authority) -> None:
    """Names of files are relative to the configuration; what they hold is shown and asked for."""
    shutil.copy(authority.root, tmp_path / "ca.pem")
    ours = authority.identity("node")
    shutil.copy(ours.certificate, tmp_path / "node.pem")
    shutil.copy(ours.key, tmp_path / "node.key")
    text = "[[destinations]]\nname = 'archive'\nae_title = 'ARCHIVE'\nhost = '127.0.0.1'\nport = {port}\ntls = true\n"
    text += "authorities = 'ca.pem'\ncertificate = 'node.pem'\nkey = 'node.key'\n"
    file, told = write(photograph(rich_header()), tmp_path / "photograph.dcm"), []
    with storescp(tmp_path / "received", authority.identity("archive"), authority.root) as port:
        (tmp_path / "twinveil.toml").write_text(text.format(port=port))
        configuration = load_configuration(tmp_path / "twinveil.toml")
        carrier = carrier_of(configuration.destinations[0], configuration)
        carrier.carry([file], (), lambda number, remark="": told.append((number, remark)))
        (tmp_path / "node.key").unlink()
        with pytest.raises(NotTaken, match="are no certificate and its key") as caught:
            carrier.carry([file], (), lambda number, remark="": None)
        assert not caught.value.tried
    assert told == [(0, "")]
    assert len(list((tmp_path / "received").iterdir())) == 1
