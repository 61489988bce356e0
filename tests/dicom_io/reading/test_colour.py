"""Profiles judged by what they do, wherever they stand; names only where there is no profile."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms
from pydicom import Dataset
from pydicom.uid import JPEGBaseline8Bit

from dicom_io.errors import UnsupportedObject
from dicom_io.quiet import quiet
from dicom_io.reading import read_photograph, srgb_profile
from dicom_io.reading.known_profiles import ADOBE_RGB, DISPLAY_P3, ROMM_RGB, SRGB_CURVE, ColourSpace, profile_of
from tests.dicom_io.builders import write
from tests.dicom_io.reading.pictures import (
    JFIF,
    Rgb,
    app_segment,
    in_ycbcr,
    jpeg,
    off,
    painted,
    uncompressed,
    wrapped,
)

SRGB_COLORANTS = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410))
LINEAR = ColourSpace(SRGB_COLORANTS, (1.0, 1.0, 0.0, 0.0, 0.0))
"""The colorants of sRGB and no curve."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "photograph.dcm"


def read(dataset: Dataset, path: Path) -> Rgb:
    return read_photograph(write(dataset, path)).rgb


def curve(linear: NDArray[np.float64], space: ColourSpace) -> NDArray[np.float64]:
    """From light to stored values, both 0 to 1 (the inverse of ICC.1 10.18, type 3)."""
    gamma, a, b, c, d = space.curve
    upper = (linear.clip(0, None) ** (1 / gamma) - b) / a
    return np.where(upper >= d, upper, linear / c if c else upper).clip(0, 1)


def seen_in(space: ColourSpace, rgb: Rgb) -> Rgb:
    """sRGB ``rgb`` as a camera that works in ``space`` stores it: computed from the definition, not by a library."""
    stored = rgb / 255
    light = np.where(stored <= 0.04045, stored / 12.92, ((stored + 0.055) / 1.055) ** 2.4)
    to_space = np.linalg.inv(np.array(space.colorants).T) @ np.array(SRGB_COLORANTS).T
    return np.rint(curve((light @ to_space.T).clip(0, 1), space) * 255).astype(np.uint8)


def named(profile: bytes, name: bytes) -> bytes:
    """``profile`` with a description that says ``name``."""
    count = struct.unpack_from(">I", profile, 128)[0]
    text = name.decode().encode("utf-16-be")
    value = b"mluc" + bytes(4) + struct.pack(">II2s2sII", 1, 12, b"en", b"US", len(text), 28) + text
    table = bytearray(profile[132 : 132 + 12 * count])
    for at in range(0, len(table), 12):
        struct.pack_into(">I", table, at + 4, struct.unpack_from(">I", table, at + 4)[0] + 12)
    body = profile[132 + 12 * count :]
    table += struct.pack(">4sII", b"desc", 132 + 12 * (count + 1) + len(body), len(value))
    whole = bytearray(profile[:128] + struct.pack(">I", count + 1) + table + body + value)
    struct.pack_into(">I", whole, 0, len(whole))
    return bytes(whole)


SPACES = {"Display P3": DISPLAY_P3, "Adobe RGB": ADOBE_RGB, "ROMM RGB": ROMM_RGB, "linear": LINEAR}


def in_header(dataset: Dataset, profile: bytes) -> None:
    dataset.ICCProfile = profile + bytes(len(profile) % 2)


def in_optical_path(dataset: Dataset, profile: bytes) -> None:
    item = Dataset()
    item.ICCProfile = profile + bytes(len(profile) % 2)
    dataset.OpticalPathSequence = [item]


def chunks(profile: bytes, size: int = 60_000) -> list[bytes]:
    """The APP2 segments of a profile (ICC.1 B.4)."""
    parts = [profile[at : at + size] for at in range(0, len(profile), size)]
    head = b"ICC_PROFILE\0"
    return [app_segment(2, head + bytes([number, len(parts)]) + part) for number, part in enumerate(parts, start=1)]


def in_frame(rgb: Rgb, markers: bytes) -> Dataset:
    return wrapped([jpeg(in_ycbcr(rgb), markers=JFIF + markers, quality=100)], JPEGBaseline8Bit, "YBR_FULL_422")


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("place", [in_header, in_optical_path])
def test_a_profile_is_applied_wherever_it_stands_and_whatever_it_is_called(
    path: Path, space: str, place: object
) -> None:
    assert callable(place)
    for name in (b"sRGB IEC61966-2.1", b"Camera RGB"):
        dataset = uncompressed(seen_in(SPACES[space], painted()).tobytes(), "RGB")
        place(dataset, named(profile_of(SPACES[space]), name))
        assert off(read(dataset, path)) <= 3


@pytest.mark.parametrize("size", [60_000, 100, 7], ids=["one chunk", "several chunks", "many chunks"])
def test_a_profile_in_the_chunks_of_a_jpeg_is_applied(path: Path, size: int) -> None:
    parts = chunks(named(profile_of(DISPLAY_P3), b"Display P3"), size)
    assert len(parts) < 256
    stored = seen_in(DISPLAY_P3, painted())
    for markers in (b"".join(parts), b"".join(reversed(parts))):
        assert off(read(in_frame(stored, markers), path)) <= 7
    if len(parts) > 1:
        with pytest.raises(UnsupportedObject, match="ICC profile of the compressed frame is damaged"):
            read(in_frame(stored, b"".join(parts[:-1])), path)


