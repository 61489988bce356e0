"""Palettes (PS3.3 C.7.9): from indexes to RGB."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from dicom_io.errors import UnsupportedObject
from dicom_io.reading.header_values import words
from dicom_io.reading.lookup_tables import LookupTable, lookup_table

COLOURS = ("Red", "Green", "Blue")


def through_palette(indexes: NDArray[np.uint8], dataset: Dataset) -> NDArray[np.uint8]:
    """uint8 RGB (rows, columns, 3) of ``indexes`` (rows, columns).

    Raises UnsupportedObject where a table is missing, or lacks entries that the picture needs.
    """
    tables = [_table(dataset, colour) for colour in COLOURS]
    _check_entries(tables, indexes)
    shift = _shift(tables)
    inputs = np.arange(256, dtype=np.float64)
    columns = [(table.at(inputs).astype(np.int64) >> shift).clip(0, 255).astype(np.uint8) for table in tables]
    return np.stack(columns, axis=1)[indexes]


def _table(dataset: Dataset, colour: str) -> LookupTable:
    prefix = f"{colour}PaletteColorLookupTable"
    what = f"the palette's {colour.lower()} table"
    segmented = f"Segmented{prefix}Data"
    if f"{prefix}Data" not in dataset and segmented in dataset:
        expanded = Dataset()
        setattr(expanded, f"{prefix}Descriptor", dataset.get(f"{prefix}Descriptor"))
        setattr(expanded, f"{prefix}Data", _expanded(words(dataset.get(segmented))))
        return lookup_table(expanded, f"{prefix}Descriptor", f"{prefix}Data", what)
    return lookup_table(dataset, f"{prefix}Descriptor", f"{prefix}Data", what)


def _check_entries(tables: list[LookupTable], indexes: NDArray[np.uint8]) -> None:
    """A table with fewer entries than it says will do where the picture uses none of those that are missing."""
    needed = int(indexes.max())
    for table in tables:
        if not table.complete and needed - table.first >= len(table.entries):
            raise UnsupportedObject(
                f"the palette has {len(table.entries)} entries, the picture needs {needed - table.first + 1};"
                " send the photograph as RGB, or with the whole palette"
            )


def _shift(tables: list[LookupTable]) -> int:
    """By how many bits entries are too large for 8.

    Entries of 8 bits in words of 16, which the descriptor may call 16, are 8 all the same: no entry is above 255, and
    taken for 16 bits the whole picture would be black.
    """
    largest = max(int(table.entries.max()) for table in tables)
    return 0 if largest < 256 else max(table.bits for table in tables) - 8


def _expanded(segments: tuple[int, ...]) -> bytes:
    """The words of a segmented table (C.7.9.2): discrete, linear and indirect segments."""
    entries: list[int] = []
    at = 0
    while at + 2 <= len(segments):
        at = _expand(segments, at, entries)
        if len(entries) > 1 << 16:
            break
    return np.array(entries[: 1 << 16], dtype="<u2").tobytes()


def _expand(segments: tuple[int, ...], at: int, entries: list[int]) -> int:
    """Append the entries of the segment at ``at``; where the next one is."""
    kind, length = segments[at : at + 2]
    if kind == 0:
        entries.extend(segments[at + 2 : at + 2 + length])
        return at + 2 + length
    if kind == 1 and entries and at + 2 < len(segments):
        begin, end = entries[-1], segments[at + 2]
        entries.extend(round(begin + (end - begin) * (step + 1) / length) for step in range(length))
        return at + 3
    if kind == 2 and at + 3 < len(segments):
        place = (segments[at + 2] | segments[at + 3] << 16) // 2  # the standard counts bytes
        for _ in range(length):
            if place >= at or segments[place] == 2:  # only what came before may be repeated
                break
            place = _expand(segments, place, entries)
        return at + 4
    raise UnsupportedObject("the palette's segmented table is damaged; send the photograph as RGB")
