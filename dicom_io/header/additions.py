"""A site's additions to the profile: what it keeps, replaces and removes, and how far it may go.

An addition can always make the profile stricter. It can loosen it only where an option that the site has switched on
allows exactly that, so that the codes an object claims stay true.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydicom.datadict import dictionary_has_tag, dictionary_keyword, dictionary_VR, tag_for_keyword
from pydicom.valuerep import validate_value

from dicom_io.errors import ProfileError
from dicom_io.header.actions import TEXT
from dicom_io.standard import OPTIONS, PrivateElement, profile_table

SETTINGS = ("keep", "remove", "replace", "safe_private")

OURS = frozenset(
    {
        "PatientID", "PatientName", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID",
        "SpecificCharacterSet", "PatientIdentityRemoved", "DeidentificationMethod",
        "DeidentificationMethodCodeSequence",
        "LongitudinalTemporalInformationModified", "BurnedInAnnotation", "RecognizableVisualFeatures", "PixelData",
    }
)  # fmt: skip
"""What links instances, and what the object says of its own confidentiality: for the node alone to write."""

REPLACEABLE = TEXT | {"AE", "AS", "CS", "DA", "DS", "DT", "IS", "PN", "TM"}
PRIVATE_ATTRIBUTE = re.compile(r"\(?([0-9A-Fa-f]{4}),([^,]{1,64}),([0-9A-Fa-f]{2})\)?")
TAG = re.compile(r"\(?([0-9A-Fa-f]{4}),? ?([0-9A-Fa-f]{4})\)?")


@dataclass(frozen=True)
class SiteAdditions:
    """Tags as numbers. ``replace``: constants by tag. ``safe_private``: what Retain Safe Private keeps as well."""

    keep: frozenset[int] = frozenset()
    remove: frozenset[int] = frozenset()
    replace: Mapping[int, str] = field(default_factory=dict)
    safe_private: frozenset[PrivateElement] = frozenset()

    @property
    def replaced_keywords(self) -> frozenset[str]:
        """Keywords of what the site replaces."""
        return frozenset(dictionary_keyword(tag) for tag in self.replace)

    @classmethod
    def read(cls, settings: Mapping[str, Any], options: frozenset[str]) -> SiteAdditions:
        """The additions in ``settings``, the parsed profile file, under ``options``.

        Raises ``ProfileError``, which says every mistake and what is allowed instead.
        """
        mistakes = [
            f"{name}: unknown setting; there are {', '.join(SETTINGS)}" for name in settings if name not in SETTINGS
        ]
        keep = _tags(settings.get("keep", []), "keep", mistakes)
        remove = _tags(settings.get("remove", []), "remove", mistakes)
        replace = _replacements(settings.get("replace", {}), mistakes)
        private = _private(settings.get("safe_private", []), options, mistakes)
        mistakes += [complaint for tag in sorted(keep) if (complaint := _not_keepable(tag, options))]
        several = (keep & remove) | (keep & replace.keys()) | (remove & replace.keys())
        mistakes += [f"{named(tag)}: stands in more than one of keep, remove and replace" for tag in sorted(several)]
        mistakes += [
            f"{named(tag)}: only the node itself writes it" for tag in sorted(remove | replace.keys()) if _is_ours(tag)
        ]
        if mistakes:
            raise ProfileError("\n".join(mistakes))
        return cls(frozenset(keep), frozenset(remove), replace, frozenset(private))


NO_ADDITIONS = SiteAdditions()


def named(tag: int) -> str:
    """ "PatientAge (0010,1010)"."""
    keyword = dictionary_keyword(tag) if dictionary_has_tag(tag) else ""
    return f"{keyword} ({tag >> 16:04X},{tag & 0xFFFF:04X})".strip()


def _not_keepable(tag: int, options: frozenset[str]) -> str:
    """Why ``tag`` may not be kept; empty where it may."""
    row = profile_table().row(tag)
    if row is None:
        return f"{named(tag)}: the standard's table does not list it, so no option allows it to be kept"
    retaining = [option for option in OPTIONS if row.options.get(option) == "K"]
    if options.intersection(retaining):
        return ""
    if retaining:
        return f"{named(tag)}: kept only under {' or '.join(retaining)}; name that option, or do not keep it"
    return f"{named(tag)}: no option of the profile keeps it"


def _is_ours(tag: int) -> bool:
    return dictionary_has_tag(tag) and dictionary_keyword(tag) in OURS


def _tags(names: Any, setting: str, mistakes: list[str]) -> set[int]:
    if not isinstance(names, list):
        mistakes.append(f"{setting}: must be a list of keywords or tags")
        return set()
    found = set()
    for name in names:
        tag = _tag(name)
        if tag is None:
            mistakes.append(f"{setting}: {name!r} is neither a keyword of the standard nor a tag such as (0018,1000)")
        else:
            found.add(tag)
    return found


def _tag(name: Any) -> int | None:
    """The tag of a keyword or of "(gggg,eeee)"; None where the standard's dictionary has none."""
    if not isinstance(name, str):
        return None
    found = TAG.fullmatch(name.strip())
    tag = int(found[1] + found[2], 16) if found else tag_for_keyword(name.strip())
    if tag is None or not dictionary_has_tag(tag) or tag >> 16 in (0x0000, 0x0002, 0xFFFE) or tag >> 24 in (0x50, 0x60):
        return None
    return tag


def _replacements(settings: Any, mistakes: list[str]) -> dict[int, str]:
    if not isinstance(settings, Mapping):
        mistakes.append("replace: must be a table of keyword or tag to value")
        return {}
    replacements = {}
    for name, value in settings.items():
        tag = _tag(name)
        if tag is None:
            mistakes.append(f"replace: {name!r} is neither a keyword of the standard nor a tag such as (0018,1000)")
            continue
        vr = dictionary_VR(tag)
        if vr not in REPLACEABLE:
            mistakes.append(f"replace: {named(tag)}: a {vr} has no constant; it can only be removed")
        elif not isinstance(value, str) or not value.strip() or not _is_valid(vr, value):
            mistakes.append(f"replace: {named(tag)}: the value must be a text that is valid for VR {vr}")
        else:
            replacements[tag] = value
    return replacements


def _is_valid(vr: str, value: str) -> bool:
    try:
        validate_value(vr, value, validation_mode=2)
    except ValueError:
        return False
    return "\\" not in value


def _private(names: Sequence[Any], options: frozenset[str], mistakes: list[str]) -> set[PrivateElement]:
    if not isinstance(names, list):
        mistakes.append('safe_private: must be a list of "gggg,CREATOR,ee"')
        return set()
    if names and "retain_safe_private" not in options:
        mistakes.append("safe_private: kept only under retain_safe_private; name that option, or leave the list empty")
    found = set()
    for name in names:
        match = PRIVATE_ATTRIBUTE.fullmatch(name.strip()) if isinstance(name, str) else None
        if match is None or int(match[1], 16) % 2 == 0 or int(match[1], 16) < 9:
            mistakes.append(f'safe_private: {name!r} is not "gggg,CREATOR,ee", the group odd, such as 0019,LENSCO,10')
        else:
            found.add(PrivateElement(int(match[1], 16), match[2].strip(), int(match[3], 16)))
    return found
