"""Whom a node talks to, as configured: callers and destinations, and what every section of the file has in common."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

AeTitle = Annotated[str, StringConstraints(pattern=r"^[!-\[\]-~](?:[ -\[\]-~]{0,14}[!-\[\]-~])?$")]
"""PS3.5 6.2, VR AE: 1 to 16 characters of the default repertoire, no backslash, no space at either end."""

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
"""A name that can stand in a log line and in a file name."""

Url = Annotated[str, StringConstraints(pattern=r"^(|https?://[!-~]+[^/!-.:-@])$")]
"""Empty, or an address without a slash at its end."""


class Section(BaseModel):
    """What every section has in common: frozen, no unknown keys, no silent conversion of types."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Caller(Section):
    """One sender that may associate. Both its title and its address must match."""

    ae_title: AeTitle = Field(description="Calling AE title, exactly as the sender states it.")
    network: str = Field(description="Address or network in CIDR notation that it calls from, such as 10.1.2.0/24.")

    host: str = Field(
        default="",
        description="Where it takes reports of Storage Commitment; empty: on the association that it asks on.",
    )
    port: int = Field(default=0, ge=0, le=65535, description="Its TCP port for these.")

    @field_validator("network")
    @classmethod
    def _is_a_network(cls, value: str) -> str:
        ip_network(value)
        return value

    @model_validator(mode="after")
    def _address_is_whole(self) -> Caller:
        if bool(self.host) != bool(self.port):
            raise ValueError("host and port belong together: where it takes reports of Storage Commitment")
        return self


class DestinationSection(Section):
    """One archive that receives every result: by C-STORE, or, where it has a url, by STOW-RS."""

    name: Name = Field(description="What logs and manifests call it.")
    ae_title: AeTitle = Field(default="", description="Its AE title.")
    host: str = Field(default="", description="Its address.")
    port: int = Field(default=0, ge=0, le=65535, description="Its TCP port.")
    calling_ae_title: AeTitle = Field(default="TWINVEIL", description="The title that we call it with.")
    commitment: bool = Field(
        default=False, description="It must answer for what it stored (Storage Commitment) before sources are purged."
    )
    tls: bool = Field(default=False, description="By TLS, for C-STORE and Storage Commitment; a url has https instead.")
    url: Url = Field(default="", description="Instead of title, host and port: https://…/studies, for STOW-RS.")
    authorities: str = Field(
        default="", description="PEM file of who signs its certificate; empty: whom the system trusts."
    )
    token_file: str = Field(default="", description="File with a bearer token for it.")
    certificate: str = Field(default="", description="PEM file of our certificate, where it asks for one.")
    key: str = Field(default="", description="PEM file of its private key, without a password.")

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> DestinationSection:
        by_store = (bool(self.ae_title), bool(self.host), bool(self.port))
        if bool(self.url) == any(by_store) or (not self.url and not all(by_store)):
            raise ValueError("either ae_title, host and port, for C-STORE, or url, for STOW-RS")
        if self.tls and self.url:
            raise ValueError("tls: a url says so itself, by https")
        if any((self.authorities, self.certificate, self.key)) and not (self.tls or self.url.startswith("https:")):
            raise ValueError("authorities, certificate and key are for tls = true, or for a url with https")
        if self.token_file and not self.url.startswith("https:"):
            raise ValueError("token_file: a bearer token is for a url with https")
        if bool(self.certificate) != bool(self.key):
            raise ValueError("certificate and key belong together")
        if self.url and self.commitment:
            raise ValueError("commitment is asked by DIMSE alone, and this one has a url")
        return self

    @field_validator("url")
    @classmethod
    def _in_clear_to_ourselves_alone(cls, value: str) -> str:
        if value.startswith("http:") and urlsplit(value).hostname not in {"127.0.0.1", "::1", "localhost"}:
            raise ValueError("http is for this machine alone; write https")
        return value
