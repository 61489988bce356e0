"""From encapsulated pixel data to the one picture in it. Every further picture and appended byte is accounted for.

What counts is what the fragments hold. Offset tables are not looked at: for a single frame they can only be
superfluous or wrong. A picture that is there and that the header does not mention is never dropped: the object is
refused, and the message says how many there are. What a camera appends on purpose (previews, gain maps, videos) is
named and left behind.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from dicom_io.errors import UnreadableObject, UnsupportedObject
from dicom_io.reading.codestream import MOST_MARKERS, Codestream
from dicom_io.reading.jpeg_2000_stream import JP2_SIGNATURE, read_jpeg_2000
from dicom_io.reading.jpeg_stream import read_jpeg
from dicom_io.standard import Codec

ITEM, SEQUENCE_END = (0xFFFE, 0xE000), (0xFFFE, 0xE0DD)

CUT_OFF = "the pixel data is cut off; the transfer or the disk failed on the way: send the photograph again"

MOST_COUNTED = 1000
"""Pictures, and what looks like the start of one, that are counted behind the first."""

PADDING = re.compile(rb"\0*")

SIGNATURES: Mapping[Codec, tuple[bytes, ...]] = {
    "jpeg": (b"\xff\xd8\xff",),
    "jpeg-ls": (b"\xff\xd8\xff",),
    "jpeg-2000": (b"\xff\x4f\xff\x51", JP2_SIGNATURE),
}
"""How a picture begins."""

NAMES: Mapping[Codec, str] = {"jpeg": "JPEG", "jpeg-ls": "JPEG-LS", "jpeg-2000": "JPEG 2000", "rle": "RLE"}

READERS: Mapping[Codec, Callable[[bytes, int], Codestream]] = {
    "jpeg": read_jpeg,
    "jpeg-ls": read_jpeg,
    "jpeg-2000": read_jpeg_2000,
}

TRAILERS = (
    (re.compile(rb"[\s\S]{0,4}ftyp"), "a video (motion photo)"),
    (re.compile(rb"[\s\S]*MotionPhoto_Data"), "a video (motion photo)"),
    (re.compile(rb"[\s\S]*SEFT\0*\Z"), "a camera maker's trailer"),
)
"""What is known of bytes behind a picture that are no picture: ISO base media files, and Samsung's trailer."""


@dataclass(frozen=True)
class Picture:
    """The one picture of an object. ``frame``: its bytes alone; ``left_behind``: what else there was, in words."""

    frame: bytes
    stream: Codestream | None
    left_behind: tuple[str, ...] = ()


def one_picture(value: bytes, codec: Codec) -> Picture:
    """The picture in ``value``, encapsulated Pixel Data of an object that declares one frame or does not say.

    Raises UnsupportedObject for more pictures than one and UnreadableObject for pixel data that is damaged or cut off.
    """
    parts = fragments(value)
    if not parts:
        raise UnreadableObject("the pixel data holds no picture; it is damaged or was cut short")
    if codec == "rle":
        return _one_rle(parts)
    whole, starts = b"".join(parts), _starts(parts)
    if not whole.startswith(SIGNATURES[codec]):
        raise UnreadableObject(_wrong_codec(whole, codec))
    stream = READERS[codec](whole, 0)
    if stream.end is None:
        begun = sum(part.startswith(SIGNATURES[codec]) for part in parts)
        if begun > 1:
            raise too_many_pictures(begun)
        if codec == "jpeg" and stream.scans == 1:  # only the end marker may be missing: the decoder will tell
            return Picture(whole, stream)
        raise UnreadableObject(CUT_OFF)
    further, left_behind = _behind(whole, stream, codec, starts)
    if further:
        raise too_many_pictures(1 + further)
    return Picture(whole[: stream.end], stream, left_behind)


def fragments(value: bytes) -> list[bytes]:
    """The fragments of encapsulated Pixel Data (PS3.5 A.4) that are not empty, without the offset table.

    Raises UnreadableObject where the items do not add up.
    """
    found = list(_items(value))
    if found and not _is_picture(found[0]):
        del found[0]  # the Basic Offset Table; encoders exist that leave it out
    return [item for item in found if item]


def is_encapsulated(value: bytes) -> bool:
    """Whether ``value`` is made of items, as compressed pixel data is and nothing else."""
    try:
        return bool(fragments(value))
    except UnreadableObject:
        return False


