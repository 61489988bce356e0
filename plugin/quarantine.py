"""Instances that a person has to decide on: their bytes, as they came, and the reason beside them.

quarantine/<source digest>-<sha256>/source.dcm      mode 0600
quarantine/<source digest>-<sha256>/reason.json     without anything that identifies anybody
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from plugin.durable import private_folder, sync_folder, write_file
from plugin.study import Refusal


@dataclass(frozen=True)
class Entry:
    """One quarantined instance. ``since``: UTC, ISO 8601."""

    name: str
    digest: str
    study: str
    since: str
    refusal: Refusal


class Quarantine:
    """The folder of quarantined instances."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def keep(self, path: Path, *, name: str, digest: str, study: str, refusal: Refusal) -> None:
        """Keep the bytes of ``path`` under ``name`` with the reason. ``path`` stays; again changes nothing.

        Raises ``FileNotFoundError`` when neither ``path`` nor an earlier entry is there: that would be a loss.
        """
        final = private_folder(self.folder) / name
        # Built under a hidden name and shown whole: who lists the quarantine never sees an entry without its reason.
        entry = private_folder(final if final.is_dir() else self.folder / f".{name}")
        source, reason = entry / "source.dcm", entry / "reason.json"
        if not source.exists():
            # A link needs no room, which matters when the disk is full; elsewhere than on one file system, a copy.
            try:
                os.link(path, source)
            except FileNotFoundError:
                raise
            except OSError:
                with path.open("rb") as original:
                    write_file(source, original.read())
            source.chmod(0o600)
            sync_folder(entry)
        if not reason.exists():
            since = datetime.now(UTC).isoformat(timespec="seconds")
            stated = {"source": digest, "study": study, "since": since, "why": asdict(refusal)}
            write_file(reason, (json.dumps(stated, indent=2) + "\n").encode())
        if entry != final:
            entry.rename(final)
            sync_folder(self.folder)

    def entries(self) -> list[Entry]:
        """All entries, oldest first. One whose reason cannot be read is listed as such, never left out."""
        if not self.folder.is_dir():
            return []
        shown = (path for path in self.folder.iterdir() if path.is_dir() and not path.name.startswith("."))
        return sorted((self._entry(path) for path in shown), key=lambda entry: entry.since)

    def find(self, beginning: str) -> Entry | None:
        """The one entry whose name begins so; None when there is none, or more than one."""
        found = [entry for entry in self.entries() if entry.name.startswith(beginning)]
        return found[0] if len(found) == 1 else None

    @staticmethod
    def _entry(path: Path) -> Entry:
        try:
            stated = json.loads((path / "reason.json").read_text())
            return Entry(path.name, stated["source"], stated["study"], stated["since"], Refusal(**stated["why"]))
        except (OSError, ValueError, KeyError, TypeError):
            unknown = Refusal("quarantine", "UnreadableReason", "reason.json is missing or damaged")
            return Entry(path.name, path.name.partition("-")[0], "", "", unknown)
