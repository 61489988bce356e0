"""The Store transaction (STOW-RS, PS3.18 10.5), as its user agent: one object a request, over one connection.

The bytes of a file go as they are, read as they are sent. What an answer means is a table; an object counts as stored
where the server says so of that object. One try, as with C-STORE: when to try again is the caller's business.
"""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pydicom

from dicom_io.errors import DeliveryFailed, in_words
from dicom_io.quiet import quiet
from dicom_io.sending.destination import THERE_ALREADY, StoredObject, StoreWarning
from dicom_io.sending.web_destination import WebDestination
from dicom_io.standard import Status, meaning_of

log = logging.getLogger(__name__)

READ_AT_ONCE = 1 << 18
MOST_ANSWER = 1 << 20
"""Bytes of an answer that are read; the one on a single object is short."""

FAILED, REFERENCED = "00081198", "00081199"
FAILURE_REASON, WARNING_REASON, SOP_INSTANCE = "00081197", "00081196", "00081155"
"""Tags of the Store Instances Response Module (PS3.18 10.5.3, PS3.3 C.12.1)."""

OF_THE_DESTINATION: dict[int, str] = {
    401: "it wants to know who we are (401): see the token or the certificate in the configuration",
    403: "we may not store there (403): see the rights of the token or the certificate",
    404: "there is nothing at that address (404): see url, which ends in /studies as a rule",
    405: "nothing can be stored at that address (405): see url, which ends in /studies as a rule",
    407: "a proxy is in the way (407)",
    408: "it waited too long for us (408)",
    413: "the object is larger than it takes (413); see the limits there",
    415: "it takes no application/dicom in multipart/related (415)",
    429: "it is asked too much (429)",
}
"""What a status says that is about the destination, or about what it can do at all."""

OF_THE_OBJECT = frozenset({400, 406, 409, 411, 413, 415, 422})
"""Statuses by which an object was offered and not taken; by all others nothing came through."""


@dataclass(frozen=True)
class _Answer:
    status: int
    body: dict[str, Any]


def deliver_over_web(
    paths: Sequence[Path],
    destination: WebDestination,
    *,
    sent_before: Collection[str] = (),
    on_stored: Callable[[StoredObject], None],
) -> None:
    """Store every file of ``paths`` at ``destination``, in this order; arguments and errors as with ``deliver``."""
    with destination.client() as client:
        for path in paths:
            stored = _store(client, path, destination, sent_before)
            if stored.warning is not None:
                log.warning("%s has %s: %s", destination.name, path.name, stored.warning.meaning)
            on_stored(stored)


def examine(destination: WebDestination) -> str:
    """Whether it is there, is who it says, and would let us store; in words. Nothing is stored. Raises DeliveryFailed.

    It is sent a message without objects, which every server refuses or takes for nothing.
    """
    with destination.client() as client:
        boundary = _boundary()
        answer = _post(client, destination, f"--{boundary}--\r\n".encode(), boundary)
    if answer.status in OF_THE_DESTINATION.keys() - {413} or answer.status >= 500 or 300 <= answer.status < 400:
        raise DeliveryFailed(destination.name, _why(answer.status), retryable=answer.status >= 500)
    return f"{destination.url} answers, and lets us store"


def _store(
    client: httpx.Client, path: Path, destination: WebDestination, sent_before: Collection[str]
) -> StoredObject:
    try:
        with quiet():
            uid = str(pydicom.filereader.read_file_meta_info(path).MediaStorageSOPInstanceUID)
    except (OSError, AttributeError, pydicom.errors.InvalidDicomError) as error:
        raise DeliveryFailed(destination.name, f"{path.name} is no DICOM file", retryable=False) from error
    answer = _post(client, destination, path, _boundary())
    if answer.status not in (200, 202, *OF_THE_OBJECT):
        raise DeliveryFailed(destination.name, _why(answer.status), retryable=True)
    reason = _wordsagainst(answer.body, uid)
    if reason == Status.DUPLICATE_SOP_INSTANCE and uid in sent_before:
        return StoredObject(path, uid, StoreWarning(uid, reason, THERE_ALREADY))
    if reason is not None:
        raise DeliveryFailed(destination.name, _refusal(path, reason), retryable=False, offered=True)
    if answer.status in OF_THE_OBJECT:
        words = f"it does not take the object {path.name}: {_why(answer.status)}"
        raise DeliveryFailed(destination.name, words, retryable=False, offered=True)
    told = _told_of(answer.body, uid)
    if told is None and answer.status == 202:
        words = f"it answered 202 to {path.name} and did not say what became of it; see the log there"
        raise DeliveryFailed(destination.name, words, retryable=True, offered=True)
    code = _number(told or {}, WARNING_REASON)
    warning = None if code is None else StoreWarning(uid, code, meaning_of(code).meaning)
    return StoredObject(path, uid, warning)


