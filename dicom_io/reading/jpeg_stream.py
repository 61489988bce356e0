"""JPEG (ITU-T T.81) and JPEG-LS (ITU-T T.87): the frame header, the markers that tell of colour, and the end."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from dicom_io.errors import UnreadableObject
from dicom_io.reading.codestream import MOST_MARKERS, Codestream
from dicom_io.reading.tiff import EXIF_HEADER, byte_order, first_directory, interoperability_index

SOI, EOI, SOS = 0xD8, 0xD9, 0xDA
JPEG_LS_FRAME = 0xF7

PROCESSES = {
    0xC0: "baseline",
    0xC1: "extended sequential",
    0xC2: "progressive",
    0xC3: "lossless",
    0xC5: "hierarchical",
    0xC6: "hierarchical",
    0xC7: "hierarchical",
    0xC9: "arithmetic coding",
    0xCA: "arithmetic coding",
    0xCB: "arithmetic coding",
    0xCD: "hierarchical",
    0xCE: "hierarchical",
    0xCF: "hierarchical",
    JPEG_LS_FRAME: "JPEG-LS",
}
"""Start of frame markers (T.81 table B.1, T.87 C.1.1) and the process that each stands for."""

WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})

IN_SCAN = re.compile(rb"\xff[\x80-\xcf\xd8-\xfe]", re.DOTALL)
"""The next marker inside entropy-coded data. JPEG stuffs a zero byte after 0xFF, JPEG-LS a zero bit; restarts go on."""

SPIFF_COLOURS = {1: "YCbCr", 3: "YCbCr", 4: "YCbCr", 8: "grey", 10: "RGB"}
"""Colour spaces of a SPIFF header (ITU-T T.84 table F.2); JPEG-LS encoders write it."""

ENTRIES = 0xB002
"""The tag of a multi-picture index that holds one entry of 16 bytes for each picture (CIPA DC-007 5.2.3.3)."""

NO_SCAN = "the compressed frame ends before its first scan; the pixel data is cut off: send the photograph again"


@dataclass
class _Found:
    """What the markers said so far."""

    size: tuple[int, int] = (0, 0)
    precision: int = 0
    process: int = 0
    identifiers: tuple[int, ...] = ()
    sampling: tuple[tuple[int, int], ...] = ()
    tables: tuple[int, ...] = ()
    scans: int = 0
    jfif: bool = False
    adobe: int | None = None
    declared: str = ""
    transformed: bool = False
    chunks: dict[int, bytes] = field(default_factory=dict)
    chunk_count: int = 0
    adobe_rgb: bool = False
    index: tuple[int, ...] = ()
    index_count: int = 1
    companions: set[str] = field(default_factory=set)


def read_jpeg(stream: bytes, at: int = 0) -> Codestream:
    """What the picture at ``at`` of ``stream`` says of itself; its offsets count from the start of ``stream``.

    Raises UnreadableObject where it is no JPEG or ends inside its own header.
    """
    if stream[at : at + 2] != b"\xff\xd8":
        raise UnreadableObject("the compressed frame is not a JPEG")
    found, end = _Found(), None
    try:
        for marker, start, payload in _markers(stream, at + 2):
            if marker == EOI:
                end = start
            else:
                _note(found, marker, start, payload)
    except (struct.error, IndexError) as error:
        if not found.scans:
            raise UnreadableObject("the compressed frame ends inside its own header") from error
    if not found.process:
        raise UnreadableObject("the compressed frame has no JPEG frame header")
    if not found.scans:
        raise UnreadableObject(NO_SCAN)
    return _described(found, end)


def _markers(stream: bytes, at: int) -> Iterator[tuple[int, int, bytes]]:
    """(marker, offset behind the marker's two bytes, payload without its length), up to and with the end of image."""
    for _ in range(MOST_MARKERS):
        prefix, marker = struct.unpack_from(">BB", stream, at)
        if prefix != 0xFF:
            raise UnreadableObject("the compressed frame has no JPEG marker where one must be")
        if marker == 0xFF:  # a fill byte
            at += 1
            continue
        at += 2
        if marker == EOI:
            yield marker, at, b""
            return
        if marker == SOI:  # the next picture begins before this one ended
            return
        if marker in WITHOUT_LENGTH:
            continue
        (length,) = struct.unpack_from(">H", stream, at)
        if length < 2 or at + length > len(stream):
            raise struct.error("a segment reaches beyond the frame")
        yield marker, at, stream[at + 2 : at + length]
        at += length
        if marker == SOS:
            behind = IN_SCAN.search(stream, at)
            if behind is None:
                return
            at = behind.start()
    raise UnreadableObject(f"a JPEG of more than {MOST_MARKERS} markers")


def _note(found: _Found, marker: int, start: int, payload: bytes) -> None:
    if marker in PROCESSES:
        if found.process:
            raise UnreadableObject("the compressed frame has two JPEG frame headers")
        found.process = marker
        found.precision, rows, columns, count = struct.unpack_from(">BHHB", payload)
        found.size = rows, columns
        parts = [struct.unpack_from(">BBB", payload, 6 + 3 * number) for number in range(count)]
        found.identifiers = tuple(part[0] for part in parts)
        found.sampling = tuple((part[1] >> 4, part[1] & 15) for part in parts)
        found.tables = tuple(part[2] for part in parts)
    elif marker == SOS:
        found.scans += 1
    elif marker == 0xE0 and payload.startswith(b"JFIF\0"):
        found.jfif = True
    elif marker == 0xEE and payload.startswith(b"Adobe") and len(payload) >= 12:
        found.adobe = payload[11]
    elif marker == 0xE8 and payload.startswith(b"SPIFF\0"):
        found.declared = SPIFF_COLOURS.get(payload[17], "") if len(payload) > 17 else ""
    elif marker == 0xE8 and payload.startswith(b"mrfx"):
        found.transformed = len(payload) > 4 and payload[4] != 0
    elif marker == 0xE1:
        _note_app1(found, payload)
    elif marker == 0xE2:
        _note_app2(found, payload, start + 2)


def _note_app1(found: _Found, payload: bytes) -> None:
    if payload.startswith(EXIF_HEADER):
        found.adobe_rgb = interoperability_index(payload) == b"R03"
    for needle, companion in XMP_COMPANIONS:
        if needle in payload:
            found.companions.add(companion)


XMP_COMPANIONS = (
    (b"hdrgm:", "a gain map"),
    (b"HDRGainMap", "a gain map"),
    (b"hdr-gain-map", "a gain map"),
    (b"Container:Directory", "further pictures (container directory)"),
)
"""Pictures that a photograph's XMP packet says are appended (Google's Ultra HDR and Dynamic Depth formats, Apple's)."""


def _note_app2(found: _Found, payload: bytes, start: int) -> None:
    """``start``: where the payload stands in the stream."""
    if payload.startswith(b"ICC_PROFILE\0") and len(payload) > 14:
        found.chunks.setdefault(payload[12], payload[14:])
        found.chunk_count = max(found.chunk_count, payload[13], 1)
    elif payload.startswith(b"MPF\0"):
        found.companions.add("further pictures (multi-picture format)")
        found.index_count, found.index = _index(payload[4:], start + 4)
    elif payload.startswith(b"urn:iso:std:iso:ts:21496:-1"):
        found.companions.add("a gain map")


def _index(tiff: bytes, base: int) -> tuple[int, tuple[int, ...]]:
    """Number of pictures and where in the stream those after the first start (CIPA DC-007 5.2); (0, ()) if unsaid."""
    order, data = byte_order(tiff), first_directory(tiff).get(ENTRIES)
    if data is None:
        return 0, ()
    starts = [struct.unpack_from(order + "I", data, at + 8)[0] for at in range(0, len(data) - 15, 16)]
    return len(starts), tuple(base + start for start in starts if start)


def _described(found: _Found, end: int | None) -> Codestream:
    count = len(found.sampling)
    whole = found.chunk_count > 0 and set(range(1, found.chunk_count + 1)) <= set(found.chunks)
    return Codestream(
        rows=found.size[0],
        columns=found.size[1],
        components=count,
        precision=found.precision,
        end=end,
        process=PROCESSES[found.process],
        scans=found.scans,
        identifiers=found.identifiers,
        subsampled=count == 3 and any(_fewer(found.sampling[place], found.sampling[0]) for place in (1, 2)),
        luma_tables=(
            count == 3 and found.process != JPEG_LS_FRAME and found.tables[0] != found.tables[1] == found.tables[2]
        ),
        jfif=found.jfif,
        adobe_transform=found.adobe,
        colour_transform=found.transformed,
        declared=found.declared,
        profile=b"".join(found.chunks[number] for number in sorted(found.chunks)) if whole else None,
        profile_incomplete=found.chunk_count > 0 and not whole,
        exif_adobe_rgb=found.adobe_rgb,
        pictures_announced=found.index_count,
        announced_at=found.index,
        companion_pictures=tuple(sorted(found.companions)),
    )


def _fewer(chroma: tuple[int, int], luma: tuple[int, int]) -> bool:
    return chroma[0] < luma[0] or chroma[1] < luma[1]
