"""The Store transaction on a port: what is accepted, what is refused and how that is told, who gets in."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pydicom
import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian

from dicom_io.errors import DeliveryFailed
from dicom_io.receiving import ConnectionLimits, RefusedCall, RefusedFor, Spool, StoredInstance, TlsSettings
from dicom_io.receiving.web import WebListener, WebSettings
from dicom_io.sending import StoredObject, WebDestination, deliver_over_web, examine
from tests.certificates import Authority
from tests.dicom_io.builders import photograph, rich_header, write

TOKEN = "a token of tests alone"
LIMITS = ConnectionLimits(
    request_seconds=1.0, idle_seconds=1.0, max_pending=3, max_instance_bytes=1 << 20, min_bytes_per_second=1
)


@dataclass
class Door:
    """A running listener, what it was told to remember, and what it turned away. ``error``: raised instead of
    remembering."""

    url: str
    spool: Spool
    stored: list[StoredInstance] = field(default_factory=list)
    refused: list[RefusedCall] = field(default_factory=list)
    error: Exception | None = None

    def record(self, stored: StoredInstance) -> None:
        if self.error is not None:
            raise self.error
        self.stored.append(stored)

    @property
    def reasons(self) -> list[RefusedFor]:
        """Why something was turned away."""
        assert {(call.address, call.ae_title) for call in self.refused} <= {("127.0.0.1", "STOW-RS")}
        return [call.reason for call in self.refused]

    @property
    def port(self) -> int:
        return int(self.url.split(":")[2].split("/")[0])


@contextmanager
def door(spool: Spool, folder: Path, **settings: Any) -> Iterator[Door]:
    token = folder / "token"
    token.write_text(TOKEN + "\n")
    opened = Door("", spool)
    settings = {"token": token, "limits": LIMITS, **settings}
    listener = WebListener(WebSettings(port=0, **settings), spool, opened.record, on_refused=opened.refused.append)
    listener.start()
    scheme = "https" if "tls" in settings else "http"
    opened.url = f"{scheme}://127.0.0.1:{listener.port}/studies"
    try:
        yield opened
    finally:
        listener.stop(1)


@pytest.fixture
def web(spool: Spool, tmp_path: Path) -> Iterator[Door]:
    with door(spool, tmp_path) as opened:
        yield opened


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    return [write(photograph(rich_header()), tmp_path / f"{number}.dcm") for number in range(3)]


def body_of(contents: Sequence[bytes], kind: str = "application/dicom") -> bytes:
    parts = [f"--B\r\nContent-Type: {kind}\r\n\r\n".encode() + content + b"\r\n" for content in contents]
    return b"".join(parts) + b"--B--\r\n"


def post(web: Door, body: bytes, url: str = "", headers: dict[str, str] | None = None) -> httpx.Response:
    kind = 'multipart/related; type="application/dicom"; boundary=B'
    known = {"Authorization": f"Bearer {TOKEN}", "Content-Type": kind}
    return httpx.post(url or web.url, content=body, headers={**known, **(headers or {})}, timeout=60, trust_env=False)


def uids(answer: httpx.Response, tag: str) -> list[str]:
    return [item["00081155"]["Value"][0] for item in answer.json().get(tag, {}).get("Value", ())]


def reasons(answer: httpx.Response) -> list[int]:
    return [item["00081197"]["Value"][0] for item in answer.json().get("00081198", {}).get("Value", ())]


def test_each_part_is_on_disk_and_on_record_before_it_is_called_stored(web: Door, paths: list[Path]) -> None:
    answer = post(web, body_of([path.read_bytes() for path in paths]))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/dicom+json")
    sent = [pydicom.dcmread(path) for path in paths]
    assert uids(answer, "00081199") == [image.SOPInstanceUID for image in sent]
    assert "00081198" not in answer.json()
    assert [one.sop_instance_uid for one in web.stored] == [image.SOPInstanceUID for image in sent]
    for stored, image in zip(web.stored, sent, strict=True):
        assert pydicom.dcmread(stored.path) == image
    assert list(web.spool.incoming.iterdir()) == []


def test_it_is_the_same_file_by_whichever_way_it_came(web: Door, paths: list[Path]) -> None:
    """Of the sender's file meta information nothing is kept, and a repeat is known for one."""
    image = pydicom.dcmread(paths[0])
    image.file_meta.SourceApplicationEntityTitle = "QUILLFEATHER"
    marked = write(image, paths[0].with_name("marked.dcm"))
    assert b"QUILLFEATHER" in marked.read_bytes()
    assert post(web, body_of([marked.read_bytes()])).status_code == 200
    assert post(web, body_of([paths[0].read_bytes()])).status_code == 200
    first, again = web.stored
    assert (first.path, first.sha256, again.duplicate) == (again.path, again.sha256, True)
    assert b"QUILLFEATHER" not in first.path.read_bytes()


