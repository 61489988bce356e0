"""An association in one thread that waits for events, in place of pynetdicom's two that look a thousand times a second.

pynetdicom's state machine, its PDUs and its negotiation are used as they are. Replaced are the two loops around them
and the reading of P-DATA, which is where its time goes and where it has no limits:

    BoundedUpperLayer     reads one PDU within limits; P-DATA goes to the MessageReader without a copy
    BoundedAssociation    waits for the request, has it admitted, serves until release, abort or silence

Both lean on parts of pynetdicom 3.0 that it does not call public; see the pin in pyproject.toml.
"""

from __future__ import annotations

import logging
import queue
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from struct import Struct
from typing import TYPE_CHECKING, cast

from pynetdicom import evt
from pynetdicom.association import Association
from pynetdicom.dul import DULServiceProvider
from pynetdicom.pdu_primitives import A_ASSOCIATE

from dicom_io.receiving.association_request import LONGEST_ASSOCIATION_REQUEST, is_reasonable
from dicom_io.receiving.bounded_socket import READ_AT_ONCE, BoundedSocket
from dicom_io.receiving.connections import Connection
from dicom_io.receiving.limits import ConnectionLimits
from dicom_io.receiving.messages import P_DATA_TF, Begin, MessageReader, ProtocolBroken
from dicom_io.receiving.proposed_contexts import reduced
from dicom_io.receiving.refused_calls import OnRefused, RefusedCall, RefusedFor

if TYPE_CHECKING:
    from dicom_io.receiving.association_server import BoundedServer

log = logging.getLogger(__name__)

Rejection = tuple[int, int, int]
"""Result, source and reason of an A-ASSOCIATE-RJ (PS3.8 9.3.4)."""

IDLE, ESTABLISHED, CLOSING = "Sta1", "Sta6", "Sta13"
"""States of PS3.8 9.2 that we look at; the others are the state machine's own business."""

CLOSED, INVALID_PDU = "Evt17", "Evt19"
"""Events of PS3.8 9.2 that are ours to tell."""

A_ASSOCIATE_RQ = 0x01
PDU_TYPES = range(0x01, 0x08)
LONGEST_OTHER_PDU = 1 << 12
"""Bytes. Releases and aborts have four (PS3.8 9.3.6 to 9.3.8)."""

LINGER_SECONDS = 1.0
"""How long a peer may take to close after our last word."""

_PDU_HEAD = Struct(">BxL")


class BoundedUpperLayer(DULServiceProvider):
    """The DICOM upper layer (PS3.8 9.2), driven by the thread of its association: it is never started as one itself."""

    socket: BoundedSocket

    def __init__(self, association: BoundedAssociation, server: BoundedServer, limits: ConnectionLimits) -> None:
        super().__init__(association)
        self._limits = limits
        self._ours = association
        self._offer = server.offer
        self._in_turn: Callable[[int], AbstractContextManager[None]] = server.in_turn
        self._buffer = bytearray()
        self.messages: MessageReader | None = None
        self.request_bytes = 0

    def turn(self) -> None:
        """Carry out what is queued, events before primitives, until nothing is, or the connection is closed."""
        while not self._kill_thread:
            try:
                event = self.event_queue.get(block=False)
            except queue.Empty:
                if not self._process_recv_primitive():
                    return
                event = self.event_queue.get(block=False)
            self.state_machine.do_action(event)

    def read(self, first_by: float) -> None:
        """Read one PDU, whose first byte must come by ``first_by``, and queue its event; P-DATA is served."""
        head = memoryview(bytearray(_PDU_HEAD.size))
        try:
            if self.socket.fill(head, first_by) < len(head):
                self.event_queue.put(CLOSED)
                return
            kind, length = _PDU_HEAD.unpack(head)
            if kind not in PDU_TYPES or length > self._longest(kind):
                raise ProtocolBroken(f"a PDU of type {kind:#04x} and {length} bytes")
            if len(self._buffer) < length:
                self._buffer = bytearray(length if kind != P_DATA_TF else max(length, READ_AT_ONCE))
            body = memoryview(self._buffer)[:length]
            if self.socket.fill(body, time.monotonic() + self._limits.idle_seconds) < length:
                self.event_queue.put(CLOSED)
                return
            self._take(kind, bytes(head), body)
        except ProtocolBroken as error:
            log.info("the peer broke the protocol: %s", error)
            self._ours.tell_refusal(RefusedFor.PROTOCOL)
            self.event_queue.put(INVALID_PDU)

    def _longest(self, kind: int) -> int:
        if kind == P_DATA_TF:
            # Nothing may follow what is not established; and some peers count the PDU's head in, some do not.
            return self._limits.max_pdu_bytes + 64 if self.messages is not None else 0
        return LONGEST_ASSOCIATION_REQUEST if kind == A_ASSOCIATE_RQ else LONGEST_OTHER_PDU

    def _take(self, kind: int, head: bytes, body: memoryview) -> None:
        if kind == P_DATA_TF:
            if self.messages is None or self.state_machine.current_state != ESTABLISHED:
                raise ProtocolBroken("P-DATA without an association")
            self.messages.take(body)
            return
        if kind != A_ASSOCIATE_RQ:
            self._decode(head + bytes(body))
            return
        if not is_reasonable(body):
            raise ProtocolBroken("an association request that is too short, or asks for too much")
        request, self.socket.refused_contexts = reduced(body, self._offer)
        self.request_bytes = len(request)
        with self._in_turn(len(request)):
            self._decode(_PDU_HEAD.pack(kind, len(request)) + request)

    def _decode(self, encoded: bytes) -> None:
        try:
            pdu, event = self._decode_pdu(bytearray(encoded))
        except Exception as error:  # pynetdicom raises whatever its decoders stumble over
            raise ProtocolBroken(f"a PDU that cannot be decoded ({type(error).__name__})") from error
        self._recv_pdu.put(pdu)
        self.event_queue.put(event)


