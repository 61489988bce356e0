"""What became of each attribute of one instance, and why; never its value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

from pydicom import DataElement

from dicom_io.header.actions import Action
from dicom_io.standard import Path

Outcome = Literal[
    "kept", "removed", "emptied", "was empty", "new UID", "new value", "dummy", "items cleaned", "date moved"
]


class Decision(NamedTuple):
    """``path``: keywords from the data set's root, or a tag where there is no keyword."""

    path: Path
    outcome: Outcome
    why: str


Recorder = Callable[[Decision], None]

_BY_ACTION: dict[Action, Outcome] = {
    Action.UID: "new UID", Action.MOVE_DATE: "date moved", Action.AE_PSEUDONYM: "new value",
    Action.REPLACE: "new value", Action.ENTER: "items cleaned", Action.RETAIN_ITEMS: "items cleaned",
    Action.CONTENT: "items cleaned",
}  # fmt: skip


def outcome_of(action: Action, source: DataElement | None, result: DataElement | None) -> Outcome:
    """What ``action`` came to in the end: what a rule does not let stay ends as the basic action does."""
    if result is None:
        return "removed"
    if source is not None and source.is_empty and result.is_empty:
        return "was empty"
    if result.is_empty:
        return "emptied"
    if source is not None and result.VR != "SQ" and result.value == source.value:
        return "kept"
    if result.keyword in ("PatientID", "AccessionNumber"):
        return "new value"
    return _BY_ACTION.get(action, "new value" if action in (Action.KEEP, Action.RETAIN) else "dummy")
