"""Who answers for accepted instances, from the sender's Success until they are purged or quarantined."""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path

from dicom_io.disk import sync_folder
from dicom_io.header import Pseudonyms
from dicom_io.receiving import Spool, StoredInstance
from dicom_io.writing import Algorithm
from plugin.database import Connection
from plugin.delivery import Outbox, Postings
from plugin.durable import private_folder, remove_tree
from plugin.errors import StateRefused
from plugin.intake import ABOUT, Recorded, record_arrival
from plugin.ledger import Event, Ledger, Row, State, taken_again
from plugin.node.tenures import JobLost, folders_of, job_of, tenure_of
from plugin.observer import Observer
from plugin.quarantine import Quarantine, deciding, entry_name, forget_returned, names_of
from plugin.study import (
    CONFLICT,
    Outcome,
    Refusal,
    Source,
    Study,
    manifest_of,
    output_path,
    with_remarks,
    write_manifest,
)

log = logging.getLogger(__name__)

COMPARED_AT_ONCE = 256
"""Files of the spool with their rows: the more, the longer a reviewer's decision waits."""

NO_OUTCOME = Refusal("job", "NoOutcome", "its job failed")


class NodeCustody:
    """Spool, ledger, quarantine and outbox as one: a file is in the spool until its row says that it may go.

    ``state``: the node's folder, in which jobs and manifests lie. ``algorithm``: what manifests say of the model; None
    in a process that works on no study.
    """

    def __init__(
        self,
        state: Path,
        spool: Spool,
        ledger: Ledger,
        quarantine: Quarantine,
        outbox: Outbox,
        postings: Postings,
        pseudonyms: Pseudonyms,
        algorithm: Algorithm | None,
        observer: Observer,
    ) -> None:
        self._state = state
        self._spool = spool
        self._ledger = ledger
        self._quarantine = quarantine
        self._outbox = outbox
        self._postings = postings
        self._pseudonyms = pseudonyms
        self._algorithm = algorithm
        self._observer = observer
        self._conflicts = threading.Lock()

    @property
    def jobs(self) -> Path:
        """Folder of the jobs' folders."""
        return self._state / "jobs"

    @property
    def manifests(self) -> Path:
        """Folder of the manifests, one a job."""
        return self._state / "manifests"

    def posted(self, job: str) -> bool:
        """Whether what ``job`` made is sealed and on its way: that part of it is settled for good."""
        return self._postings.posted(job)

    def jobs_with_folders(self) -> set[str]:
        """Names of the jobs of which something lies in the open."""
        return {job_of(folder.name) for folder in self.jobs.iterdir()} if self.jobs.is_dir() else set()

    def accept(self, stored: StoredInstance) -> Recorded | None:
        """The row of an instance that has just arrived, before its sender is told Success."""
        recorded = record_arrival(stored, self._spool, self._ledger, self._pseudonyms)
        if recorded is None or not stored.conflict:
            return recorded
        with self._conflicts:  # the same one may be found at the start while it comes in again
            if stored.path.exists():
                self._set_aside(Source(recorded.digest, stored.path), recorded.study, CONFLICT)
        return recorded

    def study_of(self, job: str, tenure: int = 0) -> Study:
        """The batch that ``job`` works on, the same each time it is asked for.

        What an earlier tenure left is there for this one, and nothing that whoever had it still writes will be.
        """
        rows = self._ledger.of_job(job)
        begun = self._ledger.job(job)
        sources = tuple(Source(row.digest, self._spool.folder / row.name, row.waived, row.making) for row in rows)
        destinations, urgent = ((), False) if begun is None else (begun.destinations, begun.urgent)
        study = Study(job, rows[0].study, sources, destinations, urgent, tenure)
        self._inherit(study)
        return study

    def _inherit(self, study: Study) -> None:
        while study.tenure and not (self.jobs / study.folder).exists():
            earlier = sorted((tenure_of(path.name), path) for path in folders_of(self.jobs, study.job))
            earlier = [(tenure, path) for tenure, path in earlier if tenure < study.tenure]
            if not earlier:
                return
            with suppress(FileNotFoundError):  # one that has lost the job without knowing was quicker: look again
                earlier[-1][1].rename(self.jobs / study.folder)
                sync_folder(self.jobs)

    def quarantine(self, source: Source, study: Study, refusal: Refusal) -> None:
        """Kept for a person to decide."""
        self._set_aside(source, study.digest, refusal)

    def deliver(self, study: Study, outcomes: Sequence[Outcome]) -> None:
        """What was released is sealed in the outbox and posted. Done again, what was posted first stays."""
        if self._postings.posted(study.job):
            return
        released = [outcome for outcome in outcomes if outcome.refusal is None]
        outputs = [
            replace(output, path=output_path(self.jobs, outcome.source, study, output))
            for outcome in released
            for output in outcome.outputs
        ]
        names = [self._name(outcome.source.path) for outcome in released]

        def also(connection: Connection) -> None:
            if not self._ledger.is_tenure(connection, study.job, study.tenure):
                raise JobLost(study.job)
            self._ledger.change_within(connection, names, Event.POST)

        self._outbox.put(study.folder, [output.path for output in outputs])
        self._postings.post(
            study.job, study.digest, outputs, study.destinations, folder=study.folder, urgent=study.urgent, also=also
        )
        self._observer.released(study.digest, len(outputs), study.destinations)

    def commit(self, study: Study, outcomes: Sequence[Outcome]) -> None:
        """The manifest is on disk. It tells what was delivered, and stands among the others once that is true."""
        waits = self._postings.posted(study.job) and not self._postings.is_settled(study.job)
        manifest = self._outbox.manifest(self._postings.folder_of(study.job))
        path = manifest if waits else private_folder(self.manifests) / f"{study.job}.json"
        assert self._algorithm is not None, "whoever works has a model"
        write_manifest(path, manifest_of(outcomes, self._algorithm), mode=0o600)
        self._clear_outbox(study.job)
        self._postings.tell(study.job)

    def settle(self, job: str) -> None:
        """Everything that was made by ``job`` is where it belongs: its manifest says so, and its sources are gone."""
        if (manifest := self._outbox.manifest(self._postings.folder_of(job))).exists():
            if remarks := self._postings.remarks(job):
                write_manifest(manifest, with_remarks(json.loads(manifest.read_text()), remarks), mode=0o600)
            target = private_folder(self.manifests) / f"{job}.json"
            manifest.rename(target)
            sync_folder(target.parent)
        rows = [row for row in self._ledger.of_job(job) if row.state in {State.UNDELIVERED, State.DELIVERED}]
        self._ledger.change([row.name for row in rows], Event.DELIVER)
        self._purge([row.name for row in rows])
        for row in rows:
            log.info("study %s: instance %s delivered", row.study, row.digest)

    def bury(self, job: str, why: Refusal = NO_OUTCOME) -> None:
        """A job ended without an outcome: what it held and did not post is quarantined; nothing else of it stays."""
        for row in self._ledger.of_job(job):
            if row.state is State.QUEUED:
                log.error("study %s: instance %s quarantined: %s", row.study, row.digest, why.reason)
                self._set_aside(Source(row.digest, self._spool.folder / row.name), row.study, why)
        self._postings.tell(job)
        self.clear(job)

    def abandon(self, study: Study) -> None:
        """Another process has the job: what this tenure of it wrote meanwhile is gone."""
        remove_tree(self.jobs / study.folder)
        if self._postings.folder_of(study.job) != study.folder:
            self._outbox.remove(study.folder)

    def clear(self, job: str) -> None:
        """Nothing of ``job`` lies in the open any more, nor sealed for nobody."""
        for folder in folders_of(self.jobs, job):
            remove_tree(folder)
        self._clear_outbox(job)

    def _clear_outbox(self, job: str) -> None:
        """What an earlier tenure sealed and was cut off before it could post it is gone."""
        posted = self._postings.folder_of(job) if self._postings.posted(job) else ""
        for folder in folders_of(self._outbox.folder, job):
            if folder.name != posted:
                self._outbox.remove(folder.name)

    def mend_quarantine(self) -> None:
        """What a crash kept from being sealed is sealed, and what is back in the spool is held no longer."""
        self._quarantine.seal_all()
        with deciding(self._state):
            forget_returned(self._quarantine, self._ledger, self._spool)

    def reconcile_and_tell(self) -> None:
        """As ``reconcile``, and a word in the log where they had not agreed."""
        if found := self.reconcile():
            log.warning("%d instances did not agree with their records; they do now", found)

    def reconcile(self) -> int:
        """Spool, rows and quarantine agree again, whatever a crash or somebody's hand did. Returns how many did not.

        After the start and daily, while studies come in and are worked on, and a few at a time, however long the queue
        is. Said by name in the log; what is missing is a state of its own.
        """
        self.mend_quarantine()
        found = 0
        paths = self._spool.paths()
        while some := list(islice(paths, COMPARED_AT_ONCE)):
            with deciding(self._state):
                found += self._compare(some)
        for row in self._ledger.in_states(State.DELIVERED):
            if row.job is None or not self._postings.posted(row.job):  # by a version that purged within the job
                self._purge([row.name])
                found += 1
        for row in self._ledger.in_states(State.RECEIVED):
            if not (self._spool.folder / row.name).exists() and self._ledger.state_of(row.name) is State.RECEIVED:
                self._lose(row.name, row.digest, row.study)
                found += 1
        return found

    def _compare(self, paths: Sequence[Path]) -> int:
        """Each file has the row that a crash kept it from having, and none stays whose row says that it is gone."""
        rows = {row.name: row for row in self._ledger.named([self._name(path) for path in paths])}
        found = 0
        for path in paths:
            row = rows.get(self._name(path))
            if self._lacks_row(path, None if row is None else row.state):
                found += self._give_row(path)
            elif row is not None and self._is_done(row) and path.exists():
                self._spool.purge(path)
                found += 1
        return found

    def _lacks_row(self, path: Path, state: State | None) -> bool:
        waits = path.parent == self._spool.conflicts and state is State.RECEIVED  # since before there was a node
        return state is None or taken_again(state) or waits

    def _is_done(self, row: Row) -> bool:
        """Whether its file may not be in the spool any more: gone for good, or held elsewhere."""
        if row.state is State.QUARANTINED:
            return any(map(self._quarantine.holds, names_of(row)))
        return row.state in {State.PURGED, State.DISCARDED}

    def _give_row(self, path: Path) -> bool:
        """False where it has come by one meanwhile, or is gone."""
        if not path.exists() or not self._lacks_row(path, self._ledger.state_of(self._name(path))):
            return False
        # A second name in incoming/ for the same file goes the way that every arrival goes.
        arrival = self._spool.incoming / f"{path.stem}.part"
        arrival.unlink(missing_ok=True)
        os.link(path, arrival)
        self.accept(self._spool.receive(arrival))
        return True

    def _set_aside(self, source: Source, study: str, refusal: Refusal) -> None:
        entry = entry_name(source.digest, source.path.name)
        try:
            self._quarantine.keep(source.path, name=entry, digest=source.digest, study=study, refusal=refusal)
        except FileNotFoundError:
            if source.path.exists() or self._quarantine.holds(entry):
                raise  # something else was not there; the instance is
            self._lose(self._name(source.path), source.digest, study)
            return
        self._ledger.change([self._name(source.path)], Event.QUARANTINE)
        self._spool.purge(source.path)
        self._observer.set_aside(study, refusal.stage, refusal.error)

    def _lose(self, name: str, digest: str, study: str) -> None:
        if not (self._state / ABOUT).exists():
            raise StateRefused(f"{self._state} is not there: is it mounted? Nothing is taken for missing until it is")
        self._ledger.change([name], Event.LOSE)
        log.error(
            "study %s: instance %s is missing: its file is gone from the spool, and the node did not remove it; "
            "have it sent again", study, digest,
        )  # fmt: skip

    def _purge(self, names: Sequence[str]) -> None:
        for name in names:
            self._spool.purge(self._spool.folder / name)
        self._ledger.change(names, Event.PURGE)

    def _name(self, path: Path) -> str:
        return self._spool.name_of(path)
