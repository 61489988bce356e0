"""Which row of the ledger a quarantined instance has, and what a crash left of one that was released."""

from __future__ import annotations

from pathlib import Path

from dicom_io.receiving import Spool
from plugin.ledger import Ledger, Row, State
from plugin.quarantine.quarantine import Entry, Quarantine


def entry_name(digest: str, name: str) -> str:
    """What the quarantine calls an instance that the spool calls ``name``."""
    return f"{digest}-{Path(name).stem.partition('-')[2][:16]}"


def names_of(row: Row) -> set[str]:
    """What the quarantine may call the instance of ``row``."""
    return {entry_name(row.digest, row.name)} | ({row.entry} if row.entry else set())


def row_of(entry: Entry, ledger: Ledger) -> Row | None:
    """The ledger's row of a quarantined instance; None for one that this ledger does not know."""
    rows = [row for row in ledger.of_source(entry.digest) if entry.name in names_of(row)]
    return rows[0] if len(rows) == 1 else None


def forget_returned(quarantine: Quarantine, ledger: Ledger, spool: Spool) -> None:
    """Remove the entries of released instances that are back in the spool: a crash came before it could be done."""
    for entry in quarantine.entries():
        row = row_of(entry, ledger)
        if row and row.releases and row.state is State.RECEIVED and (spool.folder / row.name).exists():
            quarantine.remove(entry.name)
