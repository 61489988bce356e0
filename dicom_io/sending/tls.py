"""TLS to those whom objects are sent to, by DIMSE and by HTTP: who proves what, and why a handshake came to nothing.

TLS 1.2 and 1.3, the peer's certificate and name always verified; by DIMSE with forward secrecy and authenticated
encryption alone (BCP 195 profile, PS3.15 B.12; RFC 9325). The files are read again for each association, so that they
are renewed without a restart.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from pathlib import Path

from dicom_io.errors import CertificateRefused

CIPHERS_OF_TLS_1_2 = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""RFC 9325 4.2. Those of TLS 1.3 are all so."""

ITS_CERTIFICATE = {
    10: "its certificate has expired; renew it there",
    9: "its certificate is not valid yet; compare both clocks",
    18: "its certificate is its own; name it under authorities if you trust it",
    19: "its certificate is of an authority that we do not trust; name that one under authorities",
    20: "its certificate is of an authority that we do not trust; name that one under authorities",
    21: "its certificate is of an authority that we do not trust; name that one under authorities",
    62: "its certificate is for another name; write the name that stands in it under host",
    64: "its certificate is for another address; write the name that stands in it under host",
}
"""What is wrong, by OpenSSL's code of a verification that failed (X509_V_ERR_...)."""

OUR_CERTIFICATE = {
    "CERTIFICATE_EXPIRED": "our certificate has expired; renew it",
    "CERTIFICATE_REQUIRED": "it wants our certificate; name certificate and key",
    "UNKNOWN_CA": "our certificate is of an authority that it does not trust; have it named there",
}
"""What is wrong, by the alert that the peer ended the handshake with (RFC 8446 6.2)."""


@dataclass(frozen=True)
class ClientTls:
    """``authorities``: PEM file of who may have signed the peer's certificate; None for those that the system trusts.
    ``certificate`` and ``key``: ours, where it asks for one.
    """

    authorities: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


@dataclass
class Handshake:
    """A context for one connection by TLS, and what its handshake came to. Raises CertificateRefused."""

    settings: ClientTls
    context: ssl.SSLContext = field(init=False)
    error: OSError | None = field(init=False, default=None)
    is_done: bool = field(init=False, default=False)
    _connection: ssl.SSLSocket | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.context = client_context(self.settings)
        self.context.set_ciphers(CIPHERS_OF_TLS_1_2)
        handshake = self

        class Telling(ssl.SSLSocket):
            """With TLS 1.3 a peer looks at our certificate when the handshake is over for us: we hear when we read."""

            def do_handshake(self, block: bool = False) -> None:
                handshake._connection = self
                try:
                    super().do_handshake(block)
                except OSError as error:
                    handshake.error = error
                    raise
                handshake.is_done = True

            def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
                try:
                    return super().recv(buflen, flags)
                except ssl.SSLError as error:
                    handshake.error = error
                    raise

        self.context.sslsocket_class = Telling

    def give_up(self) -> str:
        """``why_not``; and nothing is left open: an error keeps the connection that it happened to."""
        reason = self.why_not
        if self._connection is not None:
            self._connection.close()
        self._connection = self.error = None
        return reason

    @property
    def why_not(self) -> str:
        """Why no association came of it, as far as TLS can tell; "" where it was not for TLS."""
        if isinstance(self.error, ssl.SSLCertVerificationError):
            known = ITS_CERTIFICATE.get(self.error.verify_code)
            return known or f"its certificate does not hold: {self.error.verify_message}"
        if isinstance(self.error, ssl.SSLError) and "ALERT" in (alert := self.error.reason or ""):
            known = next((words for name, words in OUR_CERTIFICATE.items() if name in alert), None)
            return known or f"it ended the handshake, perhaps for our certificate ({alert.lower().replace('_', ' ')})"
        if isinstance(self.error, TimeoutError):
            return "it did not take part in a handshake of TLS in time"
        if self.error is not None:
            return "it does not speak TLS on this port, or none that is safe"
        return "it broke off after the handshake; it may not take our certificate" if self.is_done else ""


def client_context(settings: ClientTls) -> ssl.SSLContext:
    """Raises CertificateRefused."""
    try:
        authorities = None if settings.authorities is None else str(settings.authorities)
        context = ssl.create_default_context(cafile=authorities)
    except (OSError, ValueError) as error:
        raise CertificateRefused(f"{settings.authorities} holds no certificates of authorities") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if settings.certificate is not None:
        try:
            context.load_cert_chain(settings.certificate, settings.key, password=lambda: b"")
        except (OSError, ValueError) as error:
            reason = f"{settings.certificate} and {settings.key} are no certificate and its key"
            raise CertificateRefused(reason) from error
    return context
