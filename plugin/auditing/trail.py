"""The audit trail of one node: what is reported of what happens, and when. Does nothing where none is configured.

What comes in is reported by study and sender: that it begins with the first instance, that it is over once nothing more
has come for some seconds. A process that is killed in between has reported the beginning alone.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from dicom_io.receiving import RefusedCall, RefusedFor, StoredInstance
from plugin.auditing.events import (
    APPLICATION,
    DESTINATION,
    DESTINATION_MEDIA,
    SOURCE,
    URI,
    accessed,
    activity,
    begun,
    exported,
    of_study,
    recording_stopped,
    signed_in,
    signed_out,
    transferred,
    turned_away,
)
from plugin.auditing.messages import Action, AuditMessage, Code, Participant
from plugin.auditing.sender import AuditSender
from plugin.auditing.spool import AuditSpool
from plugin.auditing.syslog import Server, SyslogConnection
from plugin.config import Configuration
from plugin.observer import Observer

log = logging.getLogger(__name__)

ALERTS = {
    RefusedFor.ADDRESS: "no caller is allowed at this address",
    RefusedFor.TOKEN: "a bearer token is missing, or is not the one that counts",
    RefusedFor.AE_TITLE: "the AE title is not allowed at this address",
    RefusedFor.TLS: "the TLS handshake failed: no certificate, or none that is trusted",
}
"""Refusals that are a matter of who calls, and what the alert says."""

ALERT_AGAIN_SECONDS = 60.0
"""One alert a reason and address in that time: a flood of connections must not become a flood of messages."""

OVER_AFTER_SECONDS = 10.0
"""Without another instance of a study from the same sender."""

MOST_TRANSFERS, MOST_ALERTED = 1000, 1000

REVIEWED = {"look": Action.READ, "release": Action.UPDATE, "reprocess": Action.UPDATE, "discard": Action.DELETE}
"""What a person does, as an action on instances."""


@dataclass
class Transfer:
    """What has come in of one study from one sender. ``last``: when, by ``time.monotonic()``."""

    sop_class: str
    instances: int
    last: float


class AuditTrail(Observer):
    """Messages of the node of ``configuration`` into its spool, and, once started, from there to the server."""

    def __init__(self, configuration: Configuration) -> None:
        section = configuration.audit
        self._spool = AuditSpool(configuration.state_folder / "audit", section.most_waiting) if section.is_on else None
        self._source = section.source or configuration.listener.ae_title
        self._site = section.site
        self._server = server_of(configuration)
        self._node = Participant(configuration.listener.ae_title, (APPLICATION,), process=str(os.getpid()))
        self._archives = {
            one.name: (one.ae_title or one.name, one.host or urlsplit(one.url).hostname or "")
            for one in configuration.destinations
        }
        self._transfers: dict[tuple[str, str, str], Transfer] = {}
        self._alerted: dict[tuple[RefusedFor, str], float] = {}
        self._begun: set[tuple[str, str]] = set()
        self._lost = 0
        self._lock = threading.Lock()
        self._sender: AuditSender | None = None

    def start(self) -> None:
        """The node starts; from now on messages are sent."""
        if self._spool is not None and self._server is not None:
            self._put(activity(self._node, starts=True))
            self._sender = AuditSender(self._spool, SyslogConnection(self._server), self.tick)
            self._sender.start()

    def stop(self) -> None:
        """The node stops; what the server does not take now is sent after the next start."""
        self.tick(over_after=0.0)
        self._put(activity(self._node, starts=False))
        if self._sender is not None:
            self._sender.stop()

    def reviewed(self, deed: str, person: str, study: str) -> None:
        """A person did something with a held instance of ``study``; ``deed`` is one of ``REVIEWED``."""
        who = Participant(person, is_requestor=True)
        self._put(accessed(who, self._node, REVIEWED[deed], of_study(study, 1)))

    def signed_in(self, person: str, address: str, *, succeeded: bool) -> None:
        """Somebody at ``address`` signed in to the page as ``person``, or tried to."""
        who = Participant(person, is_requestor=True, address=address)
        self._put(signed_in(who, self._node, succeeded=succeeded))

    def signed_out(self, person: str, address: str) -> None:
        """``person`` left the page."""
        self._put(signed_out(Participant(person, is_requestor=True, address=address), self._node))

    def refused(self, call: RefusedCall) -> None:
        if call.reason not in ALERTS:
            return
        now, key = time.monotonic(), (call.reason, call.address)
        with self._lock:
            if now - self._alerted.get(key, -ALERT_AGAIN_SECONDS) < ALERT_AGAIN_SECONDS:
                return
            if len(self._alerted) >= MOST_ALERTED:
                self._alerted.clear()
            self._alerted[key] = now
        caller = Participant(call.ae_title or call.address, is_requestor=True, address=call.address)
        self._put(turned_away(self._node, caller, ALERTS[call.reason]))

    def received(self, stored: StoredInstance, study: str) -> None:
        key = stored.calling_ae, stored.address, study
        with self._lock:
            known = self._transfers.get(key)
            if known is not None:
                known.instances += 1
                known.last = time.monotonic()
                known.sop_class = known.sop_class if known.sop_class == stored.sop_class_uid else ""
                return
            self._transfers[key] = Transfer(stored.sop_class_uid, 1, time.monotonic())
            crowded = len(self._transfers) > MOST_TRANSFERS
        self._put(begun(*self._between(key), of_study(study, None)))
        if crowded:
            self.tick(over_after=0.0)

    def tick(self, over_after: float = OVER_AFTER_SECONDS) -> None:
        """Report what has come in and is over: nothing more came for ``over_after`` seconds."""
        now = time.monotonic()
        with self._lock:
            over = {key: one for key, one in self._transfers.items() if now - one.last >= over_after}
            for key in over:
                del self._transfers[key]
        for key, one in over.items():
            self._put(transferred(*self._between(key), of_study(key[2], one.instances, sop_class=one.sop_class)))

    def released(self, study: str, objects: int, destinations: Sequence[str]) -> None:
        media = tuple(self._archive(name, DESTINATION_MEDIA, URI) for name in destinations)
        self._put(exported(self._as_source(), media, of_study(study, objects, anonymized=True)))

    def sending(self, destination: str, study: str, objects: int) -> None:
        with self._lock:  # once, however often it is tried before it is taken
            if (destination, study) in self._begun:
                return
            self._begun.add((destination, study))
        self._put(begun(self._as_source(), self._archive(destination, DESTINATION), of_study(study, objects)))

    def sent(self, destination: str, study: str, objects: int) -> None:
        with self._lock:
            self._begun.discard((destination, study))
        concerned = of_study(study, objects, anonymized=True)
        self._put(transferred(self._as_source(), self._archive(destination, DESTINATION), concerned))

    def _between(self, key: tuple[str, str, str]) -> tuple[Participant, Participant]:
        title, address, _ = key
        sender = Participant(title or address or "unknown", (SOURCE,), is_requestor=True, address=address)
        return sender, Participant(self._node.user, (DESTINATION,), process=self._node.process)

    def _as_source(self) -> Participant:
        return Participant(self._node.user, (SOURCE,), is_requestor=True, process=self._node.process)

    def _archive(self, name: str, role: Code, media: Code | None = None) -> Participant:
        title, host = self._archives.get(name, (name, ""))
        return Participant(title, (role,), address=host, media=media)

    def _put(self, message: AuditMessage) -> None:
        if self._spool is None:
            return
        with self._lock:
            lost, self._lost = self._lost, 0
        if lost and self._spool.put(self._encoded(recording_stopped(self._node, lost))):
            lost = 0
        if not self._spool.put(self._encoded(message)):
            if not lost:
                log.error("an audit message was lost: as many as may wait for the syslog server do so already")
            lost += 1
        with self._lock:
            self._lost += lost

    def _encoded(self, message: AuditMessage) -> bytes:
        return message.syslog(os.getpid(), self._source, self._site)


def server_of(configuration: Configuration) -> Server | None:
    """Where audit messages go, as configured; None where nowhere. Paths start at the configuration's folder."""
    section = configuration.audit
    if not section.is_on:
        return None

    def file(name: str) -> Path | None:
        return configuration.file(name) if name else None

    return Server(
        section.transport, section.host, section.port, file(section.authorities), file(section.certificate),
        file(section.key),
    )  # fmt: skip
