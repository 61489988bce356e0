"""Storage Commitment over an association of the listener: requests of senders, and reports of archives (PS3.4 J.3).

What is asked is on record before it is answered with Success, so that the report is owed from then on. It goes out on
the same association where the handler says so, else on one of our own.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from pydicom.uid import UID, ImplicitVRLittleEndian
from pynetdicom.dsutils import encode
from pynetdicom.presentation import PresentationContext

from dicom_io.commitment import (
    ALL_COMMITTED,
    PUSH_MODEL,
    REQUEST_COMMITMENT,
    SOME_FAILED,
    WELL_KNOWN_INSTANCE,
    CommitmentReport,
    CommitmentRequest,
    event_information,
    event_type_of,
    read_action_information,
    read_event_information,
)
from dicom_io.errors import SpoolFull, UnreadableObject
from dicom_io.receiving.association import BoundedAssociation
from dicom_io.receiving.command_set import Command, Operation
from dicom_io.receiving.messages import Begin, DataSetSink, FollowUp, Gathered, Refused
from dicom_io.standard import Status

log = logging.getLogger(__name__)

Answer = tuple[Status, str, FollowUp | None]


@dataclass(frozen=True)
class ReportHere:
    """The report is to be made on the association that asked for it. ``made``: called once the peer has taken it."""

    report: CommitmentReport
    made: Callable[[], None]


class CommitmentHandler(Protocol):
    """Who answers for instances. Any thread may call it; what it raises is told the peer as Processing Failure."""

    def asked(self, request: CommitmentRequest, calling_ae: str) -> ReportHere | None:
        """``request`` is on record when this returns. Raises SpoolFull where too much is asked already."""
        ...

    def told(self, report: CommitmentReport) -> bool:
        """What an archive says of instances that we asked about; False where we asked nothing of that Transaction UID.

        It is on record when this returns.
        """
        ...


def commitment_operations(
    handler: CommitmentHandler, association: BoundedAssociation, most_bytes: int
) -> Mapping[int, Begin]:
    """What is served under the presentation context of the Push Model."""
    return {
        Operation.N_ACTION: partial(_begin, most_bytes, partial(_asked, handler, association)),
        Operation.N_EVENT_REPORT: partial(_begin, most_bytes, partial(_told, handler)),
    }


def _begin(
    most_bytes: int,
    answer: Callable[[Command, UID, bytes], Answer],
    command: Command,
    context: PresentationContext,
) -> DataSetSink:
    if context.abstract_syntax != PUSH_MODEL or command.sop_class_uid != PUSH_MODEL:
        return Refused(Status.SOP_CLASS_NOT_SUPPORTED, "not the SOP class of the presentation context")
    if command.sop_instance_uid != WELL_KNOWN_INSTANCE:
        return Refused(Status.NO_SUCH_OBJECT_INSTANCE, "not the well-known instance of Storage Commitment")
    is_request = command.operation == Operation.N_ACTION
    if command.type_id not in ((REQUEST_COMMITMENT,) if is_request else (ALL_COMMITTED, SOME_FAILED)):
        wrong = Status.NO_SUCH_ACTION_TYPE if is_request else Status.NO_SUCH_EVENT_TYPE
        return Refused(wrong, "an action or event of a type that Storage Commitment does not have")
    if not command.has_data_set:
        return Refused(Status.INVALID_ARGUMENT_VALUE, "a message on commitment without a data set")
    return Gathered(most_bytes, partial(answer, command, UID(context.transfer_syntax[0])))


def _asked(
    handler: CommitmentHandler, association: BoundedAssociation, command: Command, syntax: UID, content: bytes
) -> Answer:
    title, _ = association.caller
    try:
        here = handler.asked(read_action_information(content, syntax), title)
    except UnreadableObject as error:
        log.error("a request for commitment from %s was refused: %s", title, error)
        return Status.INVALID_ARGUMENT_VALUE, "it cannot be read, or asks about nothing", None
    except SpoolFull as error:
        log.error("a request for commitment from %s was refused: %s", title, error)
        return Status.RESOURCE_LIMITATION, "too many requests wait for their report", None
    except Exception:
        log.exception("a request for commitment from %s could not be recorded", title)
        return Status.PROCESSING_FAILURE, "it could not be recorded; ask again", None
    return Status.SUCCESS, "", None if here is None else _follow_up(here, syntax, title)


def _follow_up(here: ReportHere, syntax: UID, title: str) -> FollowUp:
    encoded = encode(event_information(here.report), syntax == ImplicitVRLittleEndian, True)
    assert encoded is not None, "UIDs and numbers can be encoded"

    def answered(status: int | None) -> None:
        if status == Status.SUCCESS:
            here.made()
        else:
            log.warning("%s did not take a report of commitment: it answered %s", title, status)

    command = Command(
        Operation.N_EVENT_REPORT, 0, True, PUSH_MODEL, WELL_KNOWN_INSTANCE, type_id=event_type_of(here.report)
    )
    return FollowUp(command, encoded, answered)


def _told(handler: CommitmentHandler, command: Command, syntax: UID, content: bytes) -> Answer:
    try:
        known = handler.told(read_event_information(content, syntax))
    except UnreadableObject as error:
        log.error("a report of commitment was refused: %s", error)
        return Status.INVALID_ARGUMENT_VALUE, "it cannot be read", None
    except Exception:
        log.exception("a report of commitment could not be recorded")
        return Status.PROCESSING_FAILURE, "it could not be recorded; report again", None
    if not known:
        log.warning("a report of commitment was refused: nothing was asked under its Transaction UID")
        return Status.INVALID_ARGUMENT_VALUE, "nothing was asked under this Transaction UID", None
    return Status.SUCCESS, "", None
