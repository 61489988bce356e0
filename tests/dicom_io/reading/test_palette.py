"""Palettes whose tables and descriptors agree, and those that do not."""

from __future__ import annotations

from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from pydicom import Dataset
from pydicom.uid import JPEGBaseline8Bit, JPEGLSLossless, RLELossless

from dicom_io.errors import UnsupportedObject
from dicom_io.reading import read_photograph
from tests.dicom_io.builders import rle_frame, write
from tests.dicom_io.reading.pictures import PAINT, Rgb, dcmtk_decodes, jpeg, off, uncompressed, wrapped

COLOURS = ("Red", "Green", "Blue")
TABLE = np.array([(5 * level % 200, 30 + level, 250 - level) for level in range(200)] + [*PAINT], dtype=np.uint8)
"""204 entries, of which the last four are the paint."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "photograph.dcm"


def indexes(first: int = 0) -> np.ndarray:
    """A gradient with the four painted patches, as places in ``TABLE`` counted from ``first``."""
    rows, columns = np.mgrid[:160, :208]
    places = (rows + columns) % 200
    for number in range(len(PAINT)):
        places[16:64, 8 + 48 * number : 40 + 48 * number] = 200 + number
    return (places + first).astype(np.uint8)


def with_palette(descriptor: list[int], data: list[bytes], first: int = 0) -> Dataset:
    dataset = uncompressed(indexes(first).tobytes(), "PALETTE COLOR", (160, 208))
    for colour, table in zip(COLOURS, data, strict=True):
        setattr(dataset, f"{colour}PaletteColorLookupTableDescriptor", descriptor)
        setattr(dataset, f"{colour}PaletteColorLookupTableData", table)
    return dataset


def read(dataset: Dataset, path: Path) -> Rgb:
    return read_photograph(write(dataset, path)).rgb


def tables(kind: str, factor: int = 1, table: np.ndarray = TABLE) -> list[bytes]:
    return [(table[:, channel].astype(kind) * factor).tobytes() for channel in range(3)]


@pytest.mark.parametrize(
    ("bits", "data"),
    [
        (8, tables("u1")),
        (8, tables("<u2")),
        (16, tables("<u2", 257)),
        (16, tables("<u2", 256)),
        (16, tables("<u2")),
        (8, tables("<u2", 256)),
        (8, tables("<u2", 257)),
        (12, tables("<u2", 16)),
        (0, tables("<u2", 257)),
    ],
    ids=["bytes", "bytes in words", "words", "high bytes", "bytes in words called words", "high bytes called bytes",
         "words called bytes", "12 bits", "no bits said"],
)  # fmt: skip
def test_bytes_and_words_are_told_apart_by_the_data(path: Path, bits: int, data: list[bytes]) -> None:
    assert off(read(with_palette([204, 0, bits], data), path)) <= 1


@pytest.mark.peers
def test_dcmtk_shows_the_same(path: Path) -> None:
    for bits, data in ((8, tables("u1")), (8, tables("<u2")), (16, tables("<u2", 257))):
        dataset = with_palette([204, 0, bits], data)
        theirs = dcmtk_decodes(dataset, path)
        assert theirs is not None
        assert np.abs(read(dataset, path).astype(int) - theirs).max() <= 1


def test_the_first_entry_may_stand_for_another_index_than_0(path: Path) -> None:
    assert off(read(with_palette([204, 40, 8], tables("u1"), first=40), path)) == 0
    dataset = with_palette([204, 40, 8], tables("u1"), first=40)
    dataset.PixelData = bytes(160 * 208)
    assert (read(dataset, path) == TABLE[0]).all()


def test_a_table_with_fewer_entries_than_it_says_will_do_where_they_are_not_used(path: Path) -> None:
    for entries in (256, 0):
        assert off(read(with_palette([entries, 0, 8], tables("u1")), path)) == 0
        assert off(read(with_palette([entries, 0, 16], tables("<u2", 257)), path)) == 0
    short = with_palette([204, 0, 8], tables("u1", table=TABLE[:100]))
    with pytest.raises(UnsupportedObject, match="the palette has 100 entries, the picture needs 204"):
        read(short, path)


def test_a_palette_that_is_not_whole_is_named(path: Path) -> None:
    for keyword in ("BluePaletteColorLookupTableData", "RedPaletteColorLookupTableDescriptor"):
        dataset = with_palette([204, 0, 8], tables("u1"))
        delattr(dataset, keyword)
        with pytest.raises(UnsupportedObject, match=f"{keyword.split('P')[0].lower()} table is incomplete"):
            read(dataset, path)


def test_a_segmented_palette_is_expanded(path: Path) -> None:
    """A ramp as a linear segment, the paint as a discrete one."""
    dataset = with_palette([204, 0, 16], tables("<u2", 257))
    for channel, colour in enumerate(COLOURS):
        delattr(dataset, f"{colour}PaletteColorLookupTableData")
        words = [0, 1, 0, 1, 199, 199 * 257, 0, 4, *(paint[channel] * 257 for paint in PAINT)]
        setattr(dataset, f"Segmented{colour}PaletteColorLookupTableData", np.array(words, "<u2").tobytes())
    rgb = read(dataset, path)
    assert off(rgb) == 0
    assert np.abs(rgb[100, :60].astype(int) - indexes()[100, :60, None]).max() <= 1


def test_a_palette_goes_with_every_codec_that_keeps_indexes(path: Path) -> None:
    for transfer_syntax, frame in (
        (RLELossless, rle_frame(indexes()[..., None])),
        (JPEGLSLossless, bytes(imagecodecs.jpegls_encode(indexes()))),
    ):
        dataset = wrapped([frame], transfer_syntax, "PALETTE COLOR", (160, 208))
        for element in with_palette([204, 0, 8], tables("u1")).group_dataset(0x0028):
            if "Palette" in element.keyword:
                dataset.add(element)
        assert off(read(dataset, path)) == 0


def test_indexes_that_went_through_lossy_jpeg_are_named(path: Path) -> None:
    dataset = wrapped([jpeg(indexes())], JPEGBaseline8Bit, "PALETTE COLOR", (160, 208))
    with pytest.raises(UnsupportedObject, match="lossy JPEG"):
        read(dataset, path)
