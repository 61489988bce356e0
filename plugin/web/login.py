"""Signing in and out."""

from __future__ import annotations

import hmac
import math
import secrets

from starlette.requests import Request
from starlette.responses import Response

from plugin.web.desk import Desk, back_to
from plugin.web.guard import address_of, cookie_name, set_cookie

BEFORE = "twinveil-before"
"""The cookie that ties the form of signing in to the browser that asked for it."""


def show_login(desk: Desk, request: Request) -> Response:
    """The form; whoever is signed in goes on."""
    if request.state.session is not None:
        return back_to("/")
    return _form(desk, request, "")


def sign_in(desk: Desk, request: Request) -> Response:
    """A name and a password. What is wrong is not told apart; too many wrong ones have to wait."""
    form, address = request.state.form, address_of(request)
    name, password = form.get("name", [""])[0].strip(), form.get("password", [""])[0]
    before = request.cookies.get(BEFORE, "")
    if not before or not hmac.compare_digest(before.encode(), form.get("before", [""])[0].encode()):
        return _form(desk, request, "The form was too old. Try again.", 403)
    subjects = (f"address {address}", f"name {name}")
    if wait := desk.failures.must_wait(*subjects):
        answer = _form(desk, request, f"Too many tries. Wait {math.ceil(wait)} seconds.", 429)
        answer.headers["Retry-After"] = str(math.ceil(wait))
        return answer
    user = None if desk.configuration.page.proxies else desk.users.verified(name, password)
    if user is None:
        desk.failures.add(*subjects)
        desk.trail.signed_in(name or "nobody", address, succeeded=False)
        return _form(desk, request, "Name or password is wrong.", 403)
    desk.trail.signed_in(user.name, address, succeeded=True)
    token, _ = desk.sessions.begin(user)
    answer = back_to("/")
    answer.headers.append("Set-Cookie", set_cookie(token, request.state.over_tls))
    return answer


def sign_out(desk: Desk, request: Request) -> Response:
    """The session is over, here and in the browser."""
    desk.sessions.end(request.cookies.get(cookie_name(request.state.over_tls), ""))
    desk.trail.signed_out(request.state.session.user.name, address_of(request))
    answer = back_to("/login")
    answer.headers.append("Set-Cookie", set_cookie("", request.state.over_tls))
    return answer


def _form(desk: Desk, request: Request, complaint: str, status: int = 200) -> Response:
    before = secrets.token_urlsafe(16)
    answer = desk.page(request, "login.html", status, complaint=complaint, before=before)
    secure = "; Secure" if request.state.over_tls else ""
    answer.headers.append("Set-Cookie", f"{BEFORE}={before}; Path=/login; HttpOnly; SameSite=Strict{secure}")
    return answer
