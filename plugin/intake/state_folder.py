"""A node's state folder: one key for ever, and a format that is known or refused.

state.json   {"format": 2, "key": "<fingerprint>"}
"""

from __future__ import annotations

import json
from pathlib import Path

from dicom_io.header import SiteKey
from plugin.durable import private_folder, write_file
from plugin.errors import AuditBroken, SealBroken, StateRefused
from plugin.intake.spool_names import SpoolNames, adopt_format_1
from plugin.ledger import DATABASE

FORMAT = 2
"""Of the folder's files and rows. 1 is what had no ``state.json``."""

ABOUT = "state.json"
_PURPOSE = "state folder 1"


def prepare_state(folder: Path, key: SiteKey) -> None:
    """``folder`` is one that this version can use under ``key``. Raises ``StateRefused``, and changes nothing then.

    What is sealed in it opens under no other key, and the same patients would become other people.
    """
    fingerprint = fingerprint_of(key)
    path = private_folder(folder) / ABOUT
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
