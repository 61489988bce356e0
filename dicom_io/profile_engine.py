"""The walk through a data set: each attribute looked up, its action taken, each sequence entered."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from pydicom import DataElement, Dataset
from pydicom._uid_dict import UID_dictionary
from pydicom.datadict import dictionary_has_tag, dictionary_keyword, dictionary_VR, tag_for_keyword
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag

from dicom_io.dummies import dummy_value, empty_value
from dicom_io.errors import ProfileError
from dicom_io.iod_types import Need, Path, iod_types
from dicom_io.profile_actions import Action, basic_action, cleared_action, listed_action, unlisted_action
from dicom_io.profile_table import Row, profile_table
from dicom_io.pseudonyms import PatientIdentity, Pseudonyms
from dicom_io.public_codes import CODE_TAGS, UNKNOWN, code_item, is_coded_entry, public_code
from dicom_io.public_words import is_defined_term, is_public_vocabulary

DEEPEST = 32
"""Items inside items. Real objects have fewer than ten; a file with more was made to exhaust somebody's stack."""

TRANSPORT_GROUPS = frozenset({0x0000, 0x0002})
"""Command and file meta elements are no part of a data set; who writes the file writes its own."""

REGISTERED = frozenset(uid for uid, entry in UID_dictionary.items() if not entry[1].startswith("Well-known SOP"))
"""UIDs that the standard defines (PS3.6 annex A): they name kinds of things, not things."""

MODIFIED_DATES = "retain_longitudinal_modified_dates"

SYNTAX = {
    "CS": re.compile(r"[A-Z0-9_ ]{0,16}"),
    "DS": re.compile(r" *[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)? *"),
    "IS": re.compile(r" *[+-]?\d{1,10} *"),
    "TM": re.compile(r"\d\d([0-5]\d([0-5]\d(\.\d{1,6})?)?)?"),
}
"""PS3.5 table 6.2-1. A value that breaks its VR's syntax was not written by a camera and is not kept."""

DATETIME = re.compile(r"(\d{8})((?:\d\d){0,3}(?:\.\d{1,6})?)(?:[+-]\d{4})?")
"""DT: date, time, offset from UTC. The offset is not kept: it tells where."""


