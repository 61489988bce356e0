"""How objects travel: what a courier needs of a destination, and C-STORE and STOW-RS as ways to get there."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Protocol

from dicom_io.errors import DeliveryFailed
from dicom_io.sending import Destination, StoredObject, WebDestination, deliver, deliver_over_web


class NotTaken(Exception):
    """Not everything was taken. ``tried``: whether the object whose turn it was had been offered.

    False: nothing came through to the destination at all. True: this object was not taken; another one may be.
    """

    def __init__(self, reason: str, *, tried: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.tried = tried


class Stored(Protocol):
    """Told of each object that the destination has for good."""

    def __call__(self, number: int, remark: str = "") -> None:
        """The ``number``th is there. ``remark``: what the destination had to say of it."""
        ...


class Carrier(Protocol):
    """One way to one destination."""

    def carry(self, paths: Sequence[Path], offered_before: Collection[str], stored: Stored) -> None:
        """Take ``paths`` there in their order. ``stored(n)`` as soon as the destination has the nth for good.

        ``offered_before``: SOP Instance UIDs of those that an earlier try may have brought there, the same bytes.
        Raises ``NotTaken`` at the first that it does not take; those before it have been told by ``stored``.
        """
        ...


class ArchiveCarrier:
    """C-STORE to an archive, over one association a call."""

    def __init__(self, destination: Destination) -> None:
        self._destination = destination

    def carry(self, paths: Sequence[Path], offered_before: Collection[str], stored: Stored) -> None:
        """As ``Carrier.carry``."""
        try:
            deliver(paths, self._destination, sent_before=offered_before, on_stored=telling(paths, stored))
        except DeliveryFailed as error:
            raise NotTaken(error.reason, tried=error.offered or not error.retryable) from error


class WebCarrier:
    """STOW-RS to a Studies Service, over one connection a call."""

    def __init__(self, destination: WebDestination) -> None:
        self._destination = destination

    def carry(self, paths: Sequence[Path], offered_before: Collection[str], stored: Stored) -> None:
        """As ``Carrier.carry``."""
        try:
            deliver_over_web(
                paths, self._destination, sent_before=offered_before, on_stored=telling(paths, stored)
            )
        except DeliveryFailed as error:
            raise NotTaken(error.reason, tried=error.offered or not error.retryable) from error


def telling(paths: Sequence[Path], stored: Stored) -> Callable[[StoredObject], None]:
    """Tells ``stored`` of each object by its place among ``paths``, with what the destination said, if anything."""
    number = {path: index for index, path in enumerate(paths)}

    def tell(one: StoredObject) -> None:
        if one.warning is None:
            stored(number[one.path])
        else:
            stored(number[one.path], f"0x{one.warning.status:04X}: {one.warning.meaning}")

    return tell
