"""A request for commitment and the report on it, from and to the data sets that travel (PS3.4 J.3.2 and J.3.3).

What comes from the network is counted before it is parsed, and bounded: a peer of good will asks about one study or a
few, and can always ask twice.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from io import BytesIO

from pydicom import Dataset
from pydicom.uid import UID, ImplicitVRLittleEndian
from pynetdicom.dsutils import decode

from dicom_io.element_bounds import ElementBounds, survey
from dicom_io.errors import UnreadableObject, in_words
from dicom_io.quiet import quiet

MOST_REFERENCES = 10_000
"""Instances of one request or report."""

BOUNDS = ElementBounds(max_elements=5 * MOST_REFERENCES, max_nesting=4, max_value_bytes=2 << 20)
"""An item has an item tag and two UIDs, sometimes a reason, and may have a delimiter."""

_UID = re.compile(r"[!-\[\]-~]{1,64}")
"""Lenient, as for stores: anything printable of a UID's length (PS3.5 9.1)."""


class FailureReason(IntEnum):
    """Why an instance is not committed (PS3.3 C.14.1.1)."""

    PROCESSING_FAILURE = 0x0110
    NO_SUCH_OBJECT_INSTANCE = 0x0112
    CLASS_INSTANCE_CONFLICT = 0x0119
    REFERENCED_SOP_CLASS_NOT_SUPPORTED = 0x0122
    DUPLICATE_TRANSACTION_UID = 0x0131
    RESOURCE_LIMITATION = 0x0213

    @property
    def in_words(self) -> str:
        return self.name.lower().replace("_", " ").replace("sop", "SOP").replace("uid", "UID")


@dataclass(frozen=True)
class Reference:
    """One SOP instance that is spoken of, and the class that it is said to be of."""

    sop_class_uid: str
    sop_instance_uid: str


@dataclass(frozen=True)
class Failure:
    """An instance that is not committed. ``reason``: one of ``FailureReason``, or whatever the peer says."""

    reference: Reference
    reason: int

    @property
    def in_words(self) -> str:
        known = self.reason in FailureReason.__members__.values()
        return f"0x{self.reason:04X}, {FailureReason(self.reason).in_words if known else 'a reason of its own'}"


@dataclass(frozen=True)
class CommitmentRequest:
    """What a requestor wants to delete and asks us, or whom it sent them to, to answer for."""

    transaction_uid: str
    references: tuple[Reference, ...]


@dataclass(frozen=True)
class CommitmentReport:
    """The answer to the request of that Transaction UID."""

    transaction_uid: str
    committed: tuple[Reference, ...]
    failed: tuple[Failure, ...] = ()


def new_request(references: Sequence[Reference]) -> CommitmentRequest:
    """A request under a Transaction UID that nobody can guess (PS3.5 B.2)."""
    return CommitmentRequest(f"2.25.{uuid.uuid4().int}", tuple(references))


def action_information(request: CommitmentRequest) -> Dataset:
    """The data set of the N-ACTION (PS3.4 Table J.3-1)."""
    dataset = Dataset()
    dataset.TransactionUID = request.transaction_uid
    dataset.ReferencedSOPSequence = [_item(reference) for reference in request.references]
    return dataset


def event_information(report: CommitmentReport) -> Dataset:
    """The data set of the N-EVENT-REPORT (PS3.4 Table J.3-2); an empty sequence is left out."""
    dataset = Dataset()
    dataset.TransactionUID = report.transaction_uid
    if report.committed:
        dataset.ReferencedSOPSequence = [_item(reference) for reference in report.committed]
    if report.failed:
        dataset.FailedSOPSequence = [_item(failure.reference) for failure in report.failed]
        for item, failure in zip(dataset.FailedSOPSequence, report.failed, strict=True):
            item.FailureReason = failure.reason
    return dataset


def read_action_information(encoded: bytes, transfer_syntax: UID) -> CommitmentRequest:
    """The request in ``encoded``. Raises UnreadableObject, also for one that asks for nothing."""
    dataset = _read(encoded, transfer_syntax)
    references = tuple(_references(dataset.get("ReferencedSOPSequence") or ()))
    if not references:
        raise UnreadableObject("a request for commitment without references")
    return CommitmentRequest(_transaction(dataset), references)


def read_event_information(encoded: bytes, transfer_syntax: UID) -> CommitmentReport:
    """The report in ``encoded``. Raises UnreadableObject."""
    return report_of(_read(encoded, transfer_syntax))


def report_of(dataset: Dataset) -> CommitmentReport:
    """The report that a parsed data set is. Raises UnreadableObject."""
    failed = dataset.get("FailedSOPSequence") or ()
    reasons = [int(item.get("FailureReason") or 0) for item in failed]
    return CommitmentReport(
        _transaction(dataset),
        tuple(_references(dataset.get("ReferencedSOPSequence") or ())),
        tuple(Failure(reference, reason) for reference, reason in zip(_references(failed), reasons, strict=True)),
    )


def _read(encoded: bytes, transfer_syntax: UID) -> Dataset:
    explicit = transfer_syntax != ImplicitVRLittleEndian
    survey(encoded, 0, explicit=explicit, bounds=BOUNDS)
    try:
        with quiet():
            dataset = decode(BytesIO(encoded), not explicit, True)
            for sequence in ("ReferencedSOPSequence", "FailedSOPSequence"):
                for item in dataset.get(sequence) or ():
                    item.get("ReferencedSOPInstanceUID")
            return dataset
    except Exception as error:  # pydicom raises almost anything on what it cannot read
        raise UnreadableObject(f"a message on commitment that cannot be read: {in_words(error)}") from error


def _item(reference: Reference) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = reference.sop_class_uid
    item.ReferencedSOPInstanceUID = reference.sop_instance_uid
    return item


def _references(sequence: Iterable[Dataset]) -> list[Reference]:
    references = [
        Reference(str(item.get("ReferencedSOPClassUID") or ""), str(item.get("ReferencedSOPInstanceUID") or ""))
        for item in sequence
    ]
    if len(references) > MOST_REFERENCES:
        raise UnreadableObject(f"a message on commitment has more than {MOST_REFERENCES} references")
    if not all(_UID.fullmatch(uid) for each in references for uid in (each.sop_class_uid, each.sop_instance_uid)):
        raise UnreadableObject("a reference in a message on commitment is no pair of UIDs")
    return references


def _transaction(dataset: Dataset) -> str:
    transaction = str(dataset.get("TransactionUID") or "")
    if not _UID.fullmatch(transaction):
        raise UnreadableObject("a message on commitment without a Transaction UID")
    return transaction
