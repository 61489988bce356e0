"""The processes of one database: a row each, with a counter that goes up for as long as the process is alive."""

from __future__ import annotations

import time
from dataclasses import dataclass

from plugin.database import Database, create_tables, reading, transaction
from plugin.roles.duties import Role

SCHEMA = """
CREATE TABLE IF NOT EXISTS twinveil_processes (
    executor TEXT PRIMARY KEY,   -- drawn by each process when it starts
    role     TEXT NOT NULL,
    host     TEXT NOT NULL,
    version  TEXT NOT NULL,      -- of the steps of its jobs
    model    TEXT NOT NULL,      -- digest of the model that it works with, empty without one
    lanes    TEXT NOT NULL,      -- that it takes studies from, with spaces between
    beat     INTEGER NOT NULL,
    begun    REAL NOT NULL       -- seconds since 1970, to be shown
) STRICT
"""


@dataclass(frozen=True)
class Member:
    """One process. ``beat`` is nobody's clock: that it changes says that the process lives."""

    executor: str
    role: Role
    host: str
    version: str = ""
    model: str = ""
    lanes: tuple[str, ...] = ()
    beat: int = 0
    begun: float = 0.0


class Roster:
    """The rows. Any thread may call any method; each is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database
        with transaction(database) as connection:
            create_tables(connection, SCHEMA)

    def beat(self, member: Member) -> bool:
        """``member`` is alive. Returns whether it was on the roster; if not, it is from now on."""
        with transaction(self._database) as connection:
            found = connection.execute(
                "UPDATE twinveil_processes SET beat = beat + 1 WHERE executor = ?", (member.executor,)
            )
            if found.rowcount:
                return True
            connection.execute(
                "INSERT INTO twinveil_processes VALUES (?, ?, ?, ?, ?, ?, 1, ?)",
                (member.executor, member.role, member.host, member.version, member.model, " ".join(member.lanes),
                 time.time()),
            )  # fmt: skip
            return False

    def members(self) -> list[Member]:
        """Everybody who did not leave and was not struck off, the oldest first."""
        with reading(self._database) as connection:
            found = connection.execute(
                "SELECT executor, role, host, version, model, lanes, beat, begun FROM twinveil_processes ORDER BY begun"
            ).fetchall()
        return [
            Member(executor, Role(role), host, version, model, tuple(lanes.split()), beat, begun)
            for executor, role, host, version, model, lanes, beat, begun in found
        ]

    def strike(self, executor: str) -> bool:
        """It is not alive. Returns whether it was on the roster: of several who strike it off, one is told so."""
        with transaction(self._database) as connection:
            return connection.execute("DELETE FROM twinveil_processes WHERE executor = ?", (executor,)).rowcount > 0
