"""The row of an instance that has just arrived, before its sender is told Success."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from dicom_io.header import Pseudonyms
from dicom_io.receiving import Spool, StoredInstance
from plugin.ledger import Ledger, State

log = logging.getLogger(__name__)

CAME_AGAIN = {
    State.PURGED: "its results were delivered; `twinveil reprocess` has it made again when it is sent the next time",
    State.QUARANTINED: "it is held in quarantine already",
    State.DISCARDED: "a reviewer discarded it; `twinveil reprocess` has it taken when it is sent the next time",
    None: "it was accepted once, and what became of it is not on record any more",
}
"""What is said of an instance that is known and gone, by its state."""


@dataclass(frozen=True)
class Recorded:
    """What the row calls the instance and its study: keyed digests of their UIDs."""

    digest: str
    study: str


def record_arrival(stored: StoredInstance, spool: Spool, ledger: Ledger, pseudonyms: Pseudonyms) -> Recorded | None:
    """Give ``stored`` its row, if it has none. None where it was accepted before and is gone since, which is said."""
    digest = pseudonyms.source_digest(stored.sop_instance_uid)
    if stored.duplicate and not stored.path.exists():
        state = ledger.state_of(spool.name_of(stored.path))
        log.warning("instance %s was sent again and is not kept: %s", digest, CAME_AGAIN.get(state, f"it is {state}"))
        return None
    study = pseudonyms.study_digest(stored.study_instance_uid, stored.sop_instance_uid)
    name = spool.name_of(stored.path)
    if ledger.record(name, digest=digest, study=study, sop_class=stored.sop_class_uid):
        log.info("study %s: instance %s received from %s", study, digest, stored.calling_ae or "the spool")
    return Recorded(digest, study)
