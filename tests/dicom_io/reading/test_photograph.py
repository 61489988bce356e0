"""Photographs in every encoding that is accepted, and the named refusals of everything else."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms
from pydicom import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    UID,
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSNearLossless,
    MultiFrameTrueColorSecondaryCaptureImageStorage,
    SecondaryCaptureImageStorage,
)

from dicom_io.errors import UnreadableObject, UnsupportedObject
from dicom_io.reading import Limits, LossyHistory, read_photograph
from dicom_io.standard import PHOTOGRAPH_CLASSES, TRANSFER_SYNTAXES
from tests.dicom_io.builders import minimal_header, photograph, rich_header, skin, write

LARGEST_ERROR = {JPEGBaseline8Bit: 24, JPEGLSNearLossless: 2, JPEG2000: 20, HTJ2K: 4}
"""8-bit steps that a lossy encoding of ``skin`` may be off; none for all others."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "photograph.dcm"


@pytest.mark.parametrize("transfer_syntax", TRANSFER_SYNTAXES, ids=lambda uid: UID(uid).name)
def test_every_accepted_transfer_syntax_comes_out_as_the_same_srgb(path: Path, transfer_syntax: str) -> None:
    read = read_photograph(write(photograph(transfer_syntax=transfer_syntax), path))
    assert read.rgb.dtype == np.uint8
    off = np.abs(read.rgb.astype(int) - skin().astype(int))
    assert off.max() <= LARGEST_ERROR.get(UID(transfer_syntax), 0)
    assert off.mean() < 1.5
    assert "PixelData" not in read.header
    assert read.header.PatientID == "MRN-4471190"
    assert read.raw == path.read_bytes()


@pytest.mark.parametrize("sop_class", PHOTOGRAPH_CLASSES, ids=lambda uid: UID(uid).name)
def test_every_accepted_class_is_read(path: Path, sop_class: str) -> None:
    assert read_photograph(write(photograph(minimal_header(sop_class)), path)).rgb.shape == (96, 128, 3)


def test_a_photograph_with_text_burned_in_is_read_and_says_so(path: Path) -> None:
    header = minimal_header()
    header.BurnedInAnnotation = "YES"
    assert read_photograph(write(photograph(header), path)).header.BurnedInAnnotation == "YES"


def test_a_lossy_frame_is_in_the_history_even_when_its_header_is_silent(path: Path) -> None:
    read = read_photograph(write(photograph(transfer_syntax=JPEGBaseline8Bit), path))
    assert read.history.lossy
    assert read.history.methods == ("ISO_10918_1",)
    assert read.history.ratios[0] > 2
    assert read_photograph(write(photograph(), path)).history == LossyHistory()


def test_an_older_loss_stays_in_the_history(path: Path) -> None:
    dataset = photograph(transfer_syntax=JPEG2000Lossless)
    dataset.LossyImageCompression = "01"
    dataset.LossyImageCompressionRatio, dataset.LossyImageCompressionMethod = "12.5", "ISO_10918_1"
    assert read_photograph(write(dataset, path)).history == LossyHistory(True, (12.5,), ("ISO_10918_1",))


def test_a_palette_and_a_grey_photograph_become_rgb(path: Path) -> None:
    grey = skin()[:, :, 0]
    dataset = photograph(minimal_header(SecondaryCaptureImageStorage))
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PixelData = 1, "MONOCHROME2", grey.tobytes()
    del dataset.PlanarConfiguration
    assert np.array_equal(read_photograph(write(dataset, path)).rgb, np.repeat(grey[:, :, None], 3, axis=2))
    dataset.PhotometricInterpretation = "PALETTE COLOR"
    for colour, table in (("Red", range(256)), ("Green", range(255, -1, -1)), ("Blue", [7] * 256)):
        setattr(dataset, f"{colour}PaletteColorLookupTableDescriptor", [256, 0, 8])
        setattr(dataset, f"{colour}PaletteColorLookupTableData", bytes(table))
    rgb = read_photograph(write(dataset, path)).rgb
    assert np.array_equal(rgb[:, :, 0], grey)
    assert np.array_equal(rgb[:, :, 1], 255 - grey)
    assert (rgb[:, :, 2] == 7).all()


def test_a_profile_that_swaps_colours_is_converted_and_a_broken_one_is_taken_for_srgb(path: Path) -> None:
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    swapped = bytes(profile).replace(b"sRGB", b"odd!").replace(b"rXYZ", b"tmp!").replace(b"bXYZ", b"rXYZ")
    swapped = swapped.replace(b"tmp!", b"bXYZ").replace("sRGB".encode("utf-16-be"), "odd!".encode("utf-16-be"))
    dataset = photograph()
    dataset.ICCProfile = swapped
    rgb = read_photograph(write(dataset, path)).rgb
    assert np.abs(rgb[:, :, ::-1].astype(int) - skin().astype(int)).max() <= 3
    dataset.ICCProfile = b"not a profile "
    assert np.array_equal(read_photograph(write(dataset, path)).rgb, skin())


