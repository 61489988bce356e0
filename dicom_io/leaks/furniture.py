"""What a code stream holds that is nobody's: the headers and tables of its codec, and how encoders sign.

In a frame that is about to leave these bytes are the same for every patient, or numbers of sizes and steps. So they are
not searched for what a source said, for a source may hold another picture with the very same ones. Everything between
them is searched: comments, application segments, and whatever follows the image.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator, Mapping

SIGNATURE = re.compile(
    rb"(?i)(created by )?openjpeg( version)? [\dv.]+|(kakadu|kdu)-?v?[\d.]+|libjpeg(-turbo)?( version)? ?[\d.]+[a-z]?"
    rb"|creator: gd-jpeg v[\d.]+ \(using ijg jpeg v\d+\), (default quality|quality = \d+)\n?|lavc[\d.]+|applemark\n?"
    rb"|lead technologies inc\. v[\d.]+|handmade software, inc\. image alchemy v[\d.]+\n?|charls( [\d.]+)?"
    rb"|(file (written|source) by )?adobe photoshop.? [\d.]+"
)
"""A comment that an encoder leaves, as a whole: a word more, and it is somebody's."""

STANDARD_HUFFMAN = frozenset(map(bytes.fromhex, (
    "00010501010101010100000000000000000102030405060708090a0b",
    "0002010303020403050504040000017d01020300041105122131410613516107227114328191a1082342b1c11552d1f0243362728209"
    "0a161718191a25262728292a3435363738393a434445464748494a535455565758595a636465666768696a737475767778797a838485"
    "868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4"
    "e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9fa",
    "00030101010101010101010000000000000102030405060708090a0b",
    "00020102040403040705040400010277000102031104052131061241510761711322328108144291a1b1c109233352f0156272d10a16"
    "2434e125f11718191a262728292a35363738393a434445464748494a535455565758595a636465666768696a737475767778797a8283"
    "8485868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae2e3"
    "e4e5e6e7e8e9eaf2f3f4f5f6f7f8f9fa",
)))  # fmt: skip
"""Code lengths and symbols of the example tables, which most encoders use (ITU-T T.81 tables K.3, K.5, K.4, K.6)."""

JFIF, ADOBE = 16, 14
"""Lengths of a JFIF segment without thumbnail, and of Adobe's segment."""

JPEG_NUMBERS = frozenset({0xDB, 0xDA, 0xDD, *range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
"""Quantisation, start of scan, restart interval and the frame headers (ITU-T T.81 table B.1): numbers alone."""

J2K_NUMBERS = frozenset({*range(0xFF50, 0xFF54), 0xFF55, 0xFF57, 0xFF58, *range(0xFF5C, 0xFF60), 0xFF90})
"""CAP, SIZ, COD, COC, TLM, PLM, PLT, QCD, QCC, RGN, POC, SOT (ISO/IEC 15444-1 table A.2): numbers alone."""

MOST_BYTES = 2048
"""Of one such segment: a longer one is not of our encoders'."""


def without_furniture(frame: bytes) -> bytes:
    """``frame`` with zeros in place of what is nobody's; other bytes than those of a code stream stay as they are."""
    blanked = bytearray(frame)
    try:
        for start, end in PARSERS.get(frame[:2], _nothing)(frame):
            blanked[start:end] = bytes(end - start)
    except (struct.error, IndexError):
        pass
    return bytes(blanked)


def is_signature(comment: bytes) -> bool:
    """Whether the whole of ``comment`` is how an encoder signs."""
    return SIGNATURE.fullmatch(comment.strip(b" \0")) is not None


def _jpeg(frame: bytes) -> Iterator[tuple[int, int]]:
    """Start and end of the segments up to the scan."""
    position = 2
    while frame[position] == 0xFF:
        marker = frame[position + 1]
        (length,) = struct.unpack_from(">H", frame, position + 2)
        end = position + 2 + length
        payload = frame[position + 4 : end]
        harmless = (
            (marker in JPEG_NUMBERS and length <= MOST_BYTES and not _is_text(payload))
            or (marker == 0xC4 and _are_standard(payload))
            or (marker == 0xE0 and payload.startswith(b"JFIF\0") and length == JFIF and payload.endswith(b"\0\0"))
            or (marker == 0xEE and payload.startswith(b"Adobe") and length == ADOBE)
            or (marker == 0xFE and is_signature(payload))
        )
        if harmless:
            yield position, end
        if marker == 0xDA:
            return
        position = end


def _jpeg_2000(frame: bytes) -> Iterator[tuple[int, int]]:
    """Start and end of the marker segments of the main header and of the first tile part's."""
    position = 2
    while frame[position] == 0xFF and frame[position + 1] != 0x93:
        marker, length = struct.unpack_from(">HH", frame, position)
        end = position + 2 + length
        payload = frame[position + 4 : end]
        if (marker in J2K_NUMBERS and length <= MOST_BYTES) or (marker == 0xFF64 and is_signature(payload[2:])):
            yield position, end
        position = end


def _are_standard(payload: bytes) -> bool:
    """Whether every Huffman table in ``payload`` is one of the standard's examples, which most encoders use."""
    while payload:
        table = payload[1 : 17 + sum(payload[1:17])]
        if table not in STANDARD_HUFFMAN:
            return False
        payload = payload[1 + len(table) :]
    return True


def _is_text(payload: bytes) -> bool:
    """Whether numbers are letters in disguise."""
    return re.search(rb"[A-Za-z]{6,}", payload) is not None


def _nothing(frame: bytes) -> Iterator[tuple[int, int]]:
    return iter(())


PARSERS: Mapping[bytes, Callable[[bytes], Iterator[tuple[int, int]]]] = {b"\xff\xd8": _jpeg, b"\xff\x4f": _jpeg_2000}
"""By the first two bytes: start of image, start of code stream."""
