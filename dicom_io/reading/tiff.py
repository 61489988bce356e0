"""Image file directories (TIFF 6.0 section 2): what EXIF blocks and multi-picture indexes are made of."""

from __future__ import annotations

import struct
from collections.abc import Mapping

EXIF_HEADER = b"Exif\0\0"

TYPE_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
"""Bytes of a value by field type."""

EXIF, INTEROPERABILITY = 0x8769, 0xA005
"""Tags of the first directory that point to another one."""

MOST_ENTRIES = 500


def byte_order(tiff: bytes) -> str:
    """ "<" or ">" as ``struct`` has it; empty where this is no TIFF structure."""
    return {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4], "")


def first_directory(tiff: bytes) -> Mapping[int, bytes]:
    """Tag to value, as stored, of the first directory of ``tiff``; empty where there is none that can be read."""
    order = byte_order(tiff)
    return _directory(tiff, order, _number(order, tiff[4:8])) if order else {}


def interoperability_index(exif: bytes) -> bytes:
    """The index of the interoperability directory ("R98", "R03") of an EXIF payload; empty where there is none."""
    tiff = exif.removeprefix(EXIF_HEADER)
    order, at = byte_order(tiff), first_directory(tiff).get(EXIF, b"")
    if not order or not at:
        return b""
    inner = _directory(tiff, order, _number(order, at)).get(INTEROPERABILITY, b"")
    return _directory(tiff, order, _number(order, inner)).get(1, b"").rstrip(b"\0") if inner else b""


def _directory(tiff: bytes, order: str, offset: int) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    if not 8 <= offset <= len(tiff) - 2:
        return found
    (count,) = struct.unpack_from(order + "H", tiff, offset)
    for at in range(offset + 2, offset + 2 + 12 * min(count, MOST_ENTRIES), 12):
        if at + 12 > len(tiff):
            break
        tag, kind, number, inline = struct.unpack_from(order + "HHII", tiff, at)
        size = TYPE_SIZES.get(kind, 1) * number
        start = at + 8 if size <= 4 else inline
        found[tag] = tiff[start : start + size]
    return found


def _number(order: str, value: bytes) -> int:
    return int.from_bytes(value[:4], "little" if order == "<" else "big")
