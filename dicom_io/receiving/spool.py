"""The spool: where an accepted instance lies from the moment its sender is told Success until it may be purged.

    incoming/                                   half-received files, and second names of those being accepted
    studies/<study>/<instance>-<sha256>.dcm     accepted instances
    studies/<study>/<instance>-<sha256>.purged  an empty marker: accepted once, purged since, not wanted again
    conflicts/<instance>-<sha256>.dcm           other bytes under a SOP Instance UID that was accepted before

``<study>`` and ``<instance>`` are digests of the UIDs, so that no value from the network ever becomes a path.
``<sha256>`` is that of the encoded data set alone: the file meta information is ours and tells nothing of the sender's.
Whoever knows a UID can compute its digest, and markers outlive what they stand for: a node has all three parts of a
name digested once more, under its key (``keyed``).

An instance is accepted in three steps: a second name among the studies; bytes and folders to disk, with one wait for
both, since each costs as much as the transfer; the name in ``incoming/`` removed. Whatever still has that name
after a power cut was perhaps not whole on disk, and is compared with its digest before it counts.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pydicom
from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_file_meta_info

from dicom_io.disk import sync_file, sync_folder
from dicom_io.errors import SpoolFull, UnreadableObject
from dicom_io.quiet import quiet
from dicom_io.receiving.arrival import Arrival
from dicom_io.receiving.company import Company
from dicom_io.receiving.spool_index import CONFLICTS, INSTANCE, STUDIES, SpoolIndex, name_below, names_in
from dicom_io.receiving.spool_names import digest_of_uid

PREAMBLE_AND_PREFIX = 132
"""Bytes before the file meta information (PS3.10 7.1)."""

META_GROUP_LENGTH_ELEMENT = 12
"""Bytes of (0002,0000) itself: tag, VR, length and a UL."""

MOST_FOLDERS = 10_000
"""Studies whose folder is known to be on disk; more are forgotten, and put there once more."""

UNKNOWN_STUDY = ""
"""The study of an instance whose data set does not say, or cannot be read far enough to say."""


@dataclass(frozen=True)
class StoredInstance:
    """One accepted instance, durable on disk.

    ``duplicate``: the same data set was accepted before; ``path`` is where it lies, or lay before it was purged.
    ``conflict``: another data set was accepted before under the same UID; ``path`` is in ``conflicts/``.
    ``sha256``: hex, of the encoded data set without preamble and file meta information.
    """

    path: Path
    sop_class_uid: str
    sop_instance_uid: str
    study_instance_uid: str
    calling_ae: str
    address: str
    sha256: str
    duplicate: bool
    conflict: bool


class Spool:
    """Accepts whole files and makes them durable. Any thread may call any method.

    Args:
        folder: made if absent (mode 0700), on one file system.
        min_free_bytes: with less than this free, nothing more is accepted.
        keyed: makes another name of each part of a name, always the same; left as it is without one.
        wanted_again: whether what lay at a path, and is gone from there, is to be accepted once more.
        place: which of several processes that receive on one machine this is, counted from 0; the others begin after
            the first. None where there is but one.

    """

    def __init__(
        self,
        folder: Path,
        *,
        min_free_bytes: int = 1 << 30,
        keyed: Callable[[str], str] = lambda part: part,
        wanted_again: Callable[[Path], bool] = lambda path: False,
        place: int | None = None,
    ) -> None:
        self.folder = Path(folder)
        self.incoming = self.folder / "incoming"
        self.studies = self.folder / STUDIES
        self.conflicts = self.folder / CONFLICTS
        self.min_free_bytes = min_free_bytes
        self.wanted_again = wanted_again
        self._keyed = keyed
        self._settled = threading.Condition()
        self._settling: set[tuple[str, str]] = set()
        self._folders_on_disk: set[Path] = set()  # those whose own entry is
        for part in (self.folder, self.incoming, self.studies, self.conflicts):
            part.mkdir(mode=0o700, parents=True, exist_ok=True)
        sync_folder(self.folder)
        self._company = None if place is None else Company(self.folder, place)
        self._known = SpoolIndex(self.folder, self._company)

    def discard_incoming(self) -> None:
        """Settle what a node that was cut off left. Call it before anything is received, not after.

        What was half received is removed. What was being accepted stays if it is whole, and is on disk then. Of several
        processes the first does so for all of them, each other one for what itself left, while the rest receive.
        """
        second_names: dict[int, Path] = {}
        own = f"{self._company.place}-" if self._company and self._company.place else ""
        for leftover in self.incoming.glob(f"{own}*"):
            found = leftover.stat()
            if found.st_nlink > 1:
                second_names[found.st_ino] = leftover
            else:
                leftover.unlink()
        if not second_names:
            return
        for path in self.paths():
            node = path.stat().st_ino
            if node not in second_names:
                continue
            whole = _sha256_of(path)
            if whole is not None and self._keyed(whole) == path.stem.partition("-")[2]:
                self._sync(path)
            else:
                path.unlink()
                self._known.remove(path)
            second_names[node].unlink()

    def keep_up(self) -> None:
        """For now and then, where several processes receive: hear what the others accepted. Waits for nobody."""
        if self._settled.acquire(blocking=False):
            try:
                self._known.keep_up()
            except OSError:
                return  # whoever accepts the next instance hears of it
            finally:
                self._settled.release()

    def paths(self) -> Iterator[Path]:
        """Of every instance that lies here, conflicts included, in no order, while others come and go."""
        return (self.folder / name for name in names_in(self.folder) if name.endswith(INSTANCE))

    def accepted(self) -> Iterator[StoredInstance]:
        """Every instance that lies here, conflicts included: what a node that starts compares its jobs with.

        Calling AE title and address are empty; they are not in the file.
        """
        for path in sorted(self.paths(), key=lambda path: (path.parent == self.conflicts, path)):
            sop_class_uid, sop_instance_uid, _ = _file_meta(path)
            yield StoredInstance(
                path=path,
                sop_class_uid=sop_class_uid,
                sop_instance_uid=sop_instance_uid,
                study_instance_uid=_study_instance_uid(path),
                calling_ae="",
                address="",
                sha256=path.stem.partition("-")[2],
                duplicate=False,
                conflict=path.parent == self.conflicts,
            )

    def name_of(self, path: Path) -> str:
        """What the instance ``path`` is called below the spool's folder."""
        return name_below(self.folder, path)

    def open_incoming(self) -> tuple[BinaryIO, Path]:
        """An empty file in ``incoming/``, open for writing. Raises SpoolFull when the disk is as good as full."""
        if shutil.disk_usage(self.incoming).free < self.min_free_bytes:
            raise SpoolFull(f"less than {self.min_free_bytes} bytes are free on the spool's file system")
        try:
            own = f"{self._company.place}-" if self._company else ""
            path = self.incoming / f"{own}{uuid.uuid4().hex}.part"
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise SpoolFull("no file can be made on the spool's file system") from error
        return os.fdopen(descriptor, "wb"), path

    def receive(self, path: Path, *, calling_ae: str = "", address: str = "") -> StoredInstance:
        """Accept the whole DICOM file ``path``, which lies in ``incoming/``; see ``accept``.

        Raises UnreadableObject when ``path`` has no file meta information, SpoolFull when the disk is full.
        """
        sop_class_uid, sop_instance_uid, offset = _file_meta(path)
        study_instance_uid, sha256 = _study_instance_uid(path), _digest_from(path, offset)
        arrival = Arrival(path, sop_class_uid, sop_instance_uid, study_instance_uid, sha256, path.open("rb"))
        return self.accept(arrival, calling_ae=calling_ae, address=address)

    def accept(self, arrival: Arrival, *, calling_ae: str = "", address: str = "") -> StoredInstance:
        """``arrival`` becomes an accepted instance, and its name in ``incoming/`` is gone, whatever comes of it.

        When this returns, bytes and folders are on disk. A data set that cannot be read is accepted too: what arrived
        whole is never lost, and the job that reads it says why it is of no use. The same data set under the same UID
        again changes nothing; another under the same UID is kept beside. Raises SpoolFull when the disk is full.
        """
        try:
            instance, content = self._keyed(digest_of_uid(arrival.sop_instance_uid)), self._keyed(arrival.sha256)
            with nullcontext() if self._company is None else self._company.deciding(instance):
                target, duplicate = self._settle(arrival, instance, content)
        finally:
            arrival.leave()
        return StoredInstance(
            path=target,
            sop_class_uid=arrival.sop_class_uid,
            sop_instance_uid=arrival.sop_instance_uid,
            study_instance_uid=arrival.study_instance_uid,
            calling_ae=calling_ae,
            address=address,
            sha256=arrival.sha256,
            duplicate=duplicate,
            conflict=target.parent == self.conflicts,
        )

    def _settle(self, arrival: Arrival, instance: str, content: str) -> tuple[Path, bool]:
        """Where ``arrival`` lies from now on, or lay before it was purged, and whether it had come before."""
        key = instance, content
        with self._settled:
            # The same may be on its way to disk in another association: it counts when it is there, and not before.
            self._settled.wait_for(lambda: key not in self._settling)
            lay = self._lay(instance, content)
            if lay is None:
                study = self.studies / self._keyed(digest_of_uid(arrival.study_instance_uid))
                target = (self.conflicts if self._known.has(instance) else study) / f"{instance}-{content}.dcm"
                self._add(target)
                duplicate = False
            else:
                target = lay
                duplicate = target.exists() or not self.wanted_again(target)
            if not duplicate:
                self._settling.add(key)
        if not duplicate:
            self._put(arrival, target, key)
        elif self._company is not None:
            self._sync_again(target)
        return target, duplicate

    def _sync_again(self, path: Path) -> None:
        """Whoever took ``path`` may have been killed before it was on disk."""
        try:
            self._sync(path)
        except FileNotFoundError:
            return  # it was, and is purged
        except OSError as error:
            raise SpoolFull("the spool's file system did not take the instance") from error

    def _lay(self, instance: str, content: str) -> Path | None:
        try:
            return self._known.find(instance, content)
        except OSError as error:
            raise SpoolFull("what the spool has accepted cannot be read from its file system") from error

    def _add(self, target: Path) -> None:
        try:
            self._known.add(target)
        except OSError as error:
            raise SpoolFull("other processes cannot be told of what the spool accepts") from error

    def _put(self, arrival: Arrival, target: Path, key: tuple[str, str]) -> None:
        """``arrival`` gets the name ``target`` too, on disk when this returns. Raises SpoolFull; then it has not."""
        is_new = done = False
        try:
            is_new = self._link(arrival.path, target)
            self._sync(target, arrival.file if is_new else None)
            done = True
        except OSError as error:
            if is_new:
                target.unlink(missing_ok=True)
            raise SpoolFull("the spool's file system did not take the instance") from error
        finally:
            with self._settled:
                self._settling.discard(key)
                if not done:
                    self._known.remove(target)
                self._settled.notify_all()

    def _link(self, path: Path, target: Path) -> bool:
        """False where the same bytes had that name already, by way of somebody else: theirs are not ours to remove."""
        try:
            try:
                os.link(path, target)
            except FileNotFoundError:
                self._folders_on_disk.discard(target.parent)
                target.parent.mkdir(mode=0o700, exist_ok=True)
                os.link(path, target)
        except FileExistsError:
            return False
        return True

    def _sync(self, path: Path, opened: BinaryIO | None = None) -> None:
        """The file ``path``, which may be ``opened`` already, its folder and that folder's own entry to disk.

        One after the other: what a journal writes for the file's sake holds the folders' entries too, for which nobody
        then waits again.
        """
        if opened is None:
            sync_file(path)
        else:
            os.fsync(opened.fileno())
        known = path.parent in self._folders_on_disk
        for folder in (path.parent,) if known else (path.parent, path.parent.parent):
            sync_folder(folder)
        if not known:
            if len(self._folders_on_disk) >= MOST_FOLDERS:
                self._folders_on_disk.clear()
            self._folders_on_disk.add(path.parent)

    def readmit(self, arrival: Path, path: Path) -> None:
        """The file ``arrival`` in ``incoming/`` becomes the accepted instance ``path`` again, which was purged.

        It may be done by another process than the one that receives: that one knows the instance already.
        """
        if not path.resolve().is_relative_to(self.studies.resolve()):
            raise ValueError(f"{path} is not among the studies of the spool {self.folder}")
        sync_file(arrival)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        arrival.rename(path)
        sync_folder(path.parent)
        sync_folder(path.parent.parent)

    def forget(self, path: Path) -> None:
        """Nothing tells any more that an instance, which was purged, was ever accepted at ``path``."""
        with self._settled:
            self._known.remove(path)
        path.with_suffix(".purged").unlink(missing_ok=True)

    def purge(self, path: Path) -> None:
        """Remove an accepted instance for good. An empty marker stays, so that a repeat is known for one."""
        if not path.resolve().is_relative_to(self.folder.resolve()):
            raise ValueError(f"{path} is not in the spool {self.folder}")
        path.with_suffix(".purged").touch(mode=0o600)
        sync_folder(path.parent)
        path.unlink(missing_ok=True)
        sync_folder(path.parent)


