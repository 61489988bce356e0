"""Numbers and words of a header that may hold anything: what is no number is None, and nothing raises or is quoted."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from typing import Any

from pydicom import Dataset

MOST_COUNTED = 0xFFFF
"""The largest value of a US, which rows, bits and the like are."""


def values(dataset: Dataset, keyword: str) -> list[Any]:
    """All values of ``keyword``, those that are empty left out; empty for an attribute that cannot be decoded."""
    try:
        value = dataset.get(keyword)
    except Exception:  # pydicom raises almost anything on a value that does not fit its representation
        return []
    many = list(value) if isinstance(value, Sequence) and not isinstance(value, str | bytes) else [value]
    return [one for one in many if one not in (None, "", b"")]


def text(dataset: Dataset, keyword: str) -> str:
    """The first value as text without padding; empty where there is none."""
    found = values(dataset, keyword)
    return str(found[0]).strip(" \0") if found else ""


def number(dataset: Dataset, keyword: str) -> float | None:
    """The first value as a finite number."""
    found = values(dataset, keyword)
    return finite(found[0]) if found else None


def whole_number(dataset: Dataset, keyword: str) -> int | None:
    """The first value as a whole number."""
    value = number(dataset, keyword)
    return int(value) if value is not None and value == int(value) else None


def finite(value: object) -> float | None:
    """``value`` as a finite number, None where it is none."""
    try:
        found = float(str(value).strip(" \0"))
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def told(count: int | None) -> str:
    """A count out of a header as it may be repeated: one that no object has may be somebody's telephone number."""
    return "impossibly many" if count is not None and not 0 <= count <= MOST_COUNTED else str(count)


def words(value: object, *, little_endian: bool = True) -> tuple[int, ...]:
    """Unsigned 16-bit words of an attribute that was read as numbers or, with an odd representation, as bytes."""
    if isinstance(value, bytes | bytearray):
        order = "<" if little_endian else ">"
        return struct.unpack(f"{order}{len(value) // 2}H", value[: len(value) // 2 * 2])
    many = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    found = [finite(one) for one in many]
    return tuple(int(one) & 0xFFFF for one in found if one is not None)