def test_one_pixel_can_be_read(path: Path) -> None:
    assert read_photograph(write(photograph(rgb=skin()[:1, :1]), path)).rgb.shape == (1, 1, 3)


def test_an_orientation_in_exif_is_not_applied(path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    dataset = photograph(transfer_syntax=JPEGBaseline8Bit, exif=exif.tobytes())
    assert read_photograph(write(dataset, path)).rgb.shape == (96, 128, 3)


def as_ct(dataset: Dataset) -> None:
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = CTImageStorage


def as_16_bit_grey(dataset: Dataset) -> None:
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit = 15
    dataset.PixelData = bytes(96 * 128 * 2)


def as_two_frames(dataset: Dataset) -> None:
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = MultiFrameTrueColorSecondaryCaptureImageStorage
    dataset.NumberOfFrames, dataset.PixelData = 2, dataset.PixelData * 2


def as_deflated(dataset: Dataset) -> None:
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian


def as_cmyk(dataset: Dataset) -> None:
    dataset.PhotometricInterpretation, dataset.SamplesPerPixel = "CMYK", 4


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (as_ct, "CT Image Storage"),
        (as_16_bit_grey, "16 bits"),
        (as_two_frames, "2 frames"),
        (as_deflated, "Deflated"),
        (as_cmyk, "CMYK"),
    ],
)
def test_what_is_no_photograph_is_refused_by_name(path: Path, change: object, named: str) -> None:
    dataset = photograph()
    assert callable(change)
    change(dataset)
    with pytest.raises(UnsupportedObject, match=named):
        read_photograph(write(dataset, path))


def test_a_truncated_file_is_unreadable_wherever_it_was_cut(path: Path) -> None:
    for transfer_syntax in (ExplicitVRLittleEndian, JPEG2000Lossless):
        whole = write(photograph(transfer_syntax=transfer_syntax), path).read_bytes()
        end_of_pixels = len(whole) - 8  # a missing end of sequence would cost nothing
        for length in [0, 100, 140, 300, *range(400, end_of_pixels, (len(whole) - 400) // 12), end_of_pixels - 1]:
            path.write_bytes(whole[:length])
            with pytest.raises(UnreadableObject):
                read_photograph(path)


def test_a_file_that_is_not_dicom_is_unreadable(path: Path) -> None:
    path.write_bytes(b"\x89PNG\r\n" + bytes(1000))
    with pytest.raises(UnreadableObject, match="not a DICOM file"):
        read_photograph(path)


def test_a_frame_larger_than_its_header_says_is_never_decoded(path: Path) -> None:
    for transfer_syntax in (JPEGBaseline8Bit, JPEG2000Lossless):
        dataset = photograph(rgb=skin(900, 900), transfer_syntax=transfer_syntax)
        dataset.Rows, dataset.Columns = 96, 128
        with pytest.raises(UnreadableObject, match="900 x 900 pixels, the header says 128 x 96"):
            read_photograph(write(dataset, path))


def test_a_bomb_is_refused_by_what_its_header_says(path: Path) -> None:
    dataset = photograph()
    dataset.Rows = dataset.Columns = 65_535
    with pytest.raises(UnreadableObject, match="65535 x 65535 pixels"):
        read_photograph(write(dataset, path))
    with pytest.raises(UnreadableObject, match="larger than the limit"):
        read_photograph(write(photograph(), path), Limits(max_file_bytes=1000))


def test_noise_in_a_frame_is_unreadable(path: Path) -> None:
    dataset = photograph(transfer_syntax=JPEGBaseline8Bit)
    head = io.BytesIO()
    Image.fromarray(skin()).save(head, "JPEG")
    dataset.PixelData = encapsulate([head.getvalue()[:300]])
    with pytest.raises(UnreadableObject):
        read_photograph(write(dataset, path))


def test_a_uid_that_differs_from_the_file_meta_is_unreadable(path: Path) -> None:
    dataset = photograph()
    uid = dataset.SOPInstanceUID.encode()
    other = uid[:-1] + (b"1" if uid[-1:] != b"1" else b"2")
    whole = write(dataset, path).read_bytes()
    assert whole.count(uid) == 2
    path.write_bytes(whole.replace(uid, other, 1))
    with pytest.raises(UnreadableObject, match="UIDs"):
        read_photograph(path)


def test_odd_values_are_read_past_in_silence(path: Path, recwarn: pytest.WarningsRecorder) -> None:
    dataset = photograph(rich_header())
    write(dataset, path)
    path.write_bytes(path.read_bytes().replace(b"19790317", b"17.03.79").replace(b"041Y", b"41 J"))
    read = read_photograph(path)
    assert read.hints.age_years is None
    assert read.hints.view == "face"
    assert not [warning for warning in recwarn if "17.03.79" in str(warning.message)]
