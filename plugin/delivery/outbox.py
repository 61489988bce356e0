"""The outbox: every object that may leave, sealed under the site's key until each of its destinations has it.

outbox/<folder>/<number>.sealed   mode 0600
outbox/<folder>/manifest.json     what will be said of the job once all has arrived; it identifies nobody

A folder is called after the job and its tenure: whoever lost a job without knowing writes into another one than who has
it now, and what is posted names the folder that counts.

What was made once is what is sent. An object is written here before anything of it is sent anywhere, is never written
again, and is opened in memory alone.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from dicom_io.disk import sync_folder
from dicom_io.header import SiteKey
from plugin.config import Configuration
from plugin.durable import private_folder
from plugin.quarantine import seal, unseal


def kept_results(configuration: Configuration) -> Path:
    """Where delivered results stay, sealed, for the page to show."""
    return configuration.state_folder / "delivered"


def shown_days(configuration: Configuration) -> float:
    """For how many days they do; 0 where there is no page."""
    return configuration.page.results_days if configuration.page.is_on else 0.0


class Outbox:
    """The sealed objects of one node, by folder and number. Any thread may call any method.

    ``kept``: where what was delivered goes, as it is, to be looked at for some days more; None: nowhere.
    """

    def __init__(self, folder: Path, key: SiteKey, kept: Path | None = None) -> None:
        self.folder = folder
        self._key = key
        self._kept = kept

    def put(self, name: str, paths: Sequence[Path]) -> None:
        """Seal ``paths`` as objects 0, 1, … of the folder ``name``, on disk when this returns.

        Whatever an earlier try left in that folder is replaced: call it only before it is posted.
        """
        self.remove(name)
        folder = private_folder(private_folder(self.folder) / name)
        for number, path in enumerate(paths):
            target = self._path(name, number)
            with path.open("rb") as plain, target.open("xb") as sealed:
                os.fchmod(sealed.fileno(), 0o600)
                seal(plain, sealed, self._key, _name(name, number))
                sealed.flush()
                os.fsync(sealed.fileno())
        sync_folder(folder)

    @contextmanager
    def opened(self, name: str, numbers: Sequence[int]) -> Iterator[list[Path]]:
        """The objects as they were made, as paths to memory that are gone when the block ends: nothing plain on disk.

        Raises ``SealBroken`` where a file is not what was sealed, ``FileNotFoundError`` where it is gone.
        """
        with ExitStack() as stack:
            paths = []
            for number in numbers:
                descriptor = os.memfd_create(f"twinveil-{number}", os.MFD_CLOEXEC)
                stack.callback(os.close, descriptor)
                with self._path(name, number).open("rb") as sealed, os.fdopen(descriptor, "wb", closefd=False) as plain:
                    plain.writelines(unseal(sealed, self._key, _name(name, number)))
                paths.append(Path(f"/proc/self/fd/{descriptor}"))
            yield paths

    def manifest(self, name: str) -> Path:
        """Where the manifest waits."""
        return self.folder / name / "manifest.json"

    def remove(self, name: str) -> None:
        """The folder ``name`` is gone; again changes nothing."""
        folder = self.folder / name
        if folder.is_dir():
            shutil.rmtree(folder)
            sync_folder(self.folder)

    def put_away(self, name: str) -> None:
        """Every destination has what the folder ``name`` holds: kept elsewhere, or gone. Again changes nothing."""
        if self._kept is not None and (self.folder / name).is_dir() and not (self._kept / name).exists():
            (self.folder / name).rename(private_folder(self._kept) / name)
            os.utime(self._kept / name)
            sync_folder(self._kept)
            sync_folder(self.folder)
        self.remove(name)

    def remove_older(self, before: float) -> None:
        """Folders that were put here before that moment (seconds since 1970) are gone."""
        for name in self.folders():
            if (self.folder / name).stat().st_mtime < before:
                self.remove(name)

    def folders(self) -> set[str]:
        """Names of the folders here."""
        return {path.name for path in self.folder.iterdir()} if self.folder.is_dir() else set()

    def _path(self, name: str, number: int) -> Path:
        return self.folder / name / f"{number}.sealed"


def _name(folder: str, number: int) -> str:
    """What an object is sealed as: it opens under no other folder and number."""
    return f"{folder}/{number}"
