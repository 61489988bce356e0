"""What is to be done with an attribute: the cells of Table E.1-1 resolved, and a net under what it does not list."""

from __future__ import annotations

from enum import Enum

from dicom_io.iod_types import Need
from dicom_io.profile_table import OPTIONS, Row


class Action(Enum):
    """One letter of PS3.15 table E.1-1a, settled. ``ENTER`` is what "keep" means for a sequence: clean its items."""

    REMOVE = "X"
    EMPTY = "Z"
    DUMMY = "D"
    KEEP = "K"
    CLEAN = "C"
    UID = "U"
    ENTER = "U*"


SAFE_TEXT = frozenset(
    {
        0x00080070,  # Manufacturer
        0x00081090,  # Manufacturer's Model Name
        0x00181020,  # Software Versions
    }
)
"""Short text outside the table that is kept: the make of a camera, which colour depends on and thousands share.

The table lists text that is *known* to identify. What it does not list, a sender can still fill with a name, so all
other unlisted text goes too: more than the Basic Profile asks.
"""

DEMANDS: frozenset[Need] = frozenset({"value", "value if present"})
"""What an attribute that is there may not meet with an empty value."""

NUMBERS = frozenset({"AT", "DS", "FD", "FL", "IS", "SL", "SS", "SV", "UL", "US", "UV"})


def listed_action(row: Row, vr: str, options: frozenset[str], need: Need) -> Action:
    """The action of ``row`` under ``options``, where the IOD has ``need`` of the attribute.

    An option that retains goes before one that cleans, and both before the basic action (PS3.15 section E.3).
    """
    marks = {row.options[option] for option in OPTIONS if option in options and option in row.options}
    if "K" in marks:
        return Action.ENTER if vr == "SQ" else Action.KEEP
    if "C" in marks:
        return Action.CLEAN
    return basic_action(row, vr, need)


def basic_action(row: Row, vr: str, need: Need) -> Action:
    """The Basic Profile's action of ``row`` (PS3.15 table E.1-1a).

    A compound action takes the least that keeps the object conformant: "X/Z/D" removes what the IOD does not need,
    empties what must be present, and puts a dummy where there must be a value. "Z" may be a dummy as well, which a
    Type 1 attribute needs. "X/Z/U*" replaces the UIDs in the items, as the table allows, so that instances keep their
    references to each other. Where the IOD is not known, the last letter is the safe one for conformance.
    """
    choices = row.basic
    if "U*" in choices:
        return Action.ENTER
    if "U" in choices or (vr == "UI" and "D" in choices):
        return Action.UID
    if need == "unknown":
        return Action(choices[-1])
    if need == "nothing":
        return Action(choices[0])
    if choices == ("X",):
        return Action.REMOVE
    if need in DEMANDS or "Z" not in choices:
        return Action.DUMMY
    return Action.EMPTY


def unlisted_action(tag: int, vr: str, need: Need) -> Action:
    """The net: what is done with a standard attribute that the table does not list, by its VR."""
    if vr == "SQ":
        return Action.ENTER
    if vr == "UI":
        return Action.UID
    if vr == "CS" or vr in NUMBERS or tag in SAFE_TEXT:
        return Action.KEEP
    return cleared_action(need)


def cleared_action(need: Need) -> Action:
    """How an attribute goes whose value must not stay: removed, or emptied or a dummy where the IOD needs it."""
    if need in DEMANDS:
        return Action.DUMMY
    return Action.EMPTY if need == "presence" else Action.REMOVE
