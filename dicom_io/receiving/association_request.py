"""How much an association request may ask for: counted before it is decoded, which costs far more than counting."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from struct import Struct

LONGEST_ASSOCIATION_REQUEST = 1 << 18
"""Bytes. 128 presentation contexts of 30 transfer syntaxes each need about 140,000 (PS3.8 9.3.2)."""

MOST_ITEMS = 140
"""Items of a request: 128 presentation contexts (PS3.8 9.3.2.2), application context and user information."""

MOST_SUB_ITEMS = 4_500
"""Of all its items together: 128 presentation contexts of 30 transfer syntaxes each, and what goes with them."""

MOST_USER_SUB_ITEMS = 600
"""Of its user information: a role and three extended negotiations for each of 128 SOP classes, and some single ones."""

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
    sub_items = 0
    for number, (kind, start, end) in enumerate(items_of(request, FIXED_FIELDS, len(request)), 1):
        if number > MOST_ITEMS:
            return False
        if kind not in _SUB_ITEMS_AFTER:
            continue
        most = MOST_USER_SUB_ITEMS if kind == USER_INFORMATION else MOST_SUB_ITEMS - sub_items
        inside = sum(1 for _ in islice(items_of(request, start + _SUB_ITEMS_AFTER[kind], end), most + 1))
        if inside > most:
            return False
        sub_items += inside
    return True


def items_of(data: memoryview, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Kind, start and end of the value of each item between ``start`` and ``end``, cut off where they overrun."""
    while start + _ITEM_HEAD.size <= end:
        kind, length = _ITEM_HEAD.unpack_from(data, start)
        value = start + _ITEM_HEAD.size
        yield kind, value, min(value + length, end)
        start = value + length
