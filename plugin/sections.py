"""Sections of the configuration; see ``plugin.config`` for the whole."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from plugin.peer_settings import Section

POSTGRES = ("postgresql://", "postgres://")
"""How the URL of a database begins."""


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
