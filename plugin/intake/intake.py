"""A node's door: open within two seconds of the start, while the models load behind it."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from dicom_io.element_bounds import ElementBounds
from dicom_io.header import SiteKey
from dicom_io.receiving import (
    AllowedCaller,
    ConnectionLimits,
    Listener,
    ListenerSettings,
    OnRefused,
    Spool,
    StoredInstance,
    TlsSettings,
)
from plugin.commitment import CommitmentBook, Judgement, Requests, Transactions
from plugin.config import Configuration
from plugin.database import Postgres
from plugin.durable import private_folder
from plugin.errors import NodeBusy
from plugin.intake.receivers import Receivers
from plugin.intake.rows import Recorded, record_arrival
from plugin.intake.spool_names import SpoolNames
from plugin.intake.state_folder import prepare_state
from plugin.ledger import Ledger, taken_again
from plugin.observer import Observer
from plugin.profile_settings import pseudonyms_of

if TYPE_CHECKING:
    from dicom_io.receiving.web import WebListener

RECEIVING = "receiving.lock"
"""Held by the one process that receives, and those beside it, where several share a state folder."""

LEFT_OVER_SECONDS = 5.0
"""How long processes that received beside one that was killed may take to end after it."""

SWITCH_SECONDS = 0.001
"""How long one thread of Python may keep the others waiting. A store has dozens of such waits, and at Python's own 5 ms
each it is slow whenever something else is busy."""


class Intake:
    """Takes instances and gives each its row. What becomes of them is the business of whoever takes over.

    Holds the state folder for this process: alone where records lie in its own file, together with other processes
    where they lie on a server. One that does not receive (``receives``) has the same without a door. Raises NodeBusy
    when another process holds it, StateRefused when it is not ours.

    ``place``: of several processes that receive (``listener.receiving``) the first, 0, starts the others once its door
    is open. They hold what it holds, and have the door for C-STORE alone, whose sockets it has ``opened``.
    """

    def __init__(
        self,
        configuration: Configuration,
        key: SiteKey,
        observer: Observer | None = None,
        *,
        receives: bool = True,
        place: int = 0,
        opened: Mapping[str, int] | None = None,
    ) -> None:
        state = private_folder(configuration.state_folder)
        records = configuration.records
        several = receives and configuration.listener.receiving > 1
        self._configuration = configuration
        self._locks: list[int] = []
        try:
            if place == 0:
                self._hold(state, shared=isinstance(records, Postgres), receives=receives, several=several)
            prepare_state(state, key, records)
            self.ledger = Ledger(records)
        except BaseException:
            self.leave()
            raise
        self.observer = observer or Observer()
        self.pseudonyms = pseudonyms_of(configuration, key)
        self.spool = Spool(
            state / "spool",
            min_free_bytes=configuration.limits.min_free_bytes,
            keyed=SpoolNames(key),
            wanted_again=self._wanted_again,
            place=place if several else None,
        )
        self.requests = Requests(records, key)
        self.judgement = Judgement(self.ledger, self.pseudonyms)
        self.transactions = Transactions(records)
        called_back = [caller.ae_title for caller in configuration.callers if caller.host]
        book = CommitmentBook(self.requests, self.judgement, self.transactions, called_back)
        self._listener: Listener | None = None
        self.web: WebListener | None = None
        if receives:
            settings = replace(listener_settings(configuration), shared=several, opened=opened or {})
            self._listener = Listener(settings, self.spool, self._accept, book, on_refused=self.observer.refused)
            if place == 0:
                self.web = web_listener(configuration, self.spool, self._accept, self.observer.refused)
        self._starts_others = several and place == 0
        self._receivers: Receivers | None = None
        self._on_stored: Callable[[StoredInstance], Recorded | None] = self.record
        self._on_lost: Callable[[], None] = lambda: None
        self._is_open = False

    def _hold(self, state: Path, *, shared: bool, receives: bool, several: bool) -> None:
        patience = LEFT_OVER_SECONDS if several else 0.0
        self._locks.append(lock_state(state, shared=shared, patience=patience))
        if shared and receives:
            self._locks.append(lock_state(state, RECEIVING, patience=patience))

    def open(self) -> None:
        """Listen. Does nothing when it is open already. Raises ``OSError`` when a port is taken."""
        if not self._is_open and self._listener is not None:
            self._listener.start()
            if self.web is not None:
                try:
                    self.web.start()
                except BaseException:
                    self._listener.stop()
                    raise
            self._is_open = True
            if self._starts_others:
                self._receivers = Receivers(
                    self._configuration, self._listener.descriptors, self._locks, self.observer,
                    lambda stored: self._on_stored(stored), lambda: self._on_lost(), self.spool.keep_up,
                )  # fmt: skip
                self._receivers.start()

    def hand_over(
        self,
        on_stored: Callable[[StoredInstance], Recorded | None],
        on_lost: Callable[[], None] = lambda: None,
    ) -> None:
        """From now on ``on_stored`` is called for every instance. Those before it have rows and nothing else.

        Of what another process takes, conflicts alone come here: that one gives rows. ``on_lost`` is called when one
        has ended in the middle of it.
        """
        self._on_stored, self._on_lost = on_stored, on_lost

    @property
    def receivers(self) -> Receivers | None:
        """The processes that receive beside this one, once it is open; None where there are none."""
        return self._receivers

    @property
    def is_open(self) -> bool:
        """Whether it listens."""
        return self._is_open

    def close(self) -> None:
        """Take nothing more."""
        if self._receivers is not None:
            self._receivers.begin_to_stop()
        if self.web is not None:
            self.web.stop()
        if self._listener is not None:
            self._listener.stop()
        if self._receivers is not None:
            self._receivers.stop()
            self._receivers = None
        self._is_open = False

    def leave(self) -> None:
        """Another process may have the state folder."""
        for lock in self._locks:
            os.close(lock)
        self._locks.clear()

    @property
    def listener(self) -> Listener:
        """The door of a process that receives."""
        assert self._listener is not None, "this process does not receive"
        return self._listener

    def _wanted_again(self, path: Path) -> bool:
        state = self.ledger.state_of(self.spool.name_of(path))
        # Forgotten by a process that keeps house, which cannot tell this one's spool.
        return taken_again(state) or (state is None and not path.with_suffix(".purged").exists())

    def _accept(self, stored: StoredInstance) -> None:
        recorded = self._on_stored(stored)
        if recorded is not None:
            self.observer.received(stored, recorded.study)

    def record(self, stored: StoredInstance) -> Recorded | None:
        """Give ``stored`` its row, and nothing else."""
        return record_arrival(stored, self.spool, self.ledger, self.pseudonyms)


def lock_state(folder: Path, name: str = "lock", *, shared: bool = False, patience: float = 0.0) -> int:
    """The descriptor that holds ``folder`` for this process. Raises ``NodeBusy`` when another one holds it, and has not
    let go of it after ``patience`` seconds.

    ``shared``: together with others that hold it so.
    """
    descriptor = os.open(folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _take(descriptor, fcntl.LOCK_SH if shared else fcntl.LOCK_EX, time.monotonic() + patience)
    except BlockingIOError as error:
        os.close(descriptor)
        if name == RECEIVING:
            raise NodeBusy(
                f"another process receives into {folder}; start this one as a worker or deliverer"
            ) from error
        raise NodeBusy(f"another process works on {folder}; stop it, or give this node another folder") from error
    return descriptor


def _take(descriptor: int, kind: int, by: float) -> None:
    """A lock of that ``kind``. Raises BlockingIOError where another process holds one at the time ``by`` still."""
    while True:
        try:
            return fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= by:
                raise
        time.sleep(0.05)


def listener_settings(configuration: Configuration) -> ListenerSettings:
    """Who may call where, and what one caller may cost, as configured."""
    section = configuration.listener
    return ListenerSettings(
        ae_title=section.ae_title,
        host=section.host,
        port=None if configuration.tls.only else section.port,
        tls=tls_settings(configuration),
        allowed=tuple(AllowedCaller(caller.ae_title, caller.network) for caller in configuration.callers),
        limits=_connection_limits(configuration),
        bounds=_bounds(configuration),
    )


def web_listener(
    configuration: Configuration,
    spool: Spool,
    on_stored: Callable[[StoredInstance], None],
    on_refused: OnRefused,
) -> WebListener | None:
    """The port of STOW-RS, as configured; None without one, and nothing is imported for it then."""
    section = configuration.web
    if not section.on:
        return None
    from dicom_io.receiving.web import WebListener, WebSettings

    tls = None
    if section.certificate:
        authorities = configuration.file(section.authorities) if section.authorities else None
        tls = TlsSettings(configuration.file(section.certificate), configuration.file(section.key), authorities)
    settings = WebSettings(
        host=section.host,
        port=section.port,
        token=configuration.file(section.token_file) if section.token_file else None,
        tls=tls,
        max_requests=section.max_requests,
        max_parts=section.max_parts,
        max_body_bytes=section.max_body_bytes,
        limits=_connection_limits(configuration),
        bounds=_bounds(configuration),
    )
    return WebListener(settings, spool, on_stored, on_refused=on_refused)


def _connection_limits(configuration: Configuration) -> ConnectionLimits:
    limits = configuration.limits
    return ConnectionLimits(
        max_instance_bytes=limits.max_instance_bytes,
        max_associations=limits.max_associations,
        max_associations_per_address=limits.max_associations_per_address,
        max_pending=limits.max_pending,
        max_pending_per_address=limits.max_pending_per_address,
        request_seconds=limits.request_seconds,
        network_seconds=limits.network_seconds,
    )


def _bounds(configuration: Configuration) -> ElementBounds:
    limits = configuration.limits
    return ElementBounds(max_elements=limits.max_elements, max_nesting=limits.max_nesting)


def tls_settings(configuration: Configuration) -> TlsSettings | None:
    """The port of TLS, as configured; None without one. Relative paths start at the folder of the configuration."""
    section = configuration.tls
    if not section.is_on:
        return None
    certificate, key, authorities = map(configuration.file, (section.certificate, section.key, section.authorities))
    return TlsSettings(certificate, key, authorities, section.port)
