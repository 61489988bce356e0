"""The outbox: every object that may leave, sealed under the site's key until each of its destinations has it.

outbox/<job>/<number>.sealed   mode 0600
outbox/<job>/manifest.json     what will be said of the job once all has arrived; it identifies nobody

What was made once is what is sent. An object is written here before anything of it is sent anywhere, is never written
again, and is opened in memory alone.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from dicom_io.header import SiteKey
from plugin.durable import private_folder, sync_folder
from plugin.quarantine import seal, unseal


class Outbox:
    """The sealed objects of one node, by job and number. Any thread may call any method."""

    def __init__(self, folder: Path, key: SiteKey) -> None:
        self.folder = folder
        self._key = key

    def put(self, job: str, paths: Sequence[Path]) -> None:
        """Seal ``paths`` as objects 0, 1, … of ``job``, on disk when this returns.

        Whatever an earlier try left under that job is replaced: call it only before the job is posted.
        """
        self.remove(job)
        folder = private_folder(private_folder(self.folder) / job)
        for number, path in enumerate(paths):
            target = self._path(job, number)
            with path.open("rb") as plain, target.open("xb") as sealed:
                os.fchmod(sealed.fileno(), 0o600)
                seal(plain, sealed, self._key, _name(job, number))
                sealed.flush()
                os.fsync(sealed.fileno())
        sync_folder(folder)

    @contextmanager
    def opened(self, job: str, numbers: Sequence[int]) -> Iterator[list[Path]]:
        """The objects as they were made, as paths to memory that are gone when the block ends: nothing plain on disk.

        Raises ``SealBroken`` where a file is not what was sealed, ``FileNotFoundError`` where it is gone.
        """
        with ExitStack() as stack:
            paths = []
            for number in numbers:
                descriptor = os.memfd_create(f"twinveil-{number}", os.MFD_CLOEXEC)
                stack.callback(os.close, descriptor)
                with self._path(job, number).open("rb") as sealed, os.fdopen(descriptor, "wb", closefd=False) as plain:
                    plain.writelines(unseal(sealed, self._key, _name(job, number)))
                paths.append(Path(f"/proc/self/fd/{descriptor}"))
            yield paths

    def manifest(self, job: str) -> Path:
        """Where the manifest of ``job`` waits."""
        return self.folder / job / "manifest.json"

    def remove(self, job: str) -> None:
        """The objects of ``job`` are gone; again changes nothing."""
        folder = self.folder / job
        if folder.is_dir():
            shutil.rmtree(folder)
            sync_folder(self.folder)

    def jobs(self) -> set[str]:
        """Names of the jobs that have a folder here."""
        return {path.name for path in self.folder.iterdir()} if self.folder.is_dir() else set()

    def _path(self, job: str, number: int) -> Path:
        return self.folder / job / f"{number}.sealed"


def _name(job: str, number: int) -> str:
    """What an object is sealed as: it opens under no other job and number."""
    return f"{job}/{number}"
