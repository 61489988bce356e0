"""Marker x stream x sampling x label, and both colour models in every codec: never in false colours.

dcmtk has two rules: by the label (its default) and by the markers. Where either shows the paint, we must show it as
dcmtk does. Where both are wrong there is no right decode to be had by rule, and a refusal is as good as the paint.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from itertools import product
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.data import get_testdata_file
from pydicom.uid import (
    HTJ2KLossless,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
)

from dicom_io.errors import UnsupportedObject
from dicom_io.reading import read_photograph
from tests.dicom_io.builders import rle_frame, write
from tests.dicom_io.reading.pictures import (
    EXIF,
    JFIF,
    MARKERS,
    Rgb,
    adobe,
    dcmtk_decodes,
    in_ycbcr,
    jpeg,
    jpeg_2000,
    off,
    painted,
    uncompressed,
    wrapped,
)

PAINT_AS_CODED = 6
"""Levels by which the paint may be off after JPEG at quality 95 with halved chroma."""

LIKE_DCMTK = 3
MODELS: dict[str, Callable[[Rgb], Rgb]] = {"RGB": lambda rgb: rgb, "YCbCr": in_ycbcr}
LABELS = ("RGB", "YBR_FULL", "YBR_FULL_422", None)


def refusal_of(path: Path) -> str:
    """Why the photograph at ``path`` is not read; empty where it is."""
    try:
        read_photograph(path)
    except UnsupportedObject as refused:
        return str(refused)
    return ""


@pytest.mark.peers
@pytest.mark.parametrize("sampling", [0, 1, 2], ids=["4:4:4", "4:2:2", "4:2:0"])
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("marker", MARKERS)
def test_jpeg_is_shown_as_dcmtk_shows_it_or_refused_by_name(
    tmp_path: Path, marker: str, model: str, sampling: int
) -> None:
    path = tmp_path / "photograph.dcm"
    identifiers = [(1, 2, 3)] if model == "YCbCr" else [(1, 2, 3), (0x52, 0x47, 0x42)]
    for label, names in product(LABELS, identifiers):
        frame = jpeg(MODELS[model](painted()), sampling=sampling, markers=MARKERS[marker], identifiers=names)
        dataset = wrapped([frame], JPEGBaseline8Bit, label)
        by_rule = [dcmtk_decodes(dataset, path, rule) for rule in ("+cp", "+cg")]
        right = [rgb for rgb in by_rule if rgb is not None and off(rgb) <= PAINT_AS_CODED]
        write(dataset, path)
        if not right and (refusal := refusal_of(path)):
            assert "Photometric Interpretation" in refusal
            continue
        shown = read_photograph(path).rgb
        assert off(shown) <= PAINT_AS_CODED, f"{label} {names}: in false colours"
        for rgb in right:
            assert np.abs(shown.astype(int) - rgb).max() <= LIKE_DCMTK, f"{label} {names}"


def test_what_is_marked_consistently_is_never_refused(tmp_path: Path) -> None:
    path = tmp_path / "photograph.dcm"
    consistent = [
        *product(["YCbCr"], ["none", "JFIF", "Adobe 1", "EXIF", "JFIF and Adobe 1"], [0, 1, 2], LABELS[1:3]),
        *product(["RGB"], ["none", "Adobe 0", "EXIF"], [0], ["RGB"]),
    ]
    for model, marker, sampling, label in consistent:
        frame = jpeg(MODELS[model](painted()), sampling=sampling, markers=MARKERS[marker])
        assert off(read_photograph(write(wrapped([frame], JPEGBaseline8Bit, label), path)).rgb) <= PAINT_AS_CODED


def test_skin_without_a_dark_or_a_bright_pixel_is_told_by_its_markers(tmp_path: Path) -> None:
    """All of it would be possible YCbCr, so that the samples tell nothing."""
    path = tmp_path / "photograph.dcm"
    rows, columns = np.mgrid[:96, :128]
    skin = np.stack([170 - rows // 8, 140 - columns // 8, 130 + rows // 12], axis=-1).astype(np.uint8)
    for model, markers, identifiers, label in (
        ("RGB", adobe(0), (1, 2, 3), "RGB"),
        ("RGB", b"", (0x52, 0x47, 0x42), "YBR_FULL_422"),
        ("RGB", b"", (0x52, 0x47, 0x42), None),
        ("YCbCr", JFIF, (1, 2, 3), "RGB"),
        ("YCbCr", adobe(1), (1, 2, 3), None),
        ("YCbCr", EXIF, (1, 2, 3), "RGB"),
        ("YCbCr", adobe(0), (1, 2, 3), "YBR_FULL"),
    ):
        frame = jpeg(
            MODELS[model](skin), markers=markers, identifiers=identifiers, quality=100, one_table=model == "RGB"
        )
        shown = read_photograph(write(wrapped([frame], JPEGBaseline8Bit, label, skin.shape), path)).rgb
        assert np.abs(shown.astype(int) - skin).max() <= PAINT_AS_CODED, f"{model} {label}"


def test_a_quarrel_that_is_even_is_named(tmp_path: Path) -> None:
    frame = jpeg(in_ycbcr(painted()), markers=adobe(0))
    with pytest.raises(UnsupportedObject, match=r"RGB \(Adobe transform 0, Photometric Interpretation\) or YCbCr"):
        read_photograph(write(wrapped([frame], JPEGBaseline8Bit, "RGB"), tmp_path / "photograph.dcm"))


def test_a_colour_box_that_contradicts_the_label_is_named_and_one_that_repeats_it_is_not(tmp_path: Path) -> None:
    path = tmp_path / "photograph.dcm"
    boxed = jpeg_2000(in_ycbcr(painted()), transform=False, boxes=True)
    assert boxed.count(b"colr\x01\0\0\0\0\0\x10") == 1
    with pytest.raises(UnsupportedObject, match="colour box of RGB"):
        read_photograph(write(wrapped([boxed], JPEG2000Lossless, "YBR_FULL"), path))
    of_ycbcr = boxed.replace(b"colr\x01\0\0\0\0\0\x10", b"colr\x01\0\0\0\0\0\x12")
    for label in ("YBR_FULL", "RGB", None):
        assert off(read_photograph(write(wrapped([of_ycbcr], JPEG2000Lossless, label), path)).rgb) <= 1, label


def test_progressive_and_restarted_frames_are_decoded_and_others_named(tmp_path: Path) -> None:
    path = tmp_path / "photograph.dcm"
    for options in ({"progressive": True}, {"restart_marker_rows": 1}, {"optimize": True}):
        frame = jpeg(in_ycbcr(painted()), sampling=2, markers=JFIF, **options)
        assert off(read_photograph(write(wrapped([frame], JPEGBaseline8Bit, "YBR_FULL_422"), path)).rgb) <= 6
    lossless = imagecodecs.ljpeg_encode(painted()[..., 0])
    with pytest.raises(UnsupportedObject, match="lossless"):
        read_photograph(write(wrapped([lossless], JPEGBaseline8Bit, "MONOCHROME2", (160, 208)), path))
    deep = imagecodecs.jpeg8_encode(painted()[..., 0].astype(np.uint16) * 16, bitspersample=12)
    with pytest.raises(UnsupportedObject, match="12 bits"):
        read_photograph(write(wrapped([deep], JPEGBaseline8Bit, "MONOCHROME2", (160, 208)), path))


def test_four_and_two_components_are_named(tmp_path: Path) -> None:
    path = tmp_path / "photograph.dcm"
    buffer = io.BytesIO()
    Image.fromarray(painted()).convert("CMYK").save(buffer, "JPEG")
    two = bytearray(jpeg(painted()))
    two[two.index(b"\xff\xc0") + 9] = 2
    for frame, count in ((buffer.getvalue(), 4), (bytes(two), 2)):
        with pytest.raises(UnsupportedObject, match=f"{count} components"):
            read_photograph(write(wrapped([frame], JPEGBaseline8Bit, "RGB"), path))


def test_a_frame_of_one_component_is_grey_and_one_of_three_is_not_whatever_the_label(tmp_path: Path) -> None:
    path = tmp_path / "photograph.dcm"
    grey = painted()[..., 0]
    dataset = wrapped([jpeg(grey, quality=100, markers=JFIF)], JPEGBaseline8Bit, "RGB")
    shown = read_photograph(write(dataset, path)).rgb
    assert np.abs(shown - grey[..., None].astype(int)).max() <= 2
    dataset = wrapped([jpeg(in_ycbcr(painted()), markers=JFIF)], JPEGBaseline8Bit, "MONOCHROME2", (160, 208))
    assert off(read_photograph(write(dataset, path)).rgb) <= PAINT_AS_CODED
    dataset.PhotometricInterpretation = "PALETTE COLOR"
    with pytest.raises(UnsupportedObject, match="PALETTE COLOR"):
        read_photograph(write(dataset, path))


@pytest.mark.parametrize("model", MODELS)
def test_both_models_come_out_of_every_lossless_coding(tmp_path: Path, model: str) -> None:
    path = tmp_path / "photograph.dcm"
    samples = MODELS[model](painted())
    label = "RGB" if model == "RGB" else "YBR_FULL"
    planes = np.ascontiguousarray(np.moveaxis(samples, 2, 0))
    by_plane = uncompressed(planes.tobytes(), label)
    by_plane.PlanarConfiguration = 1
    codings = {
        "native by pixel": uncompressed(samples.tobytes(), label),
        "native by plane": by_plane,
        "RLE": wrapped([rle_frame(samples)], RLELossless, label),
        "JPEG-LS": wrapped([bytes(imagecodecs.jpegls_encode(samples))], JPEGLSLossless, label),
        "JPEG 2000": wrapped([jpeg_2000(samples, transform=False)], JPEG2000Lossless, label),
        "HTJ2K": wrapped([bytes(imagecodecs.htj2k_encode(samples, reversible=True, rgb=False))], HTJ2KLossless, label),
    }
    if model == "RGB":
        boxed = jpeg_2000(samples, transform=False, boxes=True)
        codings["JPEG 2000 in boxes"] = wrapped([boxed], JPEG2000Lossless, label)
        transformed = jpeg_2000(samples, transform=True)
        for name in ("YBR_RCT", "RGB", "YBR_FULL"):
            codings[f"transformed, called {name}"] = wrapped([transformed], JPEG2000Lossless, name)
    else:
        halved = np.stack([samples[:, 0::2, 0], samples[:, 1::2, 0], samples[:, 0::2, 1], samples[:, 0::2, 2]], axis=2)
        codings["native, halved"] = uncompressed(halved.tobytes(), "YBR_FULL_422")
    for name, dataset in codings.items():
        assert off(read_photograph(write(dataset, path)).rgb) <= 1, name


@pytest.mark.peers
@pytest.mark.parametrize("model", MODELS)
def test_dcmtk_shows_the_same_of_native_and_rle(tmp_path: Path, model: str) -> None:
    samples = MODELS[model](painted())
    label = "RGB" if model == "RGB" else "YBR_FULL"
    for dataset in (uncompressed(samples.tobytes(), label), wrapped([rle_frame(samples)], RLELossless, label)):
        path = tmp_path / "photograph.dcm"
        theirs = dcmtk_decodes(dataset, path)
        assert theirs is not None
        assert np.abs(read_photograph(write(dataset, path)).rgb.astype(int) - theirs).max() <= LIKE_DCMTK


OF_PYDICOM = (
    "SC_jpeg_no_color_transform.dcm", "SC_jpeg_no_color_transform_2.dcm", "SC_rgb_dcmtk_+eb+cr.dcm",
    "SC_rgb_dcmtk_+eb+cy+n1.dcm", "SC_rgb_dcmtk_+eb+cy+n2.dcm", "SC_rgb_dcmtk_+eb+cy+np.dcm",
    "SC_rgb_dcmtk_+eb+cy+s2.dcm", "SC_rgb_dcmtk_+eb+cy+s4.dcm", "SC_rgb_jpeg_app14_dcmd.dcm", "SC_rgb_jpeg_dcmd.dcm",
    "SC_rgb_jpeg_dcmtk.dcm", "SC_rgb_jpeg_lossy_gdcm.dcm", "SC_rgb_rle.dcm", "SC_rgb_small_odd.dcm",
    "SC_rgb_small_odd_jpeg.dcm", "SC_ybr_full_422_uncompressed.dcm", "examples_rgb_color.dcm", "examples_palette.dcm",
)  # fmt: skip
"""The colour files that the pydicom package ships, of which the node takes the transfer syntax and dcmtk the codec."""


@pytest.mark.peers
@pytest.mark.parametrize("name", OF_PYDICOM)
def test_the_colour_files_of_pydicom_are_shown_as_dcmtk_shows_them(tmp_path: Path, name: str) -> None:
    file = get_testdata_file(name, download=False)
    assert isinstance(file, str)
    dataset = pydicom.dcmread(file)
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    path = tmp_path / "photograph.dcm"
    theirs = dcmtk_decodes(dataset, path)
    assert theirs is not None
    assert np.abs(read_photograph(write(dataset, path)).rgb.astype(int) - theirs).max() <= 1