def _items(value: bytes) -> Iterator[bytes]:
    at = 0
    for _ in range(MOST_MARKERS):
        if at + 8 > len(value):
            break
        group, element, length = struct.unpack_from("<HHI", value, at)
        if (group, element) == SEQUENCE_END:
            return
        if (group, element) != ITEM:
            raise UnreadableObject("the pixel data is not made of items as compressed pixel data must be (PS3.5 A.4)")
        at += 8
        if at + length > len(value):
            raise UnreadableObject(CUT_OFF)
        yield value[at : at + length]
        at += length
    if at + 8 <= len(value):
        raise UnreadableObject(f"pixel data of more than {MOST_MARKERS} fragments")
    if at != len(value):
        raise UnreadableObject(CUT_OFF)


def _is_picture(item: bytes) -> bool:
    return any(item.startswith(signature) for signatures in SIGNATURES.values() for signature in signatures)


def _starts(parts: list[bytes]) -> frozenset[int]:
    """Where each fragment begins when all are joined."""
    at, starts = 0, set()
    for part in parts:
        starts.add(at)
        at += len(part)
    return frozenset(starts)


def _wrong_codec(whole: bytes, codec: Codec) -> str:
    for other, signatures in SIGNATURES.items():
        if whole.startswith(signatures):
            return f"the transfer syntax says {NAMES[codec]}, the compressed frame is {NAMES[other]}"
    return f"the compressed frame is not a {NAMES[codec]}"


def too_many_pictures(pictures: int) -> UnsupportedObject:
    """The refusal of an object with more pictures than it declares."""
    return UnsupportedObject(
        f"{pictures} pictures, the header says 1: send each in an object of its own, or correct Number of Frames"
    )


def _behind(whole: bytes, stream: Codestream, codec: Codec, starts: frozenset[int]) -> tuple[int, tuple[str, ...]]:
    """How many pictures nobody announced follow the first, and what else does."""
    further, announced, at = 0, 0, stream.end or len(whole)
    left_behind: list[str] = []
    while (at := _past_padding(whole, at)) < len(whole):
        if not whole.startswith(SIGNATURES[codec], at):
            tail = whole[at:].rstrip(b"\0")
            name = next((name for pattern, name in TRAILERS if pattern.match(tail)), "")
            hidden = 0 if name else _pictures_in(tail, codec)
            further += hidden
            left_behind.append(name or f"{len(tail)} bytes that are no picture")
            break
        if _is_announced(stream, at, starts, announced):
            announced += 1
        else:
            further += 1
        if further + announced > MOST_COUNTED:
            break
        end = _end_of(whole, at, codec)
        at = len(whole) if end is None else end
    if announced:
        left_behind += stream.companion_pictures or ("further pictures",)
    return further, tuple(dict.fromkeys(left_behind))


def _past_padding(whole: bytes, at: int) -> int:
    """The first byte from ``at`` that is no padding; the end where all is."""
    match = PADDING.match(whole, at)
    at = match.end() if match else at
    if whole.startswith(JP2_SIGNATURE, at - 3):  # which begins with zeros of its own
        return at - 3
    return at if whole[at:].strip(b"\xff\0") else len(whole)


def _is_announced(stream: Codestream, at: int, starts: frozenset[int], so_far: int) -> bool:
    """Whether the first picture said that another stands at ``at``.

    By the place that its index gives; or, where the index gives none, anywhere but at the start of a fragment: there
    another frame begins.
    """
    if at in stream.announced_at:
        return True
    if not stream.companion_pictures or at in starts:
        return False
    return stream.pictures_announced == 0 or so_far + 1 < max(stream.pictures_announced, 2)


def _pictures_in(tail: bytes, codec: Codec) -> int:
    """Pictures behind bytes that are none."""
    found, at = 0, 0
    for _ in range(MOST_COUNTED):
        places = [place for signature in SIGNATURES[codec] if (place := tail.find(signature, at)) >= 0]
        if not places:
            return found
        at = min(places)
        end = _end_of(tail, at, codec)
        found += end is not None
        at = end or at + 2
    raise UnreadableObject("what follows the picture cannot be told from further pictures; send the picture alone")


def _end_of(stream: bytes, at: int, codec: Codec) -> int | None:
    try:
        return READERS[codec](stream, at).end
    except UnreadableObject:
        return None


def _one_rle(parts: list[bytes]) -> Picture:
    """One fragment is one frame (PS3.5 A.4.2); some writers split a frame all the same."""
    if len(parts) > 1 and all(_is_rle_header(part) for part in parts):
        raise too_many_pictures(len(parts))
    whole = b"".join(parts)
    if not _is_rle_header(whole):
        raise UnreadableObject("the compressed frame is not RLE (PS3.5 annex G)")
    return Picture(whole, None)


def _is_rle_header(part: bytes) -> bool:
    if len(part) < 64:
        return False
    count, *offsets = struct.unpack_from("<16I", part)
    return 1 <= count <= 15 and offsets[0] == 64 and offsets[:count] == sorted(set(offsets[:count]))
