"""The walk through a data set: each attribute looked up, its action taken, each sequence entered."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from pydicom import DataElement, Dataset
from pydicom._uid_dict import UID_dictionary
from pydicom.datadict import dictionary_has_tag, dictionary_keyword, dictionary_VR, tag_for_keyword
from pydicom.sequence import Sequence
from pydicom.sr.coding import Code
from pydicom.tag import BaseTag

from dicom_io.errors import ProfileError, UnreadableObject
from dicom_io.header.actions import TEXT, Action, basic_action, cleared_action
from dicom_io.header.ages import told_age
from dicom_io.header.cleaning import (
    PRIVATE_VRS,
    hides_text,
    is_clean_text,
    may_stay_as_content,
    names_somebody,
    private_creator,
)
from dicom_io.header.dummies import ENUMERATED, dummy_value, empty_value
from dicom_io.header.explanation import Decision, Outcome, Recorder, outcome_of
from dicom_io.header.identity import SourceIdentity
from dicom_io.header.lacking import is_lacking, is_lacking_uid
from dicom_io.header.pseudonyms import Pseudonyms
from dicom_io.header.public_codes import CODE_TAGS, UNKNOWN, code_item, is_coded_entry, public_code
from dicom_io.header.public_words import is_defined_term, is_public_vocabulary
from dicom_io.header.rulebook import Rulebook
from dicom_io.standard import Need, Path, PrivateElement, iod_types, profile_table

DEEPEST = 32
"""Items inside items. Real objects have fewer than ten; a file with more was made to exhaust somebody's stack."""

TRANSPORT_GROUPS = frozenset({0x0000, 0x0002})
"""Command and file meta elements are no part of a data set; who writes the file writes its own."""

REGISTERED = frozenset(uid for uid, entry in UID_dictionary.items() if not entry[1].startswith("Well-known SOP"))
"""UIDs that the standard defines (PS3.6 annex A): they name kinds of things, not things."""

CODE_TRIPLET = ("CodeValue", "CodingSchemeDesignator", "CodeMeaning")

LONGEST_PRIVATE = 64
"""Characters of one value of a safe private attribute."""

SYNTAX = {
    "CS": re.compile(r"[A-Z0-9_ ]{0,16}"),
    "DS": re.compile(r" *[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)? *"),
    "IS": re.compile(r" *[+-]?\d{1,10} *"),
    "TM": re.compile(r"\d\d([0-5]\d([0-6]\d(\.\d{1,6})?)?)? *"),
    "AE": re.compile(r"[^\x00-\x1f\x7f\\]{0,16}"),
    "LO": re.compile(r"[^\x00-\x1f\x7f\\]{0,64}"),
    "SH": re.compile(r"[^\x00-\x1f\x7f\\]{0,16}"),
    **dict.fromkeys(("LT", "ST", "UC", "UR", "UT"), re.compile(r"[^\x00-\x08\x0b\x0e-\x1f\x7f]*")),
    "DA": re.compile(r"\d{8} *"),
    "DT": re.compile(r"\d{4,14}(\.\d{1,6})?([+-]\d{4})? *"),
}
"""PS3.5 table 6.2-1. A value that breaks its VR's syntax was not written by a camera and is not kept."""

DATETIME = re.compile(r"(\d{8})((?:\d\d){0,3}(?:\.\d{1,6})?)(?:[+-]\d{4})?")
"""DT: date, time, offset from UTC. The offset is not kept: it tells where."""


