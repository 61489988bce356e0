"""The one configuration file: what may be set, in which unit, within which range, and why.

Every model is frozen and refuses keys it does not know. What is not allowed here is denied: a node without ``callers``
answers nobody. Relative paths are taken from the folder of the configuration file.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from dicom_io.errors import ProfileError
from dicom_io.header import check_options
from plugin.database import DATABASE, Database, Postgres
from plugin.errors import ConfigurationRefused
from plugin.model_settings import ModelSection as ModelSection
from plugin.peer_settings import Caller as Caller
from plugin.peer_settings import DestinationSection as DestinationSection
from plugin.peer_settings import Name
from plugin.peer_settings import Section as Section
from plugin.sections import (
    POSTGRES,
    AuditSection,
    DatabaseSection,
    LoggingSection,
    PageSection,
    WatchingSection,
    WorkerSection,
)
from plugin.sections import ListenerSection as ListenerSection

KEY_VARIABLE = "TWINVEIL_KEY_FILE"
"""Environment variable that names the key file when the configuration does not."""


class TlsSection(Section):
    """A second port, for TLS 1.2 and 1.3 with certificates on both sides (BCP 195). Off while its files are empty."""

    certificate: str = Field(default="", description="PEM file of this node's certificate and its chain.")
    key: str = Field(default="", description="PEM file of its private key, without a password.")
    authorities: str = Field(default="", description="PEM file of the authorities that sign callers' certificates.")
    port: int = Field(default=2762, ge=0, le=65535, description="TCP port; 2762 is registered for it, 0 is any.")
    only: bool = Field(default=False, description="Close the port in clear: whoever calls must have a certificate.")

    @property
    def is_on(self) -> bool:
        """Whether there is such a port."""
        return bool(self.certificate)

    @model_validator(mode="after")
    def _is_whole(self) -> TlsSection:
        given = [bool(file) for file in (self.certificate, self.key, self.authorities)]
        if any(given) and not all(given):
            raise ValueError("certificate, key and authorities belong together: name all three or none")
        if self.only and not self.is_on:
            raise ValueError("only: without certificate, key and authorities there would be no port at all")
        return self


class WebSection(Section):
    """A port that takes photographs by HTTP (STOW-RS), at /studies. Off until somebody turns it on."""

    on: bool = Field(default=False, description="Listen. It needs token_file, authorities, or both.")
    host: str = Field(default="127.0.0.1", description="Address to bind; any but loopback needs a certificate.")
    port: int = Field(default=8080, ge=0, le=65535, description="TCP port; 0 takes any free one.")
    token_file: str = Field(
        default="", description="File with the bearer token that senders show, 16 characters or more."
    )
    certificate: str = Field(default="", description="PEM file of this node's certificate and its chain: https.")
    key: str = Field(default="", description="PEM file of its private key, without a password.")
    authorities: str = Field(
        default="", description="PEM file of who signs senders' certificates, which they need then."
    )
    max_requests: int = Field(
        default=8, ge=1, le=100, description="Requests at a time; one more is told to come again."
    )
    max_parts: int = Field(default=1000, ge=1, le=100_000, description="Instances of one request.")
    max_body_bytes: int = Field(default=2**32, ge=2**16, le=2**40, description="Bytes of one request.")

    @model_validator(mode="after")
    def _is_guarded(self) -> WebSection:
        if bool(self.certificate) != bool(self.key):
            raise ValueError("certificate and key belong together")
        if self.authorities and not self.certificate:
            raise ValueError("authorities: senders show certificates over TLS alone, which needs certificate and key")
        if self.on and not (self.token_file or self.authorities):
            raise ValueError("on: nobody could be told from anybody; name a token_file, or authorities")
        if self.on and not self.certificate and self.host not in {"127.0.0.1", "::1", "localhost"}:
            raise ValueError("host: photographs would come in clear; name a certificate and its key")
        return self


class StudySection(Section):
    """When a study is worked on, and how hard."""

    quiet_seconds: float = Field(
        default=30.0, ge=0.1, le=86400.0,
        description="Seconds without a new instance after which a study counts as complete. Later ones follow up.",
    )  # fmt: skip
    attempts: int = Field(
        default=3,
        ge=1,
        le=3,
        description="Personas that are tried before a photograph is quarantined; each changes more.",
    )
    in_flight: int = Field(
        default=4, ge=1, le=64,
        description="Studies under way at a time. One is edited; the others wait for their turn or for a destination.",
    )  # fmt: skip
    max_recoveries: int = Field(
        default=5,
        ge=1,
        le=100,
        description="Restarts that one study may survive unfinished before it is held to be the cause.",
    )


class PolicySection(Section):
    """When a photograph may be without a face, which can only be made stricter, and the gate's thresholds."""

    may_lack_face: tuple[Literal["close-up", "dermoscopy"], ...] = Field(
        default=("close-up", "dermoscopy"),
        description="Views in which no face need be found. A header that says face, or nothing, always needs one.",
    )
    second_look: bool = Field(
        default=True,
        description="In those views, drop detections that no witness confirms; false takes each of them for a face.",
    )

    calibration: str = Field(
        default="rendered",
        min_length=1,
        description='The gate\'s thresholds: "rendered", "photographs" (stricter), or a file of `twinveil calibrate`.',
    )

    @field_validator("may_lack_face", mode="before")
    @classmethod
    def _lists_are_tuples(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value


class OutputSection(Section):
    """What leaves."""

    healthy_twins: bool = Field(default=True, description="Deliver the healthy twins as a second series.")
    lossless: bool = Field(default=True, description="Store twins without loss; otherwise as JPEG baseline.")


class ProfileSection(Section):
    """The confidentiality profile (PS3.15 annex E) beyond its basic actions."""

    options: tuple[str, ...] = Field(default=(), description="Options that retain or clean; none is the Basic Profile.")
    file: str = Field(default="", description="TOML file with keep, remove, replace and safe_private; empty for none.")
    key_generation: int = Field(
        default=1, ge=1, le=10**6, description="Count up to give this project new pseudonyms under the same key."
    )

    @field_validator("options", mode="before")
    @classmethod
    def _is_a_list(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value

    @field_validator("options")
    @classmethod
    def _are_known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        try:
            check_options(value)
        except ProfileError as error:
            raise ValueError(str(error)) from error
        return value


class RetrySection(Section):
    """How delivery is repeated while a destination cannot take it: for as long as it takes."""

    attempts: int = Field(
        default=3, ge=1, le=100, description="Failures in a row after which a destination is reported as down."
    )
    first_wait_seconds: float = Field(default=5.0, gt=0.0, le=3600.0, description="Wait after the first failure.")
    backoff: float = Field(default=2.0, ge=1.0, le=10.0, description="Factor between one wait and the next.")
    longest_wait_seconds: float = Field(
        default=30.0, gt=0.0, le=86400.0,
        description="The longest wait. A destination that returns is served after this long at the latest.",
    )  # fmt: skip


class CommitmentSection(Section):
    """Storage Commitment: how long reports to senders are tried, and those of destinations waited for."""

    report_days: float = Field(
        default=7.0, gt=0.0, le=365.0,
        description="How long a report is tried; after that its sender has none, and keeps what it asked about.",
    )  # fmt: skip
    wait_seconds: float = Field(
        default=3600.0, gt=0.0, le=604800.0,
        description="How long a destination may take to report before it is asked again.",
    )  # fmt: skip


class RetentionSection(Section):
    """How long records stay that nothing needs any more. None of them holds a photograph or an identifier."""

    manifests_days: float = Field(default=0.0, ge=0.0, le=36500.0, description="Manifests; 0 keeps them for ever.")
    markers_days: float = Field(
        default=365.0, ge=0.0, le=36500.0,
        description="That an instance was accepted once; sent again afterwards, it is made again. 0: for ever.",
    )  # fmt: skip
    jobs_days: float = Field(
        default=30.0, ge=0.0, le=36500.0, description="The steps of jobs that are over; 0 keeps them for ever."
    )


class LimitsSection(Section):
    """What one sender or one instance may cost."""

    max_associations: int = Field(
        default=16, ge=1, le=1000, description="Associations at a time, all senders together."
    )
    max_associations_per_address: int = Field(
        default=8, ge=1, le=1000, description="Of these, from one address; a silent one gives way to a new one."
    )
    max_pending: int = Field(
        default=64, ge=1, le=10_000, description="Connections that asked for no association yet; the oldest gives way."
    )
    max_pending_per_address: int = Field(default=32, ge=1, le=10_000, description="Of these, from one address.")
    request_seconds: float = Field(
        default=10.0, gt=0.0, le=600.0, description="From a connection to its association request, TLS included."
    )
    max_elements: int = Field(
        default=50_000, ge=100, le=10**7, description="Elements of a data set, items included; counted before parsing."
    )
    max_nesting: int = Field(default=32, ge=1, le=100, description="Sequences within sequences, likewise.")
    max_instance_bytes: int = Field(
        default=256 * 2**20, ge=2**16, le=2**32, description="Bytes of one instance; a larger one is refused."
    )
    max_pixels: int = Field(
        default=50_000_000, ge=1024, le=10**9, description="Rows x columns; more is refused before decoding (a bomb)."
    )
    max_pixels_per_byte: int = Field(
        default=1000,
        ge=200,
        le=10**6,
        description="Pixels a byte of a compressed frame of a megapixel or more (photographs stay below 200).",
    )
    min_free_bytes: int = Field(
        default=2**30,
        ge=0,
        le=2**50,
        description="Bytes kept free on the spool's disk; below it senders are told 0xA700.",
    )
    network_seconds: float = Field(
        default=60.0, gt=0.0, le=3600.0, description="Silence on an association before it is closed."
    )


class Configuration(Section):
    """The whole file. ``folder`` is where it stands, not a setting."""

    folder: Path = Field(exclude=True, repr=False)
    state: str = Field(
        default="state", min_length=1, description="Folder of spool, database, jobs, manifests and quarantine."
    )
    key_file: str | None = Field(
        default=None,
        description=f"The site's key, at least 32 bytes, mode 0600. {KEY_VARIABLE} is taken where this is absent.",
    )
    project: Name = Field(default="default", description="Enters every pseudonym: two projects cannot be joined.")
    listener: ListenerSection = ListenerSection()
    tls: TlsSection = TlsSection()
    web: WebSection = WebSection()
    callers: tuple[Caller, ...] = Field(default=(), description="Who may associate; nobody, unless listed.")
    destinations: tuple[DestinationSection, ...] = Field(
        default=(), description="Who receives the results; all of them do."
    )
    database: DatabaseSection = DatabaseSection()
    model: ModelSection = ModelSection()
    study: StudySection = StudySection()
    worker: WorkerSection = WorkerSection()
    policy: PolicySection = PolicySection()
    output: OutputSection = OutputSection()
    profile: ProfileSection = ProfileSection()
    retries: RetrySection = RetrySection()
    commitment: CommitmentSection = CommitmentSection()
    retention: RetentionSection = RetentionSection()
    limits: LimitsSection = LimitsSection()
    watching: WatchingSection = WatchingSection()
    page: PageSection = PageSection()
    logging: LoggingSection = LoggingSection()
    audit: AuditSection = AuditSection()

    @field_validator("callers", "destinations", mode="before")
    @classmethod
    def _tables_are_lists(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value

    @model_validator(mode="after")
    def _names_are_unique(self) -> Configuration:
        names = [destination.name for destination in self.destinations]
        if len(set(names)) != len(names):
            raise ValueError("two destinations have the same name")
        return self

    def file(self, name: str) -> Path:
        """Absolute path of a file that a setting names."""
        return (self.folder / Path(name).expanduser()).resolve()

    @property
    def state_folder(self) -> Path:
        """Absolute path of ``state``."""
        return (self.folder / Path(self.state).expanduser()).resolve()

    @property
    def records(self) -> Database:
        """Where records lie: the file in the state folder, or the server that is meant. Raises ConfigurationRefused."""
        section = self.database
        url = section.url
        if section.url_file:
            path = (self.folder / Path(section.url_file).expanduser()).resolve()
            try:
                url = path.read_text().strip()
            except (OSError, UnicodeDecodeError) as error:
                raise ConfigurationRefused(f"database.url_file: {path} cannot be read") from error
            if not url.startswith(POSTGRES):
                raise ConfigurationRefused(f"database.url_file: what {path} holds does not begin with {POSTGRES[0]}")
        return Postgres(url) if url else self.state_folder / DATABASE

    @property
    def key_path(self) -> Path:
        """The key file that is meant. Raises ``ConfigurationRefused`` when neither file nor variable names one."""
        return find_key_file(self)


def load_configuration(path: Path) -> Configuration:
    """The validated configuration in ``path``. Raises ``ConfigurationRefused``, naming every setting that is wrong."""
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigurationRefused(f"{path} does not exist; name yours by --config, or run `twinveil init`") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationRefused(f"{path} cannot be read: {error}") from error
    if "folder" in settings:
        raise ConfigurationRefused(f"{path}: folder: unknown setting")
    try:
        return Configuration.model_validate({**settings, "folder": path.resolve().parent})
    except ValidationError as error:
        raise ConfigurationRefused("\n".join(f"{path}: {line}" for line in _complaints(error))) from error


def find_key_file(configuration: Configuration | None, given: Path | None = None) -> Path:
    """The key file: the one ``given``, else the configuration's, else ``TWINVEIL_KEY_FILE``.

    Raises ``ConfigurationRefused`` when none is named. Whether the file is any good is for ``SiteKey`` to say.
    """
    if given is not None:
        return given
    if configuration is not None and configuration.key_file is not None:
        return (configuration.folder / Path(configuration.key_file).expanduser()).resolve()
    named = os.environ.get(KEY_VARIABLE)
    if not named:
        raise ConfigurationRefused(
            f"no key: name a file of at least 32 random bytes by key_file in the configuration, by {KEY_VARIABLE} "
            "or by --key; `twinveil init` makes one"
        )
    return Path(named).expanduser()


def _complaints(error: ValidationError) -> list[str]:
    """One line a mistake: where it is and what is wrong, without repeating the value."""
    lines = []
    for mistake in error.errors(include_url=False, include_input=False):
        where = ".".join(str(part) for part in mistake["loc"]) or "file"
        what = "unknown setting" if mistake["type"] == "extra_forbidden" else mistake["msg"]
        lines.append(f"{where}: {what}")
    return lines
