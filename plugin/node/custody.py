"""Who answers for accepted instances, from the sender's Success until they are purged or quarantined."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Sequence
from pathlib import Path

from dicom_io.header import Pseudonyms
from dicom_io.receiving import Spool, StoredInstance
from dicom_io.writing import Algorithm
from plugin.durable import private_folder
from plugin.intake import record_arrival
from plugin.ledger import Event, Ledger, State
from plugin.quarantine import Quarantine, entry_name, forget_returned
from plugin.study import CONFLICT, Outcome, Refusal, Source, Study, manifest_of, write_manifest

log = logging.getLogger(__name__)

NO_OUTCOME = Refusal("job", "NoOutcome", "its job failed, or took the process down, more often than allowed")


class NodeCustody:
    """Spool, ledger and quarantine as one: a file is in the spool until its row says that it may go."""

    def __init__(
        self,
        spool: Spool,
        ledger: Ledger,
        quarantine: Quarantine,
        manifests: Path,
        pseudonyms: Pseudonyms,
        algorithm: Algorithm,
    ) -> None:
        self._spool = spool
        self._ledger = ledger
        self._quarantine = quarantine
        self._manifests = manifests
        self._pseudonyms = pseudonyms
        self._algorithm = algorithm
        self._conflicts = threading.Lock()

    def accept(self, stored: StoredInstance) -> None:
        """The row of an instance that has just arrived, before its sender is told Success."""
        recorded = record_arrival(stored, self._spool, self._ledger, self._pseudonyms)
        if recorded is None or not stored.conflict:
            return
        with self._conflicts:  # the same one may be found at the start while it comes in again
            if stored.path.exists():
                self._set_aside(Source(recorded.digest, stored.path), recorded.study, CONFLICT)

    def reconcile(self) -> int:
        """At start: every file in the spool gets the row that a crash kept it from having. Returns how many did."""
        self._quarantine.seal_all()
        forget_returned(self._quarantine, self._ledger, self._spool)
        found = 0
        for path in sorted(self._spool.studies.glob("*/*.dcm")) + sorted(self._spool.conflicts.glob("*.dcm")):
            conflict = path.parent == self._spool.conflicts
            if not conflict and self._ledger.state_of(self._name(path)) is not None:
                continue
            # A second name in incoming/ for the same file goes the way that every arrival goes.
            arrival = self._spool.incoming / f"{path.stem}.part"
            arrival.unlink(missing_ok=True)
            os.link(path, arrival)
            self.accept(self._spool.receive(arrival))
            found += 1
        return found

    def study_of(self, job: str) -> Study:
        """The batch that ``job`` works on, the same each time it is asked for."""
        rows = self._ledger.of_job(job)
        sources = tuple(Source(row.digest, self._spool.folder / row.name, row.waived) for row in rows)
        return Study(job, rows[0].study, sources)

    def quarantine(self, source: Source, study: Study, refusal: Refusal) -> None:
        """Kept for a person to decide."""
        self._set_aside(source, study.digest, refusal)

    def commit(self, study: Study, outcomes: Sequence[Outcome]) -> None:
        """The manifest is on disk and the rows of what was delivered say so."""
        manifests = private_folder(self._manifests)
        write_manifest(manifests / f"{study.job}.json", manifest_of(outcomes, self._algorithm), mode=0o600)
        self._ledger.change([self._name(path) for path in _delivered(outcomes)], Event.DELIVER)

    def purge(self, study: Study, outcomes: Sequence[Outcome]) -> None:
        """The sources of what was delivered are gone from the spool."""
        self._purge(_delivered(outcomes))

    def bury(self, job: str) -> None:
        """A job ended without an outcome: what it had delivered is purged, whatever else it held is quarantined."""
        study = self.study_of(job)
        for row, source in zip(self._ledger.of_job(job), study.sources, strict=True):
            if row.state is State.QUEUED:
                log.error("study %s: instance %s quarantined: %s", study.digest, source.digest, NO_OUTCOME.reason)
                self._set_aside(source, study.digest, NO_OUTCOME)
            elif row.state is State.DELIVERED:
                self._purge([source.path])

    def _set_aside(self, source: Source, study: str, refusal: Refusal) -> None:
        entry = entry_name(source.digest, source.path.name)
        self._quarantine.keep(source.path, name=entry, digest=source.digest, study=study, refusal=refusal)
        self._ledger.change([self._name(source.path)], Event.QUARANTINE)
        self._spool.purge(source.path)

    def _purge(self, paths: Sequence[Path]) -> None:
        for path in paths:
            self._spool.purge(path)
        self._ledger.change([self._name(path) for path in paths], Event.PURGE)

    def _name(self, path: Path) -> str:
        return path.relative_to(self._spool.folder).as_posix()


def _delivered(outcomes: Sequence[Outcome]) -> list[Path]:
    return [outcome.source.path for outcome in outcomes if outcome.refusal is None]
