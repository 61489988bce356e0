"""Storage Commitment by an association of our own: a report to whoever asked us, a question to an archive (PS3.4 J.3).

One try each. An archive may answer on the association that it was asked on, if it does so soon, or open one to us.
"""

from __future__ import annotations

import queue
from typing import Any

from pynetdicom import build_role, evt
from pynetdicom.association import Association
from pynetdicom.presentation import build_context

from dicom_io.commitment import (
    PUSH_MODEL,
    REQUEST_COMMITMENT,
    WELL_KNOWN_INSTANCE,
    CommitmentReport,
    CommitmentRequest,
    action_information,
    event_information,
    event_type_of,
    report_of,
)
from dicom_io.errors import DeliveryFailed, UnreadableObject
from dicom_io.quiet import quiet
from dicom_io.sending.destination import Destination
from dicom_io.sending.negotiation import established
from dicom_io.standard import Status, meaning_of


def report_commitment(report: CommitmentReport, requestor: Destination) -> None:
    """Tell ``requestor`` what is committed of what it asked about. Raises DeliveryFailed."""
    roles = [build_role(PUSH_MODEL, scp_role=True)]
    with established(requestor, [build_context(PUSH_MODEL)], roles) as association:
        _is_taken(association, requestor)
        try:
            with quiet():
                status, _ = association.send_n_event_report(
                    event_information(report), event_type_of(report), PUSH_MODEL, WELL_KNOWN_INSTANCE
                )
        except (RuntimeError, ValueError) as error:
            reason = "the association broke off, or no report may be made on it"
            raise DeliveryFailed(requestor.name, reason, retryable=True) from error
        _succeeded(status, "the report of commitment", requestor)


def ask_for_commitment(
    request: CommitmentRequest, destination: Destination, wait_seconds: float = 5.0
) -> CommitmentReport | None:
    """Ask ``destination`` to answer for the instances of ``request``.

    Returns its report if it comes on the same association within ``wait_seconds``; else it is to come on another one.
    Raises DeliveryFailed where the request was not taken.
    """
    told: queue.Queue[CommitmentReport] = queue.Queue()

    def on_report(event: evt.Event) -> tuple[int, None]:
        try:
            report = report_of(event.event_information)
        except (UnreadableObject, AttributeError, ValueError):
            return Status.INVALID_ARGUMENT_VALUE, None
        if report.transaction_uid != request.transaction_uid:
            return Status.INVALID_ARGUMENT_VALUE, None
        told.put(report)
        return Status.SUCCESS, None

    handlers = [(evt.EVT_N_EVENT_REPORT, on_report)]
    with established(destination, [build_context(PUSH_MODEL)], handlers=handlers) as association:
        _is_taken(association, destination)
        try:
            with quiet():
                status, _ = association.send_n_action(
                    action_information(request), REQUEST_COMMITMENT, PUSH_MODEL, WELL_KNOWN_INSTANCE
                )
        except (RuntimeError, ValueError) as error:
            raise DeliveryFailed(destination.name, "the association broke off", retryable=True) from error
        _succeeded(status, "the request for commitment", destination)
        try:
            return told.get(timeout=wait_seconds)
        except queue.Empty:
            return None


def takes_commitment(destination: Destination) -> bool:
    """Whether ``destination`` offers Storage Commitment; nothing is asked. Raises DeliveryFailed where it is away."""
    with established(destination, [build_context(PUSH_MODEL)]) as association:
        return bool(association.accepted_contexts)


def _is_taken(association: Association, peer: Destination) -> None:
    if not association.accepted_contexts:
        reason = "it takes no Storage Commitment from us; allow it there"
        raise DeliveryFailed(peer.name, reason, retryable=False)


def _succeeded(answer: Any, what: str, peer: Destination) -> None:
    if "Status" not in answer:
        raise DeliveryFailed(peer.name, f"no answer to {what}", retryable=True)
    code = int(answer.Status)
    outcome = meaning_of(code)
    if outcome.category == "failure":
        reason = f"it answered 0x{code:04X} to {what}, {outcome.meaning}; see the log there"
        raise DeliveryFailed(peer.name, reason, retryable=outcome.retryable)
