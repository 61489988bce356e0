"""The sweep: a sentinel in every row of Table E.1-1 and wherever else a header can hold a value, and none comes out."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from pydicom import DataElement, Dataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag

from dicom_io.identifiers import Identifiers
from dicom_io.profile_table import profile_table
from tests.dicom_io.profile_sources import SYNTAXES, Sentinels, as_file, photograph, profile, read_back

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:pydicom")

SENTINELS = 1343
"""Two for each of the 654 plain rows of a data set, and those below."""


UNLISTED = {
    "PatientBirthDateInAlternativeCalendar": "LO",
    "PatientSpeciesDescription": "LO",
    "SequenceName": "SH",
    "CodingSchemeName": "ST",
    "ExtendedCodeMeaning": "LT",
    "TrackingID": "UT",
    "StrainDescription": "UC",
    "ContactURI": "UR",
    "EvaluatorName": "PN",
    "ExpiryDate": "DA",
    "StudyUpdateDateTime": "DT",
    "SecondaryReviewTime": "TM",
    "PrivateRecordUID": "UI",
    "ICCProfile": "OB",
    "RedPaletteColorLookupTableData": "OW",
    "PixelData": "OW",
}
"""Attributes outside the table: every VR that the net must catch."""


def nested(item: Dataset) -> Sequence:
    """``item`` inside two sequences that the table does not list."""
    outer = Dataset()
    outer.DeviceSequence = Sequence([item])
    return Sequence([outer])


def plant_elsewhere(dataset: Dataset, sentinels: Sentinels, place: str) -> None:
    """Private blocks, curves, overlays, unknown elements and unlisted attributes of every VR that can hold text."""
    block = dataset.private_block(0x0019, "TWINVEIL TEST", create=True)
    for offset, vr in enumerate(("LO", "PN", "UN", "UI", "DA"), start=1):
        block.add_new(offset, vr, sentinels.value(vr, f"{place} private {vr}"))
    for group in (0x5000, 0x5002, 0x501E):
        dataset.add_new(group << 16 | 0x2500, "LO", sentinels.value("LO", f"{place} curve label {group:04X}"))
        dataset.add_new(group << 16 | 0x3000, "OB", sentinels.value("OB", f"{place} curve data {group:04X}"))
    for group in (0x6000, 0x6002, 0x601E):
        dataset.add_new(group << 16 | 0x0022, "LO", sentinels.value("LO", f"{place} overlay description {group:04X}"))
        dataset.add_new(group << 16 | 0x3000, "OB", sentinels.value("OB", f"{place} overlay data {group:04X}"))
        dataset.add_new(group << 16 | 0x4000, "LT", sentinels.value("LT", f"{place} overlay comments {group:04X}"))
    for tag, vr in ((0x0008FFF0, "UN"), (0x0010FFF2, "LO"), (0x00221FFE, "UN")):
        dataset.add_new(tag, vr, sentinels.value(vr, f"{place} unknown to any dictionary {tag:08X}"))
    for keyword, vr in UNLISTED.items():
        dataset.add_new(Tag(keyword), vr, sentinels.value(vr, f"{place} unlisted {keyword}"))


def full_source() -> tuple[Dataset, Sentinels]:
    dataset, sentinels = photograph(), Sentinels()
    sentinels.plant_rows(dataset, "top")
    plant_elsewhere(dataset, sentinels, "top")
    item = Dataset()
    sentinels.plant_rows(item, "nested")
    plant_elsewhere(item, sentinels, "nested")
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
