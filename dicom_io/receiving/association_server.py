"""pynetdicom's association server with the limits that it lacks.

Its own server reads a PDU of any announced length, waits without end for the rest of one, and keeps a received data set
in memory. Ours is given to ``AE.make_server`` as its ``server_class``:

    BoundedSocket      refuses a PDU longer than the limit, and a peer that sends less than ``min_bytes_per_second``
    SpoolingDimse      writes the data set of a C-STORE to ``incoming/`` fragment by fragment
    BoundedServer      limits connections, and has each association use the two above
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from copy import deepcopy
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from ssl import SSLContext
from typing import Any, BinaryIO

from pydicom.filebase import DicomIO
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import UID
from pynetdicom import evt
from pynetdicom.ae import ApplicationEntity
from pynetdicom.association import Association
from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.dimse_messages import DIMSEMessage
from pynetdicom.dsutils import create_file_meta
from pynetdicom.pdu_primitives import P_DATA
from pynetdicom.presentation import PresentationContext
from pynetdicom.transport import AssociationSocket, RequestHandler, ThreadedAssociationServer

from dicom_io.errors import DicomError, SpoolFull
from dicom_io.quiet import quiet
from dicom_io.receiving.spool import Spool

log = logging.getLogger(__name__)

LONGEST_ASSOCIATION_REQUEST = 1 << 18
"""Bytes. 128 presentation contexts of 30 transfer syntaxes each need about 140,000 (PS3.8 9.3.2)."""

READ_AT_ONCE = 1 << 18
"""Bytes asked of the operating system in one call."""


@dataclass(frozen=True)
class ConnectionLimits:
    """What a peer may ask of one connection, and all peers of the server.

    Seconds, bytes and bytes per second. ``max_pdu_bytes`` is what we announce at negotiation; ``idle_seconds`` bounds
    each single wait inside a PDU; ``min_bytes_per_second`` bounds the PDU as a whole; ``max_connections`` counts those
    that have not yet asked for an association as well.
    """

    max_pdu_bytes: int = 131_072
    max_instance_bytes: int = 512 << 20
    idle_seconds: float = 10.0
    min_bytes_per_second: int = 50_000
    max_connections: int = 64


class BoundedSocket(AssociationSocket):
    """An association's socket whose reads and writes end, with whatever peer."""

    def __init__(self, assoc: Association, client_socket: socket.socket, limits: ConnectionLimits) -> None:
        client_socket.settimeout(limits.idle_seconds)
        client_socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().__init__(assoc, client_socket=client_socket)
        self._limits = limits

    def recv(self, nr_bytes: int) -> bytearray:
        """Exactly ``nr_bytes``, or fewer when the peer closed. Raises OSError on a long, slow or silent PDU."""
        limits = self._limits
        if nr_bytes > max(limits.max_pdu_bytes, LONGEST_ASSOCIATION_REQUEST):
            raise OSError(f"a PDU of {nr_bytes} bytes was announced")
        if self.socket is None:
            raise OSError("the connection is closed")
        received = bytearray(nr_bytes)
        view = memoryview(received)
        start, count = time.monotonic(), 0
        while count < nr_bytes:
            read = self.socket.recv_into(view[count:], min(nr_bytes - count, READ_AT_ONCE))
            if not read:
                break
            count += read
            if time.monotonic() - start > limits.idle_seconds + count / limits.min_bytes_per_second:
                raise TimeoutError("a PDU came in too slowly")
        view.release()
        return received[:count]


class IncomingDataSet(BytesIO):
    """The data set of one C-STORE request: written to a file in ``incoming/`` instead of to memory.

    pynetdicom fills it in the thread that reads from the peer, where an exception would end the association without an
    answer. So ``write`` keeps the first ``error`` and lets the rest pass; the handler looks at it and says the status.
    """

    def __init__(self, message: DIMSEMessage, association: Association, spool: Spool, max_bytes: int) -> None:
        super().__init__()
        self._message = message
        self._association = association
        self._spool = spool
        self._room = max_bytes
        self._file: BinaryIO | None = None
        self._lock = threading.Lock()
        self.path: Path | None = None
        self.error: DicomError | None = None

    def write(self, fragment: Any, /) -> int:
        """Append ``fragment`` to the file."""
        with self._lock:
            if self.error is None:
                try:
                    self._append(bytes(fragment))
                except SpoolFull as error:
                    self.error = error
                except OSError as error:
                    self.error = SpoolFull(f"the spool's file system did not take the data set (errno {error.errno})")
                if self.error is not None:
                    self._remove()
        return len(fragment)

    def getvalue(self) -> bytes:
        """Nothing: the data set is in the file at ``path``."""
        return b""

    def finish(self) -> Path | None:
        """Close the file and hand it over: from here on the caller owns ``path``. None when nothing was received."""
        with self._lock:
            path, self.path = self.path, None
            if self._file is not None:
                try:
                    self._file.close()
                except OSError as error:
                    self.error = SpoolFull(f"the spool's file system did not take the data set (errno {error.errno})")
                    if path is not None:
                        path.unlink(missing_ok=True)
                    path = None
                self._file = None
            return path

    def abandon(self) -> None:
        """Remove what was received. Does nothing once ``finish`` handed it over."""
        with self._lock:
            self._remove()

    def _append(self, fragment: bytes) -> None:
        self._room -= len(fragment)
        if self._room < 0:
            raise SpoolFull("the instance is larger than the limit")
        if self._file is None:
            self._file, self.path = self._spool.open_incoming()
            self._file.write(self._file_head())
        self._file.write(fragment)

    def _file_head(self) -> bytes:
        """Preamble, prefix and file meta information (PS3.10 7.1), from the command and the presentation context."""
        command = self._message.command_set
        context = self._association._accepted_cx.get(self._message.context_id or 0)
        if context is None:
            raise SpoolFull("a data set came in under a presentation context that was not accepted")
        head = BytesIO()
        head.write(b"\x00" * 128 + b"DICM")
        with quiet():
            meta = create_file_meta(
                sop_class_uid=UID(str(command.AffectedSOPClassUID)),
                sop_instance_uid=UID(str(command.AffectedSOPInstanceUID)),
                transfer_syntax=context.transfer_syntax[0],
            )
            write_file_meta_info(DicomIO(head), meta)
        return head.getvalue()

    def _remove(self) -> None:
        if self._file is not None:
            try:
                self._file.close()
            except OSError:
                log.debug("a half-received file could not be flushed before its removal")
            self._file = None
        if self.path is not None:
            self.path.unlink(missing_ok=True)
            self.path = None


