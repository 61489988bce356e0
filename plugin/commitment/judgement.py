"""Which instances the node answers for: those that it accepted and holds, or held until it was done with them."""

from __future__ import annotations

from dicom_io.commitment import CommitmentReport, CommitmentRequest, Failure, FailureReason, Reference
from dicom_io.header import Pseudonyms
from plugin.ledger import Ledger, State

ANSWERED_FOR: dict[State, bool] = {
    State.RECEIVED: True,  # on disk before its sender heard Success
    State.QUEUED: True,
    State.UNDELIVERED: True,
    State.DELIVERED: True,
    State.PURGED: True,  # what was made of it is delivered
    State.QUARANTINED: True,  # kept, sealed, for a person to decide
    State.DISCARDED: True,  # a named person decided
    State.MISSING: False,  # its file is gone, and it has to be sent again
    State.WANTED: False,  # somebody waits for it to be sent again, so that nobody may delete it
}
"""By the state of an instance. A sender that is told yes may delete it."""


class Judgement:
    """Answers requests from the ledger as it stands."""

    def __init__(self, ledger: Ledger, pseudonyms: Pseudonyms) -> None:
        self._ledger = ledger
        self._pseudonyms = pseudonyms

    def of(self, request: CommitmentRequest) -> CommitmentReport:
        """The report on ``request``: each of its references is in it, once."""
        committed: list[Reference] = []
        failed: list[Failure] = []
        for reference in dict.fromkeys(request.references):
            reason = self._reason_against(reference)
            if reason is None:
                committed.append(reference)
            else:
                failed.append(Failure(reference, reason))
        return CommitmentReport(request.transaction_uid, tuple(committed), tuple(failed))

    def _reason_against(self, reference: Reference) -> FailureReason | None:
        rows = self._ledger.of_source(self._pseudonyms.source_digest(reference.sop_instance_uid))
        held = [row for row in rows if ANSWERED_FOR[row.state]]
        if not held:
            return FailureReason.NO_SUCH_OBJECT_INSTANCE
        if not any(row.sop_class in ("", reference.sop_class_uid) for row in held):
            return FailureReason.CLASS_INSTANCE_CONFLICT
        return None
