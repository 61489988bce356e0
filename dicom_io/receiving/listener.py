"""The Storage and Verification SCP: what a peer may do, and when it is told Success."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]

from dicom_io.errors import SpoolFull, UnreadableObject
from dicom_io.receiving.association_server import BoundedServer, ConnectionLimits, IncomingDataSet
from dicom_io.receiving.spool import Spool, StoredInstance
from dicom_io.standard import PHOTOGRAPH_CLASSES, TRANSFER_SYNTAXES, Status

log = logging.getLogger(__name__)

Rejection = tuple[int, int, int]
"""Result, source and reason of an A-ASSOCIATE-RJ (PS3.8 9.3.4)."""

CALLING_AE_TITLE_NOT_RECOGNISED: Rejection = (1, 1, 3)
LOCAL_LIMIT_EXCEEDED: Rejection = (2, 3, 2)


@dataclass(frozen=True)
class AllowedCaller:
    """A peer that may open associations: its AE title and the addresses it may come from; both must match.

    ``network``: "192.0.2.7", "192.0.2.0/24" or an IPv6 network.
    """

    ae_title: str
    network: str

    def admits(self, ae_title: str, address: str) -> bool:
        """Whether a caller with this title and address is the one meant."""
        return ae_title.strip() == self.ae_title.strip() and _plain(address) in self._network

    def __post_init__(self) -> None:
        object.__setattr__(self, "_network", ip_network(self.network, strict=False))

    _network: IPv4Network | IPv6Network = field(init=False, repr=False, compare=False)


def _plain(address: str) -> IPv4Address | IPv6Address:
    """The address itself, also where IPv6 carries an IPv4 address or a zone."""
    parsed = ip_address(address.partition("%")[0])
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        return parsed.ipv4_mapped
    return parsed


@dataclass(frozen=True)
class ListenerSettings:
    """Who listens where for whom. Nobody is allowed unless named.

    Seconds. ``port`` 0 lets the operating system choose. ``acse_timeout`` bounds the wait for an association request,
    ``network_timeout`` the silence between two PDUs.
    """

    ae_title: str
    host: str = "127.0.0.1"
    port: int = 11112
    allowed: tuple[AllowedCaller, ...] = ()
    require_called_ae_title: bool = True
    max_associations: int = 16
    max_associations_per_address: int = 8
    acse_timeout: float = 10.0
    network_timeout: float = 60.0
    limits: ConnectionLimits = field(default_factory=ConnectionLimits)


class Listener:
    """Receives photographs.

    Success is sent only when the bytes and their folder are on disk and ``on_stored`` has returned. ``on_stored`` is
    called in the association's thread, for a repeat (``duplicate``) as well: the first sending may have been cut off
    between the two. When it raises, the sender is told Processing Failure and may send again.
    """

    def __init__(
        self, settings: ListenerSettings, spool: Spool, on_stored: Callable[[StoredInstance], None]
    ) -> None:
        self._settings = settings
        self._spool = spool
        self._on_stored = on_stored
        self._server: BoundedServer | None = None
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        """The port that is listened on. Raises RuntimeError when not started."""
        if self._server is None:
            raise RuntimeError("the listener is not started")
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Listen, in threads of our own. Raises OSError when the port is taken, RuntimeError when already started."""
        if self._server is not None:
            raise RuntimeError("the listener is already started")
        self._spool.discard_incoming()
        settings = self._settings
        entity = AE(ae_title=settings.ae_title)
        entity.maximum_associations = settings.max_associations
        entity.maximum_pdu_size = settings.limits.max_pdu_bytes
        entity.acse_timeout = settings.acse_timeout
        entity.network_timeout = settings.network_timeout
        entity.require_called_aet = settings.require_called_ae_title
        entity.add_supported_context(Verification)
        for sop_class in PHOTOGRAPH_CLASSES:
            entity.add_supported_context(sop_class, list(TRANSFER_SYNTAXES))
        server = entity.make_server(
            (settings.host, settings.port),
            evt_handlers=[
                (evt.EVT_REQUESTED, self._admit),
                (evt.EVT_C_ECHO, lambda event: int(Status.SUCCESS)),
                (evt.EVT_C_STORE, self._store),
            ],
            server_class=BoundedServer,
            spool=self._spool,
            limits=settings.limits,
        )
        assert isinstance(server, BoundedServer)
        entity._servers.append(server)
        self._server = server
        self._thread = threading.Thread(target=server.serve_forever, args=(0.1,), name="listener", daemon=True)
        self._thread.start()

    def stop(self, grace_seconds: float = 5.0) -> None:
        """Take no more associations, let those that are open end for ``grace_seconds``, and abort the rest."""
        if self._server is None or self._thread is None:
            return
        server, self._server = self._server, None
        server.shutdown()
        self._thread.join()
        deadline = time.monotonic() + grace_seconds
        while server.active_associations and time.monotonic() < deadline:
            time.sleep(0.05)
        for association in server.active_associations:
            if association.is_established:  # one that is being rejected or released ends by itself
                association.abort()

    def _admit(self, event: evt.Event) -> None:
        rejection = self._rejection_of(event.assoc)
        if rejection is not None:
            event.assoc.acse.send_reject(*rejection)
            event.assoc.kill()

    def _rejection_of(self, association: Association) -> Rejection | None:
        title, address = _caller(association)
        if not self._is_allowed(title, address):
            log.warning("association refused: the AE title %r at %s is not allowed", title, address)
            return CALLING_AE_TITLE_NOT_RECOGNISED
        server = self._server
        if server is None:
            return LOCAL_LIMIT_EXCEEDED
        beside = [other for other in server.active_associations if _caller(other)[1] == address]
        if len(beside) > self._settings.max_associations_per_address:
            log.warning("association refused: %s has %d of them already", address, len(beside) - 1)
            return LOCAL_LIMIT_EXCEEDED
        return None

    def _is_allowed(self, title: str, address: str) -> bool:
        try:
            return any(caller.admits(title, address) for caller in self._settings.allowed)
        except ValueError:  # not an address that we can read: nobody we know
            return False

    def _store(self, event: evt.Event) -> int:
        data_set = getattr(event.request, "DataSet", None)
        if not isinstance(data_set, IncomingDataSet):
            return int(Status.CANNOT_UNDERSTAND)
        title, address = _caller(event.assoc)
        if not self._is_allowed(title, address):
            # pynetdicom logs and forgets an exception in a notification handler such as _admit; this one may not be.
            data_set.abandon()
            return int(Status.NOT_AUTHORIZED)
        path = data_set.finish()
        if data_set.error is not None:
            log.error("an instance was refused: %s", data_set.error)
            return int(Status.OUT_OF_RESOURCES)
        if path is None:
            return int(Status.CANNOT_UNDERSTAND)
        try:
            stored = self._spool.receive(path, calling_ae=title, address=address)
        except SpoolFull as error:
            log.error("an instance was refused: %s", error)
            return int(Status.OUT_OF_RESOURCES)
        except UnreadableObject as error:
            path.unlink(missing_ok=True)
            log.error("an instance was refused: %s", error)
            return int(Status.CANNOT_UNDERSTAND)
        try:
            self._on_stored(stored)
        except Exception:
            log.exception("an instance is on disk but its job could not be recorded")
            return int(Status.PROCESSING_FAILURE)
        return int(Status.SUCCESS)


def _caller(association: Association) -> tuple[str, str]:
    """The calling AE title, as it stands in the association request, and the peer's address."""
    request = association.requestor.primitive
    title = "" if request is None else str(request.calling_ae_title or "")
    return title.strip(), str(association.requestor.address or "")
