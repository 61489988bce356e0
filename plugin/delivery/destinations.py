"""How each destination is doing, and what a person told the node about it: rows that any process may read or write."""

from __future__ import annotations

import time
from dataclasses import dataclass

from plugin.database import Database, create_tables, reading, transaction

SCHEMA = """
CREATE TABLE IF NOT EXISTS twinveil_destinations (
    name       TEXT PRIMARY KEY,
    paused     INTEGER NOT NULL DEFAULT 0,
    hurried    INTEGER NOT NULL DEFAULT 0,   -- counted up when a person wants a try at once
    failures   INTEGER NOT NULL DEFAULT 0,   -- in a row
    down_since REAL,                         -- seconds since 1970; NULL while it takes what it is given
    reason     TEXT NOT NULL DEFAULT '',     -- of the last failure
    last_store REAL                          -- when it last took an object
) STRICT
"""


@dataclass(frozen=True)
class Standing:
    """How one destination is doing. Moments in seconds since 1970; ``hurried`` is a counter."""

    paused: bool = False
    hurried: int = 0
    failures: int = 0
    down_since: float | None = None
    reason: str = ""
    last_store: float | None = None


class Destinations:
    """The rows. Any thread may call any method; each is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database
        with transaction(database) as connection:
            create_tables(connection, SCHEMA)

    def standing(self, name: str) -> Standing:
        return self.standings().get(name, Standing())

    def standings(self) -> dict[str, Standing]:
        """Every destination that was ever tried or spoken of."""
        with reading(self._database) as connection:
            found = connection.execute(
                "SELECT name, paused, hurried, failures, down_since, reason, last_store FROM twinveil_destinations"
            ).fetchall()
        return {name: Standing(bool(paused), *rest) for name, paused, *rest in found}

    def pause(self, name: str, paused: bool) -> None:
        """Nothing more goes there until it is resumed; what is under way ends."""
        self._set(name, "paused = ?", int(paused))

    def hurry(self, name: str) -> None:
        """A person wants a try now, whatever the wait."""
        self._set(name, "hurried = hurried + 1")

    def failed(self, name: str, failures: int, reason: str) -> None:
        """So many tries in a row came to nothing."""
        self._set(name, "failures = ?, reason = ?, down_since = coalesce(down_since, ?)", failures, reason, time.time())

    def took(self, name: str) -> None:
        """It took an object."""
        self._set(name, "failures = 0, reason = '', down_since = NULL, last_store = ?", time.time())

    def _set(self, name: str, assignments: str, *values: str | float) -> None:
        with transaction(self._database) as connection:
            connection.execute("INSERT INTO twinveil_destinations (name) VALUES (?) ON CONFLICT DO NOTHING", (name,))
            connection.execute(f"UPDATE twinveil_destinations SET {assignments} WHERE name = ?", (*values, name))
