"""The pages as one table, and the application that serves them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Match, Route
from starlette.types import Scope

from dicom_io.errors import DicomError, in_words
from plugin.errors import PluginError
from plugin.web import figures, held, login, overview, profile, studies
from plugin.web.desk import Desk, Endpoint
from plugin.web.guard import ANYBODY, Guard
from plugin.web.users import Standing

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Page:
    """One path and method. ``least``: the standing that it needs."""

    method: str
    path: str
    endpoint: Endpoint
    least: int


STATIC = {
    "page.css": "text/css; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}


def show_static(desk: Desk, request: Request) -> Response:
    """The style sheet, the script and the icon."""
    name = request.path_params["name"]
    if name not in STATIC:
        return PlainTextResponse("There is no such file.\n", 404)
    return Response(files("plugin.web").joinpath(f"static/{name}").read_bytes(), media_type=STATIC[name])


PAGES = (
    Page("GET", "/login", login.show_login, ANYBODY),
    Page("POST", "/login", login.sign_in, ANYBODY),
    Page("GET", "/static/{name}", show_static, ANYBODY),
    Page("POST", "/logout", login.sign_out, Standing.VIEWER),
    Page("GET", "/", overview.show_overview, Standing.VIEWER),
    Page("POST", "/destinations/{name}", overview.tell_destination, Standing.ADMIN),
    Page("GET", "/studies", studies.show_studies, Standing.VIEWER),
    Page("GET", "/studies/{job}", studies.show_study, Standing.VIEWER),
    Page("GET", "/studies/{job}/{number:int}/{kind}", studies.show_picture, Standing.VIEWER),
    Page("GET", "/quarantine", held.show_held, Standing.VIEWER),
    Page("POST", "/quarantine", held.decide, Standing.REVIEWER),
    Page("GET", "/quarantine/{name}", held.show_entry, Standing.VIEWER),
    Page("GET", "/quarantine/{name}/original", held.show_original, Standing.REVIEWER),
    Page("GET", "/profile", profile.show_profile, Standing.VIEWER),
    Page("GET", "/figures", figures.show_figures, Standing.VIEWER),
)
"""All there is. What is not here is not there."""


def page_application(desk: Desk) -> Guard:
    """The ASGI application."""
    routes = [Route(page.path, _answers(desk, page.endpoint), methods=[page.method]) for page in PAGES]

    def needs(scope: Scope) -> int | None:
        for route, page in zip(routes, PAGES, strict=True):
            if route.matches(scope)[0] is Match.FULL:
                return page.least
        return None

    return Guard(Starlette(routes=list(routes)), desk, needs)


def _answers(desk: Desk, endpoint: Endpoint) -> Callable[[Request], Response]:
    """In a thread of its own: pages read files and databases."""

    def answer(request: Request) -> Response:
        try:
            return endpoint(desk, request)
        except (PluginError, DicomError) as error:
            return PlainTextResponse(f"{error}\n", 503)
        except Exception as error:  # its own text may quote what nobody should read
            log.error("the page %s failed: %s", endpoint.__name__, in_words(error))
            return PlainTextResponse("Something went wrong that nobody foresaw; the log has more.\n", 500)

    return answer
