"""A data set on its way in: written to a file in ``incoming/`` as it comes, never kept in memory."""

from __future__ import annotations

import hashlib
import logging
import mmap
from dataclasses import dataclass
from pathlib import Path
from struct import Struct
from typing import BinaryIO

from pydicom.uid import ImplicitVRLittleEndian
from pynetdicom import PYNETDICOM_IMPLEMENTATION_UID, PYNETDICOM_IMPLEMENTATION_VERSION

from dicom_io.disk import begin_to_write
from dicom_io.element_bounds import ElementBounds, survey
from dicom_io.errors import DicomError, SpoolFull

log = logging.getLogger(__name__)

PREAMBLE = b"\0" * 128 + b"DICM"
WRITTEN_AT_ONCE = 1 << 20
"""Bytes that may come in before the kernel is told to begin to write them."""

_SHORT_FORM = Struct("<HH2sH")
_LONG_FORM = Struct("<HH2s2xL")


@dataclass(frozen=True)
class Arrival:
    """A whole file in ``incoming/`` that is not accepted yet, and what its receiver knows of it.

    ``sha256``: hex, of the encoded data set without preamble and file meta information. ``study_instance_uid``: ""
    where the data set does not say, or cannot be read far enough to say. ``file`` is open still, until it leaves.
    """

    path: Path
    sop_class_uid: str
    sop_instance_uid: str
    study_instance_uid: str
    sha256: str
    file: BinaryIO

    def leave(self) -> None:
        """Its name in ``incoming/`` is gone, and the file is closed."""
        self.file.close()
        self.path.unlink(missing_ok=True)


class NotTaken(Exception):
    """The data set was not taken: the sender is told. ``full``: it may be sent again later."""

    def __init__(self, reason: str, *, full: bool) -> None:
        super().__init__(reason)
        self.full = full


def file_head(sop_class_uid: str, sop_instance_uid: str, transfer_syntax_uid: str) -> bytes:
    """Preamble, prefix and file meta information (PS3.10 7.1). UIDs in printable ASCII."""
    elements = _LONG_FORM.pack(2, 0x0001, b"OB", 2) + b"\x00\x01"
    for element, value, vr, pad in (
        (0x0002, sop_class_uid, b"UI", b"\0"),
        (0x0003, sop_instance_uid, b"UI", b"\0"),
        (0x0010, transfer_syntax_uid, b"UI", b"\0"),
        (0x0012, PYNETDICOM_IMPLEMENTATION_UID, b"UI", b"\0"),
        (0x0013, PYNETDICOM_IMPLEMENTATION_VERSION, b"SH", b" "),
    ):
        encoded = value.encode("ascii")
        encoded += pad * (len(encoded) % 2)
        elements += _SHORT_FORM.pack(2, element, vr, len(encoded)) + encoded
    return PREAMBLE + _SHORT_FORM.pack(2, 0x0000, b"UL", 4) + Struct("<L").pack(len(elements)) + elements


class ArrivingFile:
    """The file that one C-STORE's data set is written to.

    An error does not interrupt the sender, who hears only after its last byte: the first one is kept, the file removed,
    and what still comes is counted and thrown away.
    """

    def __init__(
        self,
        opened: tuple[BinaryIO, Path],
        sop_class_uid: str,
        sop_instance_uid: str,
        transfer_syntax_uid: str,
        max_bytes: int,
    ) -> None:
        self._file, self._path = opened
        self._sop_class_uid = sop_class_uid
        self._sop_instance_uid = sop_instance_uid
        self._explicit = transfer_syntax_uid != ImplicitVRLittleEndian
        self._digest = hashlib.sha256()
        self._room = max_bytes
        self._error: NotTaken | None = None
        self._unwritten = 0
        self._head = file_head(sop_class_uid, sop_instance_uid, transfer_syntax_uid)
        self._append(self._head)

    def write(self, fragment: memoryview) -> None:
        """Append ``fragment``."""
        if self._error is not None:
            return
        self._room -= len(fragment)
        if self._room < 0:
            self._fail(NotTaken("the instance is larger than the limit", full=True))
            return
        self._digest.update(fragment)
        self._append(fragment)

    def finish(self, bounds: ElementBounds) -> Arrival:
        """The whole file, which is the caller's from here on. Raises NotTaken, and then nothing is left of it."""
        if self._error is None:
            try:
                self._begin_to_write()
                if self._file.tell() == len(self._head):
                    raise NotTaken("the data set is empty", full=False)
                with mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                    found = survey(content, len(self._head), explicit=self._explicit, bounds=bounds)
            except NotTaken as error:
                self._fail(error)
            except DicomError as error:
                self._fail(NotTaken(str(error), full=False))
            except OSError as error:
                self._fail(_not_written(error))
        if self._error is not None:
            raise self._error
        return Arrival(
            self._path, self._sop_class_uid, self._sop_instance_uid, found.study_instance_uid,
            self._digest.hexdigest(), self._file,
        )  # fmt: skip

    def abandon(self) -> None:
        """Remove what was received; nothing more is to come."""
        self._fail(NotTaken("the connection ended inside a data set", full=False))

    def _append(self, content: bytes | memoryview) -> None:
        try:
            self._file.write(content)
            self._unwritten += len(content)
            if self._unwritten >= WRITTEN_AT_ONCE:
                self._begin_to_write()
        except OSError as error:
            self._fail(_not_written(error))

    def _begin_to_write(self) -> None:
        self._unwritten = 0
        self._file.flush()
        begin_to_write(self._file.fileno())

    def _fail(self, error: NotTaken) -> None:
        self._error = self._error or error
        try:
            self._file.close()
        except OSError:
            log.debug("a half-received file could not be flushed before its removal")
        self._path.unlink(missing_ok=True)


def _not_written(error: OSError) -> NotTaken:
    reason = SpoolFull(f"the spool's file system did not take the data set (errno {error.errno})")
    return NotTaken(str(reason), full=True)
