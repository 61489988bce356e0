"""How objects travel: what a courier needs of a destination, and C-STORE as one way to get there."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Protocol

from dicom_io.errors import DeliveryFailed
from dicom_io.sending import Destination, deliver


class NotTaken(Exception):
    """Not everything was taken. ``tried``: whether the object whose turn it was had been offered.

    False: nothing came through to the destination at all. True: this object was not taken; another one may be.
    """

    def __init__(self, reason: str, *, tried: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.tried = tried


class Carrier(Protocol):
    """One way to one destination."""

    def carry(self, paths: Sequence[Path], offered_before: Collection[str], stored: Callable[[int], None]) -> None:
        """Take ``paths`` there in their order. ``stored(n)`` as soon as the destination has the nth for good.

        ``offered_before``: SOP Instance UIDs of those that an earlier try may have brought there, the same bytes.
        Raises ``NotTaken`` at the first that it does not take; those before it have been told by ``stored``.
        """
        ...


class ArchiveCarrier:
    """C-STORE to an archive, over one association a call."""

    def __init__(self, destination: Destination) -> None:
        self._destination = destination

    def carry(self, paths: Sequence[Path], offered_before: Collection[str], stored: Callable[[int], None]) -> None:
        """As ``Carrier.carry``."""
        number = {path: index for index, path in enumerate(paths)}
        try:
            deliver(
                paths,
                self._destination,
                sent_before=offered_before,
                on_stored=lambda object_: stored(number[object_.path]),
            )
        except DeliveryFailed as error:
            raise NotTaken(error.reason, tried=error.offered or not error.retryable) from error
