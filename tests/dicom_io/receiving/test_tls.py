"""The port of TLS: who has a certificate that counts gets in, everybody else ends alone, in time and by name."""

from __future__ import annotations

import os
import shutil
import ssl
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from dicom_io.errors import CertificateRefused
from dicom_io.receiving import Listener, Spool, Tls, TlsSettings
from dicom_io.standard import Status
from tests.attack.peer import RawPeer, element
from tests.certificates import Authority, Identity
from tests.dicom_io.builders import photograph, write
from tests.dicom_io.conftest import SETTINGS
from tests.peers import require_peer

STUDY = element(0x0020, 0x000D, b"UI", b"1.2.3.45")


@dataclass
class Secured:
    """A listener with a port of TLS beside the one in clear."""

    listener: Listener
    settings: TlsSettings
    authority: Authority

    @property
    def port(self) -> int:
        return self.listener.tls_port

    def context(self, identity: Identity | None, version: ssl.TLSVersion | None = None) -> ssl.SSLContext:
        """A caller's, who trusts our authority and shows ``identity``."""
        context = ssl.create_default_context(cafile=self.authority.root)
        context.check_hostname = False
        if identity is not None:
            context.load_cert_chain(identity.certificate, identity.key)
        if version is not None:
            context.minimum_version = context.maximum_version = version
        return context


@pytest.fixture
def secured(spool: Spool, tmp_path: Path) -> Iterator[Secured]:
    authority = Authority(tmp_path / "authority")
    ours = authority.identity("node")
    tls = TlsSettings(ours.certificate, ours.key, authority.root, port=0)
    listener = Listener(replace(SETTINGS, tls=tls), spool, lambda stored: None)
    listener.start()
    yield Secured(listener, tls, authority)
    listener.stop(0)


def is_served(secured: Secured, context: ssl.SSLContext) -> bool:
    """Whether a caller with ``context`` gets its association and its Success."""
    try:
        with RawPeer(secured.port, tls=context) as peer:
            return peer.associate() and peer.store(STUDY) == Status.SUCCESS
    except OSError:
        return False


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_caller_with_a_certificate_is_served(secured: Secured, version: ssl.TLSVersion) -> None:
    assert is_served(secured, secured.context(secured.authority.identity("camera"), version))


def test_a_caller_without_a_certificate_is_not(secured: Secured) -> None:
    assert not is_served(secured, secured.context(None))
    assert is_served(secured, secured.context(secured.authority.identity("camera")))


def test_a_certificate_of_another_authority_does_not_count(secured: Secured, tmp_path: Path) -> None:
    assert not is_served(secured, secured.context(Authority(tmp_path / "other").identity("camera")))
    namesake = Authority(tmp_path / "namesake")
    assert not is_served(secured, secured.context(namesake.identity("node")))


def test_an_expired_certificate_does_not_count(secured: Secured) -> None:
    assert not is_served(secured, secured.context(secured.authority.identity("camera", days=-1)))


def test_older_versions_are_not_spoken(secured: Secured) -> None:
    context = secured.context(secured.authority.identity("camera"))
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    assert not is_served(secured, context)


@pytest.mark.parametrize("cipher", ["AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-AES256-SHA"])
def test_ciphers_without_forward_secrecy_or_authentication_are_not_spoken(secured: Secured, cipher: str) -> None:
    context = secured.context(secured.authority.identity("camera"), ssl.TLSVersion.TLSv1_2)
    context.set_ciphers(f"{cipher}:@SECLEVEL=0")
    assert not is_served(secured, context)


def test_a_session_is_not_resumed(secured: Secured) -> None:
    """A certificate may have been withdrawn since."""
    context = secured.context(secured.authority.identity("camera"), ssl.TLSVersion.TLSv1_2)
    with RawPeer(secured.port, tls=context) as peer:
        assert peer.associate()
        assert isinstance(peer.connection, ssl.SSLSocket)
        session = peer.connection.session
        assert session is None or not session.has_ticket


