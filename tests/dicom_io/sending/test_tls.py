"""TLS to an archive by DIMSE: who is let in, and by what name the rest fails. dcmtk's storescp is the archive."""

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dicom_io.errors import DeliveryFailed
from dicom_io.receiving import AllowedCaller, Listener, Spool, TlsSettings
from dicom_io.sending import ClientTls, Destination, deliver, echo
from tests.certificates import Authority, Identity
from tests.dicom_io.builders import photograph, rich_header, write
from tests.dicom_io.conftest import SETTINGS
from tests.peers import require_peer
from tests.peers.processes import PATIENCE, free_port, is_listening, wait_until

ARCHIVE = Destination("archive", "127.0.0.1", 0, "ARCHIVE", calling_ae_title="TWINVEIL", acse_timeout=60.0)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "authority")


@pytest.fixture
def stranger(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "stranger", "Another authority")


@contextlib.contextmanager
def storescp(folder: Path, identity: Identity, trusted: Path) -> Iterator[int]:
    """A storescp that asks for a certificate of ``trusted``; its port. What it stores comes to ``folder``."""
    folder.mkdir()
    port = free_port()
    command = [
        require_peer("storescp"), "-od", str(folder), "+xa", "+tls", str(identity.key), str(identity.certificate),
        "+cf", str(trusted), str(port),
    ]  # fmt: skip
    with (folder.parent / "storescp.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        wait_until(lambda: is_listening(port), PATIENCE, "storescp listens", interval=0.05)
        yield port
    finally:
        process.terminate()
        process.wait()


def by_tls(port: int, trusted: Path, ours: Identity | None) -> Destination:
    tls = ClientTls(trusted) if ours is None else ClientTls(trusted, ours.certificate, ours.key)
    return replace(ARCHIVE, port=port, tls=tls)


@pytest.mark.peers
def test_storescp_takes_what_comes_with_a_certificate_that_it_trusts(tmp_path: Path, authority: Authority) -> None:
    files = [write(photograph(rich_header()), tmp_path / f"{number}.dcm") for number in range(3)]
    with storescp(tmp_path / "received", authority.identity("archive"), authority.root) as port:
        destination = by_tls(port, authority.root, authority.identity("node"))
        echo(destination)
        assert deliver(files, destination) == ()
    assert len(list((tmp_path / "received").iterdir())) == 3


@pytest.mark.peers
@pytest.mark.parametrize(
    ("which", "complaint"),
    [
        ("its own expired", "its certificate has expired"),
        ("its own is a stranger's", "its certificate is of an authority that we do not trust"),
        ("ours expired", "our certificate"),
        ("ours is a stranger's", "our certificate"),
        ("we have none", "our certificate"),
    ],
)
def test_storescp_and_a_certificate_that_does_not_count(
    tmp_path: Path, authority: Authority, stranger: Authority, which: str, complaint: str
) -> None:
    """Nothing is sent, and the failure is named; it may be tried again once somebody has mended it."""
    theirs, ours = authority.identity("archive"), authority.identity("node")
    match which:
        case "its own expired":
            theirs = authority.identity("archive", days=-1)
        case "its own is a stranger's":
            theirs = stranger.identity("archive")
        case "ours expired":
            ours = authority.identity("node", days=-1)
        case "ours is a stranger's":
            ours = stranger.identity("node")
    file = write(photograph(rich_header()), tmp_path / "photograph.dcm")
    with storescp(tmp_path / "received", theirs, authority.root) as port:
        destination = by_tls(port, authority.root, None if which == "we have none" else ours)
        with pytest.raises(DeliveryFailed, match=f"no association by TLS: .*{complaint}") as caught:
            deliver([file], destination)
        assert caught.value.retryable
        assert not caught.value.offered
    assert list((tmp_path / "received").iterdir()) == []


@pytest.mark.peers
def test_storescp_in_clear_is_no_archive_by_tls(tmp_path: Path, authority: Authority) -> None:
    port = free_port()
    process = subprocess.Popen([require_peer("storescp"), "-od", str(tmp_path), str(port)])
    try:
        wait_until(lambda: is_listening(port), PATIENCE, "storescp listens", interval=0.05)
        with pytest.raises(DeliveryFailed, match="does not speak TLS on this port"):
            echo(by_tls(port, authority.root, authority.identity("node")))
    finally:
        process.terminate()
        process.wait()


def test_the_name_must_be_the_one_in_the_certificate(tmp_path: Path, authority: Authority) -> None:
    """That it is of an authority that we trust is not enough: so may be that of whoever stands between."""
    ours = authority.identity("archive")
    with listening(tmp_path, authority, ours) as port:
        destination = by_tls(port, authority.root, authority.identity("node"))
        echo(replace(destination, ae_title="TWINVEIL"))
        with pytest.raises(DeliveryFailed, match="its certificate is for another name; write the name"):
            echo(replace(destination, ae_title="TWINVEIL", host="localhost"))


def test_a_renewed_certificate_is_used_without_a_restart(tmp_path: Path, authority: Authority) -> None:
    ours = authority.identity("node", days=-1)
    with listening(tmp_path, authority, authority.identity("archive")) as port:
        destination = replace(by_tls(port, authority.root, ours), ae_title="TWINVEIL")
        with pytest.raises(DeliveryFailed, match="our certificate"):
            echo(destination)
        authority.identity("node")  # into the same files
        echo(destination)


def test_files_that_are_no_certificate_are_named(tmp_path: Path, authority: Authority) -> None:
    (tmp_path / "empty.pem").write_bytes(b"")
    destination = by_tls(free_port(), tmp_path / "empty.pem", None)
    with pytest.raises(DeliveryFailed, match=r"empty\.pem holds no certificates"):
        echo(destination)
    missing = Identity(tmp_path / "none.pem", tmp_path / "none.key")
    with pytest.raises(DeliveryFailed, match="are no certificate and its key"):
        echo(by_tls(free_port(), authority.root, missing))


def test_nobody_there_is_no_matter_of_tls(authority: Authority) -> None:
    with pytest.raises(DeliveryFailed, match="is it running, and do host and port agree"):
        echo(by_tls(free_port(), authority.root, None))


def test_who_does_not_shake_hands_is_not_waited_for(authority: Authority) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        destination = by_tls(server.getsockname()[1], authority.root, None)
        with pytest.raises(DeliveryFailed, match="did not take part in a handshake of TLS in time"):
            echo(replace(destination, connection_timeout=0.5))


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize("version", ["TLSv1_1", "TLSv1_2"])
def test_old_versions_and_ciphers_are_not_spoken(authority: Authority, version: str) -> None:
    """TLS 1.2 is, but for an exchange of keys without forward secrecy or a cipher without authentication."""
    identity = authority.identity("archive")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(identity.certificate, identity.key)
    context.set_ciphers("ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES256-SHA:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.maximum_version = ssl.TLSVersion[version]
    with socket.create_server(("127.0.0.1", 0)) as server:

        def shake() -> None:
            connection, _ = server.accept()
            with contextlib.suppress(OSError), connection, context.wrap_socket(connection, server_side=True):
                pass

        thread = threading.Thread(target=shake)
        thread.start()
        with pytest.raises(DeliveryFailed, match="no association by TLS: it"):
            echo(by_tls(server.getsockname()[1], authority.root, None))
        thread.join()


@contextlib.contextmanager
def listening(folder: Path, authority: Authority, identity: Identity) -> Iterator[int]:
    """A port of TLS of our own."""
    tls = TlsSettings(identity.certificate, identity.key, authority.root, port=0)
    settings = replace(SETTINGS, port=None, tls=tls, allowed=(AllowedCaller("TWINVEIL", "127.0.0.0/8"),))
    listener = Listener(settings, Spool(folder / "spool", min_free_bytes=0), lambda stored: None)
    listener.start()
    try:
        yield listener.tls_port
    finally:
        listener.stop(0)
