"""Uncompressed samples: the layout that the header allows and the length fits, or a refusal that says what is wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.uid import ImplicitVRLittleEndian

from dicom_io.errors import UnreadableObject, UnsupportedObject
from dicom_io.quiet import quiet
from dicom_io.reading import read_photograph
from tests.dicom_io.builders import write
from tests.dicom_io.reading.pictures import Rgb, in_ycbcr, off, painted, uncompressed


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "photograph.dcm"


def read(dataset: Dataset, path: Path) -> Rgb:
    with quiet():
        write(dataset, path)
    return read_photograph(path).rgb


def by_plane(samples: Rgb) -> bytes:
    return np.moveaxis(samples, 2, 0).tobytes()


def halved(samples: Rgb) -> bytes:
    """YBR_FULL_422: two of luma and the means of both chromas for two pixels; the last of an odd row stands twice."""
    even = np.pad(samples, ((0, 0), (0, samples.shape[1] % 2), (0, 0)), mode="edge").astype(int)
    chroma = (even[:, 0::2, 1:] + even[:, 1::2, 1:]) // 2
    return np.dstack([even[:, 0::2, 0], even[:, 1::2, 0], chroma]).astype(np.uint8).tobytes()


@pytest.mark.parametrize("written", [" RGB", "RGB ", "rgb", "Rgb", "RGB\0"])
def test_a_label_that_is_written_oddly_is_read_as_it_was_meant(path: Path, written: str) -> None:
    assert off(read(uncompressed(painted().tobytes(), written), path)) == 0


def test_ycbcr_with_a_label_of_another_length_is_read_by_the_length(path: Path) -> None:
    samples = in_ycbcr(painted())
    for label in ("YBR_FULL_422", "YBR_FULL", "ybr_full 422", "YBR-FULL"):
        assert off(read(uncompressed(samples.tobytes(), label), path)) <= 1
        assert off(read(uncompressed(halved(samples), label), path)) <= 1


def test_rgb_that_is_called_ycbcr_is_named(path: Path) -> None:
    for label in ("YBR_FULL_422", "YBR_FULL"):
        with pytest.raises(UnsupportedObject, match="the values are no YCbCr colours; correct Photometric"):
            read(uncompressed(painted().tobytes(), label), path)


def test_an_odd_number_of_columns_with_halved_chroma_ends_each_row_with_half_a_pair(path: Path) -> None:
    samples = in_ycbcr(painted())[:, :207]
    assert off(read(uncompressed(halved(samples), "YBR_FULL_422", samples.shape), path)) <= 1


def test_without_a_label_only_a_length_that_fits_one_reading_is_read(path: Path) -> None:
    for label in (None, "", "Quillfeather"):
        with pytest.raises(UnsupportedObject, match="correct Photometric Interpretation") as refused:
            read(uncompressed(painted().tobytes(), label), path)
        assert "uillfeather" not in str(refused.value)
        assert off(read(uncompressed(halved(in_ycbcr(painted())), label), path)) <= 1
        with pytest.raises(UnsupportedObject, match="MONOCHROME1, MONOCHROME2 or PALETTE COLOR"):
            read(uncompressed(painted()[..., 0].tobytes(), label, (160, 208)), path)


@pytest.mark.parametrize("term", ["HSV", "ARGB", "CMYK", "YBR_PARTIAL_422", "YBR_PARTIAL_420", "XYB"])
def test_a_term_that_means_something_else_is_named(path: Path, term: str) -> None:
    with pytest.raises(UnsupportedObject, match=f"{term.replace('_', '')}; send the photograph as RGB"):
        read(uncompressed(painted().tobytes(), term), path)


@pytest.mark.parametrize("planar", ["absent", "", 2])
def test_without_planar_configuration_the_samples_tell(path: Path, planar: object) -> None:
    for samples in (painted().tobytes(), by_plane(painted())):
        dataset = uncompressed(samples, "RGB")
        if planar == "absent":
            del dataset.PlanarConfiguration
        else:
            dataset.PlanarConfiguration = planar or None
        assert off(read(dataset, path)) == 0


def test_samples_that_do_not_tell_are_named_and_so_is_a_planar_configuration_that_lies(path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (160, 208, 3), dtype=np.uint8)
    dataset = uncompressed(noise.tobytes(), "RGB")
    assert np.array_equal(read(dataset, path), noise)
    del dataset.PlanarConfiguration
    with pytest.raises(UnsupportedObject, match="Planar Configuration is missing"):
        read(dataset, path)
    dataset = uncompressed(painted().tobytes(), "RGB")
    dataset.PlanarConfiguration = 1
    with pytest.raises(UnsupportedObject, match="Planar Configuration is 1, but samples lie by pixel"):
        read(dataset, path)


def test_samples_per_pixel_that_contradicts_the_label_is_read_by_the_length(path: Path) -> None:
    dataset = uncompressed(painted().tobytes(), "RGB")
    for samples in (1, 4, None):
        dataset.SamplesPerPixel = samples
        assert off(read(dataset, path)) == 0
    dataset = uncompressed(painted()[..., 0].tobytes(), "RGB")
    dataset.SamplesPerPixel = 1
    with pytest.raises(UnsupportedObject, match="contradict each other"):
        read(dataset, path)


@pytest.mark.parametrize("high", [7, 15])
def test_8_bits_in_16_are_taken_from_where_high_bit_says(path: Path, high: int) -> None:
    words = painted().astype("<u2") << (high - 7)
    for dataset in (uncompressed(words.tobytes(), "RGB"), uncompressed(by_plane(words), "RGB")):
        dataset.PlanarConfiguration = 0 if dataset.PixelData == words.tobytes() else 1
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 8, high
        dataset["PixelData"].VR = "OW"
        assert off(read(dataset, path)) == 0
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
        assert off(read(dataset, path)) == 0


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (5, 3), (7, 1), (1, 7)])
def test_small_and_odd_sizes_are_read(path: Path, shape: tuple[int, int]) -> None:
    rgb = np.random.default_rng(2).integers(0, 256, (*shape, 3), dtype=np.uint8)
    assert np.array_equal(read(uncompressed(rgb.tobytes(), "RGB", rgb.shape), path), rgb)


@pytest.mark.parametrize("keyword", ["Rows", "Columns", "BitsAllocated", "BitsStored", "PixelRepresentation"])
@pytest.mark.parametrize("value", [None, "absent"])
def test_what_is_missing_is_named(path: Path, keyword: str, value: object) -> None:
    dataset = uncompressed(painted().tobytes(), "RGB")
    if value is None:
        setattr(dataset, keyword, None)
    else:
        delattr(dataset, keyword)
    with pytest.raises(UnreadableObject, match=keyword):
        read(dataset, path)
