"""Whom objects are sent to, and what came of each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dicom_io.sending.tls import ClientTls

THERE_ALREADY = "it was there already, from an earlier try"
"""A remark of ours."""


@dataclass(frozen=True)
class Timeouts:
    """Seconds: until there is a connection, until it takes more of what we send, until it answers."""

    connection: float = 10.0
    silence: float = 30.0
    answer: float = 120.0


@dataclass(frozen=True)
class Destination:
    """A Storage SCP. Timeouts in seconds; ``dimse_timeout`` bounds the sending of one instance and its answer.

    ``tls``: how it is spoken to by TLS; None in clear.
    """

    name: str
    host: str
    port: int
    ae_title: str
    calling_ae_title: str = "TWINVEIL"
    connection_timeout: float = 10.0
    acse_timeout: float = 30.0
    dimse_timeout: float = 120.0
    tls: ClientTls | None = None


@dataclass(frozen=True)
class StoreWarning:
    """An instance that the destination has, with a remark of its own or of ours."""

    sop_instance_uid: str
    status: int
    meaning: str


@dataclass(frozen=True)
class StoredObject:
    """One file that the destination is known to have. ``warning`` is None where it had nothing to say."""

    path: Path
    sop_instance_uid: str
    warning: StoreWarning | None = None
