"""The Storage, Storage Commitment and Verification SCP: what a peer may do, and when it is told Success."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pynetdicom import AE
from pynetdicom.presentation import PresentationContext
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]

from dicom_io.commitment import PUSH_MODEL
from dicom_io.element_bounds import ElementBounds
from dicom_io.errors import SpoolFull
from dicom_io.receiving.arrival import ArrivingFile, NotTaken
from dicom_io.receiving.association import BoundedAssociation, Rejection
from dicom_io.receiving.association_server import BoundedServer
from dicom_io.receiving.callers import AllowedCaller
from dicom_io.receiving.command_set import Command, Operation
from dicom_io.receiving.commitments import CommitmentHandler, commitment_operations
from dicom_io.receiving.connections import Connections
from dicom_io.receiving.limits import ConnectionLimits
from dicom_io.receiving.messages import Begin, DataSetSink, Refused
from dicom_io.receiving.refused_calls import OnRefused, RefusedCall, RefusedFor, nobody_watches, refused_for
from dicom_io.receiving.spool import Spool, StoredInstance
from dicom_io.receiving.tally import Tally
from dicom_io.receiving.tls import Tls, TlsSettings
from dicom_io.standard import PHOTOGRAPH_CLASSES, TRANSFER_SYNTAXES, Status

log = logging.getLogger(__name__)

CALLING_AE_TITLE_NOT_RECOGNISED: Rejection = (1, 1, 3)
LOCAL_LIMIT_EXCEEDED: Rejection = (2, 3, 2)

PLAIN, TLS = "plain", "tls"
"""Names of the ports."""

UNLIMITED = 1 << 30
"""Associations, to pynetdicom: the bounds are our own."""


@dataclass(frozen=True)
class ListenerSettings:
    """Who listens where for whom. Nobody is allowed unless named.

    ``port`` 0 lets the operating system choose, None does without a port in clear. ``tls`` listens on one more.
    ``shared``: whether other processes listen there too; each of them has ``limits`` for itself. ``opened``: the
    descriptors of the sockets that one of them has opened, as ``Listener.descriptors`` of that one says.
    """

    ae_title: str
    host: str = "127.0.0.1"
    port: int | None = 11112
    tls: TlsSettings | None = None
    allowed: tuple[AllowedCaller, ...] = ()
    require_called_ae_title: bool = True
    limits: ConnectionLimits = field(default_factory=ConnectionLimits)
    bounds: ElementBounds = field(default_factory=ElementBounds)
    shared: bool = False
    opened: Mapping[str, int] = field(default_factory=dict)


class Listener:
    """Receives photographs.

    Success is sent only when the bytes and their folder are on disk and ``on_stored`` has returned. ``on_stored`` is
    called in the association's thread, for a repeat (``duplicate``) as well: the first sending may have been cut off
    between the two. When it raises, the sender is told Processing Failure and may send again.

    ``commitments``: who answers for what was received; without one, Storage Commitment is not offered. ``on_refused``
    hears of all that is turned away, in whatever thread.
    """

    def __init__(
        self,
        settings: ListenerSettings,
        spool: Spool,
        on_stored: Callable[[StoredInstance], None],
        commitments: CommitmentHandler | None = None,
        *,
        on_refused: OnRefused = nobody_watches,
    ) -> None:
        self._settings = settings
        self._spool = spool
        self._on_stored = on_stored
        self._commitments = commitments
        self._on_refused = on_refused
        self._connections = Connections(settings.limits)
        self._servers: dict[str, tuple[BoundedServer, threading.Thread]] = {}
        self._refusals = Tally()
        self._stopping = False

    @property
    def port(self) -> int:
        """The port in clear that is listened on. Raises RuntimeError when there is none, or when not started."""
        return self._port_of(PLAIN)

    @property
    def tls_port(self) -> int:
        """The port of TLS that is listened on. Raises RuntimeError when there is none, or when not started."""
        return self._port_of(TLS)

    @property
    def descriptors(self) -> dict[str, int]:
        """Of the sockets that are listened at, for processes that share them (``ListenerSettings.opened``)."""
        return {name: server.descriptor for name, (server, _) in self._servers.items()}

    def start(self) -> None:
        """Listen, in threads of our own.

        Raises OSError when a port is taken, CertificateRefused, RuntimeError when already started.
        """
        if self._servers:
            raise RuntimeError("the listener is already started")
        self._spool.discard_incoming()
        settings = self._settings
        entity = AE(ae_title=settings.ae_title)
        entity.maximum_associations = UNLIMITED
        entity.maximum_pdu_size = settings.limits.max_pdu_bytes
        entity.require_called_aet = settings.require_called_ae_title
        entity.add_supported_context(Verification)
        for sop_class in PHOTOGRAPH_CLASSES:
            entity.add_supported_context(sop_class, list(TRANSFER_SYNTAXES))
        if self._commitments is not None:
            # In both roles: an archive that opens an association to report is the SCP on it (PS3.4 J.3.3).
            entity.add_supported_context(PUSH_MODEL, scu_role=True, scp_role=True)
        tls = None if settings.tls is None else Tls(settings.tls)
        servers: dict[str, BoundedServer] = {}
        try:
            if settings.port is not None:
                servers[PLAIN] = self._server(entity, PLAIN, settings.port, None)
            if settings.tls is not None:
                servers[TLS] = self._server(entity, TLS, settings.tls.port, tls)
        except BaseException:
            for server in servers.values():
                server.server_close()
            raise
        self._stopping = False
        for name, server in servers.items():
            entity._servers.append(server)  # type: ignore[arg-type]
            thread = threading.Thread(target=server.serve_forever, args=(0.1,), name=f"listener {name}", daemon=True)
            self._servers[name] = (server, thread)
            thread.start()

    def stop(self, grace_seconds: float = 5.0) -> None:
        """Take no more associations, let those that are open end for ``grace_seconds``, and cut off the rest."""
        self._stopping = True
        for server, thread in self._servers.values():
            server.shutdown()
            thread.join()
        self._servers.clear()
        deadline = time.monotonic() + grace_seconds
        while any(one.established for one in self._connections.all()) and time.monotonic() < deadline:
            time.sleep(0.05)
        for connection in self._connections.all():
            connection.give_way()

    def _server(self, entity: AE, name: str, port: int, tls: Tls | None) -> BoundedServer:
        return BoundedServer(
            entity,
            (self._settings.host, port),
            limits=self._settings.limits,
            connections=self._connections,
            tls=tls,
            shared=self._settings.shared,
            opened=self._settings.opened.get(name),
            may_connect=self._may_connect,
            admit=self._rejection_of,
            operations=self._operations,
            on_refused=self._on_refused,
        )

    def _port_of(self, name: str) -> int:
        if name not in self._servers:
            raise RuntimeError("the listener is not started, or not configured for this port")
        return int(self._servers[name][0].server_address[1])

    def _may_connect(self, address: str) -> bool:
        return any(caller.may_call_from(address) for caller in self._settings.allowed)

    def _rejection_of(self, association: BoundedAssociation) -> Rejection | None:
        title, address = association.caller
        if not any(caller.admits(title, address) for caller in self._settings.allowed):
            if self._refusals.is_worth_telling(address):
                log.warning("association refused: the AE title %r at %s is not allowed", title, address)
            self._on_refused(RefusedCall(RefusedFor.AE_TITLE, address, title))
            return CALLING_AE_TITLE_NOT_RECOGNISED
        if self._stopping or not self._connections.establish(association.connection):
            if self._refusals.is_worth_telling(address):
                log.warning("association refused: %s has its share of them, or there are too many", address)
            self._on_refused(RefusedCall(RefusedFor.LIMIT, address, title))
            return LOCAL_LIMIT_EXCEEDED
        return None

    def _operations(self, association: BoundedAssociation) -> Mapping[int, Begin]:
        operations: dict[int, Begin] = {
            Operation.C_ECHO: lambda command, context: Refused(Status.SUCCESS, ""),
            Operation.C_STORE: lambda command, context: self._begin_store(association, command, context),
        }
        if self._commitments is not None:
            most_bytes = self._settings.limits.max_commitment_bytes
            operations.update(commitment_operations(self._commitments, association, most_bytes))
        return operations

    def _begin_store(
        self, association: BoundedAssociation, command: Command, context: PresentationContext
    ) -> DataSetSink:
        sink = self._sink_of(association, command, context)
        if isinstance(sink, Refused):
            self._tell_refusal(association, sink.finish()[0])
        return sink

    def _tell_refusal(self, association: BoundedAssociation, status: Status) -> None:
        title, address = association.caller
        self._on_refused(RefusedCall(refused_for(status), address, title))

    def _sink_of(self, association: BoundedAssociation, command: Command, context: PresentationContext) -> DataSetSink:
        if not command.has_data_set:
            return Refused(Status.CANNOT_UNDERSTAND, "a C-STORE without a data set")
        if command.sop_class_uid != context.abstract_syntax or command.sop_class_uid not in PHOTOGRAPH_CLASSES:
            return Refused(Status.SOP_CLASS_NOT_SUPPORTED, "not the SOP class of the presentation context")
        if not command.sop_instance_uid:
            log.error("an instance was refused: its SOP Instance UID is empty or no UID")
            return Refused(Status.INVALID_OBJECT_INSTANCE, "the SOP Instance UID is empty or no UID")
        try:
            file = ArrivingFile(
                self._spool.open_incoming(),
                command.sop_class_uid,
                command.sop_instance_uid,
                str(context.transfer_syntax[0]),
                self._settings.limits.max_instance_bytes,
            )
        except SpoolFull as error:
            log.error("an instance was refused: %s", error)
            return Refused(Status.OUT_OF_RESOURCES, "no room")
        return _Store(file, association, self._keep_or_refuse)

    def _keep_or_refuse(self, file: ArrivingFile, association: BoundedAssociation) -> tuple[Status, str]:
        status, comment = self._keep(file, association)
        if status != Status.SUCCESS:
            self._tell_refusal(association, status)
        return status, comment

    def _keep(self, file: ArrivingFile, association: BoundedAssociation) -> tuple[Status, str]:
        """The whole ``file`` becomes an accepted instance, or is refused with a status; either way it is dealt with."""
        title, address = association.caller
        try:
            stored = self._spool.accept(file.finish(self._settings.bounds), calling_ae=title, address=address)
        except NotTaken as error:
            log.error("an instance was refused: %s", error)
            return (Status.OUT_OF_RESOURCES if error.full else Status.CANNOT_UNDERSTAND), str(error)
        except SpoolFull as error:
            log.error("an instance was refused: %s", error)
            return Status.OUT_OF_RESOURCES, "no room"
        try:
            self._on_stored(stored)
        except Exception:
            log.exception("an instance is on disk but its job could not be recorded")
            return Status.PROCESSING_FAILURE, "it could not be recorded; send it again"
        return Status.SUCCESS, ""


@dataclass(frozen=True)
class _Store(DataSetSink):
    """The sink of one C-STORE."""

    file: ArrivingFile
    association: BoundedAssociation
    keep: Callable[[ArrivingFile, BoundedAssociation], tuple[Status, str]]

    def write(self, fragment: memoryview) -> None:
        self.file.write(fragment)

    def finish(self) -> tuple[Status, str]:
        connection = self.association.connection
        connection.busy = True
        try:
            return self.keep(self.file, self.association)
        finally:
            connection.heard = time.monotonic()  # it was we who kept silent
            connection.busy = False

    def abandon(self) -> None:
        self.file.abandon()
