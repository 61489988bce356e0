"""Counting elements without parsing: as many as pydicom finds, up to the bound, and never for long."""

from __future__ import annotations

import io
import struct
import time
import zlib
from pathlib import Path

import pydicom
import pytest
from pydicom import Dataset
from pydicom.filewriter import write_dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEGBaseline8Bit

from dicom_io.element_bounds import ElementBounds, check_file, survey
from dicom_io.errors import UnreadableObject, UnsupportedObject
from dicom_io.reading import read_photograph
from tests.attack.peer import element, nested_data_set, tiny_data_set
from tests.dicom_io.builders import photograph, rich_header, write

BOUNDS = ElementBounds(max_elements=5000, max_nesting=8, max_value_bytes=200_000)
STUDY = element(0x0020, 0x000D, b"UI", b"1.2.3.44")


def encoded(dataset: Dataset, *, explicit: bool) -> bytes:
    buffer = pydicom.filebase.DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, not explicit
    write_dataset(buffer, dataset)
    content: bytes = buffer.getvalue()
    return content


def items(dataset: Dataset) -> int:
    return sum(1 + items(item) for entry in dataset if entry.VR == "SQ" for item in entry.value)


@pytest.mark.parametrize("explicit", [True, False], ids=["explicit", "implicit"])
@pytest.mark.parametrize("undefined", [True, False], ids=["undefined lengths", "defined lengths"])
def test_it_counts_what_a_parser_finds(explicit: bool, undefined: bool) -> None:
    header = rich_header()
    for sequence in (entry for entry in header if entry.VR == "SQ"):
        sequence.is_undefined_length = undefined
        for item in sequence.value:
            item.is_undefined_length_sequence_item = undefined
    found = survey(encoded(header, explicit=explicit), 0, explicit=explicit, bounds=BOUNDS)
    delimiters = (items(header) + sum(entry.VR == "SQ" for entry in header)) if undefined else 0
    assert found.elements == sum(1 for _ in header.iterall()) + items(header) + delimiters
    assert found.study_instance_uid == header.StudyInstanceUID


@pytest.mark.parametrize("transfer_syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEGBaseline8Bit])
def test_a_photograph_is_within_bounds_whatever_its_encoding(tmp_path: Path, transfer_syntax: str) -> None:
    path = write(photograph(rich_header(), transfer_syntax=transfer_syntax), tmp_path / "photograph.dcm")
    check_file(path, BOUNDS)


def test_a_study_uid_inside_a_sequence_is_not_the_study() -> None:
    header = Dataset()
    item = Dataset()
    item.StudyInstanceUID = "1.2.3.99"
    header.ReferencedStudySequence = [item]
    assert survey(encoded(header, explicit=True), 0, explicit=True, bounds=BOUNDS).study_instance_uid == ""


@pytest.mark.parametrize("cut", range(1, 40))
def test_a_data_set_that_is_cut_off_is_counted_as_far_as_it_goes(cut: int) -> None:
    whole = STUDY + nested_data_set(2)
    assert survey(whole[:-cut], 0, explicit=True, bounds=BOUNDS).elements <= survey(
        whole, 0, explicit=True, bounds=BOUNDS
    ).elements


def implicit_list(tag: int, length: int) -> bytes:
    return struct.pack("<HHL", tag >> 16, tag & 0xFFFF, length) + b"1\\" * (length // 2)


UN_SEQUENCE = struct.pack("<HH2sHL", 0x0008, 0x1140, b"UN", 0, 0xFFFFFFFF)
EMPTY_ITEM = struct.pack("<HHL", 0xFFFE, 0xE000, 0)
BEYOND = {
    "elements": (tiny_data_set(12 << 20), True),
    "items": (struct.pack("<HH2sHL", 0x0008, 0x1140, b"SQ", 0, 0xFFFFFFFF) + EMPTY_ITEM * 10_000, True),
    "items in a sequence that calls itself unknown": (UN_SEQUENCE + EMPTY_ITEM * 10_000, True),
    "items of defined length": (
        struct.pack("<HH2sHL", 0x0008, 0x1140, b"SQ", 0, 8 * 10_000) + EMPTY_ITEM * 10_000,
        True,
    ),
    "fragments of pixel data": (
        struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OB", 0, 0xFFFFFFFF) + EMPTY_ITEM * 10_000,
        True,
    ),
    "nesting": (nested_data_set(400), True),
    "nesting in implicit VR": (struct.pack("<HHLHHL", 8, 0x1140, 0xFFFFFFFF, 0xFFFE, 0xE000, 0xFFFFFFFF) * 400, False),
    "one list that is endless": (implicit_list(0x00281052, 400_000), False),
    "many lists that are long": (element(0x0028, 0x1052, b"DS", b"1\\" * 30_000) * 20, True),
}

@pytest.mark.parametrize("name", BEYOND)
def test_more_than_the_bounds_is_refused_at_once(name: str) -> None:
    content, explicit = BEYOND[name]
    begun = time.process_time()
    with pytest.raises(UnreadableObject):
        survey(content, 0, explicit=explicit, bounds=BOUNDS)
    assert time.process_time() - begun < 0.5


def test_a_file_beyond_them_is_refused_by_name_before_it_is_parsed(tmp_path: Path) -> None:
    path = write(photograph(), tmp_path / "tiny.dcm")
    path.write_bytes(path.read_bytes() + tiny_data_set(12 << 20))
    begun = time.process_time()
    with pytest.raises(UnreadableObject, match="elements"):
        read_photograph(path)
    assert time.process_time() - begun < 2


def test_a_deflated_file_is_refused_before_it_is_inflated(tmp_path: Path) -> None:
    path = write(photograph(), tmp_path / "bomb.dcm")
    dataset = pydicom.dcmread(path)
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    head = io.BytesIO()
    pydicom.dcmwrite(head, dataset, enforce_file_format=True)
    start = head.getvalue()[:400]
    path.write_bytes(start + zlib.compress(bytes(100 << 20)))
    with pytest.raises(UnsupportedObject, match="Deflated"):
        read_photograph(path)


@pytest.mark.parametrize("content", [b"", b"no DICOM", bytes(132), bytes(128) + b"DICM", bytes(128) + b"DICM\2\0"])
def test_what_is_no_dicom_file_is_left_to_the_parser(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file.dcm"
    path.write_bytes(content)
    check_file(path)