def altered(path: Path, **values: Any) -> bytes:
    image = pydicom.dcmread(path)
    for keyword, value in values.items():
        setattr(image, keyword, value)
    image.file_meta.MediaStorageSOPClassUID = image.SOPClassUID
    return write(image, path.with_name("altered.dcm")).read_bytes()


def test_what_is_not_taken_is_told_by_instance_and_the_others_are(web: Door, paths: list[Path]) -> None:
    whole = paths[0].read_bytes()
    other_class = altered(paths[1], SOPClassUID="1.2.840.10008.5.1.4.1.1.2")
    too_large = paths[2].read_bytes() + b"\0" * (1 << 20)
    answer = post(web, body_of([whole, other_class, b"no DICOM", whole[:200], too_large]))
    assert answer.status_code == 202
    assert len(uids(answer, "00081199")) == len(web.stored) == 1
    assert reasons(answer) == [0x0122, 0xC000, 0xC000, 0xA700]
    assert web.reasons == [RefusedFor.INSTANCE] * 3 + [RefusedFor.NO_ROOM]
    assert list(web.spool.incoming.iterdir()) == []
    unreadable = post(web, body_of([_with_syntax(paths[0], DeflatedExplicitVRLittleEndian)]))
    assert (unreadable.status_code, reasons(unreadable)) == (409, [0xC122])


def _with_syntax(path: Path, syntax: str) -> bytes:
    image = pydicom.dcmread(path)
    image.file_meta.TransferSyntaxUID = syntax
    return write(image, path.with_name("syntax.dcm")).read_bytes()


def test_into_a_study_nothing_of_another_is_taken(web: Door, paths: list[Path]) -> None:
    study = pydicom.dcmread(paths[0]).StudyInstanceUID
    assert post(web, body_of([paths[0].read_bytes()]), f"{web.url}/{study}").status_code == 200
    answer = post(web, body_of([paths[1].read_bytes()]), f"{web.url}/1.2.3")
    assert (answer.status_code, reasons(answer), len(web.stored)) == (409, [0xA900], 1)
    assert list(web.spool.incoming.iterdir()) == []


def test_what_could_not_be_recorded_is_to_be_sent_again(web: Door, paths: list[Path]) -> None:
    web.error = OSError("database is locked")
    answer = post(web, body_of([paths[0].read_bytes()]))
    assert (answer.status_code, reasons(answer), web.reasons) == (503, [0x0110], [RefusedFor.NOT_RECORDED])
    web.error = None
    assert post(web, body_of([paths[0].read_bytes()])).status_code == 200


def test_a_full_disk_is_told_as_one(web: Door, paths: list[Path]) -> None:
    web.spool.min_free_bytes = 1 << 60
    answer = post(web, body_of([paths[0].read_bytes()]))
    assert (answer.status_code, reasons(answer), web.stored) == (503, [0xA700], [])


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"", {}, 400),
        (b"--B--\r\n", {}, 400),
        (b"no boundary at all", {}, 400),
        (b"--B\r\nContent-Type: application/dicom\r\n\r\n" + b"\0" * 500, {}, 400),
        (b"--B\r\n" + b"X: y\r\n" * 50 + b"\r\n\r\n--B--\r\n", {}, 400),
        (b"--B\r\nX: " + b"y" * 100_000, {}, 400),
        (body_of([b"{}"], "application/dicom+json"), {}, 415),
        (body_of([b"x"] * 6), {}, 413),
        (b"", {"Content-Type": "application/dicom"}, 415),
        (b"", {"Content-Type": "multipart/related; type=text/plain; boundary=B"}, 415),
        (b"", {"Content-Type": "multipart/related"}, 415),
        (b"--" + b"B" * 5000, {"Content-Type": f"multipart/related; boundary={'B' * 5000}"}, 400),
        (b"", {"Authorization": ""}, 401),
        (b"", {"Authorization": "Bearer another token altogether"}, 401),
        (b"", {"Authorization": f"Basic {TOKEN}"}, 401),
    ],
)
def test_what_is_no_store_is_refused_by_its_status(
    spool: Spool, tmp_path: Path, body: bytes, headers: dict[str, str], status: int
) -> None:
    with door(spool, tmp_path, max_parts=5) as web:
        assert post(web, body, headers=headers).status_code == status
        assert web.reasons == [RefusedFor.TOKEN if status == 401 else RefusedFor.PROTOCOL]
        assert web.stored == []
        assert list(spool.incoming.iterdir()) == []


@pytest.mark.parametrize("content", [None, "short", ""])
def test_without_a_token_that_is_good_enough_nobody_is_known(spool: Spool, tmp_path: Path, content: str | None) -> None:
    with door(spool, tmp_path) as web:
        token = tmp_path / "token"
        token.unlink() if content is None else token.write_text(content)
        assert post(web, b"", headers={"Authorization": f"Bearer {content or 'none'}"}).status_code == 401


