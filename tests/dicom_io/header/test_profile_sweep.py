"""The sweep: a sentinel in every row of Table E.1-1 and wherever else a header can hold a value, and none comes out."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from pydicom import DataElement, Dataset
from pydicom.sequence import Sequence

from dicom_io.leaks import Identifiers
from dicom_io.standard import profile_table
from tests.dicom_io.profile_sources import SYNTAXES, Sentinels, as_file, photograph, profile, read_back

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:pydicom")

SENTINELS = 1343
"""Two for each of the 654 plain rows of a data set, and those below."""


def nested(item: Dataset) -> Sequence:
    """``item`` inside two sequences that the table does not list."""
    outer = Dataset()
    outer.DeviceSequence = Sequence([item])
    return Sequence([outer])


def full_source() -> tuple[Dataset, Sentinels]:
    dataset, sentinels = photograph(), Sentinels()
    sentinels.plant_rows(dataset, "top")
    sentinels.plant_elsewhere(dataset, "top")
    item = Dataset()
    sentinels.plant_rows(item, "nested")
    sentinels.plant_elsewhere(item, "nested")
    dataset.ContributingEquipmentSequence = nested(item)
    return dataset, sentinels


def test_every_row_is_planted_twice() -> None:
    _, sentinels = full_source()
    assert len(sentinels.planted) >= SENTINELS
    assert len(set(sentinels.planted.values())) > 0.99 * len(sentinels.planted)


@pytest.mark.parametrize("transfer_syntax", SYNTAXES)
def test_no_sentinel_comes_out(transfer_syntax: str) -> None:
    dataset, sentinels = full_source()
    source = as_file(
        dataset,
        transfer_syntax,
        preamble=sentinels.value("OB", "preamble").ljust(128, b"\0"),
        SourceApplicationEntityTitle=sentinels.value("AE", "file meta AE"),
        PrivateInformationCreatorUID=sentinels.value("UI", "file meta UID"),
        PrivateInformation=sentinels.value("OB", "file meta private"),
    )
    assert len(sentinels.planted) >= SENTINELS
    if transfer_syntax == SYNTAXES[0]:  # the sentinels of two bytes are known by their explicit VR
        assert len(sentinels.found_in(source)) == len(sentinels.planted)

    clean = as_file(profile().apply(read_back(source)))

    assert sentinels.found_in(clean) == []


def test_nothing_of_groups_that_no_file_can_hold_comes_out() -> None:
    dataset, sentinels = photograph(), Sentinels()
    for tag in (0x00001000, 0x00001001, 0x00020003):
        dataset.add(DataElement(tag, "UI", sentinels.value("UI", f"{tag:08X}")))
    clean = profile().apply(dataset)
    assert not [tag for tag in clean.keys() if tag.group in (0, 2)]  # noqa: SIM118
    assert len(sentinels.planted) == 3


NOT_SEARCHED_FOR = {"00160075", "001021C0", "ICCProfile", "PixelData"}
"""Two numbers of two bytes, and the two attributes that the check excuses with a reason."""


def test_the_last_check_names_every_sentinel_that_a_broken_profile_lets_through() -> None:
    dataset, sentinels = full_source()
    source = as_file(dataset)
    identifiers = Identifiers.of(read_back(source), source)
    clean = profile().apply(dataset)
    assert identifiers.found_in(as_file(clean)) == []

    leaky = Dataset(clean)
    texts = [known.decode() for known in sentinels.planted.values() if known.isascii()]
    leaky.add_new(0x0040A160, "UT", " ".join(texts))
    named = " ".join(identifiers.found_in(as_file(leaky)))

    for where in sentinels.planted:
        place, *_, name = where.split(" ", 1)
        tag = name.split(" ")[0]
        if place == "top" and re.fullmatch("[0-9A-F]{8}", tag) and not NOT_SEARCHED_FOR & set(name.split(" ")):
            assert f"({tag[:4]},{tag[4:]})" in named, where
    assert all(known.decode() not in named for known in sentinels.planted.values() if known.isascii())


def test_the_source_is_left_as_it_was() -> None:
    dataset, _ = full_source()
    before = as_file(dataset)
    profile().apply(dataset)
    assert as_file(dataset) == before


def test_equal_inputs_give_equal_bytes() -> None:
    first, second = (as_file(profile().apply(full_source()[0])) for _ in range(2))
    assert first == second


def test_rows_are_unique() -> None:
    tags = sorted(row.tag for row in profile_table().rows)
    assert len(tags) == 657
    assert all(before != after for before, after in pairwise(tags))
