"""TLS with mutual authentication, by the BCP 195 profile (PS3.15 B.12; RFC 9325): 1.2 and 1.3, forward secrecy, AEAD.

The three files are looked at before each handshake and read again when one of them changed, so that a certificate is
renewed without a restart. Where the new ones do not fit together, as while they are being copied, the old ones stay.
"""

from __future__ import annotations

import logging
import ssl
import threading
from dataclasses import dataclass
from pathlib import Path

from dicom_io.errors import CertificateRefused

log = logging.getLogger(__name__)

CIPHERS_OF_TLS_1_2 = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""RFC 9325 4.2: ephemeral keys and authenticated encryption, nothing else. Those of TLS 1.3 are all so."""


@dataclass(frozen=True)
class TlsSettings:
    """``certificate``: ours with its chain; ``key``: its private key; ``authorities``: who may have signed a peer's.

    All in PEM. Without authorities a peer needs no certificate, and must be known by something else. ``port``: 2762 is
    registered for DICOM over TLS; 0 lets the operating system choose.
    """

    certificate: Path
    key: Path
    authorities: Path | None
    port: int = 2762


class Tls:
    """The context of the next handshake. Any thread may ask. Raises CertificateRefused when built on bad files."""

    def __init__(self, settings: TlsSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._seen = self._stamps()
        self._context = _context(settings)

    def context(self) -> ssl.SSLContext:
        """The present context, made anew when a file changed and the files are good."""
        with self._lock:
            stamps = self._stamps()
            if stamps != self._seen:
                self._seen = stamps
                try:
                    self._context = _context(self._settings)
                    log.info("the certificates of TLS were read again")
                except CertificateRefused as error:
                    log.error("the certificates of TLS changed and are not used: %s", error)
            return self._context

    def _stamps(self) -> tuple[tuple[int, int, int] | None, ...]:
        return tuple(map(_stamp, (self._settings.certificate, self._settings.key, self._settings.authorities)))


def _stamp(path: Path | None) -> tuple[int, int, int] | None:
    if path is None:
        return None
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _context(settings: TlsSettings) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    # No resumption: a peer whose certificate has expired since must not come back on an old session.
    context.options |= ssl.OP_NO_TICKET
    context.num_tickets = 0
    context.set_ciphers(CIPHERS_OF_TLS_1_2)
    for what, path in (("certificate", settings.certificate), ("key", settings.key)):
        if not path.is_file():
            raise CertificateRefused(f"the {what} {path} does not exist")
    try:
        context.load_cert_chain(settings.certificate, settings.key, password=_no_password)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise CertificateRefused(f"{settings.certificate} and {settings.key} are no certificate and its key") from error
    if settings.authorities is None:
        return context
    context.verify_mode = ssl.CERT_REQUIRED
    try:
        context.load_verify_locations(settings.authorities)
    except (OSError, ValueError) as error:
        raise CertificateRefused(f"{settings.authorities} holds no certificates of authorities") from error
    return context


def _no_password() -> str:
    raise ValueError("the key is encrypted; a node that starts alone cannot ask for its password")
