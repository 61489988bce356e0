"""The size that a compressed frame itself announces, read before anything is decoded.

A header can say 64 x 64 above a frame that unpacks to a gigabyte; decoders believe the frame.
"""

from __future__ import annotations

import struct

from dicom_io.errors import UnreadableObject
from dicom_io.standard import Codec

JPEG_FRAME_MARKERS = frozenset({*range(0xC0, 0xD0), 0xF7}) - {0xC4, 0xC8, 0xCC}
"""SOF0 to SOF15 (ITU-T T.81 B.1.1.3) and SOF55 of JPEG-LS (ITU-T T.87 C.1); DHT, JPG and DAC are not frames."""

MARKERS_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})
SIZ = 0xFF51
"""The second marker of a JPEG 2000 and an HTJ2K codestream (ITU-T T.800 A.5.1)."""


def announced_size(frame: bytes, codec: Codec) -> tuple[int, int] | None:
    """(rows, columns) that ``frame`` announces; None for a codec that announces none. Raises UnreadableObject."""
    try:
        if codec in {"jpeg", "jpeg-ls"}:
            return _jpeg_size(frame)
        if codec == "jpeg-2000":
            return _jpeg_2000_size(frame)
    except struct.error as error:
        raise UnreadableObject("the compressed frame ends inside its own header") from error
    return None


def _jpeg_size(frame: bytes) -> tuple[int, int]:
    if frame[:2] != b"\xff\xd8":
        raise UnreadableObject("the compressed frame is not a JPEG")
    at = 2
    while True:
        (prefix, marker) = struct.unpack_from(">BB", frame, at)
        if prefix != 0xFF:
            raise UnreadableObject("the compressed frame has no JPEG marker where one must be")
        if marker == 0xFF:  # a fill byte
            at += 1
        elif marker in MARKERS_WITHOUT_LENGTH:
            at += 2
        elif marker in JPEG_FRAME_MARKERS:
            rows, columns = struct.unpack_from(">HH", frame, at + 5)
            return rows, columns
        elif marker in {0xD9, 0xDA}:
            raise UnreadableObject("the compressed frame has no JPEG frame header")
        else:
            (length,) = struct.unpack_from(">H", frame, at + 2)
            at += 2 + length


def _jpeg_2000_size(frame: bytes) -> tuple[int, int]:
    at = 0
    if frame[4:8] == b"jP  ":  # a JP2 file where PS3.5 A.4.4 wants a bare codestream: seen, and decoders take it
        at = frame.find(b"\xff\x4f\xff\x51")
        if at < 0:
            raise UnreadableObject("the compressed frame has no JPEG 2000 codestream")
    start, second = struct.unpack_from(">HH", frame, at)
    if (start, second) != (0xFF4F, SIZ):
        raise UnreadableObject("the compressed frame is not a JPEG 2000 codestream")
    width, height, left, top = struct.unpack_from(">IIII", frame, at + 8)
    return height - top, width - left
