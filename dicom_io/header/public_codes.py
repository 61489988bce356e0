"""Coded entries that are public vocabulary, and nothing else (PS3.3 section 8, PS3.16).

A code's meaning is free text that any sender can fill, and its value need not be a code. So an entry leaves only where
the standard's own context groups hold it, and its meaning is written anew from there.
"""

from __future__ import annotations

import re
from functools import lru_cache

from pydicom import Dataset
from pydicom.sr._concepts_dict import concepts
from pydicom.sr._snomed_dict import mapping
from pydicom.sr.coding import Code

CODE_TAGS = frozenset(range(0x00080100, 0x00080124))
"""Everything in the Code Sequence Macro (PS3.3 table 8.8-1), from Code Value to Equivalent Code Sequence and beyond."""

NCI_THESAURUS = re.compile(r"C\d{4,7}")
"""Codes of the NCI Thesaurus, some of which (Fitzpatrick skin types, CID 4401) pydicom lists under LOINC's name."""

UNKNOWN = Code("261665006", "SCT", "Unknown")
"""What stands where the IOD demands a code and the source's is not public."""


@lru_cache(maxsize=1)
def public_codes() -> dict[tuple[str, str], str]:
    """(scheme, value) to meaning for every code in the context groups of PS3.16, as pydicom ships them.

    SNOMED codes are also known under their older identifiers (SRT), which many cameras and viewers still write.
    """
    by_scheme: dict[str, dict[str, dict[str, tuple[str, list[int]]]]] = concepts  # type: ignore[assignment]
    meanings = {
        (scheme, value): meaning
        for scheme, by_name in by_scheme.items()
        for entries in by_name.values()
        for value, (meaning, _) in entries.items()
    }
    for old, new in mapping["SRT"].items():
        if (meaning := meanings.get(("SCT", new))) is not None:
            meanings["SRT", old] = meaning
    for (scheme, value), meaning in list(meanings.items()):
        if scheme == "LN" and NCI_THESAURUS.fullmatch(value):
            meanings["NCIt", value] = meaning
    return meanings


def is_coded_entry(item: Dataset) -> bool:
    """Whether ``item`` invokes the Code Sequence Macro."""
    return any(keyword in item for keyword in ("CodeValue", "LongCodeValue", "URNCodeValue"))


def public_code(value: str, scheme: str) -> Code | None:
    """The entry with its public meaning, or None where the standard does not list it."""
    scheme = {"SNM3": "SRT", "99SDM": "SRT"}.get(scheme, scheme)
    meaning = public_codes().get((scheme, value))
    return None if meaning is None else Code(value, scheme, meaning)


def code_item(code: Code) -> Dataset:
    """A sequence item that holds ``code``."""
    item = Dataset()
    item.CodeValue = code.value
    item.CodingSchemeDesignator = code.scheme_designator
    item.CodeMeaning = code.meaning
    return item
