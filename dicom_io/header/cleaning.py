"""Rules by which the options clean: what a text, a content item or a private attribute must be to stay.

Every rule is a list of what may stay. Nothing here looks for names: whatever no list holds goes.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from pydicom import Dataset
from pydicom.tag import BaseTag

from dicom_io.header.actions import NUMBERS
from dicom_io.header.public_codes import public_code, public_codes
from dicom_io.header.public_words import public_words

SHORT_WORDS = frozenset("a an and at by for in is left no not of on or right the to up with yes".split())  # noqa: SIM905
"""Words that join others. Any other word of one or two letters may be somebody's initials."""

PRIVATE_VRS = NUMBERS | {"CS", "LO", "SH"}
"""VRs that a safe private attribute may have; never names, dates, UIDs, long text, items or bytes."""

PATIENT_CONCEPTS = frozenset({("DCM", "121032"), ("DCM", "121033")})
"""Subject Sex and Subject Age (PS3.15 table E.3.4-1): kept by Retain Patient Characteristics alone."""

NEVER_CONCEPTS = frozenset({("NCIt", "C54627"), ("DCM", "121000")})
"""Experience and Unique Device Identifiers: removed by the same table."""


def is_clean_text(text: str, names: Collection[str]) -> bool:
    """Whether ``text`` may stay as a cleaned descriptor: words of PS3.16's meanings and nothing else.

    ``names``: words of the people's names in the same data set, in lower case, which no vocabulary excuses: somebody
    can be called Brown or Hand. Digits never stay: they are how numbers and dates look.
    """
    words = re.findall(r"[^\W_]+", text.lower())
    return bool(words) and all(
        word not in names and (word in SHORT_WORDS or (len(word) >= 3 and word in public_words())) for word in words
    )


SHORTEST_NAME = 3
LONG_NAME = 8
"""Letters of a name from which it is one inside another word too."""


def names_somebody(values: Sequence[Any], names: Collection[str]) -> bool:
    """Whether a text that is kept as it is, the name of a camera or a place, has a word of somebody's name in it.

    People are called Carl, Max and Canon. ``names`` as for ``is_clean_text``.
    """
    text = " ".join(str(value) for value in values).lower()
    known = {name for name in names if len(name) >= SHORTEST_NAME or not name.isascii()}
    if not known.isdisjoint(re.findall(r"[^\W_]+", text)):
        return True
    return any(len(name) >= LONG_NAME and name in text for name in known)


PACKED = {"AT": "I", "UL": "I", "SL": "i", "US": "H", "SS": "h", "FL": "f", "FD": "d", "UV": "Q", "SV": "q"}
"""Binary numbers, as ``struct`` packs them."""

TEXT_IN_NUMBERS = re.compile(rb"[\x20-\x7e]{8,}")
LETTER = re.compile(rb"[A-Za-z]")


def hides_text(vr: str, values: Sequence[Any]) -> bool:
    """Whether binary numbers are text in disguise: eight printable bytes in a row, a letter among them.

    Any bytes are numbers, so a file that says US of a name is not found out by its syntax.
    """
    if vr not in PACKED or len(values) * struct.calcsize(PACKED[vr]) < 8:
        return False
    try:
        packed = struct.pack(f"<{len(values)}{PACKED[vr]}", *values)
    except (struct.error, OverflowError, TypeError):
        return True
    return any(LETTER.search(run) for run in TEXT_IN_NUMBERS.findall(packed))


def words_of_names(dataset: Dataset) -> frozenset[str]:
    """Every word of every person's name (PN) in ``dataset``, at any depth, in lower case."""
    return frozenset(word for name in _names(dataset, 0) for word in re.findall(r"[^\W_]+", name.lower()))


def _names(dataset: Dataset, depth: int) -> Iterator[str]:
    for tag in dataset.keys():  # noqa: SIM118  iterating over a Dataset decodes every value, its keys do not
        try:
            element = dataset[tag]
            vr, value = element.VR, element.value
        except Exception:  # what can't be decoded never stays, so no word of it has to be known
            continue
        if vr == "PN":
            yield str(value)
        elif vr == "SQ" and depth < 32:
            for item in value:
                yield from _names(item, depth + 1)


def may_stay_as_content(item: Dataset, options: frozenset[str]) -> bool:
    """Whether a content item (PS3.3 table C.17-5) may stay: a public concept whose value is a number or a public code.

    Text, names, dates, times, UIDs and references go, whatever their concept; so does an item whose type is not said,
    unless it holds a coded value. Values themselves are cleaned like everything else.
    """
    concept = _first_code(item, "ConceptNameCodeSequence")
    if concept is None or concept in NEVER_CONCEPTS:
        return False
    if concept in PATIENT_CONCEPTS and "retain_patient_characteristics" not in options:
        return False
    kind = str(item.get("ValueType") or ("CODE" if "ConceptCodeSequence" in item else ""))
    if kind == "CODE":
        return _first_code(item, "ConceptCodeSequence") is not None
    return kind in ("NUM", "NUMERIC", "CONTAINER")


def _first_code(item: Dataset, keyword: str) -> tuple[str, str] | None:
    """(scheme, value) of the one code in the sequence ``keyword``; None where it is not public."""
    try:
        codes = list(item.get(keyword) or ())
        if len(codes) != 1:
            return None
        code = public_code(str(codes[0].get("CodeValue", "")), str(codes[0].get("CodingSchemeDesignator", "")))
    except Exception:  # pydicom raises almost anything for a damaged item
        return None
    return None if code is None or (code.scheme_designator, code.value) not in public_codes() else (
        code.scheme_designator, code.value
    )  # fmt: skip


def private_creator(dataset: Dataset, tag: BaseTag) -> str | None:
    """The creator that reserved the block of the private attribute ``tag`` (PS3.5 section 7.8.1)."""
    if not tag.is_private or tag.element < 0x1000:
        return None
    try:
        return str(dataset[BaseTag(tag.group << 16 | tag.element >> 8)].value).strip(" \0") or None
    except Exception:  # not reserved, or undecodable
        return None
