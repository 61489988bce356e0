"""DIMSE statuses by name, with their meaning and the clause that defines them. No handler writes a bare number."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

Category = Literal["success", "warning", "failure"]


class Status(IntEnum):
    """The statuses that we send, or that we tell apart when a destination sends them."""

    SUCCESS = 0x0000
    PROCESSING_FAILURE = 0x0110
    DUPLICATE_SOP_INSTANCE = 0x0111
    NO_SUCH_OBJECT_INSTANCE = 0x0112
    NO_SUCH_EVENT_TYPE = 0x0113
    INVALID_ARGUMENT_VALUE = 0x0115
    INVALID_OBJECT_INSTANCE = 0x0117
    CLASS_INSTANCE_CONFLICT = 0x0119
    SOP_CLASS_NOT_SUPPORTED = 0x0122
    NO_SUCH_ACTION_TYPE = 0x0123
    NOT_AUTHORIZED = 0x0124
    UNRECOGNISED_OPERATION = 0x0211
    RESOURCE_LIMITATION = 0x0213
    OUT_OF_RESOURCES = 0xA700
    DATA_SET_DOES_NOT_MATCH_SOP_CLASS = 0xA900
    COERCION_OF_DATA_ELEMENTS = 0xB000
    ELEMENTS_DISCARDED = 0xB006
    DATA_SET_DOES_NOT_MATCH_SOP_CLASS_WARNING = 0xB007
    CANNOT_UNDERSTAND = 0xC000


@dataclass(frozen=True)
class StatusRange:
    """The codes ``first`` to ``last``, both included. ``retryable``: the same store may succeed later."""

    first: int
    last: int
    category: Category
    meaning: str
    clause: str
    retryable: bool = False


RANGES: tuple[StatusRange, ...] = (
    StatusRange(0x0000, 0x0000, "success", "Success", "PS3.4 B.2.3"),
    StatusRange(0x0001, 0x0001, "warning", "Requested optional attributes are not supported", "PS3.7 C.4"),
    StatusRange(0x0107, 0x0107, "warning", "Attribute list error", "PS3.7 C.4.2"),
    StatusRange(0x0110, 0x0110, "failure", "Processing failure", "PS3.7 C.5.16", retryable=True),
    StatusRange(0x0111, 0x0111, "failure", "Duplicate SOP instance", "PS3.7 C.5.6"),
    StatusRange(0x0112, 0x0112, "failure", "No such object instance", "PS3.7 Annex C"),
    StatusRange(0x0113, 0x0113, "failure", "No such event type", "PS3.7 Annex C"),
    StatusRange(0x0115, 0x0115, "failure", "Invalid argument value", "PS3.7 Annex C"),
    StatusRange(0x0116, 0x0116, "warning", "Attribute value out of range", "PS3.7 C.4.3"),
    StatusRange(0x0117, 0x0117, "failure", "Invalid object instance", "PS3.7 C.5.9"),
    StatusRange(0x0119, 0x0119, "failure", "Class-instance conflict", "PS3.7 Annex C"),
    StatusRange(0x0122, 0x0122, "failure", "SOP class not supported", "PS3.7 C.5.5"),
    StatusRange(0x0123, 0x0123, "failure", "No such action type", "PS3.7 Annex C"),
    StatusRange(0x0124, 0x0124, "failure", "Refused: not authorized", "PS3.7 C.5.23"),
    StatusRange(0x0211, 0x0211, "failure", "Unrecognized operation", "PS3.7 C.5.24"),
    StatusRange(0x0213, 0x0213, "failure", "Resource limitation", "PS3.7 C.5.19", retryable=True),
    StatusRange(0xA700, 0xA7FF, "failure", "Refused: out of resources", "PS3.4 B.2.3", retryable=True),
    StatusRange(0xA900, 0xA9FF, "failure", "Data set does not match SOP class", "PS3.4 B.2.3"),
    StatusRange(0xB000, 0xB000, "warning", "Stored, but data elements were coerced", "PS3.4 B.2.3"),
    StatusRange(0xB001, 0xB005, "warning", "Stored with a warning", "PS3.4 B.2.3"),
    StatusRange(0xB006, 0xB006, "warning", "Stored, but elements were discarded", "PS3.4 B.2.3"),
    StatusRange(0xB007, 0xB007, "warning", "Stored, but the data set does not match its SOP class", "PS3.4 B.2.3"),
    StatusRange(0xB008, 0xBFFF, "warning", "Stored with a warning", "PS3.4 B.2.3"),
    StatusRange(0xC000, 0xCFFF, "failure", "Cannot understand", "PS3.4 B.2.3"),
)


def meaning_of(code: int) -> StatusRange:
    """The range that ``code`` falls in. A code that no clause defines is a failure and is not retried."""
    for known in RANGES:
        if known.first <= code <= known.last:
            return known
    return StatusRange(code, code, "failure", "Status that the standard does not define", "PS3.7 Annex C")
