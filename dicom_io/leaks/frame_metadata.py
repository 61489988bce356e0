"""What a compressed frame carries besides pixels: JPEG and JPEG-LS segments, JPEG 2000 markers and boxes, EXIF.

Only the last check uses it (``identifiers``), on both sides: to know what a source's frames said, and to read
what leaves. Nothing here raises for a broken frame: it yields what can be read up to where it breaks.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

JP2_SIGNATURE = b"\x00\x00\x00\x0cjP  "
EXIF_HEADER = b"Exif\0\0"

TIFF_TYPE_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
"""Bytes of a value by field type (TIFF 6.0 section 2)."""

SUB_DIRECTORIES = {0x8769: "Exif", 0x8825: "GPS", 0xA005: "Interoperability"}
MOST_ENTRIES = 2000
"""Entries read from one EXIF block; a camera writes fewer than 200."""


@dataclass(frozen=True)
class Segment:
    """One marker segment or box: its name ("APP1", "COM", "box xml ") and what it holds."""

    name: str
    payload: bytes


@dataclass(frozen=True)
class ExifEntry:
    """A field: ``directory`` "TIFF", "Exif", "GPS", "Interoperability"; ``kind`` its TIFF type; ``data`` as stored."""

    directory: str
    tag: int
    kind: int
    data: bytes


def segments(frame: bytes) -> list[Segment]:
    """The segments of ``frame`` that can hold text; none for a frame that is neither JPEG, JPEG-LS nor JPEG 2000."""
    found: list[Segment] = []
    try:
        if frame.startswith(b"\xff\xd8"):
            found.extend(_jpeg(frame))
        elif frame.startswith(b"\xff\x4f"):
            found.extend(_codestream(frame))
        elif frame.startswith(JP2_SIGNATURE):
            found.extend(_boxes(frame))
    except (struct.error, IndexError):
        pass
    return found


def _jpeg(frame: bytes) -> Iterator[Segment]:
    """ISO/IEC 10918-1 annex B; JPEG-LS (ISO/IEC 14495-1) has the same segments and another bit stuffing."""
    position = 2
    while position + 4 <= len(frame):
        if frame[position] != 0xFF:
            position += 1
            continue
        marker = frame[position + 1]
        if marker == 0xD9:  # end of image; what follows it is no pixel
            if rest := frame[position + 2 :].rstrip(b"\0"):
                yield Segment("after the image", rest)
            return
        if marker == 0xFF or marker < 0x80 or marker == 0x01 or 0xD0 <= marker <= 0xD8:
            position += 1 if marker == 0xFF else 2
            continue
        (length,) = struct.unpack_from(">H", frame, position + 2)
        payload = frame[position + 4 : position + 2 + length]
        if 0xE0 <= marker <= 0xEF:
            yield Segment(f"APP{marker - 0xE0}", payload)
        elif marker == 0xFE:
            yield Segment("COM", payload)
        position += 2 + max(length, 2)


def _codestream(stream: bytes) -> Iterator[Segment]:
    """ISO/IEC 15444-1 annex A: main header, then tile parts, each of which may hold comments too."""
    position, tile_end = 2, 0
    while position + 4 <= len(stream):
        marker, length = struct.unpack_from(">HH", stream, position)
        if marker == 0xFF90:  # start of tile part
            (tile_length,) = struct.unpack_from(">I", stream, position + 6)
            tile_end = position + tile_length if tile_length else len(stream)
        if marker == 0xFF93:  # start of data
            position = max(tile_end, position + 2)
            continue
        if marker == 0xFFD9:
            if rest := stream[position + 2 :].rstrip(b"\0"):
                yield Segment("after the image", rest)
            return
        if marker == 0xFF64:
            yield Segment("COM", stream[position + 6 : position + 2 + length])
        position += 2 + max(length, 2)


def _boxes(data: bytes) -> Iterator[Segment]:
    """ISO/IEC 15444-1 annex I."""
    position = 0
    while position + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        start = position + 8
        if length == 1:
            (length,) = struct.unpack_from(">Q", data, start)
            start += 8
        end = position + length if length else len(data)
        if end <= position:
            return
        if kind == b"jp2c":
            yield from _codestream(data[start:end])
        elif kind not in (b"jP  ", b"ftyp", b"jp2h"):
            yield Segment(f"box {kind.decode('latin-1')}", data[start:end])
        position = end


def exif_entries(payload: bytes) -> list[ExifEntry]:
    """The fields of a TIFF structure at the start of ``payload``, behind an EXIF header or a box's 16-byte UUID."""
    for start in (len(EXIF_HEADER) if payload.startswith(EXIF_HEADER) else 0, 16):
        order = {b"II*\0": "<", b"MM\0*": ">"}.get(payload[start : start + 4])
        if order:
            return list(_directories(payload[start:], order))
    return []


def _directories(tiff: bytes, order: str) -> Iterator[ExifEntry]:
    """Each image file directory, once, whatever the offsets say."""
    waiting = [("TIFF", *struct.unpack_from(order + "I", tiff, 4))] if len(tiff) >= 8 else []
    seen: set[int] = set()
    entries = 0
    while waiting and entries < MOST_ENTRIES:
        directory, offset = waiting.pop()
        if offset < 8 or offset in seen or offset + 2 > len(tiff):  # 0 says that there is no further directory
            continue
        seen.add(offset)
        (count,) = struct.unpack_from(order + "H", tiff, offset)
        for place in range(offset + 2, offset + 2 + 12 * count, 12):
            if place + 12 > len(tiff):
                break
            entries += 1
            tag, kind, number, inline = struct.unpack_from(order + "HHII", tiff, place)
            size = TIFF_TYPE_SIZES.get(kind, 1) * number
            start = place + 8 if size <= 4 else inline
            if tag in SUB_DIRECTORIES:
                waiting.append((SUB_DIRECTORIES[tag], inline))
            else:
                yield ExifEntry(directory, tag, kind, tiff[start : start + size])
        after = offset + 2 + 12 * count
        if directory == "TIFF" and after + 4 <= len(tiff):
            waiting.append(("TIFF", *struct.unpack_from(order + "I", tiff, after)))