class ProfileEngine:
    """One instance's walk. ``sop_class_uid`` says which attributes the IOD needs; ``identity`` whose dates move.

    ``record`` is told of every attribute what became of it.
    """

    def __init__(
        self,
        pseudonyms: Pseudonyms,
        rulebook: Rulebook,
        sop_class_uid: str,
        identity: SourceIdentity,
        names: Collection[str] = (),
        record: Recorder | None = None,
    ) -> None:
        self._pseudonyms = pseudonyms
        self._rulebook = rulebook
        self._safe_private = rulebook.safe_private
        self._types = iod_types(sop_class_uid)
        self._patient, self._instance = identity.patient, identity.instance
        self._shift = timedelta(days=pseudonyms.date_shift(self._patient.patient_id, self._patient.issuer))
        self._names = names
        self._record = record

    def cleaned(self, dataset: Dataset, path: Path = (), *, codes_stay: bool = False) -> Dataset:
        """A new data set with what may stay of ``dataset``, an item of the sequences named by ``path``.

        Empty where nothing may stay, as with a coded entry that is not public, unless ``codes_stay``: an option then
        retains whatever code the site has.
        """
        if len(path) > DEEPEST:
            raise ProfileError(f"sequences are nested more than {DEEPEST} deep")
        clean = Dataset()
        coded = bool(path) and is_coded_entry(dataset)
        if coded:
            code = public_code(_text(dataset, "CodeValue"), _text(dataset, "CodingSchemeDesignator"))
            if code is None and codes_stay:
                code = Code(*(_text(dataset, keyword) for keyword in CODE_TRIPLET))
            if code is None:
                self._tell(path, "removed", "the code is not in the context groups of PS3.16")
                return clean
            clean.update(code_item(code))
            self._tell(path, "kept", "a public code, its meaning written anew")
        _refuse_unsteady(dataset)
        for tag in dataset.keys():  # noqa: SIM118  iterating over a Dataset decodes every value, its keys do not
            if coded and int(tag) in CODE_TAGS:
                continue
            if self._safe_private and tag.is_private:
                self._keep_safe_private(dataset, tag, clean, path)
                continue
            element = self._cleaned_element(dataset, tag, path)
            if element is not None:
                clean[tag] = element
        return clean

    def _keep_safe_private(self, dataset: Dataset, tag: BaseTag, clean: Dataset, path: Path) -> None:
        """A private attribute that is known to be safe, with its creator (PS3.15 section E.3.10)."""
        creator = private_creator(dataset, tag)
        if creator is None:
            return
        where = (*path, str(tag))
        if PrivateElement(tag.group, creator, tag.element & 0xFF) not in self._safe_private:
            self._tell(where, "removed", "private, and not on the list of safe private attributes")
            return
        try:
            element = dataset[tag]
            safe = element.VR in PRIVATE_VRS and all(
                len(str(value)) <= LONGEST_PRIVATE and _has_syntax(element.VR, str(value)) for value in _values(element)
            )
            safe = safe and not hides_text(element.VR, _values(element))
        except Exception:  # pydicom raises many kinds of errors for what a broken file can hold
            safe = False
        if not safe:
            self._tell(where, "removed", "on the list of safe private attributes, but not a number or a short text")
            return
        block = BaseTag(tag.group << 16 | tag.element >> 8)
        clean[block] = DataElement(block, "LO", creator)
        clean[tag] = DataElement(tag, element.VR, element.value if element.VM < 2 else list(element.value))
        self._tell(where, "kept", "on the list of safe private attributes")

    def _tell(self, path: Path, outcome: Outcome, why: str) -> None:
        if self._record is not None:
            self._record(Decision(path, outcome, why))

    def _cleaned_element(self, dataset: Dataset, tag: BaseTag, path: Path) -> DataElement | None:
        """What stands in place of the attribute ``tag`` of ``dataset``; None where nothing does."""
        if (why := _has_no_place(tag)) is not None:
            self._tell((*path, str(tag)), "removed", why)
            return None
        vr, keyword = dictionary_VR(tag), dictionary_keyword(tag)
        path = (*path, keyword)
        need = self._types.need(path)
        action, why = self._rulebook.ruling(int(tag), vr, need)
        if action is Action.REMOVE:
            self._tell(path, "removed", why)
            return None
        source = _readable(dataset, tag, vr)
        if source is None:
            nothing = DataElement(tag, _first(vr), empty_value(_first(vr)))
            result = self._replaced(nothing, cleared_action(need), need, path)
            why = f"its value can't be decoded as {vr}"
        else:
            result = self._acted(dataset, source, action, need, path)
        if self._record is not None:
            self._tell(path, outcome_of(action, source, result), why)
        return result

    def _acted(
        self, dataset: Dataset, source: DataElement, action: Action, need: Need, path: Path
    ) -> DataElement | None:
        """``action`` taken on ``source``."""
        keyword = path[-1]
        if keyword in ("PatientID", "AccessionNumber") and action is not Action.REPLACE:
            if is_lacking(str(source.value or "")):
                return self._replaced(source, cleared_action(need), need, path)
            return DataElement(source.tag, source.VR, self._pseudonym(dataset, keyword, str(source.value)))
        match action:
            case Action.ENTER | Action.RETAIN_ITEMS | Action.CONTENT:
                return self._entered(source, action, need, path)
            case Action.UID:
                return self._with_pseudonymous_uids(source, need, path)
            case Action.KEEP | Action.RETAIN:
                return self._kept(source, action, need, path)
            case Action.MOVE_DATE | Action.VOCABULARY | Action.AE_PSEUDONYM:
                return self._scrubbed(source, action, need, path)
            case Action.REPLACE:
                return DataElement(source.tag, source.VR, self._rulebook.additions.replace[int(source.tag)])
            case _:
                return self._replaced(source, action, need, path)

    def _pseudonym(self, dataset: Dataset, keyword: str, value: str) -> str:
        """The identifiers that link instances to each other have pseudonyms for dummies, at every depth."""
        patient = self._patient
        if keyword == "AccessionNumber":
            return self._pseudonyms.accession(value, patient.patient_id, patient.issuer)
        if value.strip(" \0") == patient.patient_id:
            return self._pseudonyms.patient_id(patient.patient_id, patient.issuer)
        return self._pseudonyms.patient_id(value, _text(dataset, "IssuerOfPatientID"))

    def _entered(self, source: DataElement, action: Action, need: Need, path: Path) -> DataElement | None:
        """A sequence with its items cleaned; items of which nothing stays go, and so does a sequence without items.

        A dummy item is made only where the IOD demands one whatever the source says: it would be a made-up reference.
        """
        items = []
        for item in source.value:
            if action is Action.CONTENT and not may_stay_as_content(item, self._rulebook.options):
                self._tell((*path, "item"), "removed", "a content item that is no public number or code")
                continue
            clean = self.cleaned(item, path, codes_stay=action is Action.RETAIN_ITEMS)
            if clean:
                items.append(clean)
        if items or _is_empty(source):
            return DataElement(source.tag, "SQ", Sequence(items))
        if need == "value if present":
            return None
        return self._replaced(source, cleared_action(need), need, path)

    def _with_pseudonymous_uids(self, source: DataElement, need: Need, path: Path) -> DataElement | None:
        """UIDs replaced one by one. What the standard registers stays, unless the table lists the attribute.

        A placeholder is no UID: strangers have the same one.
        """
        uids = [uid for value in _values(source) if not is_lacking_uid(uid := str(value).strip(" \0"))]
        if not uids:
            return self._replaced(source, cleared_action(need), need, path)
        listed = profile_table().row(source.tag) is not None
        kept = [uid if not listed and uid in REGISTERED else self._pseudonyms.uid(uid) for uid in uids]
        return DataElement(source.tag, "UI", kept if len(kept) > 1 else kept[0])

    def _kept(self, source: DataElement, action: Action, need: Need, path: Path) -> DataElement | None:
        """The attribute as it is, where its values are what its VR allows and no free text in disguise."""
        vr = source.VR
        allowed = _has_syntax if action is Action.RETAIN else _is_plausible
        enumerated = ENUMERATED.get(path[-1])
        if not all(
            allowed(vr, str(value)) and (enumerated is None or str(value) in enumerated) for value in _values(source)
        ):
            return self._replaced(source, cleared_action(need), need, path)
        if hides_text(vr, _values(source)) or (vr in TEXT and names_somebody(_values(source), self._names)):
            return self._replaced(source, cleared_action(need), need, path)
        if vr == "AS" and not _is_empty(source):
            age = told_age(str(source.value))
            return self._replaced(source, cleared_action(need), need, path) if age is None else _element(source, [age])
        return DataElement(source.tag, vr, source.value if source.VM < 2 else list(source.value))

    def _scrubbed(self, source: DataElement, action: Action, need: Need, path: Path) -> DataElement | None:
        """The options that clean plain attributes; what their rule does not let stay goes by the basic action."""
        values = [str(value) for value in _values(source)]
        cleaned: list[str | None] = []
        if action is Action.MOVE_DATE:
            cleaned = [_moved(value, self._shift) for value in values]
        elif action is Action.VOCABULARY:
            cleaned = [value if is_clean_text(value, self._names) else None for value in values]
        elif action is Action.AE_PSEUDONYM:
            cleaned = [self._pseudonyms.ae_title(value) if value.strip() else None for value in values]
        if cleaned and None not in cleaned:
            return _element(source, cleaned)
        row = profile_table().row(source.tag)
        assert row is not None, "only what the table lists is cleaned by an option"
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
            return self._pseudonyms.derived_uid("dummy", self._instance, *path)
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