class ProfileEngine:
    """One instance's walk. ``sop_class_uid`` says which attributes the IOD needs; ``patient`` whose dates move."""

    def __init__(
        self, pseudonyms: Pseudonyms, options: frozenset[str], sop_class_uid: str, patient: PatientIdentity
    ) -> None:
        self._pseudonyms = pseudonyms
        self._options = options
        self._table = profile_table()
        self._types = iod_types(sop_class_uid)
        self._shift = timedelta(days=pseudonyms.date_shift(patient.patient_id, patient.issuer))

    def cleaned(self, dataset: Dataset, path: Path = ()) -> Dataset:
        """A new data set with what may stay of ``dataset``, an item of the sequences named by ``path``.

        Empty where nothing may stay, as with a coded entry that is not public.
        """
        if len(path) > DEEPEST:
            raise ProfileError(f"sequences are nested more than {DEEPEST} deep")
        clean = Dataset()
        coded = bool(path) and is_coded_entry(dataset)
        if coded:
            code = public_code(_text(dataset, "CodeValue"), _text(dataset, "CodingSchemeDesignator"))
            if code is None:
                return clean
            clean.update(code_item(code))
        for tag in dataset.keys():  # noqa: SIM118  iterating over a Dataset decodes every value, its keys do not
            if coded and int(tag) in CODE_TAGS:
                continue
            element = self._cleaned_element(dataset, tag, path)
            if element is not None:
                clean[tag] = element
        return clean

    def _cleaned_element(self, dataset: Dataset, tag: BaseTag, path: Path) -> DataElement | None:
        """What stands in place of the attribute ``tag`` of ``dataset``; None where nothing does."""
        if _has_no_place(tag):
            return None
        vr, keyword = dictionary_VR(tag), dictionary_keyword(tag)
        path = (*path, keyword)
        need, row = self._types.need(path), self._table.row(tag)
        action = unlisted_action(tag, vr, need) if row is None else listed_action(row, vr, self._options, need)
        if action is Action.REMOVE:
            return None
        source = _readable(dataset, tag, vr)
        if source is None:
            nothing = DataElement(tag, _first(vr), empty_value(_first(vr)))
            return self._replaced(nothing, cleared_action(need), need, path)
        if keyword in ("PatientID", "AccessionNumber") and action is not Action.KEEP and not _is_empty(source):
            return DataElement(tag, vr, self._pseudonym(dataset, keyword, str(source.value)))
        match action:
            case Action.ENTER:
                return self._entered(source, need, path)
            case Action.UID:
                return self._with_pseudonymous_uids(source, row, need, path)
            case Action.KEEP:
                return self._kept(source, need, path)
            case Action.CLEAN:
                assert row is not None
                return self._scrubbed(source, row, need, path)
            case _:
                return self._replaced(source, action, need, path)

    def _pseudonym(self, dataset: Dataset, keyword: str, value: str) -> str:
        """The identifiers that link instances to each other have pseudonyms for dummies, at every depth."""
        if keyword == "PatientID":
            return self._pseudonyms.patient_id(value, _text(dataset, "IssuerOfPatientID"))
        return self._pseudonyms.accession(value)

    def _entered(self, source: DataElement, need: Need, path: Path) -> DataElement | None:
        """A sequence with its items cleaned; items of which nothing stays go, and so does a sequence without items.

        A dummy item is made only where the IOD demands one whatever the source says: it would be a made-up reference.
        """
        items = [clean for item in source.value if (clean := self.cleaned(item, path))]
        if items or _is_empty(source):
            return DataElement(source.tag, "SQ", Sequence(items))
        if need == "value if present":
            return None
        return self._replaced(source, cleared_action(need), need, path)

    def _with_pseudonymous_uids(
        self, source: DataElement, row: Row | None, need: Need, path: Path
    ) -> DataElement | None:
        """UIDs replaced one by one. What the standard registers stays, unless the table lists the attribute."""
        uids = [uid for value in _values(source) if (uid := str(value).strip(" \0"))]
        if not uids:
            return self._replaced(source, cleared_action(need), need, path)
        kept = [uid if row is None and uid in REGISTERED else self._pseudonyms.uid(uid) for uid in uids]
        return DataElement(source.tag, "UI", kept if len(kept) > 1 else kept[0])

    def _kept(self, source: DataElement, need: Need, path: Path) -> DataElement | None:
        """The attribute as it is, where its values are what its VR allows and no free text in disguise."""
        if not all(_is_plausible(source.VR, str(value)) for value in _values(source)):
            return self._replaced(source, cleared_action(need), need, path)
        return DataElement(source.tag, source.VR, source.value if source.VM < 2 else list(source.value))

    def _scrubbed(self, source: DataElement, row: Row, need: Need, path: Path) -> DataElement | None:
        """Options that clean. Dates move by the patient's shift; where there is no rule the basic action is taken."""
        if MODIFIED_DATES in self._options and row.options.get(MODIFIED_DATES) == "C" and not _is_empty(source):
            if source.VR == "TM":  # whole days are added, so the time of day stays
                return self._kept(source, need, path)
            moved = [_moved(str(value), self._shift) for value in _values(source)]
            if source.VR in ("DA", "DT") and all(moved):
                return DataElement(source.tag, source.VR, moved if len(moved) > 1 else moved[0])
        return self._replaced(source, basic_action(row, source.VR, need), need, path)

    def _replaced(self, source: DataElement, action: Action, need: Need, path: Path) -> DataElement | None:
        """REMOVE, EMPTY or DUMMY: what needs nothing of the source but its tag."""
        tag, vr = source.tag, source.VR
        if action is Action.REMOVE:
            return None
        if action is Action.EMPTY or (need == "presence" and _is_empty(source)):
            return DataElement(tag, vr, empty_value(vr))
        return DataElement(tag, vr, self._dummy(path, vr))

    def _dummy(self, path: Path, vr: str) -> Any:
        if vr == "SQ":
            return Sequence([self._dummy_item(path)])
        if vr == "UI" and not path[-1].endswith("ClassUID"):
            return self._pseudonyms.derived_uid("dummy", *path)
        return dummy_value(path[-1], vr)

    def _dummy_item(self, path: Path) -> Dataset:
        """An item that holds what the IOD demands of items at ``path``, and nothing of the source."""
        if path[-1].endswith("CodeSequence"):
            return code_item(UNKNOWN)
        item = Dataset()
        for keyword, need in self._types.children(path).items():
            tag = tag_for_keyword(keyword)
            if tag is not None:
                vr = _first(dictionary_VR(tag))
                item.add_new(tag, vr, self._dummy((*path, keyword), vr) if need == "value" else empty_value(vr))
        return item


def _has_no_place(tag: BaseTag) -> bool:
    """Private attributes, curves, overlays, groups of other services, group lengths, and what no dictionary knows."""
    return (
        tag.is_private
        or tag.group in TRANSPORT_GROUPS
        or tag.element == 0
        or tag.group >> 8 in (0x50, 0x60)
        or not dictionary_has_tag(tag)
    )


def _readable(dataset: Dataset, tag: BaseTag, vr: str) -> DataElement | None:
    """The decoded attribute, or None where it can't be decoded or has another VR than the standard gives it.

    pydicom raises many kinds of errors for what a broken or hostile file can hold; all mean the same here.
    """
    try:
        element = dataset[tag]
        _ = element.value
    except Exception:
        return None
    return element if element.VR in vr.split(" or ") else None


def _is_plausible(vr: str, value: str) -> bool:
    """Whether a value obeys its VR's syntax; a coded string must be vocabulary too, for anybody can fill it."""
    syntax = SYNTAX.get(vr)
    if syntax is not None and not syntax.fullmatch(value):
        return False
    return vr != "CS" or is_defined_term(value) or is_public_vocabulary(value)


def _moved(value: str, shift: timedelta) -> str | None:
    """A DA or DT moved by ``shift``; None where it is no whole date."""
    found = DATETIME.fullmatch(value.strip())
    try:
        return f"{datetime.strptime(found[1], '%Y%m%d') + shift:%Y%m%d}{found[2]}" if found else None
    except (ValueError, OverflowError):
        return None


def _first(vr: str) -> str:
    """The first VR where the dictionary leaves a choice ("US or SS")."""
    return vr.split(" or ")[0]


def _is_empty(element: DataElement) -> bool:
    return bool(element.is_empty)


def _values(element: DataElement) -> list[Any]:
    if element.is_empty:
        return []
    return [element.value] if element.VM < 2 else list(element.value)


def _text(dataset: Dataset, keyword: str) -> str:
    """The text of an attribute without padding; empty where it is absent or can't be decoded."""
    try:
        return str(dataset.get(keyword) or "").strip(" \0")
    except Exception:
        return ""
