"""Statuses have one meaning each."""

from __future__ import annotations

from itertools import pairwise

import pytest

from dicom_io.standard import Status, meaning_of
from dicom_io.standard.status import RANGES


def test_every_named_status_has_a_meaning_and_a_clause() -> None:
    for status in Status:
        known = meaning_of(status)
        assert known in RANGES
        assert known.clause.startswith("PS3.")


def test_ranges_do_not_overlap() -> None:
    for first, second in pairwise(RANGES):
        assert first.first <= first.last < second.first


@pytest.mark.parametrize(
    ("code", "category", "retryable"),
    [(0x0000, "success", False), (0xA7FF, "failure", True), (0xB007, "warning", False), (0xC123, "failure", False),
     (0x1234, "failure", False)],
)  # fmt: skip
def test_codes_fall_where_the_standard_puts_them(code: int, category: str, retryable: bool) -> None:
    assert (meaning_of(code).category, meaning_of(code).retryable) == (category, retryable)
