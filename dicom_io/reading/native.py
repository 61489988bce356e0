"""Uncompressed samples: which layout fits the length, and the samples in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dicom_io.errors import UnreadableObject, UnsupportedObject
from dicom_io.reading.frames import CUT_OFF, too_many_pictures
from dicom_io.reading.labels import LABELS, Label

Layout = Literal["one", "three", "halved"]
"""One sample a pixel; three; or YBR_FULL_422: two of luma and one of each chroma for two pixels (C.7.6.3.1.2)."""

ROUGHER = 1.3
"""By how much one reading must be rougher than the other to be the wrong one. Measured on 160 photographs of skin and
people, 96 to 512 pixels a side: pixels read as planes are at least 2.6 times rougher, planes read as pixels 1.58."""

MUCH_ROUGHER = 2.0
"""The same where Planar Configuration says that it is the right one."""

LEAST_SIDE = 32
"""Pixels; a smaller picture has too few neighbours to tell."""

MOST_ROWS = 64
"""Rows, from the middle, on which roughness is measured."""


@dataclass(frozen=True)
class Stored:
    """How uncompressed pixel data is stored. ``planar``: Planar Configuration, None where it is not 0 or 1."""

    rows: int
    columns: int
    label: Label | None
    samples: int | None
    planar: int | None
    bytes_per_sample: int
    shift: int


@dataclass(frozen=True)
class Samples:
    """``values``: uint8 (rows, columns) or (rows, columns, 3). ``label``: the one that fits the length."""

    values: NDArray[np.uint8]
    label: Label | None
    left_behind: tuple[str, ...] = ()


def native_samples(value: bytes, stored: Stored) -> Samples:
    """The samples in ``value``.

    Raises UnsupportedObject where the header leaves open how they lie, or declares fewer than there are, and
    UnreadableObject where some are missing.
    """
    layout, label = _layout(len(value), stored)
    size = _size(layout, stored)
    left_behind = _excess(value, size)
    flat = np.frombuffer(value, dtype=np.uint8, count=size)
    if stored.bytes_per_sample == 2:
        flat = ((flat.view("<u2") >> stored.shift) & 0xFF).astype(np.uint8)
    if layout == "one":
        values = flat.reshape(stored.rows, stored.columns)
    elif layout == "halved":
        values = _doubled(flat, stored.rows, stored.columns)
    else:
        values = _by_pixel(flat, stored)
    return Samples(values, label, left_behind)


def _layout(length: int, stored: Stored) -> tuple[Layout, Label | None]:
    """The one layout that the header allows and the length fits."""
    fitting = [layout for layout in ("one", "three", "halved") if _fits(length, _size(layout, stored))]
    label = stored.label
    wanted = _declared(stored)
    if wanted in fitting:
        return wanted, label
    if label is not None and label.model == "YCbCr" and stored.bytes_per_sample == 1:
        # Both terms are YCbCr: which of the two it is, the length tells.
        if wanted == "halved" and "three" in fitting:
            return "three", LABELS["YBR_FULL"]
        if wanted == "three" and "halved" in fitting:
            return "halved", LABELS["YBR_FULL_422"]
    if label is None and stored.samples == 3 and fitting == ["halved"]:
        return "halved", LABELS["YBR_FULL_422"]
    if label is not None and stored.samples not in (None, label.samples):
        raise UnsupportedObject("Photometric Interpretation and Samples per Pixel contradict each other; correct them")
    if length < _size(wanted, stored):
        raise UnreadableObject(f"{CUT_OFF} ({length} bytes of {_size(wanted, stored)})")
    return wanted, label


def _declared(stored: Stored) -> Layout:
    if stored.label is None:
        return "three" if stored.samples == 3 else "one"
    if stored.label.halved:
        return "halved"
    return "three" if stored.label.samples == 3 else "one"


def _size(layout: Layout, stored: Stored) -> int:
    """Bytes of a frame. Where chroma is halved a row of an odd number of pixels ends with half a pair."""
    pixels = stored.rows * stored.columns
    if layout == "halved":
        return stored.rows * ((stored.columns + 1) // 2) * 4
    return pixels * (3 if layout == "three" else 1) * stored.bytes_per_sample


def _fits(length: int, size: int) -> bool:
    return length in (size, size + size % 2)


def _excess(value: bytes, size: int) -> tuple[str, ...]:
    """What follows the frame. Padding is nothing; as much as another frame is another frame."""
    rest = len(value) - size
    if rest >= size:
        raise too_many_pictures(len(value) // size)
    if rest <= 1 or not value[size:].strip(b"\0"):
        return ()
    return (f"{rest} bytes that are no picture",)


def _doubled(flat: NDArray[np.uint8], rows: int, columns: int) -> NDArray[np.uint8]:
    """Both pixels of a pair get the pair's chroma."""
    pairs = flat.reshape(rows, -1, 4)
    values = np.empty((rows, pairs.shape[1] * 2, 3), dtype=np.uint8)
    values[:, 0::2, 0], values[:, 1::2, 0] = pairs[..., 0], pairs[..., 1]
    values[:, :, 1:] = np.repeat(pairs[..., 2:], 2, axis=1)
    return np.ascontiguousarray(values[:, :columns])


def _by_pixel(flat: NDArray[np.uint8], stored: Stored) -> NDArray[np.uint8]:
    """Three samples a pixel, from pixels or planes as Planar Configuration says, or the samples where it is silent."""
    rows, columns = stored.rows, stored.columns
    pixels = flat.reshape(rows, columns, 3)
    planes = np.moveaxis(flat.reshape(3, rows, columns), 0, 2)
    by_pixel, by_plane = roughness(pixels), roughness(planes)
    factor = ROUGHER if stored.planar is None else MUCH_ROUGHER
    smoother = stored.planar
    if min(rows, columns) >= LEAST_SIDE and by_plane > factor * by_pixel:
        smoother = 0
    elif min(rows, columns) >= LEAST_SIDE and by_pixel > factor * by_plane:
        smoother = 1
    if smoother is None:
        raise UnsupportedObject(
            "Planar Configuration is missing, and the samples do not tell whether they lie by pixel or by plane; add it"
        )
    if stored.planar not in (None, smoother):
        order = ("pixel", "plane")[smoother]
        raise UnsupportedObject(f"Planar Configuration is {stored.planar}, but samples lie by {order}; correct it")
    return np.ascontiguousarray(planes if smoother else pixels)


def roughness(values: NDArray[np.uint8]) -> float:
    """Mean difference between neighbours. A photograph is smooth; one that is read in the wrong order is not."""
    middle = max(0, (len(values) - MOST_ROWS) // 2)
    planes = values[middle : middle + MOST_ROWS].astype(np.int16)
    steps = [np.abs(np.diff(planes, axis=axis)) for axis in (0, 1)]
    return float(sum(step.mean() for step in steps if step.size))
