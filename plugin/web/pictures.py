"""Pictures for browsers, as bytes: the twins, and what is laid over them. No metadata of a source enters."""

from __future__ import annotations

import io
import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from dicom_io.reading import Limits, read_photograph
from pipeline.disease import difference_picture
from pipeline.photograph import Rgb
from plugin.delivery import Outbox
from plugin.web.results import Made, Results

JPEG, PNG = "image/jpeg", "image/png"
QUALITY = 92
RIM, FILL = (0, 214, 214, 255), (0, 214, 214, 36)
"""Of the mask."""

KINDS = {
    "sick": "Sick twin: a person who does not exist, with the disease",
    "healthy": "Healthy twin: the same person, healed",
    "map": "Map: what the disease changes",
    "mask": "Mask: what the segmentation holds",
}
"""What there is to see of each photograph, in words."""

MOST_BYTES = 64 * 2**20


class Cache:
    """Pictures that were asked for last: turning one layer on and off must not make it anew. Any thread may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pictures: OrderedDict[tuple[str, int, str], tuple[bytes, str]] = OrderedDict()

    def get(self, key: tuple[str, int, str], make: Callable[[], tuple[bytes, str]]) -> tuple[bytes, str]:
        with self._lock:
            if key in self._pictures:
                self._pictures.move_to_end(key)
                return self._pictures[key]
        made = make()
        with self._lock:
            self._pictures[key] = made
            while len(self._pictures) > 1 and sum(len(each) for each, _ in self._pictures.values()) > MOST_BYTES:
                self._pictures.popitem(last=False)
        return made


def picture(place: Outbox, results: Results, made: Made, kind: str, limits: Limits) -> tuple[bytes, str] | None:
    """The picture of that ``kind`` and its media type; None where nothing of the kind was made.

    Raises ``FileNotFoundError`` where it has just gone, ``SealBroken``, ``UnreadableObject``.
    """
    sick, healthy = made.numbers.get("sick-twin", ()), made.numbers.get("healthy-twin", ())
    match kind:
        case "sick" | "healthy" if numbers := (sick if kind == "sick" else healthy):
            with place.opened(results.folder, numbers[:1]) as (path,):
                return jpeg(read_photograph(path, limits).rgb), JPEG
        case "map" if sick and healthy:
            with place.opened(results.folder, [sick[0], healthy[0]]) as (one, other):
                return _map(read_photograph(one, limits).rgb, read_photograph(other, limits).rgb, made), PNG
        case "mask" if numbers := made.numbers.get("segmentation", ()):
            with place.opened(results.folder, numbers) as paths:
                return _mask(paths), PNG
    return None


def jpeg(rgb: Rgb) -> bytes:
    """``rgb`` at full size, without any metadata."""
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "JPEG", quality=QUALITY, subsampling=0)
    return buffer.getvalue()


def _map(sick: Rgb, healthy: Rgb, made: Made) -> bytes:
    """As a layer: where nothing changes it lets through what lies below."""
    drawn = difference_picture(sick, healthy, made.lesion_class)
    strength = np.minimum(2 * (255 - drawn.min(axis=2).astype(np.int32)), 255).astype(np.uint8)
    return _png(np.dstack([drawn, strength]))


def _mask(paths: list[Path]) -> bytes:
    segments = [pydicom.dcmread(path) for path in paths]
    binary = next(segment for segment in segments if segment.SegmentationType == "BINARY")
    mask = np.asarray(binary.pixel_array, bool).reshape(binary.Rows, binary.Columns)
    wide = max(1, round(max(mask.shape) / 400))
    layer = np.zeros((*mask.shape, 4), np.uint8)
    layer[mask] = FILL
    layer[ndimage.binary_dilation(mask, iterations=wide) & ~mask] = RIM
    return _png(layer)


def _png(rgba: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(rgba).save(buffer, "PNG", compress_level=3)
    return buffer.getvalue()
