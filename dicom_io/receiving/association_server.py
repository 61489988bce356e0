"""The port: whose connections are taken up. An address that is not allowed gets no thread, and no PDU of it is read."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pynetdicom import evt
from pynetdicom.ae import ApplicationEntity
from pynetdicom.transport import AddressInformation, AssociationServer

from dicom_io.receiving.association import BoundedAssociation, Rejection
from dicom_io.receiving.callers import plain_address
from dicom_io.receiving.connections import Connection, Connections
from dicom_io.receiving.limits import ConnectionLimits
from dicom_io.receiving.messages import Begin
from dicom_io.receiving.refused_calls import OnRefused, RefusedCall, RefusedFor
from dicom_io.receiving.tally import Tally
from dicom_io.receiving.tls import Tls
from dicom_io.receiving.waiting_room import WaitingRoom

log = logging.getLogger(__name__)

SHORT_REQUEST = 2048
"""Bytes of an association request of some twenty contexts that may be accepted. A longer one costs milliseconds."""


COURTESY_SECONDS, MOST_COURTEOUS = 0.001, 4
"""How long a process that shares its port leaves a new connection to the others, for each that it serves already, and
for how many at most: hundreds of connections a second are taken up still."""


class BoundedServer(AssociationServer):
    """Accepts the connections of one port; each is served by a thread of its own until it ends.

    ``may_connect(address)`` is asked at accept, ``admit`` when an association is requested, ``operations`` when it is
    established. ``connections`` is shared with the other ports of the same listener.

    ``shared``: whether other processes accept from the same socket. Whoever serves fewest connections is to have the
    next one, where the kernel would deal them by chance. ``opened``: the descriptor of the socket, where another
    process has bound it; it stays that one's to close.
    """

    request_queue_size = 128

    def __init__(
        self,
        entity: ApplicationEntity,
        address: tuple[str, int],
        *,
        limits: ConnectionLimits,
        connections: Connections,
        tls: Tls | None,
        shared: bool,
        opened: int | None,
        may_connect: Callable[[str], bool],
        admit: Callable[[BoundedAssociation], Rejection | None],
        operations: Callable[[BoundedAssociation], Mapping[int, Begin]],
        on_refused: OnRefused,
    ) -> None:
        self.tls = tls
        self._shared, self._opened = shared, opened
        self._limits = limits
        self._connections = connections
        self._may_connect = may_connect
        self._admit = admit
        self._operations = operations
        self._on_refused = on_refused
        self._strangers = Tally()
        self._costly = threading.Lock()
        self._room = WaitingRoom(limits.request_seconds, tls=tls is not None, serve=self._begin, leave=self._turn_away)
        self.offer = {
            context.abstract_syntax.encode(): tuple(syntax.encode() for syntax in context.transfer_syntax)
            for context in entity.supported_contexts
            if context.abstract_syntax is not None
        }
        super().__init__(entity, address, entity.ae_title, entity.supported_contexts)
        self._room.open()

    def server_bind(self) -> None:
        """Bind the port, or take the socket that is open. Raises OSError where anybody has the port."""
        if self._opened is None:
            super().server_bind()
        else:
            self._socket.close()
            self.socket = socket.socket(fileno=os.dup(self._opened))
            self.server_address = self.socket.getsockname()
        if self._shared:
            self._socket.setblocking(False)  # what is there to be accepted may be gone by then

    def server_activate(self) -> None:
        if self._opened is None:
            super().server_activate()

    @property
    def descriptor(self) -> int:
        """Of the socket that is listened at."""
        return self._socket.fileno()

    @property
    def _socket(self) -> socket.socket:
        assert self.socket is not None, "it is made before it is bound"
        return self.socket

    def get_request(self) -> tuple[socket.socket, Any]:
        """The next connection. Raises OSError where another process was quicker."""
        if self._shared:
            time.sleep(COURTESY_SECONDS * min(self._connections.count, MOST_COURTEOUS))
        return super().get_request()

    def _bind_defaults(self) -> None:
        # Intervention handlers only: the notification handlers log whole PDUs and data sets.
        for event in evt._INTERVENTION_EVENTS:
            self.bind(event, evt.get_default_handler(event))

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Whether the address is one that may call; the connection of another is closed without a word."""
        address = plain_address(str(client_address[0]))
        if self._may_connect(address):
            return True
        self._on_refused(RefusedCall(RefusedFor.ADDRESS, address))
        if self._strangers.is_worth_telling(address):
            log.warning("connections from %s are closed: no caller is allowed there", address)
        return False

    def process_request(self, request: Any, client_address: Any) -> None:
        """Take the connection up: it waits until it has asked for an association."""
        connection = Connection(request, plain_address(str(client_address[0])), int(client_address[1]))
        self._connections.admit(connection)
        try:
            self._room.enter(connection)
        except BaseException:
            self._connections.leave(connection)
            raise

    def _begin(self, connection: Connection) -> None:
        """Serve a connection that has asked, in a thread of its own."""
        thread = threading.Thread(
            target=self._serve, args=(connection,), name=f"association {connection.address}", daemon=True
        )
        try:
            thread.start()
        except RuntimeError:
            log.exception("a connection from %s could not be taken up", connection.address)
            self._end(connection)

    def _turn_away(self, connection: Connection) -> None:
        if connection.broke_protocol:
            self._on_refused(RefusedCall(RefusedFor.PROTOCOL, connection.address))
        self._end(connection)

    def _end(self, connection: Connection) -> None:
        self._connections.leave(connection)
        self.shutdown_request(connection.request)

    def _serve(self, connection: Connection) -> None:
        try:
            association = BoundedAssociation(
                self, connection, self._limits, self._admit, self._operations, self._on_refused
            )
            acceptor = association.acceptor
            acceptor.maximum_length = self._limits.max_pdu_bytes
            acceptor.ae_title = self.ae_title
            acceptor.address_info = AddressInformation.from_tuple(self.server_address)
            acceptor.implementation_class_uid = self.ae.implementation_class_uid
            acceptor.implementation_version_name = self.ae.implementation_version_name
            acceptor.supported_contexts = self.contexts  # negotiation reads them only
            association.requestor.address_info = AddressInformation.from_tuple((connection.address, connection.port))
            association.run_reactor()
        except Exception:  # it is one connection: whatever befell it, the others go on
            log.exception("a connection from %s failed", connection.address)
        finally:
            self._end(connection)

    @contextlib.contextmanager
    def in_turn(self, request_bytes: int) -> Iterator[None]:
        """Around the work on an association request: on one that is long, one at a time, so that the others share
        the processor with one such thread and not with all of them."""
        if request_bytes <= SHORT_REQUEST:
            yield
            return
        with self._costly:
            yield

    def server_close(self) -> None:
        """Take nothing more; who has not asked by now is not served."""
        if self._opened is None:
            super().server_close()
        else:
            self._socket.close()
        self._room.close()

    def shutdown_request(self, request: Any) -> None:
        """End a connection, from either side and in whatever state."""
        with contextlib.suppress(OSError):  # the peer was quicker
            socket.socket.shutdown(request, socket.SHUT_RDWR)
        request.close()

    def service_actions(self) -> None:
        """Nothing: pynetdicom collects the garbage of the whole process here, which with models loaded takes long."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Taking a connection up failed, as where no thread can be had: it is closed, and the port goes on."""
        log.exception("a connection from %s could not be taken up", client_address[0])
