"""JPEG 2000 and HTJ2K (ITU-T T.800, T.814): a codestream's size, colour transform and end, and a JP2 file around it."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace

from dicom_io.errors import UnreadableObject
from dicom_io.reading.codestream import MOST_MARKERS, Codestream

SOC, SIZ, COD, SOT, SOD, EOC = 0xFF4F, 0xFF51, 0xFF52, 0xFF90, 0xFF93, 0xFFD9
ENUMERATED_COLOURS = {16: "RGB", 17: "grey", 18: "YCbCr"}
"""Enumerated colour spaces of a JP2 file (ITU-T T.800 I.5.3.3): sRGB, greyscale, sYCC."""

SIGNATURE_BOX = b"jP  "
JP2_SIGNATURE = b"\0\0\0\x0cjP  "
"""How a JP2 file begins (I.5.1)."""


@dataclass(frozen=True)
class _Colour:
    """What the boxes of a JP2 file say of colour."""

    declared: str = ""
    profile: bytes | None = None
    palette: bool = False


def read_jpeg_2000(stream: bytes, at: int = 0) -> Codestream:
    """What the picture at ``at`` of ``stream`` says of itself; its offsets count from the start of ``stream``.

    Raises UnreadableObject where it is none or ends inside its own header.
    """
    try:
        # PS3.5 A.4.4 wants a bare codestream; whole JP2 files are seen, and decoders take them.
        if stream.startswith(JP2_SIGNATURE, at):
            return _in_file(stream, at)
        return _read(stream, at, len(stream))
    except struct.error as error:
        raise UnreadableObject("the compressed frame ends inside its own header") from error


def _in_file(stream: bytes, at: int) -> Codestream:
    colour, found, end = _Colour(), None, 0
    for kind, start, end in _boxes(stream, at, len(stream)):
        if kind == SIGNATURE_BOX and start > at + 8:  # the next file begins
            end = start - 8
            break
        if kind == b"jp2h":
            colour = _colour(stream, start, end)
        elif kind == b"jp2c" and found is None:
            found = _read(stream, start, end)
    if found is None:
        raise UnreadableObject("the compressed frame has no JPEG 2000 codestream")
    if colour.palette:
        raise UnreadableObject("the compressed frame is a JP2 file with a palette of its own; send it as RGB")
    return replace(found, declared=colour.declared, profile=colour.profile, end=found.end and max(found.end, end))


def _boxes(data: bytes, at: int, stop: int) -> Iterator[tuple[bytes, int, int]]:
    """(kind, start, end) of the contents of each box (I.4)."""
    for _ in range(MOST_MARKERS):
        if at + 8 > stop:
            return
        length, kind = struct.unpack_from(">I4s", data, at)
        start = at + 8
        if length == 1:
            (length,) = struct.unpack_from(">Q", data, start)
            start += 8
        end = min(at + length, stop) if length else stop
        if end < start or not kind.strip(b"\0") or not kind.isascii():
            return
        yield kind, start, end
        at = end
    raise UnreadableObject(f"a JP2 file of more than {MOST_MARKERS} boxes")


def _colour(data: bytes, start: int, end: int) -> _Colour:
    found = _Colour()
    for kind, first, last in _boxes(data, start, end):
        if kind == b"pclr":
            found = replace(found, palette=True)
        elif kind == b"colr" and data[first] == 1:
            (number,) = struct.unpack_from(">I", data, first + 3)
            found = replace(found, declared=ENUMERATED_COLOURS.get(number, ""))
        elif kind == b"colr" and data[first] == 2:
            found = replace(found, profile=data[first + 3 : last])
    return found


def _read(data: bytes, at: int, stop: int) -> Codestream:
    start, second = struct.unpack_from(">HH", data, at)
    if (start, second) != (SOC, SIZ):
        raise UnreadableObject("the compressed frame is not a JPEG 2000 codestream")
    width, height, left, top = struct.unpack_from(">IIII", data, at + 8)
    (count,) = struct.unpack_from(">H", data, at + 40)
    parts = [struct.unpack_from(">BBB", data, at + 42 + 3 * number) for number in range(min(count, 4))]
    transform, end = _rest(data, at + 2, stop)
    return Codestream(
        rows=height - top,
        columns=width - left,
        components=count,
        precision=max((part[0] & 0x7F) + 1 for part in parts) if parts else 0,
        end=end,
        process="JPEG 2000",
        signed=any(part[0] & 0x80 for part in parts),
        subsampled=count == 3 and any(part[1:] != parts[0][1:] for part in parts),
        colour_transform=transform,
    )


def _rest(data: bytes, at: int, stop: int) -> tuple[bool, int | None]:
    """Whether there is a multiple component transform (A.6.1), and where the codestream ends."""
    transform, whole_parts = False, False
    for _ in range(MOST_MARKERS):
        if at + 2 > stop:
            break
        (marker,) = struct.unpack_from(">H", data, at)
        if marker == EOC:
            return transform, at + 2
        if at + 4 > stop:
            break
        (length,) = struct.unpack_from(">H", data, at + 2)
        if marker == COD:
            transform = data[at + 8] != 0
        if marker == SOT:
            (part,) = struct.unpack_from(">I", data, at + 6)
            if part == 0:  # the last tile part: up to the end of the codestream
                end = data.rfind(b"\xff\xd9", at, stop)
                return transform, end + 2 if end >= 0 else None
            if part < 14 or at + part > stop:
                break
            at, whole_parts = at + part, True
        elif marker < 0xFF00 or length < 2:
            break
        else:
            at += 2 + length
    # Encoders exist that leave the end marker out; the lengths of the tile parts say as much.
    return transform, at if whole_parts and at >= stop - 1 else None
