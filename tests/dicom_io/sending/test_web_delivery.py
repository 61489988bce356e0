"""STOW-RS as its user agent: what goes over the wire, and what each answer means."""

from __future__ import annotations

import ssl
from functools import partial
from pathlib import Path
from typing import Any

import pydicom
import pytest

from dicom_io.errors import DeliveryFailed
from dicom_io.sending import StoredObject, WebDestination, deliver_over_web, examine
from dicom_io.sending.destination import THERE_ALREADY
from tests.certificates import Authority
from tests.dicom_io.builders import photograph, rich_header, write
from tests.dicom_io.sending.web_archive import WebArchive, refused, stored, web_archive


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    return [write(photograph(rich_header()), tmp_path / f"{number}.dcm") for number in range(2)]


def uid_of(path: Path) -> str:
    return str(pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID)


def to(archive: WebArchive, **more: Any) -> WebDestination:
    return WebDestination("archive", archive.url, **more)


def delivered(paths: list[Path], archive: WebArchive, sent_before: tuple[str, ...] = ()) -> list[StoredObject]:
    done: list[StoredObject] = []
    deliver_over_web(paths, to(archive), sent_before=sent_before, on_stored=done.append)
    return done


def test_the_bytes_of_each_file_go_as_they_are(paths: list[Path]) -> None:
    with web_archive() as archive:
        done = delivered(paths, archive)
    assert archive.objects == [path.read_bytes() for path in paths]
    assert [one.sop_instance_uid for one in done] == [uid_of(path) for path in paths]
    assert [one.warning for one in done] == [None, None]
    assert archive.targets == ["/dicom-web/studies"] * 2
    (headers, _) = archive.headers
    assert headers["Content-Type"].startswith('multipart/related; type="application/dicom"; boundary=')
    assert headers["Accept"] == "application/dicom+json"
    assert "Authorization" not in headers


def test_a_warning_is_told_with_the_object(paths: list[Path]) -> None:
    with web_archive((202, partial(stored, warning=0xB000))) as archive:
        (one,) = delivered(paths[:1], archive)
    assert one.warning is not None
    assert (one.warning.status, one.warning.meaning) == (0xB000, "Stored, but data elements were coerced")


@pytest.mark.parametrize(
    ("status", "body", "offered", "retryable", "says"),
    [
        (200, partial(refused, reason=0xC000), True, False, "0xC000, Cannot understand"),
        (202, partial(refused, reason=0xA700), True, False, "0xA700"),
        (409, partial(refused, reason=0x0111), True, False, "remove that one there"),
        (202, b"", True, True, "did not say what became of it"),
        (400, b"<html>", True, False, "it answered 400"),
        (409, b"", True, False, "it answered 409"),
        (413, b"", True, False, "larger than it takes"),
        (415, b"", True, False, "takes no application/dicom"),
        (401, b"", False, True, "wants to know who we are"),
        (403, b"", False, True, "may not store there"),
        (404, b"", False, True, "see url"),
        (429, b"", False, True, "asked too much"),
        (302, b"", False, True, "which is not done"),
        (500, b"", False, True, "it answered 500"),
        (503, b"", False, True, "it answered 503"),
    ],
)
def test_what_is_not_stored_is_told_by_its_reason_and_who_is_to_blame(
    paths: list[Path], status: int, body: Any, offered: bool, retryable: bool, says: str
) -> None:
    with web_archive((200, stored), (status, body)) as archive:
        archive.more_headers["Location"] = "http://192.0.2.1/elsewhere"
        done: list[StoredObject] = []
        with pytest.raises(DeliveryFailed, match=says) as failure:
            deliver_over_web(paths, to(archive), on_stored=done.append)
    assert len(done) == 1, "the one before it was told of"
    assert (failure.value.offered, failure.value.retryable) == (offered, retryable)
    assert len(archive.targets) == 2


