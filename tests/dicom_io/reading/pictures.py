"""Painted patches in every way that a frame can be coded, marked and labelled; and dcmtk's own decode of the result."""

from __future__ import annotations

import io
import struct
import subprocess
from collections.abc import Sequence
from pathlib import Path

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID, ExplicitVRLittleEndian, SecondaryCaptureImageStorage

from dicom_io.quiet import quiet
from tests.dicom_io.builders import minimal_header, photograph, write
from tests.peers import require_peer

Rgb = NDArray[np.uint8]

PAINT = ((200, 40, 50), (40, 150, 70), (60, 90, 180), (128, 128, 128))
"""Red, green, blue and grey: in false colours none of them stays what it is."""

PATCH_ROWS = slice(24, 56)
PATCH_COLUMNS = tuple(slice(16 + 48 * number, 32 + 48 * number) for number in range(len(PAINT)))


def painted(height: int = 160, width: int = 208) -> Rgb:
    """A smooth skin-coloured gradient with a row of painted patches."""
    rows, columns = np.mgrid[:height, :width]
    rgb = np.stack([215 - rows * 20 // height, 170 - columns * 15 // width, 145 + rows * 8 // height], axis=-1)
    for colour, place in zip(PAINT, PATCH_COLUMNS, strict=True):
        rgb[16:64, place.start - 8 : place.stop + 8] = colour
    return rgb.astype(np.uint8)


def off(rgb: Rgb, paint: Sequence[Sequence[int]] = PAINT) -> int:
    """The largest error of any channel in any patch."""
    return max(
        int(np.abs(rgb[PATCH_ROWS, place].astype(int) - np.array(colour)).max())
        for colour, place in zip(paint, PATCH_COLUMNS, strict=True)
    )


def in_ycbcr(rgb: Rgb) -> Rgb:
    """Full-range YCbCr (PS3.3 C.7.6.3.1.2), rounded."""
    weights = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])
    return np.rint(rgb @ weights.T + np.array([0, 128, 128])).clip(0, 255).astype(np.uint8)


JFIF = b"\xff\xe0\x00\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0"
EXIF = b"\xff\xe1\x00\x16Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0"


def adobe(transform: int) -> bytes:
    """An APP14 segment."""
    return b"\xff\xee\x00\x0eAdobe\0\x64\0\0\0\0" + bytes([transform])


MARKERS = {
    "none": b"",
    "JFIF": JFIF,
    "Adobe 0": adobe(0),
    "Adobe 1": adobe(1),
    "Adobe 2": adobe(2),
    "EXIF": EXIF,
    "JFIF and Adobe 1": JFIF + adobe(1),
}


def app_segment(number: int, payload: bytes) -> bytes:
    """An APPn segment."""
    return struct.pack(">BBH", 0xFF, 0xE0 + number, len(payload) + 2) + payload


def jpeg(
    samples: Rgb,
    *,
    sampling: int = 0,
    markers: bytes = b"",
    identifiers: Sequence[int] = (1, 2, 3),
    quality: int = 95,
    one_table: bool = False,
    **options: object,
) -> bytes:
    """``samples`` coded as they are, whatever they mean, with ``markers`` and no others.

    ``sampling``: Pillow's 0, 1 or 2 for 4:4:4, 4:2:2 or 4:2:0. ``one_table``: all components refer to one quantisation
    table. ``options`` go to the encoder.
    """
    buffer = io.BytesIO()
    image = Image.frombytes("YCbCr" if samples.ndim == 3 else "L", samples.shape[1::-1], samples.tobytes())
    image.save(buffer, "JPEG", quality=quality, subsampling=sampling, **options)
    return remarked(buffer.getvalue(), markers, identifiers if samples.ndim == 3 else (1,), one_table=one_table)


def remarked(frame: bytes, markers: bytes, identifiers: Sequence[int], *, one_table: bool = False) -> bytes:
    """``frame`` with ``markers`` in place of its own, and its components called ``identifiers``."""
    kept, at = [b"\xff\xd8", markers], 2
    number: dict[int, int] = {}
    while frame[at : at + 2] != b"\xff\xd9":
        marker = frame[at + 1]
        end = at + 2 + struct.unpack(">H", frame[at + 2 : at + 4])[0]
        segment = bytearray(frame[at:end])
        if marker in (0xC0, 0xC1, 0xC2):
            for place, identifier in enumerate(identifiers):
                number[segment[10 + 3 * place]] = identifier
                segment[10 + 3 * place] = identifier
                if one_table:
                    segment[12 + 3 * place] = 0
        if marker == 0xDA:
            for place in range(segment[4]):
                segment[5 + 2 * place] = number[segment[5 + 2 * place]]
            following = next(
                place
                for place in range(end, len(frame))
                if frame[place] == 0xFF and frame[place + 1] not in (0, *range(0xD0, 0xD8))
            )
            segment += frame[end:following]
            end = following
        if not 0xE0 <= marker <= 0xEF:
            kept.append(bytes(segment))
        at = end
    return b"".join((*kept, frame[at:]))


def wrapped(
    frames: Sequence[bytes],
    transfer_syntax: str,
    label: str | None,
    shape: Sequence[int] = (160, 208, 3),
    header: Dataset | None = None,
) -> Dataset:
    """``frames`` as the fragments of one object that says ``label``."""
    samples = 3 if len(shape) == 3 else 1
    dataset = photograph(header or minimal_header(SecondaryCaptureImageStorage), rgb=np.zeros((2, 2, 3), np.uint8))
    dataset.file_meta.TransferSyntaxUID = UID(transfer_syntax)
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = shape[0], shape[1], samples
    if samples == 1:
        del dataset.PlanarConfiguration
    if label is None:
        del dataset.PhotometricInterpretation
    else:
        with quiet():
            dataset.PhotometricInterpretation = label
    dataset.PixelData = encapsulate(list(frames))
    dataset["PixelData"].VR = "OB"
    return dataset


def uncompressed(samples: bytes, label: str | None, shape: Sequence[int] = (160, 208, 3)) -> Dataset:
    """``samples`` as they lie, in an object that says ``label``."""
    dataset = wrapped([b"\xff\xd8"], ExplicitVRLittleEndian, label, shape)
    dataset.PixelData = samples + bytes(len(samples) % 2)
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = False
    return dataset


def jpeg_2000(samples: Rgb, *, transform: bool, boxes: bool = False) -> bytes:
    """Lossless, with or without the codec's colour transform; ``boxes``: as a JP2 file."""
    kind = "jp2" if boxes else "j2k"
    return bytes(imagecodecs.jpeg2k_encode(samples, codecformat=kind, mct=transform, reversible=True, level=0))


def dcmtk_decodes(dataset: Dataset, path: Path, *options: str) -> Rgb | None:
    """What dcmtk's ``dcmj2pnm`` makes of ``dataset``; None where it refuses."""
    picture = path.with_suffix(".ppm")
    picture.unlink(missing_ok=True)
    command = [require_peer("dcmj2pnm"), "--write-raw-pnm", *options, str(write(dataset, path)), str(picture)]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode != 0 or not picture.exists():
        return None
    return np.asarray(Image.open(picture).convert("RGB"))
