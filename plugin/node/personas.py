"""Who has become whom, kept beside the jobs: a patient who comes again becomes the same new person.

The table holds digests of persona seeds, which are HMACs under the site's key, and names of personas, who do not exist.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from pipeline.vocabulary import Personas
from plugin.durable import private_folder
from plugin.ledger import transaction

SCHEMA = """
CREATE TABLE IF NOT EXISTS twinveil_personas (
    patient TEXT PRIMARY KEY,   -- digest of the persona seed
    deck    TEXT NOT NULL       -- names of personas in the order in which they are tried, as JSON
) STRICT
"""


class KeptPersonas(Personas):
    """Decks in the SQLite file ``database``, which is made when the first is dealt. Any thread may ask."""

    def __init__(self, database: Path) -> None:
        super().__init__()
        self._database = database

    def _recall(self, seed: bytes) -> tuple[str, ...] | None:
        if not self._database.exists():
            return None
        with transaction(self._database) as connection:
            connection.execute(SCHEMA)
            found = connection.execute(
                "SELECT deck FROM twinveil_personas WHERE patient = ?", (_patient(seed),)
            ).fetchone()
        return tuple(json.loads(found[0])) if found else None

    def _keep(self, seed: bytes, deck: tuple[str, ...]) -> None:
        private_folder(self._database.parent)
        with transaction(self._database) as connection:
            connection.execute(SCHEMA)
            connection.execute(
                "INSERT OR REPLACE INTO twinveil_personas VALUES (?, ?)", (_patient(seed), json.dumps(deck))
            )
        self._database.chmod(0o600)


def _patient(seed: bytes) -> str:
    return hashlib.sha256(b"persona" + seed).hexdigest()