def test_clear_text_on_the_port_of_tls_is_ended(secured: Secured) -> None:
    with RawPeer(secured.port) as peer:
        peer.send(b"\x01\x00\x00\x00\x00\x44" + bytes(68))
        assert peer.is_closed_within(2.5)


def test_tls_on_the_port_in_clear_is_ended(secured: Secured) -> None:
    with pytest.raises(OSError, match=r"."):
        RawPeer(secured.listener.port, tls=secured.context(None))


def test_silent_and_trickling_tls_callers_hold_up_nobody(secured: Secured) -> None:
    """The handshake is done by the connection's own thread and has its time; the port accepts meanwhile."""
    hello = b"\x16\x03\x01\x02\x00" + os.urandom(3)
    silent = [RawPeer(secured.port) for _ in range(40)]
    try:
        for peer in silent[20:]:
            peer.send(hello)
        begun = time.monotonic()
        assert is_served(secured, secured.context(secured.authority.identity("camera")))
        assert time.monotonic() - begun < 2
        assert all(peer.is_closed_within(SETTINGS.limits.request_seconds + 2) for peer in silent)
    finally:
        for peer in silent:
            peer.connection.close()


def test_a_large_instance_comes_through_whole(secured: Secured) -> None:
    content = STUDY + element(0x0029, 0x0010, b"LO", b"X ") + b"".join(
        element(0x0029, 0x1000 + number, b"LT", os.urandom(1000).hex().encode()) for number in range(200)
    )
    with RawPeer(secured.port, tls=secured.context(secured.authority.identity("camera"))) as peer:
        assert peer.associate()
        assert peer.store(content) == Status.SUCCESS
        (stored,) = secured.listener._spool.accepted()
        assert stored.path.read_bytes().endswith(content)


def test_new_certificates_are_used_without_a_restart(secured: Secured, tmp_path: Path) -> None:
    caller = secured.context(secured.authority.identity("camera"))
    assert is_served(secured, caller)
    successor = Authority(tmp_path / "successor")
    ours = successor.identity("node")
    secured.settings.key.write_text("half of a key")
    assert is_served(secured, caller), "while the files do not fit together the old ones stay"
    shutil.copy(ours.key, secured.settings.key)
    shutil.copy(ours.certificate, secured.settings.certificate)
    shutil.copy(successor.root, secured.settings.authorities)
    assert not is_served(secured, caller)
    context = ssl.create_default_context(cafile=successor.root)
    context.check_hostname = False
    identity = successor.identity("camera")
    context.load_cert_chain(identity.certificate, identity.key)
    assert is_served(secured, context)


@pytest.mark.parametrize(
    ("spoilt", "how"),
    [
        *((file, how) for file in ("certificate", "key", "authorities") for how in ("absent", "empty")),
        ("certificate", "another's"),
        ("key", "another's"),
    ],
)
def test_files_that_do_not_fit_are_refused_by_name(secured: Secured, tmp_path: Path, spoilt: str, how: str) -> None:
    path: Path = getattr(secured.settings, spoilt)
    if how == "absent":
        path.unlink()
    elif how == "empty":
        path.write_bytes(b"")
    else:
        other = Authority(tmp_path / "other").identity("node")
        shutil.copy(getattr(other, spoilt), path)
    with pytest.raises(CertificateRefused):
        Tls(secured.settings)


@pytest.mark.peers
@pytest.mark.parametrize("trusted", [True, False], ids=["ours", "a stranger"])
def test_dcmtk_stores_over_tls_with_a_certificate_that_counts(secured: Secured, tmp_path: Path, trusted: bool) -> None:
    storescu = require_peer("storescu")
    authority = secured.authority if trusted else Authority(tmp_path / "other")
    identity = authority.identity("camera")
    file = write(photograph(), tmp_path / "photograph.dcm")
    sent = subprocess.run(
        [storescu, "+tls", identity.key, identity.certificate, "+cf", secured.authority.root, "-aet", "CAMERA",
         "-aec", "TWINVEIL", "127.0.0.1", str(secured.port), file],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (sent.returncode == 0) == trusted, sent.stderr
    assert len(list(secured.listener._spool.accepted())) == (1 if trusted else 0)
