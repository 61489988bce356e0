"""What is posted, to whom, and how far it has come: durable rows in the node's database.

A posting is what one job made and may leave. Its destinations are those that the job was given when it began, by name:
what is configured later, in whatever order, changes nothing about them. One row a destination and object says whether
that destination has it. Rows hold new UIDs, names of destinations and reasons, nothing of the source.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from plugin.database import Connection, Database, add_columns, create_tables, reading, transaction
from plugin.delivery.states import OPEN, Delivery, Happening, after
from plugin.study import Output

SCHEMA = """
CREATE TABLE IF NOT EXISTS twinveil_postings (
    number  INTEGER PRIMARY KEY,   -- in the order in which they were posted, whatever the clock says
    job     TEXT NOT NULL UNIQUE,
    study   TEXT NOT NULL,         -- keyed digest of the source's Study Instance UID
    urgent  INTEGER NOT NULL,      -- 1 where a person waits for it
    posted  REAL NOT NULL,         -- seconds since 1970, to be shown
    told    INTEGER NOT NULL DEFAULT 0,   -- 1 once its manifest is written
    settled REAL                   -- when everything had arrived and the sources were purged
) STRICT;
CREATE TABLE IF NOT EXISTS twinveil_objects (
    job     TEXT NOT NULL,
    number  INTEGER NOT NULL,      -- in its posting, from 0
    role    TEXT NOT NULL,
    uid     TEXT NOT NULL,         -- its new SOP Instance UID
    bytes   INTEGER NOT NULL,
    PRIMARY KEY (job, number)
) STRICT;
CREATE TABLE IF NOT EXISTS twinveil_deliveries (
    job         TEXT NOT NULL,
    number      INTEGER NOT NULL,
    destination TEXT NOT NULL,
    state       TEXT NOT NULL,
    offers      INTEGER NOT NULL,  -- how often it was about to be sent
    refusals    INTEGER NOT NULL,  -- how often the destination answered that it does not take it
    reason      TEXT NOT NULL,     -- of the last refusal
    changed     REAL NOT NULL,     -- seconds since 1970, to be shown
    PRIMARY KEY (job, number, destination)
) STRICT;
CREATE INDEX IF NOT EXISTS twinveil_deliveries_by_state ON twinveil_deliveries (state, destination, job);
"""


ADDED = {
    "twinveil_postings": {"folder": "TEXT NOT NULL DEFAULT ''"},  # in the outbox, '' where it has the job's name
    "twinveil_deliveries": {"remark": "TEXT NOT NULL DEFAULT ''"},  # what the destination had to say of what it stored
}
"""Columns that earlier versions did not have, by table."""


@dataclass(frozen=True)
class Parcel:
    """One object on its way to one destination. ``uid``: its new SOP Instance UID; ``size``: in bytes.

    ``folder``: where in the outbox it lies. ``offered``: an earlier try may have brought it there, these very bytes,
    without our hearing of it.
    """

    job: str
    number: int
    uid: str
    size: int
    folder: str = field(default="", compare=False)
    offered: bool = field(default=False, compare=False)


@dataclass(frozen=True)
class Backlog:
    """What waits for one destination. ``since``: when the oldest of it was posted, seconds since 1970."""

    studies: int
    objects: int
    size: int
    refused: int
    since: float
    reason: str


class Postings:
    """The rows. Any thread may call any method; each is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database
        with transaction(database) as connection:
            create_tables(connection, SCHEMA)
            for table, columns in ADDED.items():
                add_columns(database, connection, table, columns)

    def posted(self, job: str) -> bool:
        """Whether ``job`` is posted: from then on, what it made is settled for good."""
        with reading(self._database) as connection:
            return _posted(connection, job)

    def post(
        self,
        job: str,
        study: str,
        outputs: Sequence[Output],
        destinations: Sequence[str],
        *,
        folder: str = "",
        urgent: bool = False,
        also: Callable[[Connection], None] = lambda connection: None,
    ) -> None:
        """Everything of ``outputs`` is to go to each of ``destinations``; ``also`` happens with it or not at all.

        ``folder``: where in the outbox it lies, where that is not called after the job.

        A job that is posted already stays as it is.
        """
        sizes = [output.path.stat().st_size for output in outputs]
        now = time.time()
        with transaction(self._database) as connection:
            if _posted(connection, job):
                return
            connection.execute(
                "INSERT INTO twinveil_postings (job, study, urgent, posted, folder) VALUES (?, ?, ?, ?, ?)",
                (job, study, int(urgent), now, folder),
            )
            connection.executemany(
                "INSERT INTO twinveil_objects VALUES (?, ?, ?, ?, ?)",
                [
                    (job, number, output.role, output.sop_instance_uid, size)
                    for number, (output, size) in enumerate(zip(outputs, sizes, strict=True))
                ],
            )
            connection.executemany(
                "INSERT INTO twinveil_deliveries "
                "(job, number, destination, state, offers, refusals, reason, changed) VALUES (?, ?, ?, ?, 0, 0, '', ?)",
                [(job, number, name, Delivery.WAITING, now) for number in range(len(outputs)) for name in destinations],
            )
            also(connection)

    def next_for(self, destination: str, *, besides: Collection[Parcel] = (), most: int = 16) -> list[Parcel]:
        """What goes to ``destination`` next, ``most`` objects of one posting: what a person waits for, then the oldest.

        ``besides``: parcels that are left out for the time being.
        """
        with reading(self._database) as connection:
            found = connection.execute(
                "SELECT d.job, d.number, o.uid, o.bytes, p.folder, d.offers > 0 FROM twinveil_deliveries AS d "
                "JOIN twinveil_postings AS p ON p.job = d.job "
                "JOIN twinveil_objects AS o ON o.job = d.job AND o.number = d.number "
                "WHERE d.state = ? AND d.destination = ? ORDER BY p.urgent DESC, p.number, d.number LIMIT ?",
                (Delivery.WAITING, destination, most + len(besides)),
            ).fetchall()
        parcels = [
            parcel
            for job, number, uid, size, folder, offered in found
            if (parcel := Parcel(job, number, uid, size, folder or job, bool(offered))) not in besides
        ]
        return [parcel for parcel in parcels if parcel.job == parcels[0].job][:most]

    def offering(self, parcel: Parcel, destination: str) -> None:
        """``parcel`` is about to be sent to ``destination``: should we die over it, it may be there."""
        with transaction(self._database) as connection:
            _offering(connection, parcel, destination)

    def stored(
        self, parcel: Parcel, destination: str, following: Parcel | None, *, remark: str = "", commits: bool = False
    ) -> None:
        """``destination`` has ``parcel``, and ``following`` is about to be sent there.

        ``remark``: what it had to say of it. ``commits``: it is to answer for it as well.
        """
        happening = Happening.HAND_OVER if commits else Happening.STORE
        with transaction(self._database) as connection:
            _change(connection, happening, "job = ? AND number = ? AND destination = ?", parcel.job,
                    parcel.number, destination)  # fmt: skip
            if remark:
                connection.execute(
                    "UPDATE twinveil_deliveries SET remark = ? WHERE job = ? AND number = ? AND destination = ?",
                    (remark, parcel.job, parcel.number, destination),
                )
            if following is not None:
                _offering(connection, following, destination)

    def refused(self, parcel: Parcel, destination: str, reason: str) -> None:
        """``destination`` answered that it does not take ``parcel``, which waits on."""
        with transaction(self._database) as connection:
            connection.execute(
                "UPDATE twinveil_deliveries SET refusals = refusals + 1, reason = ?, changed = ? "
                "WHERE job = ? AND number = ? AND destination = ?",
                (reason, time.time(), parcel.job, parcel.number, destination),
            )

    def uncommitted(self, destination: str) -> list[str]:
        """Jobs of which ``destination`` has stored everything, and is to answer for something of it."""
        with reading(self._database) as connection:
            found = connection.execute(
                "SELECT d.job FROM twinveil_deliveries AS d JOIN twinveil_postings AS p ON p.job = d.job "
                "WHERE d.state = ? AND d.destination = ? AND NOT EXISTS (SELECT 1 FROM twinveil_deliveries AS w "
                "WHERE w.job = d.job AND w.destination = d.destination AND w.state = ?) "
                "GROUP BY d.job, p.number ORDER BY p.number",
                (Delivery.UNCOMMITTED, destination, Delivery.WAITING),
            ).fetchall()
        return [job for (job,) in found]

    def uncommitted_of(self, job: str, destination: str) -> list[tuple[int, str]]:
        """Number and new SOP Instance UID of what ``destination`` is to answer for, of ``job``."""
        with reading(self._database) as connection:
            found = connection.execute(
                "SELECT d.number, o.uid FROM twinveil_deliveries AS d JOIN twinveil_objects AS o USING (job, number) "
                "WHERE d.job = ? AND d.destination = ? AND d.state = ? ORDER BY d.number",
                (job, destination, Delivery.UNCOMMITTED),
            ).fetchall()
        return [(number, uid) for number, uid in found]

    def committed(self, job: str, destination: str, uids: Collection[str], failed: Mapping[str, str]) -> None:
        """``destination`` answers for ``uids``, and not for ``failed``, by UID and reason, which is sent again."""
        chosen = "job = ? AND destination = ? AND number IN (SELECT number FROM twinveil_objects AS o "
        chosen += "WHERE o.job = twinveil_deliveries.job AND o.uid = ?)"
        with transaction(self._database) as connection:
            for uid in uids:
                _change(connection, Happening.COMMIT, chosen, job, destination, uid)
            for uid, reason in failed.items():
                _change(connection, Happening.DENY, chosen, job, destination, uid)
                connection.execute(
                    f"UPDATE twinveil_deliveries SET refusals = refusals + 1, reason = ? WHERE state = ? AND {chosen}",
                    (f"it does not answer for it: {reason}", Delivery.WAITING, job, destination, uid),
                )

    def unanswered(self, job: str, destination: str, reason: str) -> None:
        """Why ``destination`` has not answered yet for what it stored of ``job``."""
        with transaction(self._database) as connection:
            connection.execute(
                "UPDATE twinveil_deliveries SET reason = ? WHERE job = ? AND destination = ? AND state = ?",
                (reason, job, destination, Delivery.UNCOMMITTED),
            )

    def no_commitment_from(self, destination: str) -> int:
        """``destination`` need not answer any more for what it stored. Returns of how many objects it had not."""
        with transaction(self._database) as connection:
            return _change(connection, Happening.STORE, "destination = ? AND state = ?", destination,
                           Delivery.UNCOMMITTED)  # fmt: skip

    def remarks(self, job: str) -> list[tuple[str, str, str]]:
        """What destinations had to say of what they stored of ``job``: destination, SOP Instance UID, remark."""
        with reading(self._database) as connection:
            found = connection.execute(
                "SELECT d.destination, o.uid, d.remark FROM twinveil_deliveries AS d "
                "JOIN twinveil_objects AS o USING (job, number) WHERE d.job = ? AND d.remark != '' "
                "ORDER BY d.destination, d.number",
                (job,),
            ).fetchall()
        return [(destination, uid, remark) for destination, uid, remark in found]

    def give_up(self, destination: str, job: str | None = None) -> int:
        """What waits for ``destination``, of ``job`` or of all, waits no longer. Returns how many objects."""
        with transaction(self._database) as connection:
            if job is None:
                return _change(connection, Happening.GIVE_UP, "destination = ? AND state IN (?, ?)", destination,
                               *OPEN)  # fmt: skip
            return _change(connection, Happening.GIVE_UP, "destination = ? AND state IN (?, ?) AND job = ?",
                           destination, *OPEN, job)  # fmt: skip

    def rename(self, old: str, new: str) -> int:
        """What waits for ``old`` waits for ``new`` from now on, where that one does not have it already.

        What ``old`` has stored and did not answer for is sent to ``new`` as well.
        """
        with transaction(self._database) as connection:
            moved = connection.execute(
                "UPDATE twinveil_deliveries SET destination = ?, state = ? WHERE destination = ? AND state IN (?, ?) "
                "AND NOT EXISTS (SELECT 1 FROM twinveil_deliveries AS other WHERE other.job = twinveil_deliveries.job "
                "AND other.number = twinveil_deliveries.number AND other.destination = ?)",
                (new, Delivery.WAITING, old, *OPEN, new),
            ).rowcount
            connection.execute(
                "DELETE FROM twinveil_deliveries WHERE destination = ? AND state IN (?, ?)", (old, *OPEN)
            )
            return moved

    def tell(self, job: str) -> None:
        """Its manifest is written, or there will be none: from now on it may be settled."""
        with transaction(self._database) as connection:
            connection.execute("UPDATE twinveil_postings SET told = 1 WHERE job = ?", (job,))

    def untold(self) -> set[str]:
        """Jobs that posted something and whose manifest is not written."""
        with reading(self._database) as connection:
            return {job for (job,) in connection.execute("SELECT job FROM twinveil_postings WHERE told = 0")}

    def is_settled(self, job: str) -> bool:
        """Whether everything of ``job`` has arrived and nothing is left to be done for it."""
        with reading(self._database) as connection:
            found = connection.execute("SELECT settled FROM twinveil_postings WHERE job = ?", (job,)).fetchone()
        return found is not None and found[0] is not None

    def arrived(self) -> list[str]:
        """Jobs of which nothing waits any more, and whose sources are still here."""
        with reading(self._database) as connection:
            found = connection.execute(
                "SELECT job FROM twinveil_postings AS p WHERE settled IS NULL AND told = 1 AND NOT EXISTS "
                "(SELECT 1 FROM twinveil_deliveries AS d WHERE d.job = p.job AND d.state IN (?, ?)) ORDER BY number",
                OPEN,
            ).fetchall()
        return [job for (job,) in found]

    def settle(self, job: str) -> None:
        """Nothing is left to be done for ``job``."""
        with transaction(self._database) as connection:
            connection.execute("UPDATE twinveil_postings SET settled = ? WHERE job = ?", (time.time(), job))

    def settled_since(self, moment: float) -> list[float]:
        """When jobs were settled after ``moment``; both in seconds since 1970."""
        with reading(self._database) as connection:
            found = connection.execute("SELECT settled FROM twinveil_postings WHERE settled > ?", (moment,)).fetchall()
        return [settled for (settled,) in found]

    def folder_of(self, job: str) -> str:
        """Where in the outbox lies what ``job`` posted."""
        with reading(self._database) as connection:
            found = connection.execute("SELECT folder FROM twinveil_postings WHERE job = ?", (job,)).fetchone()
        return (found and found[0]) or job

    def needed_folders(self) -> set[str]:
        """Folders of the outbox that are still needed."""
        with reading(self._database) as connection:
            found = connection.execute("SELECT job, folder FROM twinveil_postings WHERE settled IS NULL").fetchall()
        return {folder or job for job, folder in found}

    def waiting_by_job(self) -> dict[str, list[str]]:
        """Names of the destinations that each unfinished job waits for."""
        with reading(self._database) as connection:
            found = connection.execute(
                "SELECT DISTINCT job, destination FROM twinveil_deliveries WHERE state IN (?, ?) "
                "ORDER BY job, destination",
                OPEN,
            ).fetchall()
        waiting: dict[str, list[str]] = {}
        for job, name in found:
            waiting.setdefault(job, []).append(name)
        return waiting

    def backlog(self) -> dict[str, Backlog]:
        """What waits, by destination."""
        with reading(self._database) as connection:
            found = connection.execute(
                "SELECT d.destination, count(DISTINCT d.job), count(*), cast(sum(o.bytes) AS BIGINT), "
                "count(CASE WHEN d.refusals > 0 THEN 1 END), "
                "min(p.posted), max(d.reason) "
                "FROM twinveil_deliveries AS d JOIN twinveil_postings AS p ON p.job = d.job "
                "JOIN twinveil_objects AS o ON o.job = d.job AND o.number = d.number "
                "WHERE d.state IN (?, ?) GROUP BY d.destination",
                OPEN,
            ).fetchall()
        return {name: Backlog(*rest) for name, *rest in found}

    def forget(self, before: float) -> int:
        """Remove the rows of what was settled before that moment, seconds since 1970. Returns how many postings."""
        with transaction(self._database) as connection:
            for table in ("twinveil_deliveries", "twinveil_objects"):
                connection.execute(
                    f"DELETE FROM {table} WHERE job IN (SELECT job FROM twinveil_postings WHERE settled < ?)", (before,)
                )
            return connection.execute("DELETE FROM twinveil_postings WHERE settled < ?", (before,)).rowcount


def _posted(connection: Connection, job: str) -> bool:
    return connection.execute("SELECT 1 FROM twinveil_postings WHERE job = ?", (job,)).fetchone() is not None


def _offering(connection: Connection, parcel: Parcel, destination: str) -> None:
    connection.execute(
        "UPDATE twinveil_deliveries SET offers = offers + 1 WHERE job = ? AND number = ? AND destination = ?",
        (parcel.job, parcel.number, destination),
    )


def _change(connection: Connection, happening: Happening, condition: str, *values: str | int) -> int:
    """Every row that ``condition`` finds, through the table of the life cycle."""
    found = connection.execute(
        f"SELECT state, job, number, destination FROM twinveil_deliveries WHERE {condition}", values
    ).fetchall()
    now = time.time()
    connection.executemany(
        "UPDATE twinveil_deliveries SET state = ?, changed = ? WHERE job = ? AND number = ? AND destination = ?",
        [(after(Delivery(state), happening), now, *row) for state, *row in found],
    )
    return len(found)
