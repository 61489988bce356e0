"""Whom objects are sent to by HTTP: a Studies Service (PS3.18 10), and the files that prove who is who."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import httpx2 as httpx

from dicom_io.errors import CertificateRefused, DeliveryFailed
from dicom_io.sending.destination import Timeouts
from dicom_io.sending.tls import ClientTls, client_context

LONGEST_TOKEN = 8192
"""Bytes of a bearer token."""


@dataclass(frozen=True)
class WebDestination:
    """``url``: that of the studies, such as https://archive.example/dicom-web/studies.

    ``authorities``: PEM file of who may have signed its certificate; None for those that the system trusts.
    ``token``: file that holds a bearer token. ``certificate`` and ``key``: ours, where it asks for one. All are read
    again for each delivery, so that they are renewed without a restart.
    """

    name: str
    url: str
    authorities: Path | None = None
    token: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    timeouts: Timeouts = field(default_factory=Timeouts)

    def client(self) -> httpx.Client:
        """A client that talks to nobody else: no proxy of the environment, no redirect. Raises DeliveryFailed."""
        headers = {"Accept": "application/dicom+json", "User-Agent": "twinveil"}
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self._token()}"
        try:
            context = client_context(ClientTls(self.authorities, self.certificate, self.key))
        except CertificateRefused as error:
            raise DeliveryFailed(self.name, str(error), retryable=True) from error
        timeouts = self.timeouts
        return httpx.Client(
            headers=headers,
            verify=context,
            trust_env=False,
            follow_redirects=False,
            timeout=httpx.Timeout(timeouts.answer, connect=timeouts.connection, write=timeouts.silence),
        )

    def _token(self) -> str:
        assert self.token is not None
        try:
            with self.token.open("rb") as file:
                token = file.read(LONGEST_TOKEN).decode("ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise DeliveryFailed(self.name, f"the token file {self.token} cannot be read", retryable=True) from error
        if not token or not token.isprintable() or " " in token:
            raise DeliveryFailed(self.name, f"the token file {self.token} holds no bearer token", retryable=True)
        return token
