"""Reading a photograph: from a DICOM file to sRGB pixels, a header and hints, within limits and with named refusals."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom import Dataset
from pydicom.encaps import get_frame
from pydicom.pixels.processing import apply_color_lut
from pydicom.pixels.utils import pixel_array
from pydicom.uid import UID

from dicom_io.errors import DicomError, UnreadableObject, UnsupportedObject
from dicom_io.quiet import quiet
from dicom_io.reading.codestream import announced_size
from dicom_io.reading.colour import Rgb, to_srgb
from dicom_io.reading.hints import SourceHints, read_hints
from dicom_io.standard import PHOTOGRAPH_CLASSES, TRANSFER_SYNTAXES, TransferSyntax

COLOUR_SAMPLES = {
    "RGB": 3,
    "YBR_FULL": 3,
    "YBR_FULL_422": 3,
    "YBR_ICT": 3,
    "YBR_RCT": 3,
    "PALETTE COLOR": 1,
    "MONOCHROME1": 1,
    "MONOCHROME2": 1,
}
"""Photometric Interpretation (PS3.3 C.7.6.3.1.2) and the Samples per Pixel that goes with it."""

IMAGE_PIXEL = ("PhotometricInterpretation", "SamplesPerPixel", "BitsAllocated", "BitsStored", "PixelRepresentation")
"""Type 1 attributes (PS3.3 C.7.6.3) without which nothing can be said of the pixels."""


@dataclass(frozen=True)
class Limits:
    """What is read at all. ``max_pixels``: rows x columns of a frame, checked before it is decoded; bytes of a file."""

    max_pixels: int = 100_000_000
    max_file_bytes: int = 1 << 30


@dataclass(frozen=True)
class LossyHistory:
    """The lossy compressions that the pixels went through, oldest first (PS3.3 C.7.6.1.1.5).

    ``lossy`` may be true with nothing known of it. ``ratios`` are numbers > 0, ``methods`` defined terms; both have
    the same length.
    """

    lossy: bool = False
    ratios: tuple[float, ...] = ()
    methods: tuple[str, ...] = ()


@dataclass(frozen=True)
class SourcePhotograph:
    """A photograph as it came. ``rgb``: sRGB uint8 (height, width, 3). ``header``: without pixel data.

    The frame's EXIF orientation is not applied: DICOM orients by Patient Orientation, and viewers show the frame as is.
    """

    path: Path
    rgb: Rgb = field(repr=False)
    header: Dataset = field(repr=False)
    hints: SourceHints
    history: LossyHistory

    @property
    def raw(self) -> bytes:
        """The file's bytes, as it came, for the search for what may not leave."""
        return self.path.read_bytes()


def read_photograph(path: Path, limits: Limits | None = None) -> SourcePhotograph:
    """Read and decode the photograph at ``path``.

    Raises UnsupportedObject, which names what is not supported, for a whole object that is no photograph in our sense,
    and UnreadableObject for one that is damaged or beyond ``limits``.
    """
    limits = limits or Limits()
    with quiet():
        try:
            return _read(Path(path), limits)
        except DicomError:
            raise
        except FileNotFoundError:
            raise
        except Exception as error:  # pydicom and the decoders behind it raise almost anything on damaged input
            raise UnreadableObject(f"the photograph cannot be decoded ({type(error).__name__})") from error


def _read(path: Path, limits: Limits) -> SourcePhotograph:
    if path.stat().st_size > limits.max_file_bytes:
        raise UnreadableObject(f"the file is larger than the limit of {limits.max_file_bytes} bytes")
    try:
        dataset = pydicom.dcmread(path)
    except pydicom.errors.InvalidDicomError as error:
        raise UnreadableObject("the file is not a DICOM file (PS3.10 7.1)") from error
    transfer_syntax = _check_kind(dataset)
    rows, columns = _check_size(dataset, limits)
    encoded_size = _check_frame(dataset, transfer_syntax, (rows, columns))
    rgb = _decode(dataset, rows, columns)
    history = _history(dataset, transfer_syntax, rgb.nbytes / max(encoded_size, 1))
    profile = dataset.get("ICCProfile") or _optical_path_profile(dataset)
    del dataset.PixelData
    return SourcePhotograph(
        path=path,
        rgb=to_srgb(rgb, profile),
        header=dataset,
        hints=read_hints(dataset),
        history=history,
    )


