"""What happens in a node, told to whoever watches: metrics and the audit trail. Nothing in here says whose it is."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from dicom_io.receiving import RefusedCall, RefusedFor, StoredInstance

log = logging.getLogger(__name__)


KINDS = ("new", "repeat", "conflict")
"""How an instance may come in."""


def kind_of(stored: StoredInstance) -> str:
    """One of ``KINDS``."""
    return "conflict" if stored.conflict else "repeat" if stored.duplicate else "new"


class Observer:
    """Does nothing; a watcher overrides what it wants to know of.

    Every method is called in the thread in which it happens, so it must be quick. ``study`` is a keyed digest.
    """

    def refused(self, call: RefusedCall) -> None:
        """The listener turned somebody or something away."""

    def received(self, stored: StoredInstance, study: str) -> None:
        """An instance has arrived and has its row; its sender is about to be told Success."""

    def received_beside(self, kind: str) -> None:
        """Another process that receives for this node has taken an instance, and told of it: it is to be counted."""

    def refused_beside(self, reason: RefusedFor) -> None:
        """The same of what it turned away."""

    def step_ended(self, stage: str, seconds: float) -> None:
        """A step of a study was done here, and not merely found on record."""

    def set_aside(self, study: str, stage: str, error: str) -> None:
        """An instance goes into quarantine."""

    def released(self, study: str, objects: int, destinations: Sequence[str]) -> None:
        """What was made of a study is sealed and on its way."""

    def sending(self, destination: str, study: str, objects: int) -> None:
        """A batch of a study is about to be offered to a destination."""

    def sent(self, destination: str, study: str, objects: int) -> None:
        """So many objects of that batch were stored there."""

    def not_taken(self, destination: str) -> None:
        """A try came to nothing."""


class Observers(Observer):
    """Several as one. What goes wrong in one of them is said once and stops nothing."""

    def __init__(self, *observers: Observer) -> None:
        self._observers = observers
        self._told: set[str] = set()

    def add(self, observer: Observer) -> None:
        """One more, from now on."""
        self._observers = (*self._observers, observer)

    def refused(self, call: RefusedCall) -> None:
        self._tell(lambda one: one.refused(call))

    def received(self, stored: StoredInstance, study: str) -> None:
        self._tell(lambda one: one.received(stored, study))

    def received_beside(self, kind: str) -> None:
        self._tell(lambda one: one.received_beside(kind))

    def refused_beside(self, reason: RefusedFor) -> None:
        self._tell(lambda one: one.refused_beside(reason))

    def step_ended(self, stage: str, seconds: float) -> None:
        self._tell(lambda one: one.step_ended(stage, seconds))

    def set_aside(self, study: str, stage: str, error: str) -> None:
        self._tell(lambda one: one.set_aside(study, stage, error))

    def released(self, study: str, objects: int, destinations: Sequence[str]) -> None:
        self._tell(lambda one: one.released(study, objects, destinations))

    def sending(self, destination: str, study: str, objects: int) -> None:
        self._tell(lambda one: one.sending(destination, study, objects))

    def sent(self, destination: str, study: str, objects: int) -> None:
        self._tell(lambda one: one.sent(destination, study, objects))

    def not_taken(self, destination: str) -> None:
        self._tell(lambda one: one.not_taken(destination))

    def _tell(self, say: Callable[[Observer], None]) -> None:
        for one in self._observers:
            try:
                say(one)
            except Exception as error:  # a full disk under the audit trail must not cost a study
                kind = f"{type(one).__name__}: {type(error).__name__}"
                if kind not in self._told:
                    self._told.add(kind)
                    log.error("what happens is not recorded by %s", kind)
