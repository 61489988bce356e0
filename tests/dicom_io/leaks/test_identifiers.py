"""The last check: it finds what was planted, wherever and however written, and is quiet about clean objects."""

from __future__ import annotations

import struct
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGBaseline8Bit

from dicom_io.leaks import Identifiers
from dicom_io.leaks.frame_metadata import exif_entries, segments
from dicom_io.leaks.identifiers import ALLOWANCES, Suspected
from dicom_io.leaks.identifying_values import NOT_IDENTIFYING
from dicom_io.leaks.outgoing_bytes import NotParsed, values
from tests.dicom_io.profile_sources import SYNTAXES, as_file, photograph, profile, read_back

GPS = (47.0, 22.0, 36.48)
OWNER, COMMENT = "Moist von Lipwig", "Ward 7, bed Tiffany-Aching-3"


def jpeg_with_exif() -> bytes:
    """A JPEG frame as a telephone writes it: owner, serial number, date and place in EXIF, and a comment."""
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Invented Optics", "Dermacam 9"
    exif[0x013B] = OWNER
    exif[0x0132] = "2031:05:12 13:15:42"
    exif.get_ifd(0x8769)[0xA431] = "BODY-220044"
    exif.get_ifd(0x8825).update({1: "N", 2: GPS, 3: "E", 4: (8.0, 32.0, 28.9), 29: "2031:05:12"})
    buffer = BytesIO()
    Image.new("RGB", (8, 8), (180, 120, 100)).save(buffer, "JPEG", exif=exif, comment=COMMENT)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def source() -> bytes:
    dataset = photograph()
    dataset.private_block(0x0019, "VENDOR", create=True).add_new(1, "LO", "private Nobby Nobbs")
    dataset.PhotometricInterpretation = "YBR_FULL_422"
    dataset.PixelData = encapsulate([jpeg_with_exif()])
    return as_file(dataset, JPEGBaseline8Bit, preamble=b"owner Samuel Vimes".ljust(128, b"\0"))


@pytest.fixture(scope="module")
def identifiers(source: bytes) -> Identifiers:
    return Identifiers.of(read_back(source), source)


def outgoing(text: str | None = None, pixels: bytes | None = None) -> Dataset:
    clean = profile().apply(photograph())
    clean.PixelData = pixels or np.random.default_rng(3).integers(0, 256, 192, np.uint8).tobytes()
    if text is not None:
        clean.ImageComments = text
    return clean


def test_it_is_quiet_about_a_clean_object(identifiers: Identifiers) -> None:
    for syntax in SYNTAXES:
        assert identifiers.found_in(as_file(outgoing(), syntax)) == []


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("seen by VETINARI yesterday", "PatientName"),
        ("zoë", "PatientName"),
        ("Esmeralda", "ReferringPhysicianName"),
        ("id mrn-5543210.", "PatientID"),
        ("klinik überwald", "InstitutionName"),
        ("on 2031-05-12", "StudyDate"),
        ("on 12.05.2031", "StudyDate"),
        ("born 02/03/1971", "PatientBirthDate"),
        ("at 13:15:42", "StudyTime"),
        ("1.2.826.0.1.3680043.10.9999.1.3.44", "SOPInstanceUID"),
        ("Vetinari", "PatientName"),
        ("Nobby Nobbs private Nobby Nobbs", "private"),
        (OWNER, "frame 1"),
        ("BODY-220044", "frame 1"),
        (COMMENT, "frame 1 COM"),
        ("owner Samuel Vimes", "preamble"),
    ],
)  # fmt: skip
def test_it_finds_what_was_planted(identifiers: Identifiers, written: str, name: str) -> None:
    found = identifiers.found_in(as_file(outgoing(written)))
    assert any(name in where for where in found), found
    assert not any(written in where for where in found)


@pytest.mark.parametrize("codec", ["utf-8", "latin-1", "utf-16-le", "utf-16-be"])
def test_it_reads_every_encoding(identifiers: Identifiers, codec: str) -> None:
    clean = outgoing()
    clean.add_new(0x00189999, "OB", b"\1\2" + "Überwald Vetinari!".encode(codec))
    assert any("PatientName" in where for where in identifiers.found_in(as_file(clean)))


def test_it_finds_binary_coordinates_and_text_in_frames(identifiers: Identifiers) -> None:
    clean = outgoing()
    clean.PixelData = encapsulate([jpeg_with_exif()])
    clean.PhotometricInterpretation = "YBR_FULL_422"
    found = identifiers.found_in(as_file(clean, JPEGBaseline8Bit))
    assert any("GPS 0002" in where for where in found)
    assert any("COM" in where for where in found)