def test_a_profile_that_means_srgb_changes_no_pixel(path: Path) -> None:
    srgb = ColourSpace(SRGB_COLORANTS, SRGB_CURVE)
    for profile in (srgb_profile(), profile_of(srgb), named(profile_of(srgb), b"Adobe RGB (1998)")):
        dataset = uncompressed(painted().tobytes(), "RGB")
        in_header(dataset, profile)
        assert np.array_equal(read(dataset, path), painted())


def test_two_profiles_must_mean_the_same_colours(path: Path) -> None:
    stored = seen_in(DISPLAY_P3, painted())
    same = in_frame(stored, b"".join(chunks(profile_of(DISPLAY_P3))))
    in_header(same, named(profile_of(DISPLAY_P3), b"another name"))
    assert off(read(same, path)) <= 7
    different = in_frame(stored, b"".join(chunks(profile_of(DISPLAY_P3))))
    in_header(different, srgb_profile())
    with pytest.raises(UnsupportedObject, match="of the header and of the compressed frame mean different colours"):
        read(different, path)


def test_a_damaged_profile_is_named_and_what_is_none_says_nothing(path: Path) -> None:
    dataset = uncompressed(painted().tobytes(), "RGB")
    whole = profile_of(DISPLAY_P3)
    without_red = whole.replace(b"rXYZ", b"xxxx")
    for damaged in (whole[:-40], whole[:200], without_red):
        in_header(dataset, damaged)
        with pytest.raises(UnsupportedObject, match="the ICC profile of the header is damaged"):
            read(dataset, path)
    for none in (
        b"not a profile ",
        bytes(200),
        whole.replace(b"mntrRGB ", b"prtrCMYK"),
        whole.replace(b"mntr", b"link"),
    ):
        in_header(dataset, none)
        assert np.array_equal(read(dataset, path), painted())


@pytest.mark.parametrize(
    ("name", "space"),
    [("SRGB", None), ("sRGB", None), ("ADOBERGB", ADOBE_RGB), ("ROMMRGB", ROMM_RGB), ("DISPLAY P3", DISPLAY_P3)],
)
def test_a_colour_space_by_name_counts_where_there_is_no_profile(
    path: Path, name: str, space: ColourSpace | None
) -> None:
    stored = painted() if space is None else seen_in(space, painted())
    dataset = uncompressed(stored.tobytes(), "RGB")
    with quiet():
        dataset.ColorSpace = name
    assert off(read(dataset, path)) <= 3
    dataset.PixelData = seen_in(DISPLAY_P3, painted()).tobytes()
    in_header(dataset, profile_of(DISPLAY_P3))
    assert off(read(dataset, path)) <= 3


def test_an_unknown_colour_space_is_named_and_not_repeated(path: Path) -> None:
    dataset = uncompressed(painted().tobytes(), "RGB")
    dataset.ColorSpace = "QUILLFEATHER"
    with pytest.raises(UnsupportedObject, match="Color Space is none of SRGB") as refused:
        read(dataset, path)
    assert "QUILL" not in str(refused.value)


def exif_of_dcf(index: bytes) -> bytes:
    """An EXIF block whose interoperability directory says ``index`` (CIPA DC-008 4.6.3)."""
    tiff = b"II*\0\x08\0\0\0" + struct.pack("<HHHIII", 1, 0x8769, 4, 1, 26, 0)
    tiff += struct.pack("<HHHIII", 1, 0xA005, 4, 1, 44, 0)
    tiff += struct.pack("<HHHI4sI", 1, 1, 2, 4, index + b"\0", 0)
    return app_segment(1, b"Exif\0\0" + tiff)


def test_a_camera_says_adobe_rgb_in_its_exif_block(path: Path) -> None:
    assert off(read(in_frame(seen_in(ADOBE_RGB, painted()), exif_of_dcf(b"R03")), path)) <= 7
    assert off(read(in_frame(painted(), exif_of_dcf(b"R98")), path)) <= 6


def test_a_profile_for_grey_is_applied_to_grey_and_to_nothing_else(path: Path) -> None:
    """Linear grey: half the light is stored as 128 and shown as 188."""
    linear = profile_of(LINEAR)
    grey = linear.replace(b"mntrRGB ", b"mntrGRAY").replace(b"rTRC", b"kTRC")
    stored = np.repeat(np.arange(256, dtype=np.uint8)[None], 16, axis=0)
    dataset = uncompressed(stored.tobytes(), "MONOCHROME2", stored.shape)
    for profile in (grey, linear):
        in_header(dataset, profile)
        shown = read(dataset, path)
        assert abs(int(shown[0, 128, 0]) - 188) <= 1
        assert (shown[0, 0] <= 1).all() and (shown[0, 255] >= 254).all()
    colour = uncompressed(painted().tobytes(), "RGB")
    in_header(colour, grey)
    assert np.array_equal(read(colour, path), painted())


def test_our_own_profile_is_srgb_for_other_programs_too() -> None:
    profile = ImageCms.getOpenProfile(io.BytesIO(srgb_profile()))
    assert "sRGB" in ImageCms.getProfileDescription(profile)
    picture = Image.fromarray(painted())
    other = ImageCms.createProfile("sRGB")
    same = ImageCms.profileToProfile(picture, profile, other)
    assert same is not None and np.abs(np.asarray(same).astype(int) - painted()).max() <= 1
