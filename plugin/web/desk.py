"""What every page works with: the node's configuration and records, the users, and how a template becomes an answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field as part
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import jinja2
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from dicom_io.header import SiteKey
from dicom_io.reading import Limits
from plugin import __version__
from plugin.auditing import AuditTrail
from plugin.config import Configuration
from plugin.quarantine import Review
from plugin.watching import Readiness
from plugin.web.pictures import Cache
from plugin.web.results import Shelf
from plugin.web.sessions import Failures, Session, Sessions
from plugin.web.users import Standing, Users


@dataclass
class Desk:
    """One a node. ``readiness``: None where nobody can say. ``notes``: the last word on each destination."""

    configuration: Configuration
    key: SiteKey
    trail: AuditTrail
    readiness: Readiness | None = None
    notes: dict[str, str] = part(default_factory=dict)

    @cached_property
    def users(self) -> Users:
        return Users(self.configuration.state_folder)

    @cached_property
    def sessions(self) -> Sessions:
        section = self.configuration.page
        return Sessions(section.idle_minutes * 60, section.session_hours * 3600)

    @cached_property
    def failures(self) -> Failures:
        return Failures(self.configuration.page.failures_per_minute)

    @cached_property
    def shelf(self) -> Shelf:
        return Shelf(self.configuration, self.key)

    @cached_property
    def pictures(self) -> Cache:
        return Cache()

    @property
    def limits(self) -> Limits:
        limits = self.configuration.limits
        return Limits(
            max_pixels=limits.max_pixels,
            max_file_bytes=limits.max_instance_bytes,
            max_pixels_per_byte=limits.max_pixels_per_byte,
        )

    def review(self) -> Review:
        return Review(self.configuration.state_folder, self.key, self.configuration.records, self.trail)

    def page(self, request: Request, template: str, code: int = 200, **stated: Any) -> HTMLResponse:
        """``template`` filled in; each knows who asks, and where it is among the others."""
        session: Session | None = request.state.session
        standing = 0 if session is None else session.user.standing
        tabs = [(path, label) for path, label, least in TABS if standing >= least]
        note = ""
        if session is not None and BY_ITSELF not in request.headers:
            note, session.note = session.note, ""
        html = TEMPLATES.get_template(template).render(
            **stated,
            note=note,
            person=None if session is None else session.user,
            csrf="" if session is None else session.csrf,
            by_proxy=request.state.by_proxy,
            reviews=standing >= Standing.REVIEWER,
            administers=standing >= Standing.ADMIN,
            tabs=tabs,
            here=request.url.path,
            node=self.configuration.listener.ae_title,
            version=__version__,
        )
        return HTMLResponse(html, code)


BY_ITSELF = "x-refreshes"
"""The header of a request that a page makes by itself: it keeps no session alive, and takes no note from a person."""

Endpoint = Callable[[Desk, Request], Response]

TABS = (
    ("/", "Overview", Standing.VIEWER),
    ("/studies", "Studies", Standing.VIEWER),
    ("/quarantine", "Quarantine", Standing.VIEWER),
    ("/profile", "Profile", Standing.VIEWER),
    ("/figures", "Figures", Standing.VIEWER),
)
"""The pages, and who sees them named."""


def field(request: Request, name: str) -> str:
    """What the form says under ``name``, "" where it says nothing."""
    return str(request.state.form.get(name, [""])[0]).strip()


def back_to(path: str) -> RedirectResponse:
    """After a form: to the page ``path``, by GET."""
    return RedirectResponse(path, 303)


def when(moment: str | None) -> str:
    """A moment in ISO 8601 as people read it, in UTC."""
    if not moment:
        return "never"
    try:
        return datetime.fromisoformat(moment).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except ValueError:
        return moment


def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("plugin.web"), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["when"] = when
    return environment


TEMPLATES = _templates()
