"""What is to be done with an attribute: the cells of Table E.1-1 resolved, and a net under what it does not list."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from dicom_io.standard import OPTIONS, Need, Row


class Action(Enum):
    """One letter of PS3.15 table E.1-1a, settled: "K" for plain attributes and sequences, "C" by what cleans it."""

    REMOVE = "X"
    EMPTY = "Z"
    DUMMY = "D"
    UID = "U"
    ENTER = "U*"
    """Clean the items of a sequence."""
    KEEP = "keep what is vocabulary"
    """Attributes outside the table: kept where syntax and vocabulary allow."""
    RETAIN = "K"
    """Kept as it is, where its value obeys its VR's syntax. Ages over 89 are all 90 (see ``ages``)."""
    RETAIN_ITEMS = "K of a sequence"
    """Items are cleaned, but a coded entry stays as the site wrote it: the code is what the option retains."""
    MOVE_DATE = "C of a date"
    VOCABULARY = "C of a text"
    """Kept where every word is public vocabulary, else the basic action."""
    CONTENT = "C of a content tree"
    AE_PSEUDONYM = "C of an AE title"
    REPLACE = "replaced by the site"


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
TEXT = frozenset({"LO", "LT", "SH", "ST", "UC", "UT"})

MODIFIED_DATES = "retain_longitudinal_modified_dates"


def listed_action(row: Row, vr: str, options: frozenset[str], need: Need) -> tuple[Action, str]:
    """The action of ``row`` under ``options``, where the IOD has ``need`` of the attribute, and the option behind it.

    The option is "" for the basic action. An option that retains goes before one that cleans (PS3.15 section E.3), with
    one exception: where dates are moved, all of the patient's are. A calibration in its true place, of the same morning
    as the photograph, would tell the shift.
    """
    cleaning = {option: _cleaning(option, vr) for option in OPTIONS if row.options.get(option) == "C"}
    if MODIFIED_DATES in options and cleaning.get(MODIFIED_DATES) is Action.MOVE_DATE:
        return Action.MOVE_DATE, MODIFIED_DATES
    for option in OPTIONS:
        if option in options and row.options.get(option) == "K":
            return (Action.RETAIN_ITEMS if vr == "SQ" else Action.RETAIN), option
    for option, action in cleaning.items():
        if option in options and action is not None:
            return action, option
    return basic_action(row, vr, need), ""


def _cleaning(option: str, vr: str) -> Action | None:
    """What cleans an attribute under ``option``; None where nothing can and the basic action is taken.

    No rule tells handwriting from a drawing, so bitmaps of overlays, curves and makers' binary notes are never cleaned.
    A time zone tells where the patient was, so it isn't either.
    """
    return _CLEANING.get(option, {}).get(vr)


_TEXT_RULE: Mapping[str, Action] = {**dict.fromkeys(TEXT, Action.VOCABULARY), "SQ": Action.ENTER, "CS": Action.KEEP}
_CLEANING: Mapping[str, Mapping[str, Action]] = {
    "retain_device_identity": {"AE": Action.AE_PSEUDONYM},
    "retain_patient_characteristics": _TEXT_RULE,
    MODIFIED_DATES: {"DA": Action.MOVE_DATE, "DT": Action.MOVE_DATE, "TM": Action.RETAIN},
    "clean_descriptors": _TEXT_RULE,
    "clean_structured_content": {"SQ": Action.CONTENT},
    "clean_graphics": {"SQ": Action.ENTER},
}


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
