"""The association: what is proposed, what of it is accepted, and what that means for each kind of object.

Every pair of SOP class and transfer syntax is proposed in a presentation context of its own. An acceptor takes one
transfer syntax of a context, and the one that it likes (PS3.8 9.3.3.2); asked about each, it says all that it takes.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pydicom.uid import UID
from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.events import Event, InterventionEvent, NotificationEvent
from pynetdicom.pdu_primitives import SCP_SCU_RoleSelectionNegotiation
from pynetdicom.presentation import PresentationContext, build_context
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]

from dicom_io.errors import CertificateRefused, DeliveryFailed
from dicom_io.quiet import quiet
from dicom_io.sending.answers import keep_answers
from dicom_io.sending.destination import Destination
from dicom_io.sending.tls import Handshake
from dicom_io.sending.transcoding import may_travel_as

REJECTED_TRANSIENT = 2
"""Result of an A-ASSOCIATE-RJ (PS3.8 9.3.4): the same request may be accepted later."""

MAX_PDU = 1 << 17
"""Bytes that we take in one PDU; answers to a store are short."""

MOST_CONTEXTS = 128
"""Presentation contexts in one association: their identifiers are the odd bytes (PS3.8 9.3.2.2)."""


@dataclass(frozen=True, order=True)
class Kind:
    """What a destination is asked about: the SOP class of an object and the transfer syntax that it is stored in."""

    sop_class: UID
    transfer_syntax: UID

    @property
    def in_words(self) -> str:
        """The class and every transfer syntax that would do."""
        syntaxes = " or ".join(syntax.name for syntax in may_travel_as(self.transfer_syntax))
        return f"{self.sop_class.name} ({self.sop_class}) in {syntaxes}"


@dataclass(frozen=True)
class Negotiated:
    """What a destination takes of what it was asked about: the transfer syntax that each kind would travel in."""

    travels_as: dict[Kind, UID]
    refused: tuple[Kind, ...]
    verification: bool = False
    """Whether it answers C-ECHO, where it was asked."""


@contextmanager
def associated(
    destination: Destination, kinds: Collection[Kind], *, verification: bool = False
) -> Iterator[tuple[Association, Negotiated]]:
    """An association with ``destination`` on which ``kinds`` were negotiated; released at the end of the block.

    It is not established, and good for nothing, where nothing at all was accepted. Raises DeliveryFailed where no
    association can be made.
    """
    pairs = sorted({(kind.sop_class, syntax) for kind in kinds for syntax in may_travel_as(kind.transfer_syntax)})
    contexts = [build_context(sop_class, syntax) for sop_class, syntax in pairs]
    if verification:
        contexts.append(build_context(Verification))
    if len(contexts) > MOST_CONTEXTS:
        reason = f"{len(contexts)} kinds of object are too many for one association; send them in smaller parts"
        raise DeliveryFailed(destination.name, reason, retryable=False)
    with established(destination, contexts) as association:
        yield association, _understood(association, kinds)


@contextmanager
def established(
    destination: Destination,
    contexts: list[PresentationContext],
    roles: Sequence[SCP_SCU_RoleSelectionNegotiation] = (),
    handlers: Sequence[tuple[InterventionEvent, Callable[[Event], Any]]] = (),
) -> Iterator[Association]:
    """An association with ``destination``, released at the end of the block. Raises DeliveryFailed."""
    connections: list[socket.socket] = []

    def opened(event: Event) -> None:
        keep_answers(event)
        transport = event.assoc.dul.socket
        if transport is not None and transport.socket is not None:
            connections.append(transport.socket)

    try:
        association = _associate(destination, contexts, roles, [(evt.EVT_CONN_OPEN, opened), *handlers])
        try:
            yield association
        finally:
            if association.is_established:  # after a timeout or an abort pynetdicom has ended it already
                association.release()
    finally:
        for connection in connections:
            connection.close()  # pynetdicom leaves it to the garbage collector where the peer was gone first


def _understood(association: Association, kinds: Collection[Kind]) -> Negotiated:
    accepted = {(context.abstract_syntax, context.transfer_syntax[0]) for context in association.accepted_contexts}
    travels_as = {}
    for kind in kinds:
        for syntax in may_travel_as(kind.transfer_syntax):
            if (kind.sop_class, syntax) in accepted:
                travels_as[kind] = syntax
                break
    refused = tuple(sorted(kind for kind in set(kinds) if kind not in travels_as))
    verification = any(abstract_syntax == Verification for abstract_syntax, _ in accepted)
    return Negotiated(travels_as, refused, verification)


def _associate(
    destination: Destination,
    contexts: list[PresentationContext],
    roles: Sequence[SCP_SCU_RoleSelectionNegotiation],
    handlers: Sequence[tuple[NotificationEvent | InterventionEvent, Callable[[Event], Any]]],
) -> Association:
    entity = AE(ae_title=destination.calling_ae_title)
    entity.connection_timeout = destination.connection_timeout
    entity.acse_timeout = destination.acse_timeout
    entity.dimse_timeout = destination.dimse_timeout
    entity.network_timeout = destination.dimse_timeout
    handshake = _handshake(destination)
    with quiet():  # pynetdicom leaves the socket of a refused connection for the garbage collector to complain of
        association = entity.associate(
            destination.host, destination.port, contexts=contexts, ae_title=destination.ae_title, max_pdu=MAX_PDU,
            ext_neg=list(roles), evt_handlers=list(handlers),
            tls_args=None if handshake is None else (handshake.context, destination.host),
        )  # fmt: skip
    if association.is_established or association.rejected_contexts:
        return association
    if association.is_rejected:
        answer = association.acceptor.primitive
        transient = answer is not None and answer.result == REJECTED_TRANSIENT
        said = "" if answer is None else f": {answer.reason_str}"
        reason = f"the association was rejected{said}; the titles, or the list of who may send there, do not agree"
        raise DeliveryFailed(destination.name, reason, retryable=transient)
    reason = "no association could be made; is it running, and do host and port agree?"
    if handshake is not None and (why_not := handshake.give_up()):
        reason = f"no association by TLS: {why_not}"
    raise DeliveryFailed(destination.name, reason, retryable=True)


def _handshake(destination: Destination) -> Handshake | None:
    try:
        return None if destination.tls is None else Handshake(destination.tls)
    except CertificateRefused as error:
        raise DeliveryFailed(destination.name, str(error), retryable=True) from error
