"""What senders asked us to answer for and have no report on yet: durable rows in the node's database.

A report repeats the UIDs that it was asked about, which are the patient's: they are kept sealed under the site's key,
and a row is named by a keyed digest. What is asked again under the same Transaction UID is one request.
"""

from __future__ import annotations

import io
import json
import time
from dataclasses import dataclass

from dicom_io.commitment import CommitmentRequest, Reference
from dicom_io.errors import SpoolFull
from dicom_io.header import SiteKey
from plugin.database import Database, create_tables, reading, transaction
from plugin.sealed import seal, unseal

SCHEMA = """
CREATE TABLE IF NOT EXISTS twinveil_commitment_requests (
    number INTEGER PRIMARY KEY,   -- in the order in which they came
    name   TEXT NOT NULL UNIQUE,  -- keyed digest of who asked and the Transaction UID
    caller TEXT NOT NULL,         -- AE title, one of those configured
    sealed BLOB NOT NULL,         -- Transaction UID and references
    asked  REAL NOT NULL          -- seconds since 1970
) STRICT
"""

MOST_WAITING, MOST_BYTES = 100, 16 << 20
"""Requests of one caller that may wait for their report, and their size in all: no caller takes another one's room."""


@dataclass(frozen=True)
class WaitingRequest:
    """A request whose report is owed to ``caller``. ``asked``: seconds since 1970."""

    name: str
    caller: str
    asked: float


class Requests:
    """The rows. Any thread may call any method; each is one transaction."""

    def __init__(self, database: Database, key: SiteKey) -> None:
        self._database = database
        self._key = key
        with transaction(database) as connection:
            create_tables(connection, SCHEMA)

    def keep(self, request: CommitmentRequest, caller: str, *, called_back: bool = True) -> str:
        """Put ``request`` on record; what it is called there. Raises SpoolFull where too many wait.

        Of a caller that is not ``called_back`` the oldest gives way: it had its chance, and has to ask again anyway.
        """
        name = self._key.mac("commitment request 1", caller, request.transaction_uid).hex()[:32]
        sealed = self._sealed(name, request)
        with transaction(self._database) as connection:
            others = connection.execute(
                "SELECT name, length(sealed) FROM twinveil_commitment_requests WHERE caller = ? AND name != ? "
                "ORDER BY number DESC",
                (caller, name),
            ).fetchall()
            while len(others) >= MOST_WAITING or sum(size for _, size in others) + len(sealed) > MOST_BYTES:
                if called_back or not others:
                    raise SpoolFull(f"{len(others)} requests for commitment wait for their report already")
                oldest, _ = others.pop()
                connection.execute("DELETE FROM twinveil_commitment_requests WHERE name = ?", (oldest,))
            connection.execute(
                "INSERT INTO twinveil_commitment_requests (name, caller, sealed, asked) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (name) DO UPDATE SET sealed = excluded.sealed, asked = excluded.asked",
                (name, caller, sealed, time.time()),
            )
        return name

    def waiting(self) -> list[WaitingRequest]:
        """Those without a report, the oldest first."""
        with reading(self._database) as connection:
            found = connection.execute(
                "SELECT name, caller, asked FROM twinveil_commitment_requests ORDER BY number"
            ).fetchall()
        return [WaitingRequest(*row) for row in found]

    def open(self, name: str) -> CommitmentRequest | None:
        """What was asked, None where it is reported already. Raises ``SealBroken``."""
        with reading(self._database) as connection:
            found = connection.execute(
                "SELECT sealed FROM twinveil_commitment_requests WHERE name = ?", (name,)
            ).fetchone()
        if found is None:
            return None
        plain = b"".join(unseal(io.BytesIO(found[0]), self._key, f"commitment request {name}"))
        transaction_uid, references = json.loads(plain)
        return CommitmentRequest(transaction_uid, tuple(Reference(*pair) for pair in references))

    def done(self, name: str) -> None:
        """Its report is made, or will not be; again changes nothing."""
        with transaction(self._database) as connection:
            connection.execute("DELETE FROM twinveil_commitment_requests WHERE name = ?", (name,))

    def _sealed(self, name: str, request: CommitmentRequest) -> bytes:
        references = [[each.sop_class_uid, each.sop_instance_uid] for each in request.references]
        plain = json.dumps([request.transaction_uid, references]).encode()
        sealed = io.BytesIO()
        seal(io.BytesIO(plain), sealed, self._key, f"commitment request {name}")
        return sealed.getvalue()
