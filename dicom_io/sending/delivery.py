"""The Storage SCU: delivers finished objects to a destination, as they are, and counts nothing as stored that was not.

One try. When to try again is the business of the job: ``DeliveryFailed.retryable`` tells whether there is any point.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pydicom
from pydicom import Dataset
from pydicom.uid import UID
from pynetdicom import AE
from pynetdicom.association import Association
from pynetdicom.presentation import PresentationContext, build_context
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]

from dicom_io.errors import DeliveryFailed
from dicom_io.quiet import quiet
from dicom_io.standard import Status, StatusRange, meaning_of

log = logging.getLogger(__name__)

REJECTED_TRANSIENT = 2
"""Result of an A-ASSOCIATE-RJ (PS3.8 9.3.4): the same request may be accepted later."""

MAX_PDU = 1 << 17
"""Bytes that we take in one PDU; answers to a store are short."""

MOST_CONTEXTS = 128
"""Presentation contexts in one association: their identifiers are the odd bytes (PS3.8 9.3.2.2)."""


@dataclass(frozen=True)
class Destination:
    """A Storage SCP. Timeouts in seconds; ``dimse_timeout`` bounds the sending of one instance and its answer."""

    name: str
    host: str
    port: int
    ae_title: str
    calling_ae_title: str = "TWINVEIL"
    connection_timeout: float = 10.0
    acse_timeout: float = 30.0
    dimse_timeout: float = 120.0


@dataclass(frozen=True)
class StoreWarning:
    """An instance that the destination stored with a remark."""

    sop_instance_uid: str
    status: int
    meaning: str


def deliver(paths: Sequence[Path], destination: Destination) -> tuple[StoreWarning, ...]:
    """Store every file of ``paths`` at ``destination``, over one association, each in its own transfer syntax.

    Returns the destination's warnings: those instances are stored. Raises DeliveryFailed at the first that is not;
    sending all of them again is harmless, since a destination knows an instance by its UID.
    """
    if not paths:
        return ()
    kinds = sorted({_kind_of(path, destination) for path in paths})
    if len(kinds) > MOST_CONTEXTS:
        raise DeliveryFailed(destination.name, "too many kinds of object for one association", retryable=False)
    contexts = [build_context(sop_class, transfer_syntax) for sop_class, transfer_syntax in kinds]
    association = _associate(destination, contexts)
    try:
        warnings = [_store(association, path, destination) for path in paths]
    finally:
        _end(association)
    return tuple(warning for warning in warnings if warning is not None)


def echo(destination: Destination) -> None:
    """Verify that ``destination`` answers (C-ECHO). Raises DeliveryFailed."""
    association = _associate(destination, [build_context(Verification)])
    try:
        _check(association.send_c_echo(), destination, "C-ECHO")
    finally:
        _end(association)


def _kind_of(path: Path, destination: Destination) -> tuple[UID, UID]:
    """SOP class and transfer syntax of the file."""
    try:
        meta = pydicom.filereader.read_file_meta_info(path)
        return meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID
    except (OSError, AttributeError, pydicom.errors.InvalidDicomError) as error:
        raise DeliveryFailed(destination.name, f"{path.name} is no DICOM file", retryable=False) from error


def _associate(destination: Destination, contexts: list[PresentationContext]) -> Association:
    entity = AE(ae_title=destination.calling_ae_title)
    entity.connection_timeout = destination.connection_timeout
    entity.acse_timeout = destination.acse_timeout
    entity.dimse_timeout = destination.dimse_timeout
    entity.network_timeout = destination.dimse_timeout
    with quiet():  # pynetdicom leaves the socket of a refused connection for the garbage collector to complain of
        association = entity.associate(
            destination.host, destination.port, contexts=contexts, ae_title=destination.ae_title, max_pdu=MAX_PDU
        )
    if association.is_established:
        return association
    if association.is_rejected:
        answer = association.acceptor.primitive
        transient = answer is not None and answer.result == REJECTED_TRANSIENT
        reason = "the association was rejected" + ("" if answer is None else f": {answer.reason_str}")
        raise DeliveryFailed(destination.name, reason, retryable=transient)
    raise DeliveryFailed(destination.name, "no association could be made; is it running?", retryable=True)


def _store(association: Association, path: Path, destination: Destination) -> StoreWarning | None:
    with quiet():
        dataset = pydicom.dcmread(path)
        try:
            answer = association.send_c_store(dataset)
        except ValueError as error:  # no presentation context was accepted for this kind of object
            kind = f"{dataset.SOPClassUID.name} in {dataset.file_meta.TransferSyntaxUID.name}"
            raise DeliveryFailed(destination.name, f"{kind} is not accepted there", retryable=False) from error
        except RuntimeError as error:
            raise DeliveryFailed(destination.name, "the association broke off", retryable=True) from error
    outcome = _check(answer, destination, "C-STORE")
    if outcome.category != "warning":
        return None
    warning = StoreWarning(str(dataset.SOPInstanceUID), int(answer.Status), outcome.meaning)
    log.warning("%s stored %s with a warning: 0x%04X", destination.name, path.name, warning.status)
    return warning


def _check(answer: Dataset, destination: Destination, what: str) -> StatusRange:
    """The meaning of a success or a warning; an answer without a status is no success but the lack of an answer."""
    if "Status" not in answer:
        raise DeliveryFailed(destination.name, f"no answer to the {what}", retryable=True)
    code = int(answer.Status)
    outcome = meaning_of(code)
    if outcome.category == "failure":
        reason = f"{what} answered 0x{code:04X}, {outcome.meaning} ({outcome.clause})"
        raise DeliveryFailed(destination.name, reason, retryable=outcome.retryable)
    if what == "C-ECHO" and code != Status.SUCCESS:
        raise DeliveryFailed(destination.name, f"{what} answered 0x{code:04X}", retryable=False)
    return outcome


def _end(association: Association) -> None:
    if association.is_established:  # after a timeout or an abort pynetdicom has ended it already
        association.release()
