"""Grey photographs as they are to be shown: modality, value of interest, presentation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import Dataset

from dicom_io.errors import UnsupportedObject
from dicom_io.reading import read_photograph
from tests.dicom_io.builders import write
from tests.dicom_io.reading.pictures import dcmtk_decodes, uncompressed

STORED = np.arange(256, dtype=np.uint8).reshape(8, 32)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "photograph.dcm"


def grey(label: str = "MONOCHROME2", **attributes: object) -> Dataset:
    dataset = uncompressed(STORED.tobytes(), label, STORED.shape)
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


def table(first: int, entries: NDArray[np.uint16], bits: int) -> list[Dataset]:
    item = Dataset()
    item.LUTDescriptor, item.LUTData = [len(entries), first, bits], entries.astype("<u2").tobytes()
    item["LUTData"].VR = "OW"
    return [item]


def shown(dataset: Dataset, path: Path) -> NDArray[np.float64]:
    rgb = read_photograph(write(dataset, path)).rgb
    assert (rgb == rgb[..., :1]).all()
    return rgb[..., 0].reshape(-1).astype(float)


RAMP = np.arange(256.0)
WINDOW = {"WindowCenter": "64", "WindowWidth": "128"}


def test_without_tables_and_windows_stored_values_are_shown(path: Path) -> None:
    assert np.array_equal(shown(grey(), path), RAMP)
    assert np.array_equal(shown(grey("MONOCHROME1"), path), 255 - RAMP)
    assert np.array_equal(shown(grey(RescaleSlope="1", RescaleIntercept="0"), path), RAMP)
    assert np.array_equal(shown(grey(RescaleSlope="2.5", RescaleIntercept="-1024"), path), RAMP)
    assert np.array_equal(shown(grey(RescaleSlope="-1", RescaleIntercept="255"), path), 255 - RAMP)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (None, ((RAMP - 63.5) / 127 + 0.5).clip(0, 1)),
        ("LINEAR", ((RAMP - 63.5) / 127 + 0.5).clip(0, 1)),
        ("LINEAR_EXACT", ((RAMP - 64) / 128 + 0.5).clip(0, 1)),
        ("SIGMOID", 1 / (1 + np.exp(-4 * (RAMP - 64) / 128))),
    ],
)
def test_a_window_is_applied_by_its_function(path: Path, function: str | None, expected: NDArray[np.float64]) -> None:
    attributes = WINDOW | ({} if function is None else {"VOILUTFunction": function})
    assert np.abs(shown(grey(**attributes), path) - 255 * expected).max() <= 0.5
    assert np.abs(shown(grey("MONOCHROME1", **attributes), path) - 255 * (1 - expected)).max() <= 0.5


@pytest.mark.peers
def test_dcmtk_shows_windows_and_tables_the_same(path: Path) -> None:
    """By the rescaled value too, and for MONOCHROME1."""
    rescaled = {"RescaleSlope": "2", "RescaleIntercept": "-100", "WindowCenter": "20", "WindowWidth": "300"}
    curve = (np.arange(256.0) ** 2 / 255).astype(np.uint16)
    for label in ("MONOCHROME2", "MONOCHROME1"):
        for attributes, option in (
            (WINDOW, ["+Wi", "1"]),
            (rescaled, ["+Wi", "1"]),
            ({"VOILUTSequence": table(0, curve, 8)}, ["+Wl", "1"]),
        ):
            dataset = grey(label, **attributes)
            theirs = dcmtk_decodes(dataset, path, *option)
            assert theirs is not None
            assert np.abs(shown(dataset, path) - theirs[..., 0].reshape(-1)).max() <= 1


def test_the_first_of_several_windows_is_the_one_to_show(path: Path) -> None:
    several = grey(WindowCenter=["64", "128"], WindowWidth=["128", "256"])
    assert np.array_equal(shown(several, path), shown(grey(**WINDOW), path))
    narrow = grey(WindowCenter="100", WindowWidth="1")
    assert np.array_equal(shown(narrow, path), np.where(RAMP >= 100, 255.0, 0.0))


def test_tables_go_before_numbers(path: Path) -> None:
    halved = np.minimum(np.arange(256) * 2, 255).astype(np.uint16)
    by_table = shown(grey(VOILUTSequence=table(0, halved, 8), **WINDOW), path)
    assert np.array_equal(by_table, np.minimum(RAMP * 2, 255))
    wide = (np.arange(256) * 257).astype(np.uint16)
    assert np.array_equal(shown(grey(ModalityLUTSequence=table(0, wide, 16)), path), RAMP)
    both = grey(ModalityLUTSequence=table(0, wide, 16), WindowCenter="32768", WindowWidth="65536")
    assert np.abs(shown(both, path) - RAMP).max() <= 1
    offset = shown(grey(VOILUTSequence=table(100, halved[:100], 8)), path)
    assert (offset[:100] == halved[0]).all() and (offset[200:] == halved[99]).all()


def test_the_presentation_shape_repeats_the_label_or_is_named(path: Path) -> None:
    assert np.array_equal(shown(grey(PresentationLUTShape="IDENTITY"), path), RAMP)
    assert np.array_equal(shown(grey("MONOCHROME1", PresentationLUTShape="INVERSE"), path), 255 - RAMP)
    for label, shape in (("MONOCHROME1", "IDENTITY"), ("MONOCHROME2", "INVERSE"), ("MONOCHROME2", "LIN OD")):
        with pytest.raises(UnsupportedObject, match="Presentation LUT Shape"):
            shown(grey(label, PresentationLUTShape=shape), path)


@pytest.mark.parametrize(
    ("attributes", "named"),
    [
        ({"WindowCenter": "64"}, "Window Center and Window Width"),
        ({"WindowWidth": "64"}, "Window Center and Window Width"),
        ({"WindowCenter": "64", "WindowWidth": "0"}, "Window Center and Window Width"),
        ({"WindowCenter": "64", "WindowWidth": "-5"}, "Window Center and Window Width"),
        (WINDOW | {"VOILUTFunction": "CUBIC"}, "VOI LUT Function"),
        ({"RescaleSlope": "0", "RescaleIntercept": "0"}, "Rescale Slope"),
        ({"RescaleSlope": "1"}, "Rescale Slope"),
        ({"VOILUTSequence": [Dataset()]}, "the value of interest lookup table is incomplete"),
    ],
)
def test_what_cannot_be_applied_is_named(path: Path, attributes: dict[str, object], named: str) -> None:
    with pytest.raises(UnsupportedObject, match=named):
        shown(grey(**attributes), path)


def test_a_window_that_is_no_number_is_named_and_not_repeated(path: Path) -> None:
    written = write(grey(WindowCenter="123456", WindowWidth="128"), path)
    path.write_bytes(written.read_bytes().replace(b"123456", b"Fernho"))
    with pytest.raises(UnsupportedObject, match="Window Center") as refused:
        read_photograph(path)
    assert "Fernho" not in str(refused.value)


def test_a_window_means_nothing_for_colour(path: Path) -> None:
    rgb = np.dstack([STORED, STORED[::-1], STORED[:, ::-1]])
    dataset = uncompressed(rgb.tobytes(), "RGB", rgb.shape)
    dataset.WindowCenter, dataset.WindowWidth = "64", "128"
    assert np.array_equal(read_photograph(write(dataset, path)).rgb, rgb)
