"""The row of an instance that has just arrived, before its sender is told Success."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from dicom_io.header import Pseudonyms
from dicom_io.receiving import Spool, StoredInstance
from plugin.ledger import Ledger

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Recorded:
    """What the row calls the instance and its study: keyed digests of their UIDs."""

    digest: str
    study: str


def record_arrival(stored: StoredInstance, spool: Spool, ledger: Ledger, pseudonyms: Pseudonyms) -> Recorded | None:
    """Give ``stored`` its row, if it has none. None where it was accepted before and is gone since."""
    if stored.duplicate and not stored.path.exists():
        return None
    digest = pseudonyms.source_digest(stored.sop_instance_uid)
    study = pseudonyms.study_digest(stored.study_instance_uid, stored.sop_instance_uid)
    name = stored.path.relative_to(spool.folder).as_posix()
    if ledger.record(name, digest=digest, study=study):
        log.info("study %s: instance %s received from %s", study, digest, stored.calling_ae or "the spool")
    return Recorded(digest, study)
