"""What is written of photographs as they are found, up to the last check: nothing odd in a header stops one."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit, VLPhotographicImageStorage

from dicom_io.errors import UnreadableObject
from dicom_io.header import ConfidentialityProfile, Pseudonyms
from dicom_io.leaks import check_outgoing
from dicom_io.reading import read_photograph
from pipeline.photograph import Subtraction
from plugin.study import OutputWriter
from tests.dicom_io.builders import ALGORITHM, photograph, rich_header, skin, write
from tests.dicom_io.odd_values import with_raw
from tests.dicom_io.profile_sources import KEY

ROOT = "1.2.826.0.1.3680043.10.9999.31"


def source(**changed: object) -> Dataset:
    """A photograph of somebody whom no camera is called like; None takes an attribute away."""
    header = rich_header(VLPhotographicImageStorage)
    header.StudyInstanceUID, header.SeriesInstanceUID, header.SOPInstanceUID = f"{ROOT}.1", f"{ROOT}.2", f"{ROOT}.3"
    for keyword, value in changed.items():
        if value is None:
            del header[keyword]
        else:
            setattr(header, keyword, value)
    return photograph(header, skin(48, 64))


def outputs(path: Path, *, lossless: bool = True, options: tuple[str, ...] = ()) -> dict[str, Dataset]:
    """By role, what is written of the file ``path``; it has passed the last check."""
    pseudonyms = Pseudonyms(KEY)
    profile = ConfidentialityProfile(pseudonyms, frozenset(options))
    writer = OutputWriter(pseudonyms, profile, ALGORITHM, lossless=lossless)
    read = read_photograph(path)
    grid = np.zeros(read.rgb.shape[:2], np.float32)
    written = writer.write(
        read, sick=read.rgb, healthy=read.rgb, features_cleaned=True, text_cleaned=True, folder=path.parent,
        subtraction=Subtraction(difference=grid, probability=grid, mask=grid > 0, lesion_class="erythema"),
    )  # fmt: skip
    identifiers = writer.identifiers_of(read)
    for output in written:
        check_outgoing(output.path, identifiers, ALGORITHM)
    return {output.role: pydicom.dcmread(output.path) for output in written}


@pytest.mark.parametrize(
    ("keyword", "vr", "raw", "expected"),
    [
        ("InstanceNumber", "IS", b"2147483647", 2147483647),
        ("ImageLaterality", "CS", b"LEFT", "L"),
        ("ImageLaterality", "CS", b"BOTH", "B"),
        ("ImageLaterality", "CS", b"SOMEWHERE", "R"),  # what Laterality says
        ("PatientOrientation", "CS", b"L\\F\\A", ""),
        ("PatientOrientation", "CS", b"LEFT\\FOOT", ["L", "F"]),
        ("PatientOrientation", "CS", b"L\\R", ""),
        ("PixelSpacing", "DS", b"0.1", None),
        ("PixelSpacing", "DS", b"0.1\\0.2", [0.1, 0.2]),
        ("PixelSpacing", "DS", b"0.12345678901234567\\1", [0.123456789, 1]),
        ("PixelAspectRatio", "IS", b"2\\1", [2, 1]),
        ("PixelAspectRatio", "IS", b"1\\1", None),
        ("PixelAspectRatio", "IS", b"0\\1", None),
        ("LossyImageCompressionRatio", "DS", b"10:1", None),
        ("LossyImageCompressionRatio", "DS", b"0", None),
        ("AcquisitionNumber", "IS", b"1.5", None),
        ("Modality", "CS", b"LEFT", "XC"),
    ],
)
def test_an_odd_value_is_kept_mended_or_left_out(
    tmp_path: Path, keyword: str, vr: str, raw: bytes, expected: object
) -> None:
    path = tmp_path / "source.dcm"
    path.write_bytes(with_raw(source(), pydicom.datadict.tag_for_keyword(keyword) or 0, vr, raw))
    made = outputs(path)
    assert set(made) == {"sick-twin", "healthy-twin", "segmentation"}
    assert made["sick-twin"].get(keyword) == expected
    if keyword in ("PatientOrientation", "PixelAspectRatio"):
        assert made["segmentation"].get(keyword) == expected


@pytest.mark.parametrize("raw", [b"-5", b"99999999999", b"one", b"1.5", b"1\\2"])
def test_an_instance_number_that_is_none_becomes_one_of_ours(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "source.dcm"
    path.write_bytes(with_raw(source(), 0x00200013, "IS", raw))
    made = outputs(path)
    assert 1 <= made["sick-twin"].InstanceNumber <= 99_999
    assert made["sick-twin"].InstanceNumber == made["healthy-twin"].InstanceNumber
    assert made["segmentation"].InstanceNumber >= 1


def test_a_photograph_that_was_lossy_stays_so_whatever_is_noted_of_it(tmp_path: Path) -> None:
    noted = source(LossyImageCompression="01", LossyImageCompressionMethod="ISO_10918_1")
    path = tmp_path / "source.dcm"
    path.write_bytes(with_raw(noted, 0x00282112, "DS", b"10:1"))
    twin = outputs(path)["sick-twin"]
    assert twin.LossyImageCompression == "01"
    assert "LossyImageCompressionRatio" not in twin
    assert "LossyImageCompressionMethod" not in twin


@pytest.mark.parametrize(
    "lacking",
    [
        {"StudyInstanceUID": ""},
        {"StudyInstanceUID": None, "SeriesInstanceUID": None},
        {"StudyInstanceUID": "", "PatientID": ""},
        {"SeriesInstanceUID": "1.2.3"},
    ],
)
def test_strangers_who_lack_the_same_get_nothing_in_common(tmp_path: Path, lacking: dict[str, str | None]) -> None:
    made = []
    for number, name in enumerate(("Quillfeather^Osbert", "Zimmerwald^Ottoline")):
        own = {
            "PatientID": f"AA-{number}",
            "StudyInstanceUID": f"{ROOT}.1{number}",
            "SeriesInstanceUID": f"{ROOT}.2{number}",
            "SOPInstanceUID": f"{ROOT}.3{number}",
        }
        person = source(PatientName=name, **{**own, **lacking})
        folder = tmp_path / str(number)
        folder.mkdir()
        made.append(outputs(write(person, folder / "source.dcm"))["sick-twin"])
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "PatientID", "PatientName"):
        assert made[0][keyword].value != made[1][keyword].value, keyword


def test_without_a_sop_instance_uid_it_is_refused_by_name(tmp_path: Path) -> None:
    nameless = source()
    nameless.SOPInstanceUID = nameless.file_meta.MediaStorageSOPInstanceUID = ""
    path = tmp_path / "source.dcm"
    pydicom.dcmwrite(path, nameless, enforce_file_format=False)
    with pytest.raises(UnreadableObject):
        outputs(path)


@pytest.mark.parametrize(
    ("name", "maker", "model", "left"),
    [
        ("Brandauer^Carl", "Carl Zeiss Meditec", "Skincam 3", None),
        ("Pichler^Karl", "Karl Storz GmbH", "TELECAM", None),
        ("Lachance^Canon", "Canon", "EOS 5D", None),
        ("Martin^Apple", "Apple", "iPhone 12", None),
        ("Bruckner^Max", "Apple", "iPhone 12 Pro Max", ["Apple"]),
        ("Quillfeather^Osbert", "Lensco", "Skincam 3", ["Lensco", "Skincam 3"]),
        ("Quillfeather^Osbert", "Larchmere Infirmary", "Skincam 3", None),  # the hospital where the maker should be
        ("Quillfeather^Osbert", "Lensco", "MRN-4471190", ["Lensco"]),  # the patient's ID as a model
    ],
)
def test_a_camera_that_is_called_like_somebody_is_left_out_and_the_photograph_goes(
    tmp_path: Path, name: str, maker: str, model: str, left: list[str] | None
) -> None:
    person = source(PatientName=name, Manufacturer=maker, ManufacturerModelName=model)
    made = outputs(write(person, tmp_path / "source.dcm"))
    equipment = made["sick-twin"].ContributingEquipmentSequence[1:]
    told = [[str(each.value) for each in item if each.VR == "LO"] for item in equipment]
    assert told == ([] if left is None else [left])


def test_an_owner_in_the_frames_exif_keeps_his_namesake_out_too(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x013B], exif[0x010F] = "Storz", "KARL STORZ"
    header = source(Manufacturer="Karl Storz GmbH")
    frame = io.BytesIO()
    Image.fromarray(skin(48, 64)).save(frame, "JPEG", exif=exif)
    header.PixelData, header.PhotometricInterpretation = encapsulate([frame.getvalue()]), "YBR_FULL_422"
    header["PixelData"].VR = "OB"
    header.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    made = outputs(write(header, tmp_path / "source.dcm"))
    assert len(made["sick-twin"].ContributingEquipmentSequence) == 1


@pytest.mark.parametrize("lossless", [True, False])
def test_pictures_in_private_attributes_hold_nobodys_name_by_their_codecs(
    tmp_path: Path, lossless: bool
) -> None:
    """A thumbnail by the encoder that ours is, pictures with the tables that ours has."""
    thumbnail = photograph(rich_header(), skin(48, 64), JPEG2000Lossless).PixelData[16:]
    first, second = io.BytesIO(), io.BytesIO()
    Image.fromarray(skin(48, 64)).save(first, "JPEG", quality=95, subsampling="4:2:2")
    Image.fromarray(skin(24, 32)).save(second, "JPEG", quality=95, subsampling="4:2:2")
    for number, private in enumerate((thumbnail, first.getvalue(), b"MakerNote " + second.getvalue() + b" ")):
        header = source()
        header.private_block(0x0019, "LENSWORKS", create=True).add_new(1, "OB", private + b"\0" * (len(private) % 2))
        folder = tmp_path / str(number)
        folder.mkdir()
        assert outputs(write(header, folder / "source.dcm"), lossless=lossless)
