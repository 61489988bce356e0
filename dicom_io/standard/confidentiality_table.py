"""PS3.15 Table E.1-1, "Application Level Confidentiality Profile Attributes", edition 2026d, as data.

``data/ps315_table_e1-1_2026d.json`` holds its 657 rows with all ten option columns; where it comes from is said inside.
The file's hash is checked at every load: a row that somebody changed would be a leak.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType

from pydicom.sr.coding import Code

from dicom_io.errors import ProfileError

TABLE = "ps315_table_e1-1_2026d.json"
TABLE_SHA256 = "48c105c5484fdd5777e6431a96ef3516836f0e69eb32f5edea70f0d348c6ff35"

BASIC_PROFILE = Code("113100", "DCM", "Basic Application Confidentiality Profile")

OPTIONS: Mapping[str, Code] = MappingProxyType(
    {
        "retain_safe_private": Code("113111", "DCM", "Retain Safe Private Option"),
        "retain_uids": Code("113110", "DCM", "Retain UIDs Option"),
        "retain_device_identity": Code("113109", "DCM", "Retain Device Identity Option"),
        "retain_institution_identity": Code("113112", "DCM", "Retain Institution Identity Option"),
        "retain_patient_characteristics": Code("113108", "DCM", "Retain Patient Characteristics Option"),
        "retain_longitudinal_full_dates": Code(
            "113106", "DCM", "Retain Longitudinal Temporal Information Full Dates Option"
        ),
        "retain_longitudinal_modified_dates": Code(
            "113107", "DCM", "Retain Longitudinal Temporal Information Modified Dates Option"
        ),
        "clean_descriptors": Code("113105", "DCM", "Clean Descriptors Option"),
        "clean_structured_content": Code("113104", "DCM", "Clean Structured Content Option"),
        "clean_graphics": Code("113103", "DCM", "Clean Graphics Option"),
    }
)
"""The options that are columns of the table, with their codes (PS3.16 CID 7050)."""


@dataclass(frozen=True)
class Row:
    """One row. ``basic``: the alternatives of its action, such as ("X", "Z"). ``options``: "K" or "C" by option."""

    tag: str
    name: str
    vr: str
    basic: tuple[str, ...]
    options: Mapping[str, str]


@dataclass(frozen=True)
class ProfileTable:
    """The table. Private attributes and the repeating groups have rows too, under the tags the standard prints."""

    edition: str
    rows: tuple[Row, ...]
    by_tag: Mapping[int, Row]

    def row(self, tag: int) -> Row | None:
        """The row for ``tag``, repeating groups and private attributes resolved; None where the table lists none."""
        if (tag >> 16) & 1:
            return self._printed("PRIVATE")
        if tag >> 24 == 0x50:
            return self._printed("50xxxxxx")
        if tag >> 24 == 0x60 and tag & 0xFFFF in (0x3000, 0x4000):
            return self._printed(f"60xx{tag & 0xFFFF:04X}")
        return self.by_tag.get(tag)

    def _printed(self, tag: str) -> Row:
        return next(row for row in self.rows if row.tag == tag)


@lru_cache(maxsize=1)
def profile_table() -> ProfileTable:
    """The table, read once. Raises ``ProfileError`` where the file is not the one that this code was written for."""
    content = (files("dicom_io.standard") / "data" / TABLE).read_bytes()
    if hashlib.sha256(content).hexdigest() != TABLE_SHA256:
        raise ProfileError(f"{TABLE} was changed: its SHA-256 is not {TABLE_SHA256}. Install the package again")
    document = json.loads(content)
    columns = document["option_columns"]
    if columns != list(OPTIONS):
        raise ProfileError(f"{TABLE}: its option columns are not those that the profile knows")
    rows = tuple(
        Row(
            tag=tag,
            name=title,
            vr=vr,
            basic=tuple(basic.split("/")),
            options=MappingProxyType({name: mark for name, mark in zip(columns, marks, strict=True) if mark != "-"}),
        )
        for tag, title, vr, basic, marks, *_ in document["rows"]
    )
    plain = {int(row.tag, 16): row for row in rows if "x" not in row.tag and row.tag != "PRIVATE"}
    return ProfileTable(edition=document["source"]["edition"], rows=rows, by_tag=MappingProxyType(plain))
