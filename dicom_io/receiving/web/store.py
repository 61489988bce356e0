"""The resources /studies and /studies/{study}: who may store there, within which bounds, and what is answered.

    200   every instance is accepted: on disk, and on record
    202   some are; which, and why others are not, stands in the answer (PS3.18 10.5.3)
    409   none is
    503   none is, for want of room; or too many ask at a time
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from dicom_io.element_bounds import ElementBounds
from dicom_io.receiving.limits import ConnectionLimits
from dicom_io.receiving.refused_calls import OnRefused, RefusedCall, RefusedFor, refused_for
from dicom_io.receiving.spool import Spool, StoredInstance
from dicom_io.receiving.tls import TlsSettings
from dicom_io.receiving.web.message import SENDER, Message, MessageBroken, Outcome, PartStore, media_type
from dicom_io.standard import Status

log = logging.getLogger(__name__)

SHORTEST_TOKEN, LONGEST_TOKEN = 16, 8192
"""Characters of a bearer token."""


@dataclass(frozen=True)
class WebSettings:
    """Who may store where, and what one body may cost.

    ``token``: file of the bearer token that is asked for. ``tls``: certificate and key of the port; with authorities,
    a peer's certificate is asked for. ``max_requests`` at a time, of ``max_parts`` and ``max_body_bytes`` each.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    token: Path | None = None
    tls: TlsSettings | None = None
    max_requests: int = 8
    max_parts: int = 1000
    max_body_bytes: int = 1 << 32
    limits: ConnectionLimits = field(default_factory=ConnectionLimits)
    bounds: ElementBounds = field(default_factory=ElementBounds)


class _TooSlow(Exception):
    """The peer sends too little at a time."""


class _Gone(Exception):
    """The peer closed the connection."""


class StoreResource:
    """Answers POST on both resources. Lives in one event loop; what waits for a disk is done in threads."""

    def __init__(
        self,
        settings: WebSettings,
        spool: Spool,
        on_stored: Callable[[StoredInstance], None],
        on_refused: OnRefused,
    ) -> None:
        self._settings = settings
        self._spool = spool
        self._on_stored = on_stored
        self._on_refused = on_refused
        self._under_way = 0

    def application(self) -> Starlette:
        """The ASGI application."""
        routes = [
            Route("/studies", self.post, methods=["POST"]),
            Route("/studies/{study}", self.post, methods=["POST"]),
        ]
        return Starlette(routes=routes)

    async def post(self, request: Request) -> Response:
        """One Store transaction. Nothing of a body is read before its sender may send it."""
        if not self._is_known(request):
            headers = {"WWW-Authenticate": "Bearer"}
            return self._refuse(request, RefusedFor.TOKEN, 401, "a bearer token is needed", headers)
        kind, inner, boundary = media_type(request.headers.get("content-type", ""))
        if kind != "multipart/related" or inner not in ("", "application/dicom") or not boundary:
            words = 'multipart/related; type="application/dicom" is needed, with its boundary'
            return self._refuse(request, RefusedFor.PROTOCOL, 415, words)
        if self._under_way >= self._settings.max_requests:
            return self._refuse(request, RefusedFor.LIMIT, 503, "too many store at a time", {"Retry-After": "5"})
        self._under_way += 1
        try:
            return await self._store(request, boundary)
        finally:
            self._under_way -= 1

    async def _store(self, request: Request, boundary: str) -> Response:
        settings = self._settings
        store = PartStore(
            self._spool, self._on_stored, settings.bounds, settings.limits.max_instance_bytes,
            study=request.path_params.get("study", ""), address=_address(request),
        )  # fmt: skip
        message: Message | None = None
        try:
            message = Message(boundary, store, settings.max_parts)
            await self._read(request, message)
            outcomes = message.finish()
            for outcome in outcomes:
                if outcome.failure is not None:
                    self._tell(request, refused_for(outcome.failure))
            return answer_of(outcomes)
        except MessageBroken as error:
            log.error("a body was refused: %s", error)
            return self._refuse(request, RefusedFor.PROTOCOL, error.status, str(error))
        except _TooSlow:
            log.info("a body came in too slowly")
            return self._refuse(request, RefusedFor.SLOW, 408, "it came in too slowly")
        except _Gone:
            log.info("a connection ended inside a body")
            return self._refuse(request, RefusedFor.PROTOCOL, 400, "the connection ended inside the body")
        finally:
            if message is not None:
                await run_in_threadpool(message.abandon)

    async def _read(self, request: Request, message: Message) -> None:
        """All of the body. Each wait, and the whole, ends in time; the time that we take ourselves is not counted."""
        limits = self._settings.limits
        count, waited, more = 0, 0.0, True
        while more:
            begun = time.monotonic()
            try:
                async with asyncio.timeout(limits.idle_seconds):
                    event = await request.receive()
            except TimeoutError as error:
                raise _TooSlow from error
            waited += time.monotonic() - begun
            if event["type"] == "http.disconnect":
                raise _Gone
            piece = event.get("body", b"")
            more = event.get("more_body", False)
            count += len(piece)
            if count > self._settings.max_body_bytes:
                raise MessageBroken(413, f"the body has more than {self._settings.max_body_bytes} bytes")
            if waited > limits.idle_seconds + count / limits.min_bytes_per_second:
                raise _TooSlow
            if piece:
                await run_in_threadpool(message.write, piece)

    def _refuse(
        self, request: Request, why: RefusedFor, status: int, words: str, headers: dict[str, str] | None = None
    ) -> Response:
        """It closes the connection: nobody reads what may still come of the body."""
        self._tell(request, why)
        return PlainTextResponse(words + "\n", status, {**(headers or {}), "Connection": "close"})

    def _tell(self, request: Request, why: RefusedFor) -> None:
        self._on_refused(RefusedCall(why, _address(request), SENDER))

    def _is_known(self, request: Request) -> bool:
        if self._settings.token is None:
            return True  # by its certificate, which the port has asked for
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        token = read_token(self._settings.token)
        return scheme.lower() == "bearer" and bool(token) and hmac.compare_digest(given.strip().encode(), token)


