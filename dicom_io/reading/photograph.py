"""Reading a photograph: from a DICOM file to sRGB pixels, a header and hints, within limits and with named refusals."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pydicom
from pydicom import Dataset
from pydicom._uid_dict import UID_dictionary
from pydicom.uid import UID

from dicom_io.element_bounds import check_file
from dicom_io.errors import DicomError, UnreadableObject, UnsupportedObject
from dicom_io.quiet import quiet
from dicom_io.reading.colour import Rgb, to_srgb
from dicom_io.reading.frames import CUT_OFF
from dicom_io.reading.header_values import text, whole_number
from dicom_io.reading.hints import SourceHints, read_hints
from dicom_io.reading.history import LossyHistory, lossy_history
from dicom_io.reading.pixels import Limits, read_pixels
from dicom_io.standard import PHOTOGRAPH_CLASSES, TRANSFER_SYNTAXES, TransferSyntax

PIXEL_DATA = b"\xe0\x7f\x10\x00"
"""The tag of Pixel Data in little endian."""

MOST_TOLD = 10_000
"""A number of frames from here on is no number of frames, and is not repeated."""

NEVER_DECODED = "the photograph cannot be read: its header or its pixel data is damaged; send it again"


@dataclass(frozen=True)
class SourcePhotograph:
    """A photograph as it came. ``rgb``: sRGB uint8 (height, width, 3). ``header``: without pixel data.

    The frame's EXIF orientation is not applied: DICOM orients by Patient Orientation, and viewers show the frame as is.
    ``left_behind``: what was appended to the picture and is no part of it, in words: previews, gain maps, videos.
    """

    path: Path
    rgb: Rgb = field(repr=False)
    header: Dataset = field(repr=False)
    hints: SourceHints
    history: LossyHistory
    left_behind: tuple[str, ...] = ()

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
        except (DicomError, FileNotFoundError, MemoryError):
            raise
        except Exception as error:  # pydicom raises almost anything on damaged input
            raise UnreadableObject(NEVER_DECODED) from error


def _read(path: Path, limits: Limits) -> SourcePhotograph:
    if path.stat().st_size > limits.max_file_bytes:
        raise UnreadableObject(f"the file is larger than the limit of {limits.max_file_bytes} bytes")
    dataset = _dataset(path)
    transfer_syntax = _check_kind(dataset)
    pixels = read_pixels(dataset, transfer_syntax, limits)
    ratio = pixels.rgb.nbytes / max(pixels.encoded_size, 1)
    rgb = to_srgb(pixels.rgb, dataset, pixels.stream, grey=pixels.grey)
    del dataset.PixelData
    return SourcePhotograph(
        path=path,
        rgb=rgb,
        header=dataset,
        hints=read_hints(dataset),
        history=lossy_history(dataset, transfer_syntax, ratio),
        left_behind=pixels.left_behind,
    )


def _dataset(path: Path) -> Dataset:
    check_file(path)
    try:
        dataset = pydicom.dcmread(path)
    except pydicom.errors.InvalidDicomError as error:
        raise UnreadableObject("the file is not a DICOM file (PS3.10 7.1)") from error
    except Exception as error:
        if _breaks_in_pixel_data(path):
            raise UnreadableObject(CUT_OFF) from error
        raise
    if "PixelData" not in dataset and _breaks_in_pixel_data(path):
        raise UnreadableObject(CUT_OFF)
    return dataset


def _breaks_in_pixel_data(path: Path) -> bool:
    """Whether the header is whole and the pixel data behind it is what cannot be read."""
    try:
        header = pydicom.dcmread(path, stop_before_pixels=True)
    except Exception:  # then it is the header that is broken
        return False
    return "SOPClassUID" in header and "Rows" in header and PIXEL_DATA in path.read_bytes()


def _check_kind(dataset: Dataset) -> TransferSyntax:
    sop_class = UID(text(dataset, "SOPClassUID"))
    if not sop_class:
        raise UnreadableObject("the data set has no SOP Class UID; it is damaged or was cut short")
    stated_class = dataset.file_meta.get("MediaStorageSOPClassUID", sop_class)
    stated_instance = dataset.file_meta.get("MediaStorageSOPInstanceUID", dataset.get("SOPInstanceUID"))
    if stated_class != sop_class or stated_instance != dataset.get("SOPInstanceUID"):
        raise UnreadableObject("the UIDs of the file meta information and of the data set differ; it is damaged")
    if sop_class not in PHOTOGRAPH_CLASSES:
        raise UnsupportedObject(f"{_named('SOP class', sop_class)} is not taken for a photograph")
    uid = UID(text(dataset.file_meta, "TransferSyntaxUID"))
    if uid not in TRANSFER_SYNTAXES:
        raise UnsupportedObject(f"{_named('transfer syntax', uid)} is not supported")
    frames = whole_number(dataset, "NumberOfFrames") or 1
    if frames > 1:
        raise UnsupportedObject(f"{frames if frames < MOST_TOLD else 'very many'} frames; one is supported")
    return TRANSFER_SYNTAXES[uid]


def _named(kind: str, uid: UID) -> str:
    """A registered UID by its name. One that nobody registered may say anything, and is not repeated."""
    return f"{kind} {uid.name} ({uid})" if uid in UID_dictionary else f"a {kind} that the standard does not know"
