"""Sections of the configuration; see ``plugin.config`` for the whole."""

from __future__ import annotations

import os
from ipaddress import ip_address
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from plugin.peer_settings import AeTitle, Section

POSTGRES = ("postgresql://", "postgres://")
"""How the URL of a database begins."""

MOST_RECEIVING = 4
"""Processes that receive where nobody said how many: each takes some 110 MB, and more of them wait for the disk."""

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class ListenerSection(Section):
    """Where photographs come in."""

    ae_title: AeTitle = Field(
        default="TWINVEIL", description="Called AE title; an association that calls another is rejected."
    )
    host: str = Field(default="127.0.0.1", description="Address to bind. Loopback until somebody decides otherwise.")
    port: int = Field(
        default=11112, ge=0, le=65535, description="TCP port; 0 takes any free one. 104 needs privileges."
    )
    processes: int = Field(
        default=0, ge=0, le=64,
        description="Processes that receive on one port; each has all limits. 0: one for each core, at most four.",
    )  # fmt: skip

    @property
    def receiving(self) -> int:
        """How many processes receive here, the node's own included. One works with little more than one core."""
        return self.processes or min(os.cpu_count() or 1, MOST_RECEIVING)


class DatabaseSection(Section):
    """Where records and the job queue lie. Empty: in a file in the state folder, for one process."""

    url: str = Field(
        default="",
        description="postgresql://user@host/name, for several machines that share the state folder.",
    )
    url_file: str = Field(default="", description="A file that holds the URL instead: it may have a password in it.")

    @model_validator(mode="after")
    def _is_one(self) -> DatabaseSection:
        if self.url and self.url_file:
            raise ValueError("url and url_file: name one of them")
        if self.url and not self.url.startswith(POSTGRES):
            raise ValueError(f"url: begins with {POSTGRES[0]}")
        return self


class WorkerSection(Section):
    """What a process takes on that works on studies."""

    lanes: tuple[Literal["urgent", "small", "large"], ...] = Field(
        default=("urgent", "small", "large"),
        min_length=1,
        description="Lanes that it takes studies from; on machines without an accelerator, leave large to others.",
    )
    large_pixels: int = Field(
        default=50_000_000, ge=1_000_000, le=10**12,
        description="Pixels of all its photographs together from which on a study waits in the lane large.",
    )  # fmt: skip
    dead_after_seconds: float = Field(
        default=5.0, ge=1.0, le=3600.0,
        description="Without a sign of life for so long, a process is taken for dead and its jobs are taken over.",
    )  # fmt: skip

    @field_validator("lanes", mode="before")
    @classmethod
    def _lists_are_tuples(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value


class WatchingSection(Section):
    """Metrics for Prometheus, health and readiness by HTTP. Off until a port is named. They name nobody."""

    host: str = Field(default="127.0.0.1", min_length=1, description="Address to bind. Whoever reaches it may read it.")
    port: int = Field(default=0, ge=0, le=65535, description="TCP port of /metrics, /healthz and /readyz; 0 is off.")

    @property
    def is_on(self) -> bool:
        """Whether there is such a port."""
        return self.port != 0


class PageSection(Section):
    """The web page for those who run the node. Off until a port is named; `twinveil users add` makes its users."""

    host: str = Field(
        default="127.0.0.1", min_length=1, description="Address to bind; any but loopback needs a certificate."
    )
    port: int = Field(
        default=0, ge=0, le=65535,
        description="TCP port of the page; 0 is off. Of several processes the listener serves it.",
    )  # fmt: skip
    names: tuple[str, ...] = Field(
        default=(), description="Names that browsers reach it by, besides host and localhost; others are turned away."
    )
    certificate: str = Field(default="", description="PEM file of the page's certificate and its chain: https.")
    key: str = Field(default="", description="PEM file of its private key, without a password.")
    proxies: tuple[str, ...] = Field(
        default=(), description="Addresses of reverse proxies that say who asks; nobody else's word is taken."
    )
    proxy_header: str = Field(
        default="", description="The header in which they say it, such as X-Remote-User; empty: users sign in here."
    )
    idle_minutes: float = Field(default=20.0, gt=0.0, le=1440.0, description="Without a click, a session ends then.")
    session_hours: float = Field(default=10.0, gt=0.0, le=168.0, description="After that it ends in any case.")
    failures_per_minute: int = Field(
        default=5, ge=1, le=1000, description="Wrong passwords by one address or for one name before it has to wait."
    )
    results_days: float = Field(
        default=7.0, ge=0.0, le=365.0,
        description="How long what was delivered can still be looked at, kept sealed; 0: until it is delivered.",
    )  # fmt: skip
    scorecard: str = Field(default="", description="scorecard.json of `twinveil evaluate` that the page shows.")

    @property
    def is_on(self) -> bool:
        """Whether there is a page."""
        return self.port != 0

    @field_validator("names", "proxies", mode="before")
    @classmethod
    def _lists_are_tuples(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value

    @field_validator("proxies")
    @classmethod
    def _are_addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for each in value:
            ip_address(each)
        return value

    @model_validator(mode="after")
    def _is_guarded(self) -> PageSection:
        if bool(self.certificate) != bool(self.key):
            raise ValueError("certificate and key belong together")
        if bool(self.proxies) != bool(self.proxy_header):
            raise ValueError("proxies and proxy_header belong together: who may say who asks, and where")
        if self.is_on and not self.certificate and self.host not in LOOPBACK:
            raise ValueError("host: passwords would travel in clear; name a certificate and its key")
        return self


class LoggingSection(Section):
    """What the node says on standard error. It names nobody in either form."""

    format: Literal["text", "json"] = Field(default="text", description='"text", or "json": one object a line.')


class AuditSection(Section):
    """DICOM audit messages (PS3.15 A.5) to a syslog server. Off while no host is named. They name no patient."""

    host: str = Field(default="", description="The syslog server; empty is off.")
    port: int = Field(default=6514, ge=1, le=65535, description="Its port: 6514 is registered for TLS, 514 for UDP.")
    transport: Literal["tls", "tcp", "udp"] = Field(
        default="tls", description='"tls" (RFC 5425), or in clear "tcp" (RFC 6587) or "udp" (RFC 5426).'
    )
    authorities: str = Field(default="", description="PEM file of who signs its certificate; empty for the system's.")
    certificate: str = Field(default="", description="PEM file of our certificate, where it wants one.")
    key: str = Field(default="", description="PEM file of that certificate's private key.")
    source: str = Field(default="", description="AuditSourceID; empty for the listener's AE title.")
    site: str = Field(default="", description="AuditEnterpriseSiteID; empty for none.")
    most_waiting: int = Field(
        default=100_000, ge=100, le=10**7, description="Messages kept while it is away; more are lost, which is told."
    )

    @property
    def is_on(self) -> bool:
        """Whether there is a server."""
        return bool(self.host)

    @model_validator(mode="after")
    def _is_whole(self) -> AuditSection:
        if bool(self.certificate) != bool(self.key):
            raise ValueError("certificate and key belong together: name both or none")
        if self.transport != "tls" and (self.authorities or self.certificate):
            raise ValueError(f"authorities, certificate and key are of TLS; {self.transport} has none")
        return self
