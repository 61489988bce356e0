"""What a person may decide about a quarantined instance: to release it, or to discard it.

**Release never means that the photograph leaves.** It means that the instance goes through the pipeline once more, from
the spool, and that one named check, if it is in the table ``WAIVABLE``, counts as answered by the reviewer. Every other
check is made as ever: a face that is found is compared, and a twin that is still the patient is refused again.

    refused because                             release
    ------------------------------------------  ----------------------------------------------------------------------
    no face was found where one was expected    again; the reviewer's word is that the photograph shows no face
    something may be a face                     again; the same word, which outweighs some evidence and never much:
                                                what the gate's witnesses know for a face is held anew
    text touches skin or a face                 again; the reviewer's word is that it names nobody
    bytes or numbers look like the source's     again; the reviewer's word is that what the header says there names
                                                nobody. What is a value of the source is held anew
    a job had no outcome,                       again, nothing waived: what was in the way may be gone
    a comparison could not be made, …
    the gate *rejected* the twin                never. The comparison was made and said "still the patient". Nobody's
                                                word outweighs it, and since each edit draws fresh noise, asking again
                                                and again would be fishing for the one time that the gate errs.
    other bytes under a known UID               never. Its twins would bear the UIDs of those already delivered.

For the same reason as with *rejected*, nothing is released more than ``MOST_RELEASES`` times.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from dicom_io.errors import LeakSuspected
from dicom_io.header import SiteKey
from dicom_io.receiving import Spool
from pipeline.errors import FaceSuspected, IdentifyingMark, NoFaceFound, Rejected, TextOnSkin
from plugin.auditing import AuditTrail
from plugin.database import DATABASE, Database
from plugin.durable import private_folder
from plugin.errors import ReviewRefused
from plugin.ledger import Event, Ledger, Row, State
from plugin.quarantine.audit import AuditLog
from plugin.quarantine.decisions import deciding
from plugin.quarantine.quarantine import Entry, Quarantine
from plugin.quarantine.rows import forget_returned, row_of
from plugin.study import CONFLICT, Refusal

WAIVABLE = {
    LeakSuspected.__name__: "naming nobody in the bytes and numbers that look like its header's",
    FaceSuspected.__name__: "showing no face but those that get a twin",
    IdentifyingMark.__name__: "bearing no mark that anybody can be known by",
    NoFaceFound.__name__: "showing no face",
    TextOnSkin.__name__: "naming nobody in what was taken for text",
}
"""Refusals in which nothing was found out that a person could not see better, and what that person vouches for."""

FINAL = {
    Rejected.__name__: "the gate found that its twin is still the patient, and nobody's word outweighs that",
    CONFLICT.error: "its twins would bear the UIDs of those of another data set",
}
"""Refusals that no release follows, and why."""

MOST_RELEASES = 3

MAYBE_SENT = Refusal(
    "upgrade", "EarlierVersion", "an earlier version may have delivered part of it; released, it is made anew"
)
"""Of a job that an earlier version began to deliver. What is made after its release gets other UIDs: whatever left
before must not be followed by another object under the same one."""

REPROCESSED = frozenset({State.PURGED, State.DISCARDED, State.WANTED})
SHORTEST_BEGINNING = 8


def outlook(refusal: Refusal) -> str:
    """What a release would mean for what was refused so, in one line for a reviewer."""
    if refusal.error in FINAL:
        return f"never: {FINAL[refusal.error]}"
    if refusal.error in WAIVABLE:
        return f"once more through the pipeline, {WAIVABLE[refusal.error]} on the reviewer's word"
    return "once more through the pipeline, nothing waived"


class Review:
    """The decisions on the instances of one state folder. The node may be running, in another process, or not.

    ``records``: where its rows lie, if not in the folder's own file. ``trail``: where each decision is reported as
    well, without its reason.
    """

    def __init__(
        self, state: Path, key: SiteKey, records: Database | None = None, trail: AuditTrail | None = None
    ) -> None:
        self._trail = trail
        self._state = private_folder(state)
        self.quarantine = Quarantine(state / "quarantine", key)
        self.audit = AuditLog(state / "audit.log", key)
        self._ledger = Ledger(records or state / DATABASE)
        self._spool = Spool(state / "spool", min_free_bytes=0)

    def release(self, beginning: str, *, reviewer: str, reason: str) -> tuple[str, ...]:
        """Send the entry whose name begins so through the pipeline once more; the checks that are waived, if any.

        Written to the audit log before anything is done. Raises ``ReviewRefused`` where it may not be done.
        """
        with deciding(self._state):
            return self._release(beginning, reviewer, reason)

    def _release(self, beginning: str, reviewer: str, reason: str) -> tuple[str, ...]:
        entry = self._entry(beginning, reviewer, reason)
        error = entry.refusal.error
        if error in FINAL:
            raise ReviewRefused(f"{entry.name} cannot be released: {FINAL[error]}")
        row = self._idle_row(entry)
        if row is None or row.state is not State.QUARANTINED:
            raise ReviewRefused(f"{entry.name} is not in this node's ledger; send the photograph again instead")
        if row.releases >= MOST_RELEASES:
            raise ReviewRefused(f"{entry.name} was released {row.releases} times already; more may not be tried")
        waived = tuple(sorted({*row.waived, *({error} & WAIVABLE.keys())}))
        self._record("release", entry, reviewer, reason, waived)
        arrival = self._spool.incoming / f"{Path(row.name).stem}.part"
        arrival.unlink(missing_ok=True)
        self.quarantine.restore(entry.name, arrival)
        self._spool.readmit(arrival, self._spool.folder / row.name)
        self._ledger.release(row.name, waived, anew=error == MAYBE_SENT.error)
        self.quarantine.remove(entry.name)
        return waived

    def discard(self, beginning: str, *, reviewer: str, reason: str) -> Entry:
        """The entry whose name begins so is gone for good. Written to the audit log before anything is done."""
        with deciding(self._state):
            entry = self._entry(beginning, reviewer, reason)
            row = self._idle_row(entry)
            self._record("discard", entry, reviewer, reason, ())
            if row is not None:
                self._ledger.change([row.name], Event.DISCARD)
            self.quarantine.remove(entry.name)
            return entry

    def look(self, name: str, *, reviewer: str) -> Entry:
        """A person is about to see the photograph that the entry ``name`` holds. On record before it is shown.

        Raises ``ReviewRefused`` where there is no such entry.
        """
        entry = next((entry for entry in self.quarantine.entries() if entry.name == name), None)
        if entry is None or not reviewer.strip():
            raise ReviewRefused(f"there is no entry {name}, or nobody is named who looks at it")
        self.audit.add("look", entry=entry.name, source=entry.digest, study=entry.study, reviewer=reviewer.strip())
        self._report("look", reviewer, entry.study)
        return entry

    def reprocess(self, beginning: str, *, reviewer: str, reason: str) -> list[Row]:
        """What is gone, and whose digest (or whose study's) begins so, is taken when it is sent the next time.

        Its twins will be new objects under new UIDs; those that were delivered stay as they are. Written to the audit
        log before anything is done. Raises ``ReviewRefused`` where there is nothing of the kind.
        """
        _named(reviewer, reason)
        if len(beginning) < SHORTEST_BEGINNING:
            raise ReviewRefused(f"at least {SHORTEST_BEGINNING} characters of a digest are needed; see the manifests")
        with deciding(self._state):
            found = self._ledger.beginning(beginning)
            rows = [row for row in found if row.state in REPROCESSED]
            if not rows:
                states = ", ".join(sorted({row.state for row in found})) or "unknown"
                raise ReviewRefused(
                    f"nothing that begins with {beginning} is gone ({states}); what is held in quarantine is released "
                    "by `twinveil quarantine release`, and what is missing is taken whenever it is sent"
                )
            for row in rows:
                self.audit.add(
                    "reprocess",
                    source=row.digest, study=row.study, state=row.state, reviewer=reviewer.strip(),
                    reason=reason.strip(),
                )  # fmt: skip
                self._report("reprocess", reviewer, row.study)
            self._ledger.change([row.name for row in rows], Event.REPROCESS)
        return rows

    def _entry(self, beginning: str, reviewer: str, reason: str) -> Entry:
        _named(reviewer, reason)
        forget_returned(self.quarantine, self._ledger, self._spool)
        entry = self.quarantine.find(beginning)
        if entry is None:
            raise ReviewRefused(f"no entry, or more than one, begins with {beginning}; see `twinveil quarantine list`")
        return entry

    def _idle_row(self, entry: Entry) -> Row | None:
        """The entry's row, None where there is none. A job that is under way must find its instances as they were."""
        row = row_of(entry, self._ledger)
        if row is None:
            return None
        if row.state not in {State.QUARANTINED, State.DISCARDED}:
            raise ReviewRefused(f"{entry.name} is being worked on ({row.state}); try again later")
        if row.job and any(other.state is State.QUEUED for other in self._ledger.of_job(row.job)):
            raise ReviewRefused(f"the study of {entry.name} is being worked on; try again later")
        return row

    def _record(self, action: str, entry: Entry, reviewer: str, reason: str, waived: tuple[str, ...]) -> None:
        refused = {f"refused_{name}": value for name, value in asdict(entry.refusal).items()}
        self.audit.add(
            action,
            entry=entry.name, source=entry.digest, study=entry.study, reviewer=reviewer.strip(), reason=reason.strip(),
            waived=" ".join(waived) or "nothing", **refused,
        )  # fmt: skip
        self._report(action, reviewer, entry.study)

    def _report(self, action: str, reviewer: str, study: str) -> None:
        if self._trail is not None:
            self._trail.reviewed(action, reviewer.strip(), study)


def _named(reviewer: str, reason: str) -> None:
    if not reviewer.strip() or not reason.strip():
        raise ReviewRefused("a reviewer's name and a reason are needed; both are kept in the audit log")
