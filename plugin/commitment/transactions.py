"""What we asked destinations to answer for, and what they said: durable rows, so that a report is never in vain.

A report may come on any association, also while the models are still being loaded: it is put on record here, and
whoever asked looks for it. The UIDs are those of what was made; none is the patient's.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass

from dicom_io.commitment import CommitmentReport
from plugin.database import Database, create_tables, reading, transaction

SCHEMA = """
CREATE TABLE IF NOT EXISTS twinveil_commitment_transactions (
    uid         TEXT PRIMARY KEY,   -- Transaction UID
    destination TEXT NOT NULL,
    job         TEXT NOT NULL,
    asked       REAL NOT NULL,      -- seconds since 1970, to be shown
    answer      TEXT                -- as JSON, once it has come
) STRICT
"""


@dataclass(frozen=True)
class Answer:
    """What a destination said of objects of ``job``, by SOP Instance UID. ``failed``: why not, in words."""

    transaction_uid: str
    job: str
    committed: tuple[str, ...]
    failed: dict[str, str]


class Transactions:
    """The rows. Any thread may call any method; each is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database
        with transaction(database) as connection:
            create_tables(connection, SCHEMA)

    def open(self, uid: str, destination: str, job: str) -> None:
        """``destination`` is about to be asked for objects of ``job`` under ``uid``."""
        with transaction(self._database) as connection:
            connection.execute(
                "INSERT INTO twinveil_commitment_transactions VALUES (?, ?, ?, ?, NULL)",
                (uid, destination, job, time.time()),
            )

    def answer(self, report: CommitmentReport) -> bool:
        """Put ``report`` on record; what was said first stays. False where nothing was asked under its UID."""
        said = json.dumps(
            {
                "committed": [reference.sop_instance_uid for reference in report.committed],
                "failed": {failure.reference.sop_instance_uid: failure.in_words for failure in report.failed},
            }
        )
        with transaction(self._database) as connection:
            return bool(
                connection.execute(
                    "UPDATE twinveil_commitment_transactions SET answer = coalesce(answer, ?) WHERE uid = ?",
                    (said, report.transaction_uid),
                ).rowcount
            )

    def answered(self, destination: str) -> list[Answer]:
        """What ``destination`` said and nobody has looked at yet."""
        with reading(self._database) as connection:
            found = connection.execute(
                "SELECT uid, job, answer FROM twinveil_commitment_transactions "
                "WHERE destination = ? AND answer IS NOT NULL ORDER BY asked, uid",
                (destination,),
            ).fetchall()
        return [
            Answer(uid, job, tuple(said["committed"]), said["failed"])
            for uid, job, said in ((uid, job, json.loads(answer)) for uid, job, answer in found)
        ]

    def unanswered(self, destination: str) -> set[str]:
        """Jobs of which ``destination`` was asked something that it has not answered."""
        with reading(self._database) as connection:
            found = connection.execute(
                "SELECT DISTINCT job FROM twinveil_commitment_transactions WHERE destination = ? AND answer IS NULL",
                (destination,),
            ).fetchall()
        return {job for (job,) in found}

    def close(self, uid: str) -> None:
        """Nothing is expected under ``uid`` any more."""
        with transaction(self._database) as connection:
            connection.execute("DELETE FROM twinveil_commitment_transactions WHERE uid = ?", (uid,))

    def forget(self, destination: str, job: str) -> None:
        """Nothing is expected of ``destination`` about ``job`` any more."""
        with transaction(self._database) as connection:
            connection.execute(
                "DELETE FROM twinveil_commitment_transactions WHERE destination = ? AND job = ?", (destination, job)
            )
