"""What stands in real headers where a value should: made as bytes, for no library would write most of it."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator

import pydicom
from pydicom import Dataset
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from dicom_io.quiet import quiet
from tests.dicom_io.builders import code

ANY_TEXT = (
    "", " ", "0", "-5", "NaN", "LEFT", "left", "A\\B\\C", "\\", "Ünïcode", "X" * 70, "\x01\x02", "UNKNOWN", "\x1b$B",
)  # fmt: skip
TEXTS = {
    "CS": (*ANY_TEXT, "L", "R\\L", "YES", "FOREARM", "BOTH", "ENROLLMENT", "NON_CONTACT", "CONTACT", "L\\LEFT",
           "H\\", "\\F", "L\\R", "LR\\F", "LEFT\\FOOT", "l\\f", "L\\F\\A"),
    "DS": (*ANY_TEXT, "10:1", "1,5", "1e400", "inf", "0.1", "0.1\\0.2", "0.1\\0.1\\0.1", "0\\0", "-1\\2",
           "0.12345678901234567890", "0.12345678901234567890\\1.0000000000000000001", "1E5"),
    "IS": (*ANY_TEXT, "2147483647", "2147483648", "99999999999", "1e400", "inf", "1.5", "2\\1",
           "1\\1", "0\\1", "2\\1\\3", "007"),
    "DA": (*ANY_TEXT, "20211399", "20210230", "2021-09-14", "2021.09.14", "202109", "20210914", "20210914-20210915"),
    "TM": (*ANY_TEXT, "256199", "12:00:00", "1200", "120000.5", "120000.1234567", "240000", "12000"),
    "AS": (*ANY_TEXT, "041Y", "41", "41Y", "999Q", "000Y", "100Y"),
    "SH": (*ANY_TEXT, "+0100", "+9900", "-0000", "+01:00", "Z", "UTC"),
}  # fmt: skip
WORDS = (
    b"", b"\1", b"\0\0", b"\xff\xff", b"\1\0\2\0", b"\7\0", b"\1\0\0", b"\1\0" * 20, b"ab", b"zz", b"\x10\0", b"\x63\0",
    b"\1\0",
)  # fmt: skip
DOUBLES = (b"", b"\0", b"1234567", b"abcdefgh", *(struct.pack("<d", value) for value in (
    float("nan"), float("inf"), -1.0, 0.0, 1e308, 1e-300, 3.5)), struct.pack("<2d", 1, 2))  # fmt: skip
LONG_LENGTHS = ("OB", "OW", "UC", "UN", "UR", "UT")


def _item(**values: object) -> Dataset:
    item = Dataset()
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return item


def odd_items() -> list[list[Dataset]]:
    """Items of a sequence of codes, or of the acquisition context, as somebody's software may have written them."""
    face, forearm = code("89545001", "SCT", "Face"), code("14975008", "SCT", "Forearm")
    left = code("7771000", "SCT", "Left")

    def modified(*modifiers: Dataset) -> Dataset:
        region = code("14975008", "SCT", "Forearm")
        region.AnatomicRegionModifierSequence = list(modifiers)
        region.PrimaryAnatomicStructureModifierSequence = list(modifiers)
        return region

    procedure = code("121058", "DCM", "Procedure reported")
    skin_type = code("C74569", "NCIt", "Fitzpatrick Skin Type I")
    named = {"ConceptNameCodeSequence": [procedure]}
    return [
        [], [_item()], [face], [face, face], [face, forearm], [_item(CodeValue="89545001")],
        [_item(CodeValue="89545001", CodingSchemeDesignator="SCT")], [_item(CodeMeaning="Face")],
        [_item(LongCodeValue="89545001", CodingSchemeDesignator="SCT", CodeMeaning="x")],
        [code("89545001", "SCT", "x" * 64)], [_item(URNCodeValue="urn:x:y", CodeMeaning="q")],
        [modified(left)], [modified()], [modified(_item())], [modified(left, left)], [modified(code("1", "99X", "y"))],
        [code("T-D1200", "SRT", "x")], [code("1", "99X", "y")], [_item(PatientName="Q")],
        [_item(ValueType="CODE", ConceptCodeSequence=[skin_type], **named)], [_item(ValueType="CODE", **named)],
        [_item(ConceptCodeSequence=[skin_type], **named)], [_item(ValueType="NUMERIC", NumericValue="1.5", **named)],
        [_item(ValueType="NUM", NumericValue="1.5", MeasurementUnitsCodeSequence=[code("mm", "UCUM", "mm")], **named)],
        [_item(ValueType="NUMERIC", NumericValue="", MeasurementUnitsCodeSequence=[code("mm", "UCUM", "mm")], **named)],
        [_item(ValueType="CONTAINER", **named)], [_item(**named)],
    ]  # fmt: skip


def with_odd_values(dataset: Dataset, keyword: str) -> Iterator[bytes]:
    """Files of ``dataset``, one for each odd value of ``keyword``."""
    tag = tag_for_keyword(keyword)
    assert tag is not None
    vr = dictionary_VR(tag).split(" or ")[0]
    if vr == "SQ":
        for items in odd_items():
            changed = Dataset(dataset)
            changed.file_meta = dataset.file_meta
            changed.add_new(tag, "SQ", items)
            yield _file(changed)
        return
    texts = (text.encode() for text in TEXTS.get(vr, ANY_TEXT))
    before, after = around(dataset, tag)
    for raw in {"US": WORDS, "FD": DOUBLES}.get(vr, texts):
        yield before + raw_element(tag, vr, raw) + after


def with_raw(dataset: Dataset, tag: int, vr: str, raw: bytes) -> bytes:
    """A file of ``dataset`` in explicit VR whose attribute ``tag`` holds ``raw``, whatever that is."""
    before, after = around(dataset, tag)
    return before + raw_element(tag, vr, raw) + after


def raw_element(tag: int, vr: str, raw: bytes) -> bytes:
    """The attribute as it stands in a file of explicit VR."""
    raw += b" " * (len(raw) % 2)
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr.encode()
    length = b"\0\0" + struct.pack("<I", len(raw)) if vr in LONG_LENGTHS else struct.pack("<H", len(raw))
    return head + length + raw


def around(dataset: Dataset, tag: int) -> tuple[bytes, bytes]:
    """What stands before, and what after the attribute ``tag`` in a file of ``dataset``."""
    meta, before, after = Dataset(), Dataset(), Dataset()
    for element in dataset:
        if element.tag != tag:
            (before if element.tag < tag else after).add(element)
    meta.file_meta = dataset.file_meta
    return _file(meta) + _encoded(before), _encoded(after)


def _encoded(dataset: Dataset) -> bytes:
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    with quiet():
        write_dataset(buffer, dataset, parent_encoding="utf-8")
    return buffer.getvalue()


def _file(dataset: Dataset) -> bytes:
    buffer = io.BytesIO()
    with quiet():
        pydicom.dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()
