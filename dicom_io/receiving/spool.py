"""The spool: where an accepted instance lies from the moment its sender is told Success until it may be purged.

    incoming/                                   half-received files; nothing in here was ever accepted
    studies/<study>/<instance>-<sha256>.dcm     accepted instances
    studies/<study>/<instance>-<sha256>.purged  an empty marker: accepted once, purged since, not wanted again
    conflicts/<instance>-<sha256>.dcm           other bytes under a SOP Instance UID that was accepted before

``<study>`` and ``<instance>`` are digests of the UIDs, so that no value from the network ever becomes a path.
``<sha256>`` is that of the encoded data set alone: the file meta information is ours and tells nothing of the sender's.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pydicom
from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_file_meta_info

from dicom_io.errors import SpoolFull, UnreadableObject
from dicom_io.quiet import quiet

PREAMBLE_AND_PREFIX = 132
"""Bytes before the file meta information (PS3.10 7.1)."""

META_GROUP_LENGTH_ELEMENT = 12
"""Bytes of (0002,0000) itself: tag, VR, length and a UL."""

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
    """Accepts whole files and makes them durable. Any thread may call any method; one process at a time receives.

    Args:
        folder: made if absent (mode 0700), on one file system.
        min_free_bytes: with less than this free, nothing more is accepted.

    """

    def __init__(self, folder: Path, *, min_free_bytes: int = 1 << 30) -> None:
        self.folder = Path(folder)
        self.incoming = self.folder / "incoming"
        self.studies = self.folder / "studies"
        self.conflicts = self.folder / "conflicts"
        self.min_free_bytes = min_free_bytes
        self._lock = threading.Lock()
        for part in (self.folder, self.incoming, self.studies, self.conflicts):
            part.mkdir(mode=0o700, parents=True, exist_ok=True)
        _fsync_folder(self.folder)
        # By digest of the SOP Instance UID and SHA-256 of the data set: where it lies, or lay before it was purged.
        self._known: dict[str, dict[str, Path]] = {}
        for found in (*self.studies.glob("*/*-*"), *self.conflicts.glob("*-*")):
            instance, _, sha256 = found.stem.partition("-")
            self._known.setdefault(instance, {})[sha256] = found.with_suffix(".dcm")

    def discard_incoming(self) -> None:
        """Remove what a node that was cut off had half received. Call it before anything is received, not after."""
        for leftover in self.incoming.iterdir():
            leftover.unlink()

    def accepted(self) -> Iterator[StoredInstance]:
        """Every instance that lies here, conflicts included: what a node that starts compares its jobs with.

        Calling AE title and address are empty; they are not in the file.
        """
        for path in (*sorted(self.studies.glob("*/*.dcm")), *sorted(self.conflicts.glob("*.dcm"))):
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

    def open_incoming(self) -> tuple[BinaryIO, Path]:
        """An empty file in ``incoming/``, open for writing. Raises SpoolFull when the disk is as good as full."""
        if shutil.disk_usage(self.incoming).free < self.min_free_bytes:
            raise SpoolFull(f"less than {self.min_free_bytes} bytes are free on the spool's file system")
        try:
            descriptor, name = tempfile.mkstemp(dir=self.incoming, suffix=".part")
        except OSError as error:
            raise SpoolFull("no file can be made on the spool's file system") from error
        return os.fdopen(descriptor, "wb"), Path(name)

    def receive(self, path: Path, *, calling_ae: str = "", address: str = "") -> StoredInstance:
        """Accept the whole DICOM file ``path``, which lies in ``incoming/`` and is moved away from there.

        When this returns, bytes and folders are on disk. A data set that cannot be read is accepted too: what arrived
        whole is never lost, and the job that reads it says why it is of no use. The same data set under the same UID
        again changes nothing; another under the same UID is kept beside.

        Raises UnreadableObject when ``path`` has no file meta information, SpoolFull when the disk is full.
        """
        sop_class_uid, sop_instance_uid, offset = _file_meta(path)
        study_instance_uid = _study_instance_uid(path)
        sha256 = _digest_from(path, offset)
        instance = _digest_of_uid(sop_instance_uid)
        folder = self.studies / _digest_of_uid(study_instance_uid)
        try:
            _fsync_file(path)
            with self._lock:
                known = self._known.get(instance, {})
                duplicate = sha256 in known
                if duplicate:
                    target = known[sha256]
                    path.unlink()
                else:
                    target = (self.conflicts if known else folder) / f"{instance}-{sha256}.dcm"
                    target.parent.mkdir(mode=0o700, exist_ok=True)
                    path.rename(target)
                    self._known.setdefault(instance, {})[sha256] = target
                conflict = target.parent == self.conflicts
            # Also for a duplicate: the first sender may not have come this far yet.
            _fsync_folder(target.parent)
            _fsync_folder(target.parent.parent)
        except OSError as error:
            path.unlink(missing_ok=True)
            raise SpoolFull("the spool's file system did not take the instance") from error
        return StoredInstance(
            path=target,
            sop_class_uid=sop_class_uid,
            sop_instance_uid=sop_instance_uid,
            study_instance_uid=study_instance_uid,
            calling_ae=calling_ae,
            address=address,
            sha256=sha256,
            duplicate=duplicate,
            conflict=conflict,
        )

    def readmit(self, arrival: Path, path: Path) -> None:
        """The file ``arrival`` in ``incoming/`` becomes the accepted instance ``path`` again, which was purged.

        It may be done by another process than the one that receives: that one knows the instance already.
        """
        if not path.resolve().is_relative_to(self.studies.resolve()):
            raise ValueError(f"{path} is not among the studies of the spool {self.folder}")
        _fsync_file(arrival)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        arrival.rename(path)
        _fsync_folder(path.parent)
        _fsync_folder(path.parent.parent)

    def purge(self, path: Path) -> None:
        """Remove an accepted instance for good. An empty marker stays, so that a repeat is known for one."""
        if not path.resolve().is_relative_to(self.folder.resolve()):
            raise ValueError(f"{path} is not in the spool {self.folder}")
        path.with_suffix(".purged").touch(mode=0o600)
        _fsync_folder(path.parent)
        path.unlink(missing_ok=True)
        _fsync_folder(path.parent)


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


def _digest_of_uid(uid: str) -> str:
    return hashlib.sha256(uid.encode("utf-8", "surrogateescape")).hexdigest()[:40]


def _digest_from(path: Path, offset: int) -> str:
    with path.open("rb") as file:
        file.seek(offset)
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fsync_file(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _fsync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
