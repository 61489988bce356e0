"""The table of the profile, from the standard's source and against another implementation's data."""

from __future__ import annotations

import importlib.resources
import json
import runpy
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pytest

from dicom_io.standard import profile_table

NEW_SINCE_2026C = {"3004007F"}
"""Dose Calculation Model Name, which edition 2026d added."""


@pytest.fixture(scope="module")
def script(repository: Path) -> dict[str, Any]:
    return runpy.run_path(str(repository / "scripts" / "extract_profile_table.py"))


def printed(tag: str) -> str:
    return "(gggg,eeee) where gggg is odd" if tag == "PRIVATE" else f"({tag[:4]},{tag[4:]})"


def docbook(script: dict[str, Any], rows: list[list[Any]]) -> str:
    """PS3.15 as NEMA publishes it, as far as the table goes, with its breakable names and indented cells."""
    def cell(text: str) -> str:
        return f"<td>\n  <para xml:id='x'>{escape(text)}</para></td>"

    body = ""
    for tag, name, _, basic, marks, retired, in_iod in rows:
        cells = [name.replace(" ", " \u200b"), printed(tag), "NY"[retired], "NY"[in_iod], basic]
        body += "<tr>" + "".join(map(cell, [*cells, *("" if mark == "-" else mark for mark in marks)])) + "</tr>"
    head = "".join(f"<th><para>{heading}</para></th>" for heading in script["HEADINGS"])
    return (
        "<book xmlns='http://docbook.org/ns/docbook'><subtitle>DICOM PS3.15 2026d - Security</subtitle>"
        f"<table xml:id='table_E.1-1'><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></book>"
    )


@pytest.fixture
def shipped(script: dict[str, Any]) -> dict[str, Any]:
    return dict(json.loads(script["SHIPPED"].read_text()))


def test_the_shipped_table_comes_out_of_the_standards_form(
    script: dict[str, Any], shipped: dict[str, Any], tmp_path: Path
) -> None:
    source = tmp_path / "part15.xml"
    source.write_text(docbook(script, shipped["rows"]))
    document = script["extract"](source, shipped)
    assert document["rows"] == shipped["rows"]
    assert document["source"]["edition"] == "2026d"
    assert list(script["changes"](shipped, document)) == []
    assert json.loads(script["serialised"](document)) == document


def test_a_row_that_changed_is_named(script: dict[str, Any], shipped: dict[str, Any], tmp_path: Path) -> None:
    rows = [list(row) for row in shipped["rows"]]
    rows[0][3] = "X"
    source = tmp_path / "part15.xml"
    source.write_text(docbook(script, rows[:-1]))
    (first, second) = script["changes"](shipped, script["extract"](source, shipped))
    assert {first.split(":")[0], second.split(":")[0]} == {rows[0][0], rows[-1][0]}


@pytest.mark.parametrize(
    ("find", "put"),
    [("table_E.1-1", "table_E.1-2"), ("<para xml:id='x'>Z</para>", "<para xml:id='x'>Q</para>"),
     ("<th><para>Tag</para></th>", "<th><para>Tags of</para></th>"), ("2026d", "latest")],
)  # fmt: skip
def test_what_is_not_the_table_is_refused(
    script: dict[str, Any], shipped: dict[str, Any], tmp_path: Path, find: str, put: str
) -> None:
    text = docbook(script, shipped["rows"])
    assert find in text
    source = tmp_path / "part15.xml"
    source.write_text(text.replace(find, put, 1))
    with pytest.raises(script["NotTheTable"]):
        script["extract"](source, shipped)


def test_another_implementation_lists_the_same_attributes_and_actions() -> None:
    """dicom-anonymizer's table of edition 2026c, made by its authors with a program of theirs."""
    theirs: dict[str, str] = {}
    database = runpy.run_path(
        str(importlib.resources.files("dicomanonymizer") / "dicom_anonymization_databases" / "dicomfields_2026c.py")
    )
    for name, tags in database.items():
        if name.endswith("_TAGS") and name != "ALL_TAGS":
            action = name.removesuffix("_TAGS").replace("U_STAR", "U*").replace("_", "/")
            for group, element, *_ in tags:
                theirs[f"{group:04X}{element:04X}"] = action
    ours = {
        row.tag.replace("50xxxxxx", "50000000").replace("60xx", "6000"): "/".join(row.basic)
        for row in profile_table().rows
        if row.tag != "PRIVATE"
    }
    assert len(theirs) > 600
    differing = {tag for tag in ours.keys() | theirs.keys() if ours.get(tag) != theirs.get(tag)}
    assert differing == NEW_SINCE_2026C