def test_it_finds_text_in_pixels_and_at_odd_places(identifiers: Identifiers) -> None:
    pixels = bytearray(np.random.default_rng(5).integers(0, 256, 200_000, np.uint8).tobytes())
    pixels[100_001:100_012] = b"MRN-5543210"
    assert any("PatientID" in where for where in identifiers.found_in(as_file(outgoing(pixels=bytes(pixels)))))
    assert identifiers.found_in(b"\0" * 99 + b"no DICOM at all, Vetinari")


def test_it_is_quiet_about_noise_and_flat_pixels(identifiers: Identifiers) -> None:
    noise = np.random.default_rng(7).integers(0, 256, 3_000_000, np.uint8).tobytes()
    assert identifiers.found_in(as_file(outgoing(pixels=noise))) == []
    for byte in b" 0A\x00\xff":
        assert identifiers.found_in(as_file(outgoing(pixels=bytes([byte]) * 50_000))) == []


def test_public_vocabulary_of_the_source_is_no_leak() -> None:
    """A patient named Hand, a description "Erythema": the object's own terms are not mistaken for theirs."""
    source = photograph()
    source.PatientName = "Hand^Face"
    source.StudyDescription = "Erythema of face"
    source.StudyTime = "113100"  # as the code of the Basic Profile
    source.StationName = "Dermacam 9"
    identifiers = Identifiers.of(source, b"")
    clean = profile().apply(source)
    clean.PixelData = b"\0" * 192
    assert identifiers.found_in(as_file(clean)) == []
    clean.SeriesDescription = "the hand of somebody"
    assert any("PatientName" in where for where in identifiers.found_in(as_file(clean)))
    assert identifiers.found_in(as_file(clean), own_texts=["the hand of somebody"]) == []


def test_short_values_need_their_own_word() -> None:
    source = photograph()
    source.PatientName = "Lee^Ann"
    identifiers = Identifiers.of(source, b"")
    assert identifiers.found_in(as_file(outgoing("sleeping annually"))) == []
    assert any("PatientName" in where for where in identifiers.found_in(as_file(outgoing("for Lee, today"))))


def test_names_in_other_scripts_are_found() -> None:
    source = photograph()
    source.SpecificCharacterSet = ["", "ISO 2022 IR 87"]
    source.PatientName = "Yamada^Tarou=山田^太郎"
    raw = as_file(source)
    identifiers = Identifiers.of(read_back(raw), raw)
    for written in ("山田", "太郎", "yamada"):
        assert any("PatientName" in where for where in identifiers.found_in(as_file(outgoing(written)))), written


def test_retained_attributes_are_no_leak() -> None:
    source = photograph()
    options = frozenset({"retain_uids", "retain_longitudinal_full_dates", "retain_institution_identity"})
    clean = profile(*options).apply(source)
    assert "InstitutionName" in clean
    assert Identifiers.of(source, b"", options).found_in(as_file(clean)) == []
    assert Identifiers.of(source, b"").found_in(as_file(clean))


def test_a_broken_file_is_searched_whole(identifiers: Identifiers) -> None:
    blob = as_file(outgoing("Vetinari"))
    with pytest.raises(NotParsed):
        values(blob[:-300])
    assert any("PatientName" in where for where in identifiers.found_in(blob[:-100]))


def a_jpeg(size: int = 64, **settings: object) -> bytes:
    buffer = BytesIO()
    noise = np.random.default_rng(size).integers(0, 256, (size, size, 3), np.uint8)
    Image.fromarray(noise).save(buffer, "JPEG", quality=95, **settings)
    return buffer.getvalue()


def sent_as_jpeg(frame: bytes) -> bytes:
    clean = outgoing()
    clean.PixelData, clean.PhotometricInterpretation = encapsulate([frame]), "YBR_FULL_422"
    return as_file(clean, JPEGBaseline8Bit)


def test_the_tables_and_signatures_of_codecs_are_nobodys() -> None:
    """A second picture behind the first, one in a private attribute, and one inside a maker's note."""
    source, other = photograph(), a_jpeg(48)
    block = source.private_block(0x0019, "VENDOR", create=True)
    block.add_new(1, "OB", other + b"\0" * (len(other) % 2))
    block.add_new(2, "OB", b"MakerNote " + other + b"\0" * (len(other) % 2))
    block.add_new(3, "OB", b"Created by OpenJPEG version 2.5.0 ")
    source.PhotometricInterpretation, source.PixelData = "YBR_FULL_422", encapsulate([a_jpeg() + other])
    raw = as_file(source, JPEGBaseline8Bit)
    identifiers = Identifiers.of(read_back(raw), raw)
    assert identifiers.found_in(sent_as_jpeg(a_jpeg(80))) == []
    assert identifiers.found_in(sent_as_jpeg(a_jpeg(80, comment=b"Created by OpenJPEG version 2.5.0"))) == []


