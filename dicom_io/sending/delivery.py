"""The Storage SCU: delivers finished objects to a destination, and counts nothing as stored that was not.

One try. When to try again is the business of whoever calls: ``DeliveryFailed.retryable`` tells whether there is any
point. What is on disk goes as it is where the destination takes it so, else in a transfer syntax that loses nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import pydicom
from pydicom import Dataset
from pydicom.uid import UID
from pynetdicom.association import Association

from dicom_io.errors import DeliveryFailed, in_words
from dicom_io.quiet import quiet
from dicom_io.sending.destination import THERE_ALREADY, Destination, StoredObject, StoreWarning
from dicom_io.sending.negotiation import Kind, Negotiated, associated
from dicom_io.sending.transcoding import read_as
from dicom_io.standard import Status, StatusRange, meaning_of

log = logging.getLogger(__name__)

def deliver(
    paths: Sequence[Path],
    destination: Destination,
    *,
    sent_before: Collection[str] = (),
    on_stored: Callable[[StoredObject], None] | None = None,
) -> tuple[StoreWarning, ...]:
    """Store every file of ``paths`` at ``destination``, in this order and over one association.

    Args:
        paths: DICOM files.
        destination: where to.
        sent_before: SOP Instance UIDs of those that an earlier try offered there with the very same bytes. "Duplicate
            SOP instance" counts as stored for these alone: of any other it says that something else lies there.
        on_stored: called for each once it is known to be stored, before the next is sent.

    Returns the warnings: those instances are stored. Raises DeliveryFailed at the first that is not, and before
    anything is sent where the destination does not take all kinds of object that are among ``paths``.

    """
    if not paths:
        return ()
    kinds = {path: _kind_of(path, destination) for path in paths}
    warnings = []
    with associated(destination, set(kinds.values())) as (association, negotiated):
        if negotiated.refused:
            raise DeliveryFailed(destination.name, _refusal(negotiated.refused), retryable=False)
        for path, kind in kinds.items():
            stored = _offer(association, path, negotiated.travels_as[kind], destination, sent_before)
            if stored.warning is not None:
                log.warning("%s has %s: %s", destination.name, path.name, stored.warning.meaning)
                warnings.append(stored.warning)
            if on_stored is not None:
                on_stored(stored)
    return tuple(warnings)


def echo(destination: Destination) -> None:
    """Verify that ``destination`` answers (C-ECHO). Raises DeliveryFailed."""
    with associated(destination, (), verification=True) as (association, negotiated):
        _echo(association, negotiated, destination)


def negotiate(destination: Destination, kinds: Collection[Kind]) -> Negotiated:
    """Ask ``destination`` about ``kinds``, exactly as a delivery would; at most a C-ECHO is sent.

    Raises DeliveryFailed where no association can be made, or the C-ECHO fails.
    """
    with associated(destination, kinds, verification=True) as (association, negotiated):
        if negotiated.verification:
            _echo(association, negotiated, destination)
        return negotiated


def _echo(association: Association, negotiated: Negotiated, destination: Destination) -> None:
    if not negotiated.verification:
        raise DeliveryFailed(destination.name, "it takes no C-ECHO; allow Verification there", retryable=False)
    try:
        answer = association.send_c_echo()
    except RuntimeError as error:
        raise DeliveryFailed(destination.name, "the association broke off", retryable=True) from error
    code = _code_of(answer, destination, "C-ECHO")
    if code != Status.SUCCESS:
        raise DeliveryFailed(destination.name, f"C-ECHO answered 0x{code:04X}; see the log there", retryable=False)


def _refusal(refused: Sequence[Kind]) -> str:
    return f"nothing was sent, since it does not take {'; '.join(kind.in_words for kind in refused)}; allow it there"


def _kind_of(path: Path, destination: Destination) -> Kind:
    try:
        meta = pydicom.filereader.read_file_meta_info(path)
        return Kind(UID(meta.MediaStorageSOPClassUID), UID(meta.TransferSyntaxUID))
    except (OSError, AttributeError, pydicom.errors.InvalidDicomError) as error:
        raise DeliveryFailed(destination.name, f"{path.name} is no DICOM file", retryable=False) from error


def sop_class_of(path: Path) -> str:
    """The SOP Class UID in the file meta information of a file of ours."""
    return str(pydicom.filereader.read_file_meta_info(path).MediaStorageSOPClassUID)


def _offer(
    association: Association, path: Path, transfer_syntax: UID, destination: Destination, sent_before: Collection[str]
) -> StoredObject:
    """Store one; what then fails, fails for an object that was offered."""
    try:
        return _store(association, path, transfer_syntax, destination, sent_before)
    except DeliveryFailed as error:
        error.offered = True
        raise


def _store(
    association: Association,
    path: Path,
    transfer_syntax: UID,
    destination: Destination,
    sent_before: Collection[str],
) -> StoredObject:
    try:
        dataset = read_as(path, transfer_syntax)
    except Exception as error:  # pydicom and the decoder raise almost anything on a damaged file
        reason = f"{path.name} cannot be sent in {transfer_syntax.name}: {in_words(error)}"
        raise DeliveryFailed(destination.name, reason, retryable=False) from error
    try:
        with quiet():
            answer = association.send_c_store(dataset)
    except RuntimeError as error:
        raise DeliveryFailed(destination.name, "the association broke off", retryable=True) from error
    except (ValueError, AttributeError) as error:
        reason = f"{path.name} cannot be encoded in {transfer_syntax.name}: {in_words(error)}"
        raise DeliveryFailed(destination.name, reason, retryable=False) from error
    uid = str(dataset.SOPInstanceUID)
    code = _code_of(answer, destination, "C-STORE")
    if code == Status.DUPLICATE_SOP_INSTANCE:
        if uid in sent_before:
            return StoredObject(path, uid, StoreWarning(uid, code, THERE_ALREADY))
        reason = (
            f"it answered 0x{code:04X} to {path.name}: it holds an object of this UID that this delivery did not send; "
            "remove that one there"
        )
        raise DeliveryFailed(destination.name, reason, retryable=False)
    outcome = meaning_of(code)
    if outcome.category == "failure":
        raise DeliveryFailed(destination.name, _failure(code, outcome), retryable=outcome.retryable)
    warning = StoreWarning(uid, code, outcome.meaning) if outcome.category == "warning" else None
    return StoredObject(path, uid, warning)


def _failure(code: int, outcome: StatusRange) -> str:
    return f"C-STORE answered 0x{code:04X}, {outcome.meaning} ({outcome.clause}); see the log there"


def _code_of(answer: Dataset, destination: Destination, what: str) -> int:
    """The status; an answer without one is no success but the lack of an answer."""
    if "Status" not in answer:
        raise DeliveryFailed(destination.name, f"no answer to the {what}", retryable=True)
    return int(answer.Status)
