"""One part of a body: a DICOM file (PS3.10 7.1) as it comes in, of which the data set alone is kept.

The file meta information is read for what it says and written anew, as for C-STORE: nothing of the sender's stays, and
the same data set is the same file by whichever way it came.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from struct import Struct
from typing import BinaryIO

from dicom_io.element_bounds import LONG_FORM, ElementBounds
from dicom_io.errors import SpoolFull
from dicom_io.receiving.arrival import Arrival, ArrivingFile, NotTaken
from dicom_io.receiving.command_set import LONGEST_UID
from dicom_io.standard import PHOTOGRAPH_CLASSES, TRANSFER_SYNTAXES, Status

MOST_META = 1 << 16
"""Bytes of preamble and file meta information; those of PS3.10 7.1 need a few hundred."""

TRANSFER_SYNTAX_NOT_SUPPORTED = 0xC122
"""Referenced Transfer Syntax not supported (PS3.18 10.5.3)."""

_PREAMBLE = 132
_TAG = Struct("<HH")
_SHORT = Struct("<H")
_LONG = Struct("<L")
_WANTED = {0x0002: "sop_class_uid", 0x0003: "sop_instance_uid", 0x0010: "transfer_syntax_uid"}


class PartRefused(Exception):
    """The part is not taken. ``reason``: the Failure Reason (PS3.18 10.5.3)."""

    def __init__(self, reason: int, words: str) -> None:
        super().__init__(words)
        self.reason = reason


@dataclass(frozen=True)
class FileMeta:
    """What file meta information says, "" where it does not, and where the data set begins."""

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    end: int


class ArrivingPart:
    """Takes the bytes of one part. What is wrong with it is told at its end; until then the rest is thrown away.

    ``opened``: an empty file in the spool; it raises SpoolFull.
    """

    def __init__(self, opened: Callable[[], tuple[BinaryIO, Path]], max_bytes: int) -> None:
        self._opened = opened
        self._max_bytes = max_bytes
        self._head = bytearray()
        self._file: ArrivingFile | None = None
        self._refusal: PartRefused | None = None
        self.sop_class_uid = self.sop_instance_uid = ""

    def write(self, piece: memoryview) -> None:
        """Append ``piece``."""
        if self._file is not None:
            self._file.write(piece)
        elif self._refusal is None:
            self._head += piece
            self._begin()

    def finish(self, bounds: ElementBounds) -> Arrival:
        """The whole file, which is the caller's from here on. Raises PartRefused, and then nothing is left of it."""
        if self._refusal is not None:
            raise self._refusal
        if self._file is None:
            raise PartRefused(Status.CANNOT_UNDERSTAND, "a part that is no DICOM file, or one without a data set")
        try:
            return self._file.finish(bounds)
        except NotTaken as error:
            raise PartRefused(
                Status.OUT_OF_RESOURCES if error.full else Status.CANNOT_UNDERSTAND, str(error)
            ) from error

    def abandon(self) -> None:
        """Nothing more is to come."""
        if self._file is not None:
            self._file.abandon()

    def _begin(self) -> None:
        try:
            meta = read_meta(bytes(self._head))
            if meta is None:
                if len(self._head) > MOST_META:
                    raise PartRefused(Status.CANNOT_UNDERSTAND, "a part with endless file meta information")
                return
            self.sop_class_uid, self.sop_instance_uid = meta.sop_class_uid, meta.sop_instance_uid
            _check(meta)
            self._file = ArrivingFile(
                self._opened(),
                meta.sop_class_uid,
                meta.sop_instance_uid,
                meta.transfer_syntax_uid,
                self._max_bytes,
            )
        except PartRefused as error:
            self._refusal = error
        except SpoolFull as error:
            self._refusal = PartRefused(Status.OUT_OF_RESOURCES, str(error))
        else:
            self._file.write(memoryview(bytes(self._head))[meta.end :])
        self._head.clear()


def read_meta(head: bytes) -> FileMeta | None:
    """What the file that begins with ``head`` says of itself; None where more of it is needed to know.

    Raises PartRefused where it is no DICOM file.
    """
    if len(head) < _PREAMBLE:
        return None
    if head[_PREAMBLE - 4 : _PREAMBLE] != b"DICM":
        raise PartRefused(Status.CANNOT_UNDERSTAND, "a part that is no DICOM file")
    found = dict.fromkeys(_WANTED.values(), "")
    offset = _PREAMBLE
    while True:
        if offset + 12 > len(head):
            return None
        group, element = _TAG.unpack_from(head, offset)
        if group != 0x0002:
            return FileMeta(**found, end=offset)
        if head[offset + 4 : offset + 6] in LONG_FORM:
            start, (length,) = offset + 12, _LONG.unpack_from(head, offset + 8)
        else:
            start, (length,) = offset + 8, _SHORT.unpack_from(head, offset + 6)
        if length > MOST_META:
            raise PartRefused(Status.CANNOT_UNDERSTAND, "a part with endless file meta information")
        if element in _WANTED:
            found[_WANTED[element]] = _uid(head[start : start + length])
        offset = start + length


def _check(meta: FileMeta) -> None:
    if meta.sop_class_uid not in PHOTOGRAPH_CLASSES:
        raise PartRefused(Status.SOP_CLASS_NOT_SUPPORTED, "a SOP class that is not taken here")
    if meta.transfer_syntax_uid not in TRANSFER_SYNTAXES:
        raise PartRefused(TRANSFER_SYNTAX_NOT_SUPPORTED, "a transfer syntax that is not taken here")
    if not meta.sop_instance_uid:
        raise PartRefused(Status.INVALID_OBJECT_INSTANCE, "the SOP Instance UID is empty or no UID")


def _uid(value: bytes) -> str:
    text = value.rstrip(b"\0 ").decode("latin-1")
    is_plain = all("!" <= character <= "~" and character != "\\" for character in text)
    return text if is_plain and len(text) <= LONGEST_UID else ""