def read_token(path: Path) -> bytes:
    """The token in ``path``, read anew each time; b"" where there is none that is good enough."""
    try:
        with path.open("rb") as file:
            token = file.read(LONGEST_TOKEN).strip()
    except OSError:
        return b""
    return token if len(token) >= SHORTEST_TOKEN else b""


def token_is_good(path: Path) -> bool:
    """Whether ``path`` holds a token that somebody could be known by."""
    return bool(read_token(path))


def answer_of(outcomes: Sequence[Outcome]) -> Response:
    """The Store Instances Response Module, and the status that goes with it."""
    accepted = [_item(outcome) for outcome in outcomes if outcome.failure is None]
    failures = [outcome.failure for outcome in outcomes if outcome.failure is not None]
    body: dict[str, Any] = {}
    if accepted:
        body["00081199"] = {"vr": "SQ", "Value": accepted}
    if failures:
        body["00081198"] = {"vr": "SQ", "Value": [_item(one) for one in outcomes if one.failure is not None]}
    if not failures:
        status = 200
    elif accepted:
        status = 202
    else:
        status = 503 if set(failures) <= {Status.OUT_OF_RESOURCES, Status.PROCESSING_FAILURE} else 409
    return JSONResponse(body, status, media_type="application/dicom+json")


def _item(outcome: Outcome) -> dict[str, Any]:
    item: dict[str, Any] = {
        "00081150": {"vr": "UI", "Value": [outcome.sop_class_uid] if outcome.sop_class_uid else []},
        "00081155": {"vr": "UI", "Value": [outcome.sop_instance_uid] if outcome.sop_instance_uid else []},
    }
    if outcome.failure is not None:
        item["00081197"] = {"vr": "US", "Value": [int(outcome.failure)]}
    return item


def _address(request: Request) -> str:
    return request.client.host if request.client else ""
