"""A DICOM file taken apart by its bytes alone, for the last check before it leaves.

This parser shares nothing with the code that wrote the file. It knows just enough of PS3.5 and PS3.10 to say where each
value lies, so that the check can tell public vocabulary from everything else and pixels from text.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from pydicom.datadict import dictionary_has_tag, dictionary_VR

LONG_LENGTHS = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"})
"""VRs with a 32-bit length (PS3.5 section 7.1.2)."""

BULK = frozenset({"OB", "OD", "OF", "OL", "OV", "OW"})
BULK_BYTES = 1024
"""From this length a bulk value is pixels or a table, not text, and only long values are searched for in it."""

UNDEFINED = 0xFFFFFFFF
ITEM, SEQUENCE_END = 0xFFFEE000, 0xFFFEE0DD
DEEPEST = 64


class NotParsed(Exception):
    """The bytes are no DICOM file that this parser understands. Internal: the check then takes all of it for text."""


@dataclass(frozen=True)
class Value:
    """The value field of ``tag`` (8 hexadecimal digits as a number) at ``start`` up to ``end``."""

    tag: int
    vr: str
    start: int
    end: int

    @property
    def is_bulk(self) -> bool:
        """Whether these are pixels or the like."""
        return self.tag == 0x7FE00010 or (self.vr in BULK and self.end - self.start >= BULK_BYTES)


def values(blob: bytes) -> list[Value]:
    """Every value in the file ``blob``, nested ones included, fragments of pixel data one by one.

    Raises ``NotParsed`` where ``blob`` is not a little endian, undeflated DICOM file that parses to its last byte.
    """
    if blob[128:132] != b"DICM":
        raise NotParsed("no DICM prefix")
    try:
        meta = _Parser(blob, explicit=True)
        start = meta.read_file_meta(132)
        syntax = next(
            (blob[value.start : value.end].rstrip(b"\0 ") for value in meta.found if value.tag == 0x20010), b""
        )
        if syntax in (b"1.2.840.10008.1.2.1.99", b"1.2.840.10008.1.2.2"):
            raise NotParsed("deflated or big endian")
        parser = _Parser(blob, explicit=syntax != b"1.2.840.10008.1.2")
        if parser.read_elements(start, len(blob)) != len(blob):
            raise NotParsed("a value runs over the end")
    except (struct.error, IndexError) as error:
        raise NotParsed("truncated") from error
    return meta.found + parser.found


class _Parser:
    """Reads on from a position and returns where it stopped; values are gathered in ``found``."""

    def __init__(self, blob: bytes, *, explicit: bool) -> None:
        self._blob = blob
        self._explicit = explicit
        self._depth = 0
        self.found: list[Value] = []

    def read_file_meta(self, position: int) -> int:
        while self._blob[position : position + 2] == b"\x02\x00":
            position = self._read_element(position, len(self._blob))
        return position

    def read_elements(self, position: int, end: int) -> int:
        """Elements up to ``end``, or up to and with an item's delimiter."""
        while position < end:
            if self._blob[position : position + 4] == b"\xfe\xff\x0d\xe0":
                return position + 8
            position = self._read_element(position, end)
        return position

    def _read_element(self, position: int, limit: int) -> int:
        tag, vr, start, length = self._header(position)
        if vr == "SQ":
            return self._read_items(start, limit if length == UNDEFINED else start + length)
        if length == UNDEFINED and tag == 0x7FE00010:
            return self._read_fragments(start)
        if length == UNDEFINED:  # UN of unknown length is a sequence in implicit VR (PS3.5 section 6.2.2)
            explicit, self._explicit = self._explicit, False
            position = self._read_items(start, limit)
            self._explicit = explicit
            return position
        if start + length > limit:
            raise NotParsed("a value runs over its container")
        self.found.append(Value(tag, vr, start, start + length))
        return start + length

    def _header(self, position: int) -> tuple[int, str, int, int]:
        """Tag, VR, where the value starts, and its length."""
        group, element = struct.unpack_from("<HH", self._blob, position)
        tag = group << 16 | element
        if group == 0xFFFE or not self._explicit:
            (length,) = struct.unpack_from("<I", self._blob, position + 4)
            vr = dictionary_VR(tag).split(" ")[0] if group != 0xFFFE and dictionary_has_tag(tag) else "UN"
            return tag, vr, position + 8, length
        vr_bytes = self._blob[position + 4 : position + 6]
        if not (vr_bytes.isalpha() and vr_bytes.isupper()):
            raise NotParsed("no VR")
        if vr_bytes in LONG_LENGTHS:
            (length,) = struct.unpack_from("<I", self._blob, position + 8)
            return tag, vr_bytes.decode("ascii"), position + 12, length
        (length,) = struct.unpack_from("<H", self._blob, position + 6)
        return tag, vr_bytes.decode("ascii"), position + 8, length

    def _read_items(self, position: int, end: int) -> int:
        self._depth += 1
        if self._depth > DEEPEST:
            raise NotParsed("nested too deep")
        while position < end:
            tag, _, start, length = self._header(position)
            position = start
            if tag == SEQUENCE_END:
                break
            if tag != ITEM:
                raise NotParsed("no item where one must be")
            position = self.read_elements(start, end if length == UNDEFINED else start + length)
        self._depth -= 1
        return position

    def _read_fragments(self, position: int) -> int:
        """Encapsulated pixel data (PS3.5 annex A.4): the offset table, then one value a fragment."""
        while True:
            tag, _, start, length = self._header(position)
            if tag == SEQUENCE_END:
                return start
            if tag != ITEM or start + length > len(self._blob):
                raise NotParsed("no fragment where one must be")
            self.found.append(Value(0x7FE00010, "OB", start, start + length))
            position = start + length
