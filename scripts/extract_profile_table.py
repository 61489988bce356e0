"""Writes Table E.1-1 of PS3.15 as the data file of the profile, from the standard's DocBook source.

    python scripts/extract_profile_table.py part15.xml --out dicom_io/standard/data/ps315_table_e1-1_2026d.json

It prints the hash that ``dicom_io/standard/confidentiality_table.py`` holds the file to, and what changed against the
shipped table. VRs are no part of the table: they come from pydicom's dictionary, or from the shipped table where that
has none.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from pydicom.datadict import dictionary_has_tag, dictionary_VR

SHIPPED = Path(__file__).resolve().parents[1] / "dicom_io" / "standard" / "data" / "ps315_table_e1-1_2026d.json"
DOCBOOK = "{http://docbook.org/ns/docbook}"
XML_ID = "{http://www.w3.org/XML/1998/namespace}id"
TABLE_ID = "table_E.1-1"

HEADINGS = (
    "Attribute Name", "Tag", "Retd. (from PS3.6)", "In Std. Comp. IOD (from PS3.3)", "Basic Prof.",
    "Rtn. Safe Priv. Opt.", "Rtn. UIDs Opt.", "Rtn. Dev. Id. Opt.", "Rtn. Inst. Id. Opt.", "Rtn. Pat. Chars. Opt.",
    "Rtn. Long. Full Dates Opt.", "Rtn. Long. Modif. Dates Opt.", "Clean Desc. Opt.", "Clean Struct. Cont. Opt.",
    "Clean Graph. Opt.",
)  # fmt: skip
"""Columns of the table as the standard prints them. Another order, or another column, is an error."""

ACTIONS = re.compile(r"[XZDU](/[XZDU])*(/U\*)?")


class NotTheTable(Exception):
    """The file does not hold Table E.1-1 in the form that is known. The message says where it differs."""


def extract(source: Path, shipped: dict[str, Any]) -> dict[str, Any]:
    """The document for the data file. Raises ``NotTheTable``."""
    content = source.read_bytes()
    root = ElementTree.fromstring(content)
    table = next((each for each in root.iter(f"{DOCBOOK}table") if each.get(XML_ID) == TABLE_ID), None)
    if table is None:
        raise NotTheTable(f"{source} has no table {TABLE_ID}")
    headings = [_text(cell) for cell in table.iter(f"{DOCBOOK}th")]
    if [_plain(each) for each in headings] != [_plain(each) for each in HEADINGS]:
        raise NotTheTable(f"the columns are {headings}")
    vrs = {row[0]: row[2] for row in shipped["rows"]}
    rows = [_row(cells, vrs) for cells in _cells(table)]
    if len({row[0] for row in rows}) != len(rows):
        raise NotTheTable("a tag stands in two rows")
    subtitle = next((_text(each) for each in root.iter(f"{DOCBOOK}subtitle")), "")
    edition = re.search(r"\d{4}[a-z]", subtitle)
    if edition is None:
        raise NotTheTable("the subtitle names no edition")
    return {
        "source": {
            "standard": "DICOM PS3.15 Annex E Table E.1-1",
            "edition": edition[0],
            "rows": len(rows),
            "provenance": f"NEMA part15.xml, SHA-256 {hashlib.sha256(content).hexdigest()}; VRs of pydicom",
        },
        "columns": shipped["columns"],
        "option_columns": shipped["option_columns"],
        "rows": rows,
    }


def serialised(document: dict[str, Any]) -> str:
    """One row a line, so that two editions can be compared line by line."""
    head = {name: value for name, value in document.items() if name != "rows"}
    rows = ",\n".join(json.dumps(row, ensure_ascii=False) for row in document["rows"])
    return json.dumps(head, ensure_ascii=False)[:-1] + ', "rows": [\n' + rows + "\n]}\n"


def changes(before: dict[str, Any], after: dict[str, Any]) -> Iterator[str]:
    """Rows that came, went or changed; VRs and names are not compared, for they change nothing that is done."""
    old, new = ({row[0]: row[3:] for row in each["rows"]} for each in (before, after))
    for tag in sorted(old.keys() | new.keys()):
        if old.get(tag) != new.get(tag):
            yield f"{tag}: {old.get(tag, 'absent')} -> {new.get(tag, 'absent')}"


def _row(cells: list[str], vrs: dict[str, str]) -> list[Any]:
    name, printed, retired, in_iod, basic, *marks = cells
    tag = _tag(printed)
    if not ACTIONS.fullmatch(basic) or retired not in ("Y", "N") or in_iod not in ("Y", "N"):
        raise NotTheTable(f"{name} {printed}: {retired}, {in_iod} and {basic} are not what its cells can hold")
    if any(mark not in ("", "K", "C") for mark in marks):
        raise NotTheTable(f"{name} {printed}: an option's cell is neither K nor C")
    vr = vrs.get(tag) or (dictionary_VR(int(tag, 16)) if tag.isalnum() and dictionary_has_tag(int(tag, 16)) else "LO")
    return [tag, name, vr, basic, "".join(mark or "-" for mark in marks), int(retired == "Y"), int(in_iod == "Y")]


def _tag(printed: str) -> str:
    """ "(0008,0050)", "(50xx,xxxx)", "(60xx,3000)" or the words on odd groups."""
    if "odd" in printed or "gggg" in printed:
        return "PRIVATE"
    found = re.fullmatch(r"\(([0-9A-Fa-fx]{4}),([0-9A-Fa-fx]{4})\)", printed)
    if found is None:
        raise NotTheTable(f"{printed} is no tag")
    return (found[1] + found[2]).upper().replace("X", "x")


def _cells(table: ElementTree.Element) -> Iterator[list[str]]:
    body = table.find(f"{DOCBOOK}tbody")
    for row in body.iter(f"{DOCBOOK}tr") if body is not None else ():
        cells = [_text(cell) for cell in row.iter(f"{DOCBOOK}td")]
        if len(cells) != len(HEADINGS):
            raise NotTheTable(f"the row of {cells[:1]} has {len(cells)} cells")
        yield cells


def _text(element: ElementTree.Element) -> str:
    """The text without the zero-width spaces by which the standard lets long names break."""
    return " ".join("".join(element.itertext()).replace("\u200b", "").split())


def _plain(heading: str) -> str:
    return re.sub(r"[^a-z0-9]", "", heading.lower())


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("source", type=Path, help="part15.xml")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    shipped = json.loads(SHIPPED.read_text("utf-8"))
    try:
        document = extract(arguments.source, shipped)
    except (NotTheTable, ElementTree.ParseError) as error:
        sys.exit(f"{arguments.source}: {error}")
    for line in changes(shipped, document):
        print(line)
    arguments.out.write_text(serialised(document), "utf-8")
    print(f"{len(document['rows'])} rows; SHA-256 {hashlib.sha256(arguments.out.read_bytes()).hexdigest()}")


if __name__ == "__main__":
    main()