def _file_meta(path: Path) -> tuple[str, str, int]:
    """SOP class UID, SOP instance UID and the offset at which the data set begins."""
    try:
        with quiet():
            meta = read_file_meta_info(path)
            length = int(meta.FileMetaInformationGroupLength)
            sop_class_uid, sop_instance_uid = str(meta.MediaStorageSOPClassUID), str(meta.MediaStorageSOPInstanceUID)
    except (InvalidDicomError, AttributeError, ValueError, EOFError) as error:
        raise UnreadableObject("the file has no file meta information (PS3.10 7.1)") from error
    return sop_class_uid, sop_instance_uid, PREAMBLE_AND_PREFIX + META_GROUP_LENGTH_ELEMENT + length


def _study_instance_uid(path: Path) -> str:
    try:
        with quiet():
            header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["StudyInstanceUID"])
            return str(header.get("StudyInstanceUID") or UNKNOWN_STUDY)
    except Exception:  # pydicom raises almost anything on a damaged data set, and the bytes are kept regardless
        return UNKNOWN_STUDY


def _sha256_of(path: Path) -> str | None:
    """That of the data set of a file that may be damaged; None when it is."""
    try:
        return _digest_from(path, _file_meta(path)[2])
    except (UnreadableObject, OSError):
        return None


def _digest_from(path: Path, offset: int) -> str:
    with path.open("rb") as file:
        file.seek(offset)
        return hashlib.file_digest(file, "sha256").hexdigest()
