"""How many elements a data set has and how deep they nest: counted before it is parsed, which costs far more.

A parser makes an object of each element, of some hundreds of bytes and ten microseconds; twelve megabytes of empty
elements keep it busy for minutes. Here each costs about a microsecond, nothing is kept, and counting ends at the bound.
No value is looked at but the Study Instance UID, which a receiver needs to know where an instance belongs.
"""

from __future__ import annotations

import mmap
from dataclasses import dataclass
from pathlib import Path
from struct import Struct
from typing import Protocol

from pydicom._dicom_dict import DicomDictionary
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian

from dicom_io.errors import UnreadableObject, UnsupportedObject

UNDEFINED = 0xFFFFFFFF
STUDY_INSTANCE_UID = 0x0020000D
PIXEL_DATA = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
ITEM, ITEM_DELIMITER, SEQUENCE_DELIMITER = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD

LONG_FORM = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"})
"""VRs whose length has four bytes in Explicit VR (PS3.5 7.1.2)."""

BULK = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"UN", b"UT"})
"""VRs whose value is one thing however long it is, and no list of values that are parsed one by one."""

_VRS = {tag: row[0].split(" or ")[-1].encode() for tag, row in DicomDictionary.items()}
_PREAMBLE = 132
"""Bytes before the file meta information (PS3.10 7.1)."""

MOST_META_ELEMENTS = 64
"""Elements of file meta information; PS3.10 7.1 names fifteen."""

_TAG = Struct("<HH")
_LENGTH = Struct("<L")
_SHORT_LENGTH = Struct("<H")


class Buffer(Protocol):
    """Bytes, a memoryview or a memory-mapped file."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: slice, /) -> bytes: ...


@dataclass(frozen=True)
class ElementBounds:
    """``max_elements`` counts items and fragments of pixel data too; ``max_value_bytes`` all values that are lists.

    A photograph has a few hundred elements, six levels and some kilobytes of text at most; a multi-frame object of a
    thousand frames has some twenty thousand elements.
    """

    max_elements: int = 50_000
    max_nesting: int = 32
    max_value_bytes: int = 4 << 20


@dataclass(frozen=True)
class Survey:
    """``study_instance_uid``: "" where the data set has none, or is damaged before it."""

    elements: int
    study_instance_uid: str


def survey(data: Buffer, start: int, *, explicit: bool, bounds: ElementBounds) -> Survey:
    """Walk the data set that begins at ``start`` of ``data``, in Explicit or Implicit VR Little Endian.

    A data set that is damaged is walked as far as it can be. Raises UnreadableObject where it exceeds ``bounds``.
    """
    end = len(data)
    count = value_bytes = 0
    study = ""
    # Of each sequence and item around the present element: where it ends (None: at a delimiter), and how it is encoded.
    around: list[tuple[int | None, bool]] = []
    offset, in_pixel_data = start, False
    while True:
        while around and around[-1][0] is not None and offset >= (around[-1][0] or 0):
            _, explicit = around.pop()
        if offset + 8 > end:
            return Survey(count, study)
        count += 1
        if count > bounds.max_elements:
            raise UnreadableObject(f"the data set has more than {bounds.max_elements} elements")
        group, element = _TAG.unpack_from(data, offset)  # type: ignore[arg-type]
        tag = group << 16 | element
        offset += 4
        vr = b""
        if group == 0xFFFE or not explicit:
            (length,) = _LENGTH.unpack_from(data, offset)  # type: ignore[arg-type]
            offset += 4
            if group != 0xFFFE:
                vr = _VRS.get(tag, b"UN")
        else:
            vr = bytes(data[offset : offset + 2])
            if vr in LONG_FORM:
                if offset + 8 > end:
                    return Survey(count, study)
                (length,) = _LENGTH.unpack_from(data, offset + 4)  # type: ignore[arg-type]
                offset += 8
            else:
                (length,) = _SHORT_LENGTH.unpack_from(data, offset + 2)  # type: ignore[arg-type]
                offset += 4

        if group == 0xFFFE:
            if tag == ITEM and not in_pixel_data:
                around.append((None if length == UNDEFINED else offset + length, explicit))
                if len(around) > 2 * bounds.max_nesting:
                    raise UnreadableObject(f"the data set nests sequences more than {bounds.max_nesting} deep")
                continue
            if tag != ITEM:
                in_pixel_data = False
                if around and around[-1][0] is None:
                    _, explicit = around.pop()
                continue
        elif length == UNDEFINED and tag in PIXEL_DATA and not around:
            in_pixel_data = True  # encapsulated: the items that follow are fragments (PS3.5 A.4)
            continue
        elif length == UNDEFINED or vr == b"SQ" or (vr == b"UN" and _VRS.get(tag) == b"SQ"):
            around.append((None if length == UNDEFINED else offset + length, explicit))
            if len(around) > 2 * bounds.max_nesting:
                raise UnreadableObject(f"the data set nests sequences more than {bounds.max_nesting} deep")
            explicit = explicit and vr != b"UN"  # PS3.5 6.2.2: inside UN everything is in Implicit VR
            continue
        elif vr not in BULK:
            value_bytes += length
            if value_bytes > bounds.max_value_bytes:
                raise UnreadableObject(f"the data set has more than {bounds.max_value_bytes} bytes of header")
            if tag == STUDY_INSTANCE_UID and not around:
                study = bytes(data[offset : offset + length]).rstrip(b"\0 ").decode("latin-1")
        offset += length


def check_file(path: Path, bounds: ElementBounds | None = None) -> None:
    """Count the elements of the DICOM file ``path`` before anybody parses it.

    Raises UnreadableObject where it exceeds ``bounds``, UnsupportedObject where its data set is deflated, whose size
    nobody knows before it is inflated. What is no DICOM file, or a damaged one, is left for the parser to name.
    """
    with path.open("rb") as file:
        if len(file.read(_PREAMBLE)) < _PREAMBLE:
            return
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            transfer_syntax, start = _transfer_syntax(content)
            if transfer_syntax == DeflatedExplicitVRLittleEndian:
                raise UnsupportedObject(f"transfer syntax {DeflatedExplicitVRLittleEndian.name} is not supported")
            if transfer_syntax and transfer_syntax != ExplicitVRBigEndian:
                explicit = transfer_syntax != ImplicitVRLittleEndian
                survey(content, start, explicit=explicit, bounds=bounds or ElementBounds())


def _transfer_syntax(content: Buffer) -> tuple[str, int]:
    """Transfer syntax and start of the data set of a file (PS3.10 7.1); "" where it does not say."""
    found, offset = "", _PREAMBLE
    if bytes(content[offset - 4 : offset]) != b"DICM":
        return "", 0
    for _ in range(MOST_META_ELEMENTS):
        if offset + 12 > len(content):
            break
        group, element = _TAG.unpack_from(content, offset)  # type: ignore[arg-type]
        if group != 0x0002:
            return found, offset
        if bytes(content[offset + 4 : offset + 6]) in LONG_FORM:
            (length,) = _LENGTH.unpack_from(content, offset + 8)  # type: ignore[arg-type]
            offset += 12
        else:
            (length,) = _SHORT_LENGTH.unpack_from(content, offset + 6)  # type: ignore[arg-type]
            offset += 8
        if element == 0x0010:
            found = bytes(content[offset : offset + min(length, 64)]).rstrip(b"\0 ").decode("latin-1")
        offset += length
    return "", 0