def _post(client: httpx.Client, destination: WebDestination, content: Path | bytes, boundary: str) -> _Answer:
    """One request and what came of it. Raises DeliveryFailed where there is no answer."""
    if isinstance(content, Path):
        head = f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
        tail = f"\r\n--{boundary}--\r\n".encode()
        length = len(head) + content.stat().st_size + len(tail)
        body: Iterator[bytes] | bytes = _pieces(head, content, tail)
    else:
        length, body = len(content), content
    headers = {
        "Content-Type": f'multipart/related; type="application/dicom"; boundary={boundary}',
        "Content-Length": str(length),
    }
    try:
        with client.stream("POST", destination.url, content=body, headers=headers) as response:
            return _Answer(response.status_code, _body(response))
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        raise DeliveryFailed(destination.name, _unanswered(error), retryable=True) from error


def _pieces(head: bytes, path: Path, tail: bytes) -> Iterator[bytes]:
    yield head
    with path.open("rb") as file:
        while piece := file.read(READ_AT_ONCE):
            yield piece
    yield tail


def _body(response: httpx.Response) -> dict[str, Any]:
    """The answer's JSON object; empty where it is none, or longer than it can be."""
    content = bytearray()
    for piece in response.iter_bytes():
        content += piece
        if len(content) > MOST_ANSWER:
            return {}
    try:
        parsed = json.loads(bytes(content))
    except (ValueError, RecursionError):
        return {}
    if isinstance(parsed, list) and len(parsed) == 1:
        parsed = parsed[0]
    return parsed if isinstance(parsed, dict) else {}


def _wordsagainst(body: dict[str, Any], uid: str) -> int | None:
    """Why the object is not stored, where the answer says that; 0 for no reason given."""
    for item in _items(body, FAILED):
        if _first(item, SOP_INSTANCE) in (uid, None):
            return _number(item, FAILURE_REASON) or 0
    return None


def _told_of(body: dict[str, Any], uid: str) -> dict[str, Any] | None:
    """What the answer says of the object, where it says that it is stored."""
    return next((item for item in _items(body, REFERENCED) if _first(item, SOP_INSTANCE) == uid), None)


def _items(body: dict[str, Any], tag: str) -> list[dict[str, Any]]:
    element = body.get(tag)
    values = element.get("Value") if isinstance(element, dict) else None
    return [item for item in values if isinstance(item, dict)] if isinstance(values, list) else []


def _first(item: dict[str, Any], tag: str) -> object:
    element = item.get(tag)
    values = element.get("Value") if isinstance(element, dict) else None
    return values[0] if isinstance(values, list) and values else None


def _number(item: dict[str, Any], tag: str) -> int | None:
    value = _first(item, tag)
    return value if isinstance(value, int) and 0 <= value <= 0xFFFF else None


def _refusal(path: Path, code: int) -> str:
    outcome = meaning_of(code)
    reason = f"it does not take {path.name}: 0x{code:04X}, {outcome.meaning}; see the log there"
    if code == Status.DUPLICATE_SOP_INSTANCE:
        reason += "; it holds an object of this UID that this delivery did not send, remove that one there"
    return reason


def _why(status: int) -> str:
    if 300 <= status < 400:
        return f"it wants us to go elsewhere ({status}), which is not done: write the address that it means"
    return OF_THE_DESTINATION.get(status, f"it answered {status}; see the log there")


def _unanswered(error: Exception) -> str:
    if isinstance(error, httpx.ConnectTimeout | httpx.ConnectError):
        if "certificate" in str(error).lower() or "ssl" in str(error).lower():
            return "no connection by TLS: its certificate is not one that we trust, or ours not one that it does"
        return "no connection could be made; is it running, and is url right?"
    if isinstance(error, httpx.TimeoutException):
        return "it did not answer in time"
    return f"the connection broke off: {in_words(error)}"


def _boundary() -> str:
    """One that no object holds, except by a chance of 1 in 2**122 a byte."""
    return f"twinveil-{uuid.uuid4().hex}"