def _check_kind(dataset: Dataset) -> TransferSyntax:
    sop_class = UID(str(dataset.get("SOPClassUID", "")))
    if not sop_class:
        raise UnreadableObject("the data set has no SOP Class UID; it is damaged or was cut short")
    stated_class = dataset.file_meta.get("MediaStorageSOPClassUID", sop_class)
    stated_instance = dataset.file_meta.get("MediaStorageSOPInstanceUID", dataset.get("SOPInstanceUID"))
    if stated_class != sop_class or stated_instance != dataset.get("SOPInstanceUID"):
        raise UnreadableObject("the UIDs of the file meta information and of the data set differ; it is damaged")
    if sop_class not in PHOTOGRAPH_CLASSES:
        raise UnsupportedObject(f"SOP class {sop_class.name} ({sop_class}) is not taken for a photograph")
    uid = UID(str(dataset.file_meta.get("TransferSyntaxUID", "")))
    if uid not in TRANSFER_SYNTAXES:
        raise UnsupportedObject(f"transfer syntax {uid.name} ({uid}) is not supported")
    frames = int(dataset.get("NumberOfFrames") or 1)
    if frames != 1:
        raise UnsupportedObject(f"{frames} frames; one is supported")
    absent = [keyword for keyword in IMAGE_PIXEL if dataset.get(keyword) in (None, "")]
    if absent:
        raise UnreadableObject(f"without {', '.join(absent)}; the object is damaged or was cut short")
    photometric = str(dataset.get("PhotometricInterpretation", ""))
    samples = int(dataset.get("SamplesPerPixel") or 0)
    if COLOUR_SAMPLES.get(photometric) != samples:
        raise UnsupportedObject(f"photometric interpretation {photometric!r} with {samples} samples per pixel")
    stored, allocated = int(dataset.get("BitsStored") or 0), int(dataset.get("BitsAllocated") or 0)
    if (stored, allocated) != (8, 8):
        raise UnsupportedObject(f"{stored} bits stored in {allocated}; 8 in 8 are supported")
    if int(dataset.get("PixelRepresentation") or 0) != 0:
        raise UnsupportedObject("signed pixel values")
    return TRANSFER_SYNTAXES[uid]


def _check_size(dataset: Dataset, limits: Limits) -> tuple[int, int]:
    rows, columns = int(dataset.get("Rows") or 0), int(dataset.get("Columns") or 0)
    if rows < 1 or columns < 1:
        raise UnreadableObject("Rows or Columns is absent or zero")
    if rows * columns > limits.max_pixels:
        raise UnreadableObject(f"{columns} x {rows} pixels; the limit is {limits.max_pixels} in all")
    if not dataset.get("PixelData"):
        raise UnreadableObject("there is no pixel data; the object is damaged or was cut short")
    return rows, columns


def _check_frame(dataset: Dataset, transfer_syntax: TransferSyntax, size: tuple[int, int]) -> int:
    """The bytes of the encoded frame, once it is sure that it decodes to what the header says and no more."""
    if transfer_syntax.codec == "none":
        return len(dataset.PixelData)
    frame = get_frame(dataset.PixelData, 0, number_of_frames=1)
    announced = announced_size(frame, transfer_syntax.codec)
    if announced is not None and announced != size:
        raise UnreadableObject(
            f"the compressed frame is {announced[1]} x {announced[0]} pixels, the header says {size[1]} x {size[0]}"
        )
    return len(frame)


def _decode(dataset: Dataset, rows: int, columns: int) -> Rgb:
    if dataset.PhotometricInterpretation == "PALETTE COLOR":
        pixels = apply_color_lut(pixel_array(dataset), dataset)
        if pixels.dtype == np.uint16:
            pixels = (pixels >> 8).astype(np.uint8)
    else:
        pixels = pixel_array(dataset)
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        pixels = 255 - pixels
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[:, :, None], 3, axis=2)
    if pixels.dtype != np.uint8 or pixels.shape != (rows, columns, 3):
        raise UnreadableObject(f"decoded to {pixels.dtype} {pixels.shape}, the header says {rows} x {columns}")
    return np.ascontiguousarray(pixels)


def _history(dataset: Dataset, transfer_syntax: TransferSyntax, ratio: float) -> LossyHistory:
    """The history in the header, and the compression in which the frame came when the header does not mention it."""
    ratios = [float(value) for value in _values(dataset, "LossyImageCompressionRatio")]
    methods = [str(value) for value in _values(dataset, "LossyImageCompressionMethod")]
    method = transfer_syntax.lossy_method
    lossy = method is not None or str(dataset.get("LossyImageCompression", "")) == "01"
    known = min(len(ratios), len(methods))
    ratios, methods = ratios[:known], methods[:known]
    if method is not None and (not methods or methods[-1] != method):
        ratios.append(round(max(ratio, 1.0), 2))
        methods.append(method)
    return LossyHistory(lossy, tuple(ratios), tuple(methods))


def _values(dataset: Dataset, keyword: str) -> list[Any]:
    value = dataset.get(keyword)
    if value is None or value == "":
        return []
    return list(value) if isinstance(value, pydicom.multival.MultiValue) else [value]


def _optical_path_profile(dataset: Dataset) -> bytes | None:
    """Classes with optical paths keep the profile there (PS3.3 C.8.12.5)."""
    paths = dataset.get("OpticalPathSequence")
    return paths[0].get("ICCProfile") if paths else None