class SpoolingDimse(DIMSEServiceProvider):
    """A DIMSE service provider that gives every message an ``IncomingDataSet`` to write to."""

    def __init__(self, assoc: Association, spool: Spool, max_instance_bytes: int) -> None:
        super().__init__(assoc)
        self._spool = spool
        self._max_instance_bytes = max_instance_bytes
        self._unfinished: list[IncomingDataSet] = []

    def receive_primitive(self, primitive: P_DATA) -> None:
        """Take one P-DATA primitive (PS3.7 6.3.1)."""
        if self.message is None:
            self.message = DIMSEMessage()
            data_set = IncomingDataSet(self.message, self.assoc, self._spool, self._max_instance_bytes)
            self.message.data_set = data_set
            self._unfinished = [known for known in self._unfinished if known.path is not None]
            self._unfinished.append(data_set)
        with quiet():
            super().receive_primitive(primitive)

    def abandon(self) -> None:
        """The connection is gone: remove what was received and never handed over."""
        for data_set in self._unfinished:
            data_set.abandon()


class BoundedHandler(RequestHandler):
    """Makes the association of one connection."""

    server: BoundedServer

    def _create_association(self) -> Association:
        # The two replacements must be in place before the association's threads start, and pynetdicom offers no
        # other place for them: its own method builds the stock socket, which announces the connection when built.
        association = Association(self.ae, "acceptor")
        association._server = self.server
        association.name = f"AcceptorThread@{self.client_address[0]}:{self.client_address[1]}"
        association.dimse = SpoolingDimse(association, self.server.spool, self.server.limits.max_instance_bytes)
        association.set_socket(BoundedSocket(association, self.request, self.server.limits))
        acceptor = association.acceptor
        acceptor.maximum_length = self.server.limits.max_pdu_bytes
        acceptor.ae_title = self.server.ae_title
        acceptor.address_info = self.local
        acceptor.implementation_class_uid = self.ae.implementation_class_uid
        acceptor.implementation_version_name = self.ae.implementation_version_name
        acceptor.supported_contexts = deepcopy(self.server.contexts)
        association.requestor.address_info = self.remote
        for event, bound in self.server._handlers.items():
            for handler, arguments in bound if isinstance(bound, list) else [bound]:
                association.bind(event, handler, arguments)
        return association


class BoundedServer(ThreadedAssociationServer):
    """Accepts connections, each in a thread of its own, up to ``limits.max_connections`` of them."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(
        self,
        ae: ApplicationEntity,
        address: tuple[str, int],
        ae_title: str,
        contexts: list[PresentationContext],
        ssl_context: SSLContext | None = None,
        *,
        evt_handlers: list[evt.EventHandlerType],
        spool: Spool,
        limits: ConnectionLimits,
    ) -> None:
        self.spool = spool
        self.limits = limits
        super().__init__(ae, address, ae_title, contexts, ssl_context, evt_handlers, BoundedHandler)
        self.bind(evt.EVT_CONN_CLOSE, _abandon_unfinished)

    def _bind_defaults(self) -> None:
        # Intervention handlers only: the notification handlers log whole PDUs and data sets.
        for event in evt._INTERVENTION_EVENTS:
            self.bind(event, evt.get_default_handler(event))

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Whether there is room for one connection more; without, it is closed at once."""
        return len(self.active_associations) < self.limits.max_connections

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that failed before its association began is of no interest: it is closed and said so."""
        log.info("a connection from %s ended before an association was asked for", client_address[0])


def _abandon_unfinished(event: evt.Event) -> None:
    if isinstance(event.assoc.dimse, SpoolingDimse):
        event.assoc.dimse.abandon()


