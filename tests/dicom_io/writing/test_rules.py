"""Each rule: what stays, what is mended, what is left out."""

from __future__ import annotations

from typing import Any

import pytest

from dicom_io.writing import rules
from dicom_io.writing.rules import Rule

L_F = ["L", "F"]


@pytest.mark.parametrize(
    ("rule", "value", "expected"),
    [
        (rules.orientation, "L\\F", L_F), (rules.orientation, "LEFT\\FOOT", L_F),
        (rules.orientation, "RAF\\H", ["RAF", "H"]),
        (rules.orientation, "LA\\F", ["LA", "F"]), (rules.orientation, "L\\R", None), (rules.orientation, "L", None),
        (rules.orientation, "LR\\F", None), (rules.orientation, "LL\\F", None), (rules.orientation, "L\\F\\A", None),
        (rules.orientation, "\\F", None), (rules.orientation, "PORTRAIT\\UP", None),
        (rules.day, "20210914", ["20210914"]), (rules.day, "20210230", None), (rules.day, "2021.09.14", None),
        (rules.time, "0917", ["0917"]), (rules.time, "091733.25", ["091733.25"]), (rules.time, "256199", None),
        (rules.moment, "20210914091733.25+0100", ["20210914091733.25+0100"]), (rules.moment, "2021", ["2021"]),
        (rules.moment, "202109140917.5", None), (rules.moment, "20211399", None), (rules.moment, "20210914+9900", None),
        (rules.zone, "+0530", ["+0530"]), (rules.zone, "-0000", None), (rules.zone, "+9900", None),
        (rules.whole(1), "7", ["7"]), (rules.whole(1), "-5", None), (rules.whole(1), "2147483648", None),
        (rules.whole(1), "1.5", None), (rules.decimal, "1E5", ["1E5"]), (rules.decimal, "1e400", None),
        (rules.decimal, "10:1", None), (rules.decimal, "0.12345678901234567", ["0.123456789"]),
        (rules.decimal, "NaN", None), (rules.above_zero(rules.decimal), "0", None),
        (rules.ratio, "2\\1", ["2", "1"]), (rules.ratio, "1\\1", None), (rules.ratio, "2", None),
        (rules.term("LR", {"LEFT": "L"}), "LEFT", ["L"]), (rules.term("LR", {"LEFT": "L"}), "UP", None),
        (rules.uid, "1.2.840.113619.2.5", ["1.2.840.113619.2.5"]), (rules.uid, "0", None), (rules.uid, "1.2.x", None),
    ],
)  # fmt: skip
def test_a_text_is_kept_mended_or_left_out(rule: Rule, value: str, expected: list[str] | None) -> None:
    assert rule(value.split("\\")) == expected


@pytest.mark.parametrize(
    ("rule", "value", "expected"),
    [
        (rules.finite, 1.5, [1.5]), (rules.finite, float("nan"), None), (rules.finite, float("-inf"), None),
        (rules.number_of(range(3)), 2, [2]), (rules.number_of(range(3)), 99, None), (rules.integers(0, 9), 10, None),
    ],
)  # fmt: skip
def test_a_number_is_kept_or_left_out(rule: Rule, value: Any, expected: list[Any] | None) -> None:
    assert rule([value]) == expected
