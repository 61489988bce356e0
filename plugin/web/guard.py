"""What stands before every page: whose name is called, who asks, whether that may be, and what browsers are told.

Nothing behind it decides about any of this. A path that the table of pages does not have is not there; one that it has
is for users of the standing that it names, or above; whatever changes something is a POST with the session's token,
from a page of ours.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from plugin.errors import ConfigurationRefused
from plugin.sections import LOOPBACK
from plugin.web.desk import BY_ITSELF, Desk
from plugin.web.sessions import Session

LARGEST_FORM = 1 << 18
"""Bytes: some thousand entries that are decided on at once."""

FORM_SECONDS = 10.0
"""From a request's headers to the end of its form."""

ANYBODY = 0
"""The standing that a page needs that anybody may see."""

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}

Finds = Callable[[Scope], int | None]
"""The standing that a request's method and path need; None where there is no such page."""


class Guard:
    """ASGI middleware. Leaves in the request's state: ``session`` (None without), ``by_proxy`` and ``form``."""

    def __init__(self, application: ASGIApp, desk: Desk, needs: Finds) -> None:
        self._application, self._desk, self._needs = application, desk, needs
        section = desk.configuration.page
        self._names = frozenset({section.host, *LOOPBACK, *section.names} - {"0.0.0.0", "::"})
        self.secure = bool(section.certificate)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        over_tls, cookie = self._over_tls(request), ""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                if over_tls:
                    headers["Strict-Transport-Security"] = "max-age=31536000"
                if cookie:
                    headers.append("Set-Cookie", cookie)
            await send(message)

        request.state.session, request.state.by_proxy, request.state.form = None, False, {}
        request.state.over_tls = over_tls
        try:
            answer, token = await self._checked(request)
        except ConfigurationRefused as error:  # the users' file: nobody is let in until somebody has looked
            answer, token = PlainTextResponse(f"{error}\n", 503), ""
        if token:
            cookie = set_cookie(token, over_tls)
        if answer is not None:
            await answer(scope, receive, with_headers)
        else:
            await self._application(scope, receive, with_headers)

    async def _checked(self, request: Request) -> tuple[Response | None, str]:
        """What is answered instead of the page, None for the page itself; and a token that the browser is to hold."""
        if urlsplit(f"//{request.headers.get('host', '')}").hostname not in self._names:
            return PlainTextResponse("This host name is not in [page] names.\n", 421), ""
        needed = self._needs(request.scope)
        if needed is None:
            return PlainTextResponse("There is no such page.\n", 404), ""
        token = self._find_session(request)
        session: Session | None = request.state.session
        if request.method == "POST":
            refused = await self._read_form(request, session, needed)
            if refused is not None:
                return refused, token
        if needed == ANYBODY:
            return None, token
        if session is None:
            if request.state.by_proxy:
                return PlainTextResponse("The proxy names nobody who is a user here.\n", 403), ""
            return RedirectResponse("/login", 303), ""
        if session.user.standing < needed:
            return PlainTextResponse("This is not for your role.\n", 403), token
        return None, token

    def _find_session(self, request: Request) -> str:
        """Sets the session, if there is one; the token that the browser is to hold from now on, if it has none yet."""
        desk, section = self._desk, self._desk.configuration.page
        token = request.cookies.get(cookie_name(request.state.over_tls), "")
        session = desk.sessions.find(token, used=BY_ITSELF not in request.headers) if token else None
        if session is not None and desk.users.find(session.user.name) != session.user:
            desk.sessions.end(token)  # removed, or somebody else in their place
            session = None
        if section.proxies:
            request.state.by_proxy = True
            name = request.headers.get(section.proxy_header, "") if self._is_proxy(request) else ""
            if session is not None and session.user.name == name:
                request.state.session = session
                return ""
            user = desk.users.find(name) if name else None
            if user is None:
                return ""
            begun, request.state.session = desk.sessions.begin(user)
            desk.trail.signed_in(user.name, address_of(request), succeeded=True)
            return begun
        request.state.session = session
        return ""

    async def _read_form(self, request: Request, session: Session | None, needed: int) -> Response | None:
        body = b""
        try:
            async with asyncio.timeout(FORM_SECONDS):
                async for chunk in request.stream():
                    body += chunk
                    if len(body) > LARGEST_FORM:
                        return PlainTextResponse("The form is too large.\n", 413)
        except TimeoutError:
            return PlainTextResponse("The form took too long to come.\n", 408)
        try:
            form = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=5000)
        except ValueError:
            return PlainTextResponse("The form cannot be read.\n", 400)
        request.state.form = form
        if not _from_us(request.headers):
            return PlainTextResponse("This form is from another place.\n", 403)
        if needed != ANYBODY and session is not None:
            given = form.get("csrf", [""])[0]
            if not hmac.compare_digest(given.encode(), session.csrf.encode()):
                return PlainTextResponse("This form is not of this session. Load the page again.\n", 403)
        return None

    def _is_proxy(self, request: Request) -> bool:
        return request.client is not None and request.client.host in self._desk.configuration.page.proxies

    def _over_tls(self, request: Request) -> bool:
        return self.secure or (self._is_proxy(request) and request.headers.get("x-forwarded-proto") == "https")


def _from_us(headers: Headers) -> bool:
    """Whether a browser says that a form came from a page of this very place; older ones say nothing."""
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None and site != "same-origin":
        return False
    return origin is None or urlsplit(origin).netloc == headers.get("host")


def address_of(request: Request) -> str:
    """Where the request came from: as the connection says, never as a header does."""
    return "" if request.client is None else request.client.host


def cookie_name(over_tls: bool) -> str:
    """The prefix has browsers take it from this host over TLS alone (RFC 6265bis 4.1.3)."""
    return "__Host-twinveil" if over_tls else "twinveil"


def set_cookie(token: str, over_tls: bool) -> str:
    """For the browser to hold ``token``, or, where that is empty, to forget it."""
    parts = [f"{cookie_name(over_tls)}={token}", "Path=/", "HttpOnly", "SameSite=Strict"]
    return "; ".join(parts + ["Secure"] * over_tls + ["Max-Age=0"] * (not token))