@pytest.mark.parametrize("comment", [b"Created by OpenJPEG version 2.5.0 for Vetinari", b"AppleMark, ward of Vetinari"])
def test_a_signature_with_a_word_more_is_somebodys(comment: bytes) -> None:
    source = photograph()
    source.PhotometricInterpretation, source.PixelData = "YBR_FULL_422", encapsulate([a_jpeg(comment=comment)])
    raw = as_file(source, JPEGBaseline8Bit)
    found = Identifiers.of(read_back(raw), raw).found_in(sent_as_jpeg(a_jpeg(80, comment=comment)))
    assert any("COM" in where for where in found)
    assert any("PatientName" in where for where in found)


def test_tables_that_are_no_standard_ones_are_searched() -> None:
    """What hides in a table is found: only the tables that everybody has are excused."""
    secret = b"MRN-5543210"
    table = b"\x00" + bytes([0, len(secret)]) + bytes(14) + secret
    segment = b"\xff\xc4" + struct.pack(">H", 2 + len(table)) + table
    frame = a_jpeg(80)
    identifiers = Identifiers.of(photograph(), b"")
    assert any("PatientID" in where for where in identifiers.found_in(sent_as_jpeg(frame[:2] + segment + frame[2:])))


def test_a_makers_name_in_private_attributes_is_no_secret_but_a_place_in_the_makers_stead_is() -> None:
    source = photograph()
    block = source.private_block(0x0019, "INVENTED OPTICS", create=True)
    block.add_new(1, "LO", "Dermacam 9")
    clean = profile().apply(source)
    assert clean.ManufacturerModelName == "Dermacam 9"
    assert Identifiers.of(source, b"").found_in(as_file(clean)) == []
    clean.Manufacturer = source.InstitutionName
    found = Identifiers.of(source, b"").found_in(as_file(clean))
    assert found
    assert not any(isinstance(where, Suspected) for where in found)


@pytest.mark.parametrize("patient_id", ["19000101", "000000", "UNKNOWN", "REMOVED"])
def test_a_dummy_of_ours_is_nobodys_id(patient_id: str) -> None:
    source = photograph()
    source.PatientID = patient_id
    clean = outgoing()
    clean.ContentDate, clean.ContentTime = "19000101", "000000"
    assert Identifiers.of(source, b"").found_in(as_file(clean)) == []


def test_what_may_be_chance_is_told_apart_from_what_is_none() -> None:
    source = photograph()
    source.private_block(0x0019, "VENDOR", create=True).add_new(1, "OB", b"\1\2\3 qxzvwkpt ijklmnop \4")
    source.PatientWeight, source.PatientID = "71.238", "5543210"
    identifiers = Identifiers.of(source, b"")
    (where,) = identifiers.found_in(as_file(outgoing(pixels=bytes(range(60)) + b"qxzvwkpt" + bytes(range(124)))))
    assert isinstance(where, Suspected)
    (where,) = identifiers.found_in(as_file(outgoing("qxzvwkpt")))
    assert not isinstance(where, Suspected), "in a text it is no chance"
    clean = outgoing()
    clean.PixelSpacing = ["71.238", "71.238"]
    (where,) = identifiers.found_in(as_file(clean))
    assert isinstance(where, Suspected)
    clean.ImageComments = "weighs 71.238"
    (where,) = identifiers.found_in(as_file(clean))
    assert not isinstance(where, Suspected)
    clean = outgoing()
    clean.InstanceNumber = "5543210"
    (where,) = identifiers.found_in(as_file(clean))
    assert not isinstance(where, Suspected), "a patient's ID is one wherever it stands"


def test_what_a_frame_says_beside_its_pixels_is_no_chance(identifiers: Identifiers) -> None:
    for written in (OWNER, COMMENT, "BODY-220044"):
        found = identifiers.found_in(as_file(outgoing(written)))
        assert found
        assert not any(isinstance(where, Suspected) for where in found)


def test_every_allowance_has_a_reason() -> None:
    assert all(len(reason) > 10 for reason in (*ALLOWANCES.values(),))
    assert all(NOT_IDENTIFYING.values())


def test_comments_of_jpeg_2000_are_read() -> None:
    comment = b"\xff\x64" + struct.pack(">HH", 4 + 12, 1) + b"Granny W. 42"
    assert [each.payload for each in segments(b"\xff\x4f" + comment + b"\xff\xd9")] == [b"Granny W. 42"]
    box = struct.pack(">I4s", 8 + 11, b"xml ") + b"<a>Rincewi</"
    names = [each.name for each in segments(b"\x00\x00\x00\x0cjP  \r\n\x87\n" + box)]
    assert names == ["box xml "]


@pytest.mark.parametrize("length", range(0, 400, 7))
def test_a_truncated_frame_raises_nothing(length: int) -> None:
    for segment in segments(jpeg_with_exif()[:length]):
        exif_entries(segment.payload)
