"""Instances that a person has to decide on: their bytes, sealed under the site's key, and the reason beside them.

quarantine/<source digest>-<sha256>/source.sealed   mode 0600
quarantine/<source digest>-<sha256>/reason.json     without anything that identifies anybody

An entry begins with a second name for the spool's file, ``source.dcm``, which needs no room on a full disk. It is
sealed at once where there is room; otherwise it stays as it is, no more open than the spool beside it, until there is.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from dicom_io.disk import sync_folder
from dicom_io.errors import KeyRefused
from dicom_io.header import SiteKey
from plugin.durable import private_folder, write_file
from plugin.sealed import seal, unseal
from plugin.study import Refusal

log = logging.getLogger(__name__)

PLAIN, SEALED, REASON = "source.dcm", "source.sealed", "reason.json"
_BLANK = 1 << 20
"""Bytes that are overwritten at a time."""


@dataclass(frozen=True)
class Entry:
    """One quarantined instance. ``since``: UTC, ISO 8601. ``sealed``: whether its bytes are encrypted yet."""

    name: str
    digest: str
    study: str
    since: str
    refusal: Refusal
    sealed: bool


class Quarantine:
    """The folder of quarantined instances. Without ``key`` it can be listed, but nothing is kept or opened."""

    def __init__(self, folder: Path, key: SiteKey | None = None) -> None:
        self.folder = folder
        self._key = key
        self._sealing = threading.Lock()

    def keep(self, path: Path, *, name: str, digest: str, study: str, refusal: Refusal) -> None:
        """Keep the bytes of ``path`` under ``name`` with the reason. ``path`` stays; again changes nothing.

        Raises ``FileNotFoundError`` when neither ``path`` nor an earlier entry is there: that would be a loss.
        """
        self._needed_key()
        final = private_folder(self.folder) / name
        # Built under a hidden name and shown whole: who lists the quarantine never sees an entry without its reason.
        entry = private_folder(final if final.is_dir() else self.folder / f".{name}")
        source, reason = entry / PLAIN, entry / REASON
        if not source.exists() and not (entry / SEALED).exists():
            # A link needs no room, which matters when the disk is full; elsewhere than on one file system, a copy.
            try:
                os.link(path, source)
            except FileNotFoundError:
                raise
            except OSError:
                with path.open("rb") as original:
                    write_file(source, original.read())
            source.chmod(0o600)
            sync_folder(entry)
        if not reason.exists():
            since = datetime.now(UTC).isoformat(timespec="seconds")
            stated = {"source": digest, "study": study, "since": since, "why": asdict(refusal)}
            write_file(reason, (json.dumps(stated, indent=2) + "\n").encode())
        if entry != final:
            entry.rename(final)
            sync_folder(self.folder)
        self._seal(final)

    def seal_all(self) -> None:
        """Seal what could not be sealed when it came."""
        for entry in self.entries():
            if not entry.sealed:
                self._seal(self.folder / entry.name)

    def entries(self) -> list[Entry]:
        """All entries, oldest first. One whose reason cannot be read is listed as such, never left out."""
        if not self.folder.is_dir():
            return []
        shown = (path for path in self.folder.iterdir() if path.is_dir() and not path.name.startswith("."))
        return sorted((self._entry(path) for path in shown), key=lambda entry: entry.since)

    def holds(self, name: str) -> bool:
        """Whether the bytes of entry ``name`` are here."""
        return any((self.folder / name / file).exists() for file in (SEALED, PLAIN))

    def find(self, beginning: str) -> Entry | None:
        """The one entry whose name begins so; None when there is none, or more than one."""
        found = [entry for entry in self.entries() if entry.name.startswith(beginning)]
        return found[0] if len(found) == 1 else None

    def verify(self, name: str) -> None:
        """The entry's bytes are what was sealed, under this key. Raises ``SealBroken``."""
        with (self.folder / name / SEALED).open("rb") as sealed:
            for _ in unseal(sealed, self._needed_key(), name):
                pass

    def restore(self, name: str, target: Path) -> None:
        """The entry's bytes as they came, as the new file ``target``, mode 0600. The entry stays.

        Raises ``SealBroken`` when they are not what was sealed, ``KeyRefused`` without a key; nothing is left then.
        """
        key = self._needed_key()
        entry = self.folder / name
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                if (entry / SEALED).exists():
                    with (entry / SEALED).open("rb") as sealed:
                        for chunk in unseal(sealed, key, name):
                            file.write(chunk)
                else:
                    with (entry / PLAIN).open("rb") as plain:
                        shutil.copyfileobj(plain, file)
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            target.unlink(missing_ok=True)
            raise

    @contextmanager
    def opened(self, name: str) -> Iterator[Path]:
        """The entry's bytes as they came, as a path to memory that is gone when the block ends: nothing on disk.

        Raises what ``restore`` raises, and ``FileNotFoundError`` where the entry is gone.
        """
        key, entry = self._needed_key(), self.folder / name
        descriptor = os.memfd_create("twinveil-held", os.MFD_CLOEXEC)
        try:
            with os.fdopen(descriptor, "wb", closefd=False) as file:
                if (entry / SEALED).exists():
                    with (entry / SEALED).open("rb") as sealed:
                        file.writelines(unseal(sealed, key, name))
                else:
                    with (entry / PLAIN).open("rb") as plain:
                        shutil.copyfileobj(plain, file)
            yield Path(f"/proc/self/fd/{descriptor}")
        finally:
            os.close(descriptor)

    def remove(self, name: str) -> None:
        """The entry is gone, its sealed bytes overwritten first; again changes nothing.

        A disk may keep earlier copies of what it overwrites. Of a sealed file these are of no use without the site's
        key; of bytes that had to wait in the open for room on the disk nothing better can be promised.
        """
        entry, going = self.folder / name, self.folder / f".{name}.going"
        if entry.is_dir():
            entry.rename(going)  # no longer listed, whatever happens next
            sync_folder(self.folder)
        if going.is_dir():
            if (going / SEALED).exists():  # never the plain name: it may be another name for the spool's file
                _overwrite(going / SEALED)
            shutil.rmtree(going)
            sync_folder(self.folder)

    def _seal(self, entry: Path) -> None:
        """The sealed file is on disk before the plain name goes. Without room for it the plain name stays."""
        with self._sealing:  # what has just been kept is found by whoever seals what could not be sealed before
            self._seal_alone(entry)

    def _seal_alone(self, entry: Path) -> None:
        plain, sealed, key = entry / PLAIN, entry / SEALED, self._needed_key()
        if not plain.exists():
            return
        if not sealed.exists():
            beside = entry / f".{SEALED}.{uuid.uuid4().hex}.part"  # another process may be at it as well
            try:
                with plain.open("rb") as source, beside.open("wb") as target:
                    os.fchmod(target.fileno(), 0o600)
                    seal(source, target, key, entry.name)
                    target.flush()
                    os.fsync(target.fileno())
                beside.rename(sealed)
            except OSError as error:
                beside.unlink(missing_ok=True)
                log.warning("quarantine entry %s is not sealed yet: %s", entry.name, error.strerror)
                return
            for cut_off in entry.glob(f".{SEALED}.*.part"):
                cut_off.unlink(missing_ok=True)
            sync_folder(entry)
        plain.unlink(missing_ok=True)
        sync_folder(entry)

    def _needed_key(self) -> SiteKey:
        if self._key is None:
            raise KeyRefused("the quarantine is sealed under the site's key; name its file in the configuration")
        return self._key

    @staticmethod
    def _entry(path: Path) -> Entry:
        sealed = not (path / PLAIN).exists()
        try:
            stated = json.loads((path / REASON).read_text())
            why = Refusal(**stated["why"])
            return Entry(path.name, stated["source"], stated["study"], stated["since"], why, sealed)
        except (OSError, ValueError, KeyError, TypeError):
            unknown = Refusal("quarantine", "UnreadableReason", f"{REASON} is missing or damaged")
            return Entry(path.name, path.name.partition("-")[0], "", "", unknown, sealed)


def _overwrite(path: Path) -> None:
    with path.open("r+b") as file:
        left = path.stat().st_size
        while left:
            left -= file.write(bytes(min(left, _BLANK)))
        file.flush()
        os.fsync(file.fileno())