def test_a_body_beyond_its_bound_is_not_read_to_its_end(spool: Spool, tmp_path: Path, paths: list[Path]) -> None:
    content = paths[0].read_bytes()
    with door(spool, tmp_path, max_body_bytes=3 * len(content)) as web:
        answer = post(web, body_of([content] * 2 + [b"\0" * 4 * len(content)]))
        assert answer.status_code == 413
        assert len({one.path for one in web.stored}) <= 1, "what was whole before may be accepted"
        assert list(spool.incoming.iterdir()) == []


def opened(web: Door) -> socket.socket:
    return socket.create_connection(("127.0.0.1", web.port), timeout=60)


def test_a_peer_that_asks_for_nothing_is_closed_in_time(web: Door) -> None:
    begun = time.monotonic()
    with opened(web) as silent, opened(web) as slow:
        slow.sendall(b"POST /studies HTTP/1.1\r\nHost: x\r\n")
        assert silent.recv(10) == slow.recv(10) == b""
    assert time.monotonic() - begun < 30


def test_those_that_ask_for_nothing_keep_nobody_out(web: Door, paths: list[Path]) -> None:
    silent = [opened(web) for _ in range(30)]
    try:
        assert post(web, body_of([paths[0].read_bytes()])).status_code == 200
    finally:
        for each in silent:
            each.close()


def test_a_body_that_stops_is_ended_in_time_and_leaves_nothing(web: Door, paths: list[Path]) -> None:
    body = body_of([path.read_bytes() for path in paths[:2]])
    head = (
        f"POST /studies HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: {len(body)}\r\n"
        "Content-Type: multipart/related; boundary=B\r\n\r\n"
    )
    with opened(web) as peer:
        peer.sendall(head.encode() + body[:-1000])
        assert b" 408 " in peer.recv(100)
    assert len(web.stored) == 1
    assert list(web.spool.incoming.iterdir()) == []
    with opened(web) as peer:
        peer.sendall(head.encode() + body[:-1000])
    deadline = time.monotonic() + 60
    while list(web.spool.incoming.iterdir()):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_our_own_user_agent_is_told_that_it_is_not_known(web: Door, paths: list[Path]) -> None:
    known = WebDestination("node", web.url)
    with pytest.raises(DeliveryFailed, match="401"):
        examine(known)
    done: list[StoredObject] = []
    with pytest.raises(DeliveryFailed, match="wants to know who we are"):
        deliver_over_web(paths, known, on_stored=done.append)
    assert done == []


def test_over_tls_certificates_are_asked_for_and_a_stranger_gets_nothing(
    spool: Spool, tmp_path: Path, paths: list[Path]
) -> None:
    authority, other = Authority(tmp_path / "authority"), Authority(tmp_path / "other")
    ours, theirs, strange = authority.identity("node"), authority.identity("sender"), other.identity("stranger")
    tls = TlsSettings(ours.certificate, ours.key, authority.root)
    with door(spool, tmp_path, tls=tls, token=None) as web:
        sender = WebDestination("node", web.url, authority.root, None, theirs.certificate, theirs.key)
        deliver_over_web(paths, sender, on_stored=lambda one: None)
        assert len(web.stored) == 3
        for stranger in (
            WebDestination("node", web.url, authority.root),
            replace(sender, certificate=strange.certificate, key=strange.key),
        ):
            with pytest.raises(DeliveryFailed):
                deliver_over_web(paths, stranger, on_stored=lambda one: None)
    assert len(web.stored) == 3


def test_renewed_certificates_count_from_the_next_handshake_on(
    spool: Spool, tmp_path: Path, paths: list[Path]
) -> None:
    before, after = Authority(tmp_path / "before"), Authority(tmp_path / "after")
    files = TlsSettings(tmp_path / "node.pem", tmp_path / "node.key", tmp_path / "root.pem")

    def install(authority: Authority) -> WebDestination:
        ours, theirs = authority.identity("node"), authority.identity("sender")
        for source, target in ((ours.certificate, "node.pem"), (ours.key, "node.key"), (authority.root, "root.pem")):
            (tmp_path / target).write_bytes(source.read_bytes())
        return WebDestination("node", "", authority.root, None, theirs.certificate, theirs.key)

    first = install(before)
    with door(spool, tmp_path, tls=files, token=None) as web:
        first = replace(first, url=web.url)
        deliver_over_web(paths[:1], first, on_stored=lambda one: None)
        second = replace(install(after), url=web.url)
        deliver_over_web(paths[1:2], second, on_stored=lambda one: None)
        with pytest.raises(DeliveryFailed):
            deliver_over_web(paths[2:], first, on_stored=lambda one: None)
        with pytest.raises(DeliveryFailed):
            deliver_over_web(paths[2:], replace(first, authorities=after.root), on_stored=lambda one: None)
    assert len(web.stored) == 2
