"""Where results go: to every configured archive by C-STORE, or into a folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dicom_io.errors import DeliveryFailed
from dicom_io.sending import Destination, deliver
from plugin.study.outputs import place_in_tree
from plugin.study.study import Output, TryAgain


class ArchiveDelivery:
    """C-STORE to archives by name."""

    def __init__(self, destinations: Sequence[Destination]) -> None:
        self._by_name = {destination.name: destination for destination in destinations}
        self.destinations = tuple(self._by_name)

    def deliver(self, destination: str, outputs: Sequence[Output]) -> None:
        """All of ``outputs``. Raises ``TryAgain`` when the archive may take them later, ``DeliveryFailed`` if never."""
        try:
            deliver([output.path for output in outputs], self._by_name[destination])
        except DeliveryFailed as error:
            if error.retryable:
                raise TryAgain(str(error)) from error
            raise


class FolderDelivery:
    """Files under ``folder/<StudyInstanceUID>/<role>/``."""

    destinations: tuple[str, ...] = ("folder",)

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def deliver(self, destination: str, outputs: Sequence[Output]) -> None:
        """All of ``outputs``, replacing what an earlier run wrote under the same UIDs."""
        place_in_tree(outputs, self._folder)