class BoundedAssociation(Association):
    """One connection from its acceptance to its end. ``run_reactor`` is the whole of it, in the calling thread."""

    dul: BoundedUpperLayer

    def __init__(
        self,
        server: BoundedServer,
        connection: Connection,
        limits: ConnectionLimits,
        admit: Callable[[BoundedAssociation], Rejection | None],
        operations: Callable[[BoundedAssociation], Mapping[int, Begin]],
        on_refused: OnRefused,
    ) -> None:
        super().__init__(server.ae, "acceptor")
        self._server = server
        self._tls = server.tls
        self._in_turn = server.in_turn
        self._limits = limits
        self._admit = admit
        self._operations = operations
        self._on_refused = on_refused
        self.connection = connection
        self.dul = BoundedUpperLayer(self, server, limits)
        self.dul.socket = BoundedSocket(self, connection, limits)

    @property
    def caller(self) -> tuple[str, str]:
        """The calling AE title, as it stands in the request, and the address that the connection comes from."""
        request = self.requestor.primitive
        title = "" if request is None else str(request.calling_ae_title or "")
        return title.strip(), self.connection.address

    def tell_refusal(self, reason: RefusedFor) -> None:
        """To whoever watches."""
        title, address = self.caller
        self._on_refused(RefusedCall(reason, address, title))

    def run_reactor(self) -> None:
        """Serve the connection to its end."""
        try:
            self._request()
            while self.is_established:
                self._serve()
            if self.dul.state_machine.current_state == CLOSING:
                self.dul.socket.linger(LINGER_SECONDS)
        except TimeoutError as error:
            log.info("a connection from %s was ended: %s", self.connection.address, error)
            self.tell_refusal(RefusedFor.SLOW)
        except OSError as error:
            log.info("a connection from %s ended (%s)", self.connection.address, type(error).__name__)
        finally:
            self.is_established = False
            if self.dul.messages is not None:
                self.dul.messages.abandon()

    def _request(self) -> None:
        """Wait for the association request and answer it."""
        by = self.connection.opened + self._limits.request_seconds
        if self._tls is not None:
            try:
                self.dul.socket.handshake(self._tls.context(), by)
            except ssl.SSLError as error:
                if not isinstance(error, ssl.SSLEOFError):  # it just went away
                    self.tell_refusal(RefusedFor.TLS)
                raise
        self.dul.turn()
        self.dul.read(by)
        self.connection.asked = True
        self.dul.turn()
        request: object = self.dul.receive_pdu(wait=False)
        if not isinstance(request, A_ASSOCIATE):
            return
        self.requestor.primitive = request
        rejection = self._admit(self)
        if rejection is None:
            with self._in_turn(self.dul.request_bytes):
                self.acse.negotiate_association()
        else:
            self.acse.send_reject(*rejection)
        self.dul.turn()  # not in turn: nobody waits for a peer that does not read
        if self.is_established:
            self.dul.messages = MessageReader(
                self._limits,
                self._accepted_cx,
                self._operations(self),
                self.dul.socket.send,
                self.requestor.maximum_length or 0,
            )

    def _serve(self) -> None:
        """One PDU and what follows from it."""
        messages = cast(MessageReader, self.dul.messages)
        silent_until = self.connection.heard + self._limits.network_seconds
        whole_by = messages.deadline
        try:
            self.dul.read(silent_until if whole_by is None else min(silent_until, whole_by))
        except TimeoutError as error:
            log.info("an association of %s is aborted: %s", self.connection.address, error)
            self.tell_refusal(RefusedFor.SLOW)
            self.abort()
            return
        self.dul.turn()
        if self.acse.is_release_requested():
            self.acse.send_release(is_response=True)
            self.dul.turn()
            self.is_released = True
            self.is_established = False
            evt.trigger(self, evt.EVT_RELEASED, {})
        elif self.acse.is_aborted() or self.dul.state_machine.current_state in (IDLE, CLOSING):
            self.is_aborted = True
            self.is_established = False
            evt.trigger(self, evt.EVT_ABORTED, {})

    def _abort_blocking(self, block: bool = True) -> None:
        """Say A-ABORT and go; pynetdicom's own waits for a thread that does not exist here."""
        if self._sent_abort or self.is_released:
            return
        self._sent_abort = True
        self.acse.send_abort(0x00)
        self.dul.turn()
        evt.trigger(self, evt.EVT_ABORTED, {})
