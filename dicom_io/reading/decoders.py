"""Compressed frames to samples as they were coded, no colour converted: the one place that calls a codec's library.

Whatever a library raises on a damaged frame becomes ``UnreadableObject``.
"""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Callable, Mapping

import jpeg_ls
import numpy as np
from numpy.typing import NDArray
from openjpeg.utils import decode_pixel_data
from PIL import Image
from rle.rle import decode_segment  # type: ignore[import-not-found]

from dicom_io.errors import UnreadableObject, UnsupportedObject
from dicom_io.reading.codestream import Codestream
from dicom_io.reading.frames import CUT_OFF
from dicom_io.reading.jpeg_2000_stream import JP2_SIGNATURE
from dicom_io.standard import Codec

LOOK_AHEAD = bytes(8)

YCC_BOX = re.compile(rb"(colr\x01..\0\0\0)\x12", re.DOTALL)
"""The colour box of a JP2 file that says sYCC (T.800 I.5.3.3). OpenJPEG would convert by it; sRGB has it do nothing."""

Samples = NDArray[np.uint8]

PROCESSES = frozenset({"baseline", "extended sequential", "progressive"})
"""What is decoded under a transfer syntax of JPEG. Old senders put the other two under the one for baseline."""

ADOBE_WITHOUT_TRANSFORM = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00"
"""An APP14 segment by which libjpeg decodes three components as they are."""


def check_decodable(stream: Codestream, codec: Codec) -> None:
    """Raise UnsupportedObject, by name, for what no decoder here is made for."""
    if stream.precision != 8 or stream.signed:
        kind = "signed " if stream.signed else ""
        raise UnsupportedObject(f"the compressed frame has {kind}samples of {stream.precision} bits; 8 are supported")
    if stream.components not in (1, 3):
        raise UnsupportedObject(
            f"the compressed frame has {stream.components} components; grey has 1, RGB and YCbCr have 3"
        )
    if codec == "jpeg" and stream.process not in PROCESSES:
        raise UnsupportedObject(f"a JPEG frame of {stream.process}; baseline and progressive are supported")
    if codec == "jpeg-ls" and stream.process != "JPEG-LS":
        raise UnsupportedObject("the transfer syntax says JPEG-LS, the compressed frame is another kind of JPEG")
    if codec == "jpeg-2000" and stream.subsampled:
        raise UnsupportedObject("a JPEG 2000 frame whose components differ in size; send it as RGB")


def decode(frame: bytes, codec: Codec, rows: int, columns: int) -> Samples:
    """uint8 (rows, columns) or (rows, columns, 3), as coded. Raises UnreadableObject for a damaged frame."""
    try:
        samples = DECODERS[codec](frame, rows, columns)
    except (UnreadableObject, UnsupportedObject):
        raise
    except MemoryError:
        raise
    except Exception as error:  # the libraries raise almost anything on damaged input
        raise UnreadableObject("the compressed frame is damaged and cannot be decoded; send it again") from error
    if samples.dtype != np.uint8 or samples.shape[:2] != (rows, columns):
        raise UnreadableObject("the compressed frame decodes to another size than the header says")
    return samples


def _jpeg(frame: bytes, rows: int, columns: int) -> Samples:
    """A frame without an end marker is whole if the decoder gets through; it looks 64 bits ahead, and is given them."""
    ended = frame.endswith(b"\xff\xd9")
    with Image.open(io.BytesIO(_without_markers(frame) + (b"" if ended else LOOK_AHEAD)), formats=("JPEG",)) as image:
        try:
            return np.asarray(image)
        except OSError as error:
            raise UnreadableObject(CUT_OFF) from error


def _without_markers(frame: bytes) -> bytes:
    """``frame`` without application data and comments, with a marker that keeps three components as they are.

    So neither the decoder's own ideas of colour nor a camera's metadata take part.
    """
    kept, at = [b"\xff\xd8", ADOBE_WITHOUT_TRANSFORM], 2
    while True:
        while frame[at : at + 2] == b"\xff\xff":
            at += 1
        marker = frame[at + 1]
        if marker == 0xDA:
            return b"".join((*kept, frame[at:]))
        if marker == 0x01 or 0xD0 <= marker <= 0xD7:
            at += 2
            continue
        end = at + 2 + struct.unpack_from(">H", frame, at + 2)[0]
        if not (0xE0 <= marker <= 0xEF or marker == 0xFE):
            kept.append(frame[at:end])
        at = end


def _jpeg_ls(frame: bytes, rows: int, columns: int) -> Samples:
    buffer, header = jpeg_ls.decode_pixel_data(frame)
    samples = np.frombuffer(buffer, dtype=np.uint8)
    if header["components"] == 1:
        return samples.reshape(rows, columns)
    if header["interleave_mode"] == 0:
        return np.ascontiguousarray(np.moveaxis(samples.reshape(-1, rows, columns), 0, 2))
    return samples.reshape(rows, columns, -1)


def _jpeg_2000(frame: bytes, rows: int, columns: int) -> Samples:
    as_coded = YCC_BOX.sub(b"\\g<1>\x10", frame, count=1) if frame.startswith(JP2_SIGNATURE) else frame
    samples = np.frombuffer(decode_pixel_data(as_coded, version=2), dtype=np.uint8)
    return samples.reshape((rows, columns) if samples.size == rows * columns else (rows, columns, 3))


def _rle(frame: bytes, rows: int, columns: int) -> Samples:
    """PS3.5 annex G: a segment for each byte of each sample, most significant first."""
    count, *offsets = struct.unpack_from("<16I", frame)
    ends = [*offsets[1:count], len(frame)]
    planes = [
        np.frombuffer(decode_segment(frame[start:end]), dtype=np.uint8)[: rows * columns]
        for start, end in zip(offsets[:count], ends, strict=True)
    ]
    if any(plane.size < rows * columns for plane in planes):
        raise UnreadableObject("an RLE segment has fewer samples than the header says; the frame is cut off or damaged")
    if len(planes) in (2, 6):  # 16 bits allocated, of which the low 8 are used
        planes = planes[1::2]
    if len(planes) not in (1, 3):
        raise UnsupportedObject(f"an RLE frame of {len(planes)} segments; 1 and 3 are supported")
    shaped = [plane.reshape(rows, columns) for plane in planes]
    return shaped[0] if len(shaped) == 1 else np.stack(shaped, axis=2)


DECODERS: Mapping[Codec, Callable[[bytes, int, int], Samples]] = {
    "jpeg": _jpeg,
    "jpeg-ls": _jpeg_ls,
    "jpeg-2000": _jpeg_2000,
    "rle": _rle,
}
