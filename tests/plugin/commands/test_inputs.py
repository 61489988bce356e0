"""Every file that was named is worked on, held back by name, or passed over by name."""

from __future__ import annotations

import os
from pathlib import Path

import pydicom
import pytest
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from plugin.commands.inputs import gather
from plugin.errors import ConfigurationRefused
from tests.plugin.fakes import photograph, save

STUDY = "1.2.826.0.1.3680043.8.498.91"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one photograph in it, which is taken."""
    save(photograph(STUDY), tmp_path / "in")
    return tmp_path / "in"


def taken_of(folder: Path) -> set[str]:
    return {path.name for path in gather([folder]).files if not path.name.startswith("1.2.826.0.1.3680043.8.498.")}


def passed_over_of(folder: Path) -> dict[str, str]:
    return {other.file.name: other.why for other in gather([folder]).passed_over}


@pytest.mark.parametrize("named", ["photo", "photo.dcm", "photo.jpg"])
def test_a_dicom_file_without_preamble_and_prefix_is_not_overlooked(folder: Path, named: str) -> None:
    whole = next(folder.iterdir()).read_bytes()
    (folder / named).write_bytes(whole[132:])
    assert taken_of(folder) == {named}


@pytest.mark.parametrize("damaged", [slice(128, None), slice(0, 40)], ids=["no preamble", "cut off"])
def test_one_that_is_damaged_at_its_very_beginning_is_taken_at_its_name(folder: Path, damaged: slice) -> None:
    whole = next(folder.iterdir()).read_bytes()
    (folder / "photo.dcm").write_bytes(whole[damaged])
    assert taken_of(folder) == {"photo.dcm"}


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian])
def test_a_bare_data_set_is_not_overlooked(folder: Path, syntax: pydicom.uid.UID) -> None:
    data = pydicom.Dataset()
    data.ImageType, data.SOPClassUID, data.PatientName = ["ORIGINAL", "PRIMARY"], "1.2.840.10008.5.1.4.1.1.77.1.4", "X"
    data.save_as(folder / "bare", implicit_vr=syntax.is_implicit_VR, little_endian=syntax.is_little_endian)
    assert taken_of(folder) == {"bare"}


@pytest.mark.parametrize("content", [b"", b"no DICOM", b"\xff\xd8\xff\xe0 a JPEG"], ids=["empty", "text", "JPEG"])
@pytest.mark.parametrize("suffix", [".dcm", ".DCM", ".dicom", ".ima"])
def test_what_is_called_a_dicom_file_is_taken_for_one(folder: Path, content: bytes, suffix: str) -> None:
    (folder / f"promised{suffix}").write_bytes(content)
    assert taken_of(folder) == {f"promised{suffix}"}


def test_everything_else_in_a_folder_is_passed_over_and_said_so(folder: Path) -> None:
    (folder / "truth.png").write_bytes(b"\x89PNG\r\n\x1a\n and so on")
    (folder / "notes.txt").write_text("notes")
    (folder / "empty").touch()
    (folder / "link").symlink_to(folder / "nowhere")
    os.mkfifo(folder / "pipe")
    (folder / "below").mkdir()
    (folder / "below" / "thumbs.db").write_bytes(b"\0" * 200)
    assert taken_of(folder) == set()
    assert passed_over_of(folder) == {
        "truth.png": "it is no DICOM file",
        "notes.txt": "it is no DICOM file",
        "empty": "it is no DICOM file",
        "link": "the link leads nowhere",
        "pipe": "it is no file",
        "thumbs.db": "it is no DICOM file",
    }


def test_a_file_that_is_named_is_taken_whatever_it_is(folder: Path, tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("notes")
    assert notes.resolve() in gather([folder, notes]).files
    assert gather([notes]).files == (notes.resolve(),)


def test_each_file_is_taken_once(folder: Path) -> None:
    (photo,) = folder.iterdir()
    assert gather([folder, photo, folder / ".." / "in"]).files == (photo.resolve(),)


def test_nothing_to_work_on_is_said_with_what_was_seen(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("notes")
    with pytest.raises(ConfigurationRefused, match=r"no DICOM file in what was given \(of 1 files none is one\)"):
        gather([tmp_path])
    with pytest.raises(ConfigurationRefused, match="does not exist"):
        gather([tmp_path / "absent"])
