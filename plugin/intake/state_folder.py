"""A node's state folder: one key for ever, and a format that is known or refused.

state.json   {"format": 2, "key": "<fingerprint>"}
"""

from __future__ import annotations

import json
import os
import uuid
from contextlib import suppress
from pathlib import Path

from dicom_io.disk import sync_folder
from dicom_io.header import SiteKey
from plugin.database import DATABASE, Database, Postgres, create_tables, transaction
from plugin.durable import private_folder, write_file
from plugin.errors import AuditBroken, SealBroken, StateRefused
from plugin.intake.spool_names import SpoolNames, adopt_format_1

FORMAT = 2
"""Of the folder's files and rows. 1 is what had no ``state.json``."""

ABOUT = "state.json"
BOUND = "records"
"""Holds the name by which a server's records know the folder."""

_PURPOSE = "state folder 1"


def prepare_state(folder: Path, key: SiteKey, records: Database) -> None:
    """``folder`` is one that this version can use under ``key``. Raises ``StateRefused``, and changes nothing then.

    What is sealed in it opens under no other key, and the same patients would become other people. A folder and the
    records of what is in it stay together.
    """
    _prepare_folder(private_folder(folder), key)
    if isinstance(records, Postgres):
        if (folder / DATABASE).exists():
            raise StateRefused(
                f"the records of {folder} are in its own file, {DATABASE}, and the configuration names a server: take "
                "[database] out again, or give this node a new state folder and let the old one end its work first"
            )
        _bind(folder, records)
    elif (folder / BOUND).exists():
        raise StateRefused(
            f"the records of {folder} are on a PostgreSQL server: name it in [database], or give this node a new folder"
        )


def _bind(folder: Path, records: Postgres) -> None:
    """The server's records are of this folder and of no other, or the folder is not the one that is meant."""
    if not (folder / BOUND).exists():
        beside = folder / f".{BOUND}.{uuid.uuid4().hex}"
        write_file(beside, uuid.uuid4().hex.encode())
        with suppress(FileExistsError):  # another process was quicker, and its word counts
            os.link(beside, folder / BOUND)
        beside.unlink()
        sync_folder(folder)
    name = (folder / BOUND).read_text().strip()
    with transaction(records) as connection:
        create_tables(connection, "CREATE TABLE IF NOT EXISTS twinveil_folder (name TEXT PRIMARY KEY) STRICT")
        found = connection.execute("SELECT name FROM twinveil_folder").fetchall()
        if not found:
            connection.execute("INSERT INTO twinveil_folder VALUES (?)", (name,))
        elif found != [(name,)]:
            raise StateRefused(
                f"the records on this server are of another state folder than {folder}: see that the shared folder is "
                "mounted there, or name another database"
            )


def _prepare_folder(folder: Path, key: SiteKey) -> None:
    fingerprint = fingerprint_of(key)
    path = folder / ABOUT
    if not path.exists():
        if (folder / DATABASE).exists():
            _check_evidence(folder, key)
            adopt_format_1(folder, SpoolNames(key))
        write_file(path, (json.dumps({"format": FORMAT, "key": fingerprint}) + "\n").encode())
        return
    try:
        stated = json.loads(path.read_text())
        known, used = int(stated["format"]), str(stated["key"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StateRefused(
            f"{path} is damaged; if the key is the one that this folder was used with, remove it and start again"
        ) from error
    if known > FORMAT:
        raise StateRefused(f"{folder} was made by a later version of Twinveil (format {known}, ours is {FORMAT})")
    if used != fingerprint:
        raise StateRefused(
            f"{folder} was used with the key of fingerprint {used}, and this one has {fingerprint}: quarantined and "
            "undelivered objects do not open with it, and every patient would become somebody else. Give the node the "
            "key that it had; to begin with a new key, give it a new state folder"
        )


def fingerprint_of(key: SiteKey) -> str:
    """16 hexadecimal digits that tell one key from another, and nothing about it."""
    return key.mac(_PURPOSE).hex()[:16]


def _check_evidence(folder: Path, key: SiteKey) -> None:
    """A folder that does not say which key it was used with: what is sealed or signed in it says so."""
    from plugin.quarantine import AuditLog, Quarantine  # seldom needed, and it takes seconds

    try:
        AuditLog(folder / "audit.log", key).read()
        quarantine = Quarantine(folder / "quarantine", key)
        sealed = next((entry for entry in quarantine.entries() if entry.sealed), None)
        if sealed is not None:
            quarantine.verify(sealed.name)
    except (AuditBroken, SealBroken) as error:
        raise StateRefused(f"{folder} was used with another key, or was tampered with: {error}") from error