def _has_no_place(tag: BaseTag) -> str | None:
    """Why ``tag`` stays nowhere: private, curve, overlay, another service's, a group length, or in no dictionary."""
    if tag.is_private:
        return "private"
    if tag.group in TRANSPORT_GROUPS or tag.element == 0:
        return "no part of a data set"
    if tag.group >> 8 in (0x50, 0x60):
        return "a curve or overlay, in which writing can't be told from drawing"
    return None if dictionary_has_tag(tag) else "in no dictionary of the standard"


def _refuse_unsteady(item: Dataset) -> None:
    """Where an item's Pixel Representation is damaged, pydicom reads its sequences at the second try alone."""
    try:
        item.get("PixelRepresentation")
    except Exception as error:
        raise UnreadableObject("Pixel Representation can't be decoded; the object is damaged") from error


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


def _has_syntax(vr: str, value: str) -> bool:
    """Whether a value obeys its VR's syntax."""
    syntax = SYNTAX.get(vr)
    return syntax is None or syntax.fullmatch(value) is not None


def _is_plausible(vr: str, value: str) -> bool:
    """The same; and a coded string must be vocabulary too, for anybody can fill it."""
    return _has_syntax(vr, value) and (vr != "CS" or is_defined_term(value) or is_public_vocabulary(value))


def _moved(value: str, shift: timedelta) -> str | None:
    """A DA or DT moved by ``shift``; None where it is no whole date."""
    found = DATETIME.fullmatch(value.strip())
    try:
        return f"{datetime.strptime(found[1], '%Y%m%d') + shift:%Y%m%d}{found[2]}" if found else None
    except (ValueError, OverflowError):
        return None


def _element(source: DataElement, values: list[Any]) -> DataElement:
    """``source`` with other values."""
    return DataElement(source.tag, source.VR, values if len(values) > 1 else values[0])


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
