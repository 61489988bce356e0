"""From a data set to RGB: which samples there are, what they mean, and what is to be shown of them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from dicom_io.errors import UnreadableObject, UnsupportedObject
from dicom_io.reading.codestream import Codestream
from dicom_io.reading.decoders import PROCESSES, check_decodable, decode
from dicom_io.reading.evidence import colour_model
from dicom_io.reading.frames import is_encapsulated, one_picture
from dicom_io.reading.grey import shown
from dicom_io.reading.header_values import text, told, whole_number
from dicom_io.reading.labels import Label, label_of
from dicom_io.reading.native import Stored, native_samples
from dicom_io.reading.palette import through_palette
from dicom_io.reading.ycbcr import from_ycbcr
from dicom_io.standard import TransferSyntax

IMAGE_PIXEL = ("BitsAllocated", "BitsStored", "PixelRepresentation")
"""Type 1 attributes (PS3.3 C.7.6.3) without which nothing can be said of the pixels."""

SMALL = 1_000_000
"""Pixels below which a frame may be packed as tightly as it likes: unpacking it costs nothing."""

MOST_SCANS = 100
"""Scans of one JPEG. Each costs a pass over the whole picture; progressive encoders write about ten."""


@dataclass(frozen=True)
class Limits:
    """What is read at all, checked before anything is decoded.

    ``max_pixels``: rows x columns of a frame; ``max_file_bytes``: of a file. ``max_pixels_per_byte``: of a compressed
    frame of a megapixel or more. Photographs have less than 200 even at the lowest quality; thousands are nothing but
    one colour, made to fill a memory.
    """

    max_pixels: int = 100_000_000
    max_file_bytes: int = 1 << 30
    max_pixels_per_byte: int = 1000


@dataclass(frozen=True)
class Pixels:
    """``rgb``: uint8 (height, width, 3), not yet in sRGB. ``encoded_size``: bytes of the frame as it came."""

    rgb: NDArray[np.uint8] = field(repr=False)
    grey: bool
    encoded_size: int
    stream: Codestream | None
    left_behind: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Coded:
    """Samples as they were coded, what they are called, and what else came with them."""

    samples: NDArray[np.uint8] = field(repr=False)
    label: Label | None
    encoded_size: int
    stream: Codestream | None
    left_behind: tuple[str, ...]


def read_pixels(dataset: Dataset, transfer_syntax: TransferSyntax, limits: Limits) -> Pixels:
    """The photograph of ``dataset``, which declares one frame or none.

    Raises UnsupportedObject, by name, for what is no photograph in our sense or leaves open what it shows, and
    UnreadableObject for what is damaged or beyond ``limits``.
    """
    label = label_of(text(dataset, "PhotometricInterpretation"))
    _check_depth(dataset)
    rows, columns = _size(dataset, limits)
    if transfer_syntax.codec == "none":
        coded = _native(dataset, label, rows, columns)
    else:
        coded = _compressed(dataset, transfer_syntax, label, rows, columns, limits)
    grey, rgb = _meaning(coded, dataset)
    return Pixels(np.ascontiguousarray(rgb), grey, coded.encoded_size, coded.stream, coded.left_behind)


def _check_depth(dataset: Dataset) -> None:
    numbers = {keyword: whole_number(dataset, keyword) for keyword in IMAGE_PIXEL}
    absent = [keyword for keyword, value in numbers.items() if value is None]
    if absent:
        raise UnreadableObject(f"without {', '.join(absent)}; the object is damaged or was cut short")
    stored, allocated = numbers["BitsStored"], numbers["BitsAllocated"]
    if stored != 8 or allocated not in (8, 16):
        raise UnsupportedObject(f"{told(stored)} bits stored in {told(allocated)}; 8 in 8 or in 16 are supported")
    if numbers["PixelRepresentation"] != 0:
        raise UnsupportedObject("signed pixel values")


def _size(dataset: Dataset, limits: Limits) -> tuple[int, int]:
    rows, columns = whole_number(dataset, "Rows") or 0, whole_number(dataset, "Columns") or 0
    if rows < 1 or columns < 1:
        raise UnreadableObject("Rows or Columns is absent or zero")
    if rows * columns > limits.max_pixels:
        raise UnreadableObject(f"{told(columns)} x {told(rows)} pixels; the limit is {limits.max_pixels} in all")
    if not dataset.get("PixelData"):
        raise UnreadableObject("there is no pixel data; the object is damaged or was cut short")
    return rows, columns


def _native(dataset: Dataset, label: Label | None, rows: int, columns: int) -> _Coded:
    if dataset["PixelData"].is_undefined_length or is_encapsulated(dataset.PixelData):
        raise UnsupportedObject("the pixel data is compressed, the transfer syntax says that it is not")
    planar = whole_number(dataset, "PlanarConfiguration")
    high = whole_number(dataset, "HighBit")
    allocated = whole_number(dataset, "BitsAllocated") or 8
    stored = Stored(
        rows=rows,
        columns=columns,
        label=label,
        samples=whole_number(dataset, "SamplesPerPixel"),
        planar=planar if planar in (0, 1) else None,
        bytes_per_sample=allocated // 8,
        shift=high - 7 if high is not None and 7 <= high <= 15 else 0,
    )
    found = native_samples(dataset.PixelData, stored)
    return _Coded(found.values, found.label, len(dataset.PixelData), None, found.left_behind)


def _compressed(
    dataset: Dataset, transfer_syntax: TransferSyntax, label: Label | None, rows: int, columns: int, limits: Limits
) -> _Coded:
    codec = transfer_syntax.codec
    picture = one_picture(dataset.PixelData, codec)
    if picture.stream is not None:
        _check_stream(picture.stream, len(picture.frame), rows, columns, limits)
        check_decodable(picture.stream, codec)
    samples = decode(picture.frame, codec, rows, columns)
    return _Coded(samples, label, len(picture.frame), picture.stream, picture.left_behind)


def _check_stream(stream: Codestream, size: int, rows: int, columns: int, limits: Limits) -> None:
    """The frame unpacks to what the header says, and not out of nothing."""
    if (stream.rows, stream.columns) != (rows, columns):
        raise UnreadableObject(
            f"the compressed frame is {stream.columns} x {stream.rows} pixels, the header says {columns} x {rows}"
        )
    if rows * columns >= SMALL and rows * columns > size * limits.max_pixels_per_byte:
        raise UnreadableObject(
            f"{columns} x {rows} pixels in {size} bytes; the limit is {limits.max_pixels_per_byte} pixels a byte"
        )
    if stream.scans > MOST_SCANS:
        raise UnreadableObject(f"a JPEG of {stream.scans} scans; the limit is {MOST_SCANS}")


def _meaning(coded: _Coded, dataset: Dataset) -> tuple[bool, NDArray[np.uint8]]:
    """Whether the photograph is grey, and its RGB."""
    samples, label = coded.samples, coded.label
    if samples.ndim == 2:
        return _one_sample(samples, label, coded.stream, dataset)
    if label is not None and label.kind == "palette":
        raise UnsupportedObject("Photometric Interpretation is PALETTE COLOR, but there are three samples a pixel")
    if colour_model(samples, coded.stream, label) == "RGB":
        return False, samples
    return False, from_ycbcr(samples)


def _one_sample(
    samples: NDArray[np.uint8], label: Label | None, stream: Codestream | None, dataset: Dataset
) -> tuple[bool, NDArray[np.uint8]]:
    if label is None and (stream is None or not (stream.jfif or stream.declared == "grey")):
        raise UnsupportedObject(
            "Photometric Interpretation is missing or unknown: one sample a pixel may be MONOCHROME1, MONOCHROME2 or"
            " PALETTE COLOR; correct it"
        )
    if label is not None and label.kind == "palette":
        if stream is not None and stream.process in PROCESSES:
            raise UnsupportedObject("a palette whose indexes went through lossy JPEG; send the photograph as RGB")
        return False, through_palette(samples, dataset)
    grey = shown(samples, dataset, inverse=label is not None and label.term == "MONOCHROME1")
    return True, np.repeat(grey[:, :, None], 3, axis=2)