def test_a_duplicate_is_stored_where_these_bytes_may_have_gone_before(paths: list[Path]) -> None:
    with web_archive((409, partial(refused, reason=0x0111))) as archive:
        (one,) = delivered(paths[:1], archive, sent_before=(uid_of(paths[0]),))
    assert one.warning is not None
    assert one.warning.meaning == THERE_ALREADY


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{" * 5000, b'{"00081198": 3}', b"x" * (2 << 20)])
def test_a_200_is_a_200_whatever_stands_in_its_body(paths: list[Path], body: bytes) -> None:
    with web_archive((200, body)) as archive:
        assert len(delivered(paths[:1], archive)) == 1


def test_where_nobody_answers_nothing_came_through(paths: list[Path]) -> None:
    with web_archive() as archive:
        pass
    with pytest.raises(DeliveryFailed, match="is it running") as failure:
        delivered(paths, archive)
    assert (failure.value.offered, failure.value.retryable) == (False, True)


def test_a_proxy_of_the_environment_is_not_asked(paths: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with web_archive() as archive:
        assert len(delivered(paths, archive)) == 2


def server_context(authority: Authority, *, days: int = 10, mutual: bool = False) -> ssl.SSLContext:
    identity = authority.identity(f"server{days}", days=days)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(identity.certificate, identity.key)
    if mutual:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(authority.root)
    return context


def test_over_tls_with_a_token_and_with_a_certificate(paths: list[Path], tmp_path: Path) -> None:
    authority = Authority(tmp_path / "authority")
    ours = authority.identity("node")
    token = tmp_path / "token"
    token.write_text("a-token\n")
    with web_archive(context=server_context(authority, mutual=True)) as archive:
        known = to(archive, authorities=authority.root, certificate=ours.certificate, key=ours.key, token=token)
        deliver_over_web(paths[:1], known, on_stored=lambda one: None)
        token.write_text("renewed")
        deliver_over_web(paths[:1], known, on_stored=lambda one: None)
        with pytest.raises(DeliveryFailed) as failure:
            deliver_over_web(paths, to(archive, authorities=authority.root), on_stored=lambda one: None)
        assert not failure.value.offered
    assert [headers["Authorization"] for headers in archive.headers] == ["Bearer a-token", "Bearer renewed"]


@pytest.mark.parametrize("which", ["a stranger's", "an expired one"])
def test_a_server_with_another_certificate_gets_nothing(paths: list[Path], tmp_path: Path, which: str) -> None:
    authority = Authority(tmp_path / "authority")
    context = (
        server_context(Authority(tmp_path / "other")) if which == "a stranger's" else server_context(authority, days=-1)
    )
    with web_archive(context=context) as archive, pytest.raises(DeliveryFailed, match="not one that we trust"):
        deliver_over_web(paths, to(archive, authorities=authority.root), on_stored=lambda one: None)
    assert archive.objects == []


@pytest.mark.parametrize("content", [None, "", "two words", "\x07bell", "n\xe4"])
def test_a_token_that_is_none_is_named_and_nothing_is_sent(paths: list[Path], tmp_path: Path, content: str) -> None:
    token = tmp_path / "token"
    if content is not None:
        token.write_text(content, encoding="latin-1")
    with web_archive() as archive, pytest.raises(DeliveryFailed, match="token file"):
        deliver_over_web(paths, to(archive, token=token), on_stored=lambda one: None)
    assert archive.objects == []


@pytest.mark.parametrize("status", [200, 202, 400, 409])
def test_examined_it_answers_and_nothing_is_stored(status: int) -> None:
    with web_archive((status, b"")) as archive:
        assert "answers" in examine(to(archive))
    assert archive.objects == []


@pytest.mark.parametrize("status", [301, 401, 403, 404, 415, 503])
def test_examined_it_is_named_for_what_it_would_refuse(status: int) -> None:
    with web_archive((status, b"")) as archive, pytest.raises(DeliveryFailed, match=str(status)):
        examine(to(archive))
