"""The profile as configured: for each attribute one action and the reason for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from dicom_io.header.actions import DEMANDS, Action, cleared_action, listed_action, unlisted_action
from dicom_io.header.additions import NO_ADDITIONS, SiteAdditions
from dicom_io.standard import SAFE_PRIVATE, Need, PrivateElement, profile_table


class Ruling(NamedTuple):
    """``why`` names the table's cell, the option, the IOD's type or the site's addition; never a value."""

    action: Action
    why: str


NEED_IN_WORDS: dict[Need, str] = {
    "value": "Type 1", "value if present": "Type 1C", "presence": "Type 2", "nothing": "not needed by the IOD",
    "unknown": "an IOD whose types are not known",
}  # fmt: skip


@dataclass(frozen=True)
class Rulebook:
    """``options``: names out of ``profile_table.OPTIONS``. The site's additions were checked against them."""

    options: frozenset[str]
    additions: SiteAdditions = NO_ADDITIONS
    _made: dict[tuple[int, str, Need], Ruling] = field(default_factory=dict, compare=False, repr=False)

    def ruling(self, tag: int, vr: str, need: Need) -> Ruling:
        """The ruling for a standard attribute, made once."""
        key = (tag, vr, need)
        made = self._made.get(key)
        if made is None:
            made = self._made[key] = self._make(tag, vr, need)
        return made

    @property
    def safe_private(self) -> frozenset[PrivateElement]:
        """Private attributes that may stay: none without the option."""
        return SAFE_PRIVATE | self.additions.safe_private if "retain_safe_private" in self.options else frozenset()

    def _make(self, tag: int, vr: str, need: Need) -> Ruling:
        if tag in self.additions.remove:
            return Ruling(cleared_action(need), f"the site removes it; {NEED_IN_WORDS[need]}")
        if tag in self.additions.replace:
            return Ruling(Action.REPLACE, "the site replaces it")
        row = profile_table().row(tag)
        if row is None:
            return Ruling(unlisted_action(tag, vr, need), f"not in table E.1-1, VR {vr}; {NEED_IN_WORDS[need]}")
        action, option = listed_action(row, vr, self.options, need)
        if option:
            return Ruling(action, f"{option} {row.options[option]}")
        basic = "/".join(row.basic)
        return Ruling(action, f"basic profile {basic}; {NEED_IN_WORDS[need]}" if len(row.basic) > 1 or need in DEMANDS
                      else f"basic profile {basic}")  # fmt: skip
