"""How much an association request may ask for: counted before it is decoded, which costs far more than counting."""

from __future__ import annotations

from struct import Struct

LONGEST_ASSOCIATION_REQUEST = 1 << 18
"""Bytes. 128 presentation contexts of 30 transfer syntaxes each need about 140,000 (PS3.8 9.3.2)."""

MOST_ITEMS = 6_000
"""Items and sub-items in all: 128 presentation contexts of 40 transfer syntaxes each, and what goes with them."""

FIXED_FIELDS = 68
"""Bytes of a request before its variable items: versions, titles and reserved fields (PS3.8 Table 9-11)."""

PRESENTATION_CONTEXT, USER_INFORMATION = 0x20, 0x50
_SUB_ITEMS_AFTER = {PRESENTATION_CONTEXT: 4, USER_INFORMATION: 0}
"""Kinds of items that hold items, and the bytes of their own before these (PS3.8 9.3.2.2 and 9.3.2.3)."""

_ITEM_HEAD = Struct(">BxH")


def is_reasonable(request: memoryview) -> bool:
    """Whether the A-ASSOCIATE-RQ ``request``, without the six bytes of its head, is small enough to be decoded."""
    if len(request) < FIXED_FIELDS:
        return False
    left = MOST_ITEMS
    for kind, start, end in _items(request, FIXED_FIELDS, len(request)):
        left -= 1
        if kind in _SUB_ITEMS_AFTER:
            left -= sum(1 for _ in _items(request, start + _SUB_ITEMS_AFTER[kind], end))
        if left < 0:
            return False
    return True


def _items(data: memoryview, start: int, end: int) -> list[tuple[int, int, int]]:
    """Kind, start and end of the value of each item between ``start`` and ``end``, cut off where they overrun."""
    found: list[tuple[int, int, int]] = []
    while start + _ITEM_HEAD.size <= end and len(found) <= MOST_ITEMS:
        kind, length = _ITEM_HEAD.unpack_from(data, start)
        value = start + _ITEM_HEAD.size
        found.append((kind, value, min(value + length, end)))
        start = value + length
    return found
