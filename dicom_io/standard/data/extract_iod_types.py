"""Writes ``iod_types.json``: what the IODs that leave hold of Type 1, 1C, 2 and 2C (PS3.3, PS3.5 section 7.4).

The types come from the standard's tables as highdicom (MIT licence) ships them, 17 MB of JSON that need not be read at
every start. Paths below a sequence that Table E.1-1 removes are left out: nothing there can leave.

    python dicom_io/standard/data/extract_iod_types.py
"""

from __future__ import annotations

import importlib.metadata
import json
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydicom.datadict import tag_for_keyword
from pydicom.uid import (
    DermoscopicPhotographyImageStorage,
    MultiFrameTrueColorSecondaryCaptureImageStorage,
    SecondaryCaptureImageStorage,
    VLPhotographicImageStorage,
)

HERE = Path(__file__).parent
SOP_CLASSES = (
    VLPhotographicImageStorage,
    DermoscopicPhotographyImageStorage,
    SecondaryCaptureImageStorage,
    MultiFrameTrueColorSecondaryCaptureImageStorage,
)
STRICTEST_FIRST = ("1", "1C", "2", "2C", "3")

CODE_MACRO = frozenset(
    {
        "CodeValue", "CodingSchemeDesignator", "CodingSchemeVersion", "CodeMeaning", "LongCodeValue", "URNCodeValue",
        "MappingResource", "ContextGroupVersion", "ContextGroupLocalVersion", "ContextGroupExtensionFlag",
        "ContextGroupExtensionCreatorUID", "EquivalentCodeSequence",
    }
)  # fmt: skip
"""The Code Sequence Macro, which the profile writes whole (``dicom_io.header.public_codes``) and need not look up."""


FRAME_OF_REFERENCE = {"FrameOfReferenceUID": "1C", "PositionReferenceIndicator": "2C"}
"""A module that any photograph may add, and that validators then want whole (PS3.3 section C.7.4.1)."""


def standard(name: str) -> Any:
    """One of highdicom's tables of the standard, parsed."""
    return json.loads((files("highdicom") / "_standard" / name).read_text("utf-8"))


def types_of(sop_class: str, removed: frozenset[str]) -> dict[str, str]:
    """Path of keywords, joined by ``/``, to the strictest type that any module of the IOD gives it."""
    modules = standard("iod_module_map.json")[standard("sop_class_iod_map.json")[sop_class]]
    attributes = standard("module_attribute_map.json")
    types = dict(FRAME_OF_REFERENCE)
    for module in modules:
        for attribute in attributes[module["key"]]:
            keywords = [*attribute["path"], attribute["keyword"]]
            if removed.intersection(attribute["path"]) or CODE_MACRO.intersection(keywords):
                continue
            path = "/".join(keywords)
            types[path] = min(types.get(path, "3"), attribute["type"], key=STRICTEST_FIRST.index)
    return {path: kind for path, kind in sorted(types.items()) if kind != "3"}


def removed_sequences() -> frozenset[str]:
    """Keywords of the sequences that every combination of options removes."""
    table = json.loads((HERE / "ps315_table_e1-1_2026d.json").read_text("utf-8"))
    listed = {row[0]: row for row in table["rows"] if row[3] == "X" and "K" not in row[4] and "C" not in row[4]}
    keywords = {path.rsplit("/", 1)[-1] for path in sequence_keywords()}
    return frozenset(keyword for keyword in keywords if f"{tag_for_keyword(keyword) or 0:08X}" in listed)


def sequence_keywords() -> set[str]:
    """Every keyword that stands somewhere in a path, that is, every sequence of any IOD."""
    return {
        keyword
        for module in standard("module_attribute_map.json").values()
        for attribute in module
        for keyword in attribute["path"]
    }


def main() -> None:
    """Writes the file: what all the IODs share once, and for each what differs ("3" where the shared one is wrong)."""
    removed = removed_sequences()
    each = {str(sop_class): types_of(sop_class, removed) for sop_class in SOP_CLASSES}
    paths = sorted(set().union(*each.values()))
    first = each[str(SOP_CLASSES[0])]
    shared = {path: first[path] for path in paths if all(types.get(path) == first.get(path) for types in each.values())}
    document = {
        "source": {"standard": "DICOM PS3.3", "via": f"highdicom {importlib.metadata.version('highdicom')} (MIT)"},
        "shared": shared,
        "by_sop_class": {
            uid: {path: kind for path, kind in types.items() if path not in shared} for uid, types in each.items()
        },
    }
    (HERE / "iod_types.json").write_text(json.dumps(document, indent=0) + "\n", "utf-8")


if __name__ == "__main__":
    main()
