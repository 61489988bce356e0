"""Private attributes that Retain Safe Private keeps: the numbers and coded strings on the standard's list.

PS3.15 table E.3.10-1 also names texts, UIDs, bytes and sequences of some makers. Those can hold anything, whatever the
maker meant, and are left out. What a site knows of its own cameras it adds in its profile file.
"""

from __future__ import annotations

from typing import NamedTuple


class PrivateElement(NamedTuple):
    """``element``: the last byte of the tag, which the block's creator gives its meaning (PS3.5 section 7.8.1)."""

    group: int
    creator: str
    element: int


_LISTED: tuple[tuple[int, str, tuple[int, ...]], ...] = (
    (0x0019, "GEMS_ACQU_01", (0x23, 0x24, 0x27)),
    (0x0019, "SIEMENS MR HEADER", (0x0C, 0x0D, 0x0E, 0x27)),
    (0x0025, "GEMS_SERS_01", (0x07,)),
    (0x0043, "GEMS_PARM_01", (0x39, 0x6F)),
    (0x0045, "GEMS_HELIOS_01", (0x01, 0x02)),
    (0x0099, "NQHeader", (0x04, 0x10, 0x21)),
    (0x00E1, "ELSCINT1", (0x21, 0x50)),
    (0x0199, "NQLeft", tuple(range(0x01, 0x17))),
    (0x01E1, "ELSCINT1", (0x26,)),
    (0x01F1, "ELSCINT1", (0x01, 0x07, 0x26, 0x27)),
    (0x0299, "NQRight", tuple(range(0x01, 0x17))),
    (0x0903, "GEIIS PACS", (0x10, 0x11, 0x12)),
    (0x2001, "Philips Imaging DD 001", (0x03, 0x04)),
    (0x2005, "Philips MR Imaging DD 001", (0x0D, 0x0E)),
    (0x7053, "Philips PET Private Group", (0x00, 0x09)),
)

SAFE_PRIVATE = frozenset(
    PrivateElement(group, creator, element) for group, creator, elements in _LISTED for element in elements
)
