"""Who has become whom, kept beside the jobs: a patient who comes again becomes the same new person.

The table holds digests of persona seeds, which are HMACs under the site's key, and names of personas, who do not exist.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from pipeline.vocabulary import Personas
from plugin.database import Connection, Database, create_tables, transaction
from plugin.durable import private_folder

SCHEMA = """
CREATE TABLE IF NOT EXISTS twinveil_personas (
    patient TEXT PRIMARY KEY,   -- digest of the persona seed
    deck    TEXT NOT NULL       -- names of personas in the order in which they are tried, as JSON
) STRICT
"""


class KeptPersonas(Personas):
    """Decks in ``database``; SQLite's file is made when the first is dealt. Any thread and any process may ask."""

    def __init__(self, database: Database) -> None:
        super().__init__()
        self._database = database

    def _recall(self, seed: bytes) -> tuple[str, ...] | None:
        if isinstance(self._database, Path) and not self._database.exists():
            return None
        with transaction(self._database) as connection:
            create_tables(connection, SCHEMA)
            return _deck(connection, seed)

    def _keep(self, seed: bytes, deck: tuple[str, ...], *, instead_of: tuple[str, ...] | None) -> tuple[str, ...]:
        if isinstance(self._database, Path):
            private_folder(self._database.parent)
        with transaction(self._database) as connection:
            create_tables(connection, SCHEMA)
            kept = _deck(connection, seed)
            if kept is not None and kept != instead_of:  # another worker met the patient at the same time
                return kept
            connection.execute(
                "INSERT INTO twinveil_personas VALUES (?, ?) ON CONFLICT (patient) DO UPDATE SET deck = excluded.deck",
                (_patient(seed), json.dumps(deck)),
            )
        if isinstance(self._database, Path):
            self._database.chmod(0o600)
        return deck


def _deck(connection: Connection, seed: bytes) -> tuple[str, ...] | None:
    found = connection.execute("SELECT deck FROM twinveil_personas WHERE patient = ?", (_patient(seed),)).fetchone()
    return tuple(json.loads(found[0])) if found else None


def _patient(seed: bytes) -> str:
    return hashlib.sha256(b"persona" + seed).hexdigest()
