"""Lookup tables (PS3.3 C.11.1.1, C.7.6.3.1.5) as they are written, with descriptors that do not fit their data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from dicom_io.errors import UnsupportedObject
from dicom_io.reading.header_values import words


@dataclass(frozen=True)
class LookupTable:
    """``entries``: values as stored, from ``first`` on; ``bits``: of which an entry uses as many."""

    entries: NDArray[np.uint16]
    first: int
    bits: int
    complete: bool = True

    def at(self, inputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """The entries for ``inputs``: below the first it is the first, above the last the last (C.11.1.1)."""
        places = np.clip(np.rint(inputs).astype(np.int64) - self.first, 0, len(self.entries) - 1)
        return self.entries[places].astype(np.float64)

    @property
    def largest(self) -> int:
        """The largest value that an entry can have."""
        return (1 << self.bits) - 1


def lookup_table(dataset: Dataset, descriptor: str, data: str, what: str) -> LookupTable:
    """The table in ``dataset`` under the keywords ``descriptor`` and ``data``; ``what`` it is called in a refusal.

    Bytes or words, and how many bits of a word: the descriptor and the data say both, and where they disagree the data
    are believed. ``complete`` is False where there are fewer entries than the descriptor says.

    Raises UnsupportedObject where a part is missing or cannot be read.
    """
    described = words(_value(dataset, descriptor))
    value = _value(dataset, data)
    if len(described) != 3 or value in (None, b"", ""):
        raise UnsupportedObject(f"{what} is incomplete; send the photograph as RGB, or with the whole table")
    count = described[0] or 1 << 16
    first = described[1] - (1 << 16) if described[1] >= 1 << 15 else described[1]
    entries, in_words = _entries(value, count, described[2])
    bits = described[2] if 8 <= described[2] <= 16 else 16 if in_words else 8
    largest = int(entries.max()) if entries.size else 0
    if largest >= 1 << bits:
        bits = 16
    if not entries.size:
        raise UnsupportedObject(f"{what} is empty; send the photograph as RGB, or with the whole table")
    return LookupTable(entries[:count], first, bits, complete=len(entries) >= count)


def _value(dataset: Dataset, keyword: str) -> object:
    try:
        return dataset.get(keyword)
    except Exception:  # an odd representation; a table that cannot be read is as good as none
        return None


def _entries(value: object, count: int, bits: int) -> tuple[NDArray[np.uint16], bool]:
    """The entries and whether each takes a word."""
    if not isinstance(value, bytes | bytearray):
        return np.array(words(value), dtype=np.uint16), True
    stored = np.frombuffer(bytes(value), dtype=np.uint8)
    half_empty = not stored[1::2].any() and bool(stored[0::2].any())
    if len(stored) in (count, count + count % 2) or (len(stored) < 2 * count and bits <= 8 and not half_empty):
        return stored.astype(np.uint16), False
    return np.frombuffer(bytes(value), dtype="<u2", count=len(stored) // 2).astype(np.uint16), True
