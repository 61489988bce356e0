"""What a value must be to be repeated in an object of ours: one rule for each kind of value.

A rule takes the values of an attribute, at least one, and gives those that may be written: the same, or mended ones, or
None where the attribute is better left out. It never raises.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date
from typing import Any

from dicom_io.header import is_lacking_uid

Rule = Callable[[Sequence[Any]], Sequence[Any] | None]

LARGEST_IS = 2**31 - 1
"""PS3.5 table 6.2-1."""

LONGEST_UI = 64
UID_SYNTAX = re.compile(r"(0|[1-9]\d*)(\.(0|[1-9]\d*))+")
"""PS3.5 section 9.1."""

LONGEST_DS = 16
DIGITS_OF_DS = 10
"""What fits into 16 characters beside sign, point and exponent."""

OPPOSITE = {"L": "R", "R": "L", "A": "P", "P": "A", "H": "F", "F": "H"}
"""Directions in a person (PS3.3 C.7.6.1.1.1)."""

DIRECTIONS = {
    "LEFT": "L", "RIGHT": "R", "ANTERIOR": "A", "POSTERIOR": "P", "HEAD": "H", "FOOT": "F", "FEET": "F",
    "SUPERIOR": "H", "INFERIOR": "F", "CRANIAL": "H", "CAUDAL": "F", "VENTRAL": "A", "DORSAL": "P",
}  # fmt: skip
"""Words for them that cameras write."""

HOURS_FROM_UTC = range(-12, 15)


def anything(values: Sequence[Any]) -> Sequence[Any]:
    """For what is ours, or was checked where it was made."""
    return values


def never(values: Sequence[Any]) -> None:
    """For what no object of ours repeats."""


def term(allowed: Collection[str], meant: Mapping[str, str] | None = None) -> Rule:
    """One of the ``allowed`` coded strings; ``meant``: other spellings and what they stand for."""

    def rule(values: Sequence[Any]) -> Sequence[Any] | None:
        spelt = [str(value).strip().upper() for value in values]
        told = [(meant or {}).get(value, value) for value in spelt]
        return told if set(told) <= set(allowed) else None

    return rule


def number_of(allowed: Collection[int]) -> Rule:
    """An enumerated binary number."""
    return lambda values: values if all(isinstance(value, int) and value in allowed for value in values) else None


def whole(lowest: int, highest: int = LARGEST_IS) -> Rule:
    """An integer string."""

    def rule(values: Sequence[Any]) -> Sequence[Any] | None:
        numbers = [str(value).strip() for value in values]
        if not all(re.fullmatch(r"[+-]?\d{1,12}", number) for number in numbers):
            return None
        return numbers if all(lowest <= int(number) <= highest for number in numbers) else None

    return rule


def decimal(values: Sequence[Any]) -> Sequence[Any] | None:
    """A decimal string; one that is too long is rounded."""
    texts = [str(value).strip() for value in values]
    if not all(re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text) for text in texts):
        return None
    if not all(math.isfinite(float(text)) for text in texts):
        return None
    return [text if len(text) <= LONGEST_DS else f"{float(text):.{DIGITS_OF_DS}g}" for text in texts]


def above_zero(rule: Rule) -> Rule:
    """What ``rule`` lets pass, where each is a number above 0."""

    def positive(values: Sequence[Any]) -> Sequence[Any] | None:
        told = rule(values)
        return told if told is not None and all(float(value) > 0 for value in told) else None

    return positive


def finite(values: Sequence[Any]) -> Sequence[Any] | None:
    """Binary floating point numbers."""
    return values if all(isinstance(value, int | float) and math.isfinite(value) for value in values) else None


def integers(lowest: int, highest: int) -> Rule:
    """Binary whole numbers."""
    return lambda values: values if all(isinstance(one, int) and lowest <= one <= highest for one in values) else None


def matching(pattern: str) -> Rule:
    """Text that ``pattern`` matches as a whole, without the padding."""
    compiled = re.compile(pattern, re.DOTALL)

    def rule(values: Sequence[Any]) -> Sequence[Any] | None:
        texts = [str(value).rstrip(" \0") for value in values]
        return texts if all(compiled.fullmatch(text) for text in texts) else None

    return rule


def day(values: Sequence[Any]) -> Sequence[Any] | None:
    """A DA that is in the calendar."""
    texts = [str(value).strip() for value in values]
    return texts if all(_is_day(text) for text in texts) else None


def moment(values: Sequence[Any]) -> Sequence[Any] | None:
    """A DT whose parts are in the calendar and on the clock."""
    texts = [str(value).strip() for value in values]
    for text in texts:
        found = re.fullmatch(r"(\d{4}|\d{6}|\d{8})((?<=\d{8})[\d.]+)?([+-]\d{4})?", text)
        if found is None or not _is_day((found[1] + "0101")[:8]):
            return None
        if (found[2] and not _is_time(found[2])) or (found[3] and zone([found[3]]) is None):
            return None
    return texts


def time(values: Sequence[Any]) -> Sequence[Any] | None:
    """A TM that is on the clock."""
    texts = [str(value).strip() for value in values]
    return texts if all(_is_time(text) for text in texts) else None


def zone(values: Sequence[Any]) -> Sequence[Any] | None:
    """An offset from UTC (PS3.3 C.12.1.1.8)."""
    texts = [str(value).strip() for value in values]
    fits = all(
        re.fullmatch(r"[+-]\d\d[0-5]\d", text) and int(text[:3]) in HOURS_FROM_UTC and text != "-0000" for text in texts
    )
    return texts if fits else None


def uid(values: Sequence[Any]) -> Sequence[Any] | None:
    """UIDs, of more than zeros."""
    texts = [str(value).rstrip(" \0") for value in values]
    fits = all(len(text) <= LONGEST_UI and UID_SYNTAX.fullmatch(text) and not is_lacking_uid(text) for text in texts)
    return texts if fits else None


def orientation(values: Sequence[Any]) -> Sequence[Any] | None:
    """Patient Orientation: directions of rows and columns, along two axes of the person (PS3.3 C.7.6.1.1.1)."""
    told = [DIRECTIONS.get(text, text) for text in (str(value).strip().upper() for value in values)]
    if len(told) != 2 or not all(told):
        return None
    letters = [letter for direction in told for letter in direction]
    if not set(letters) <= OPPOSITE.keys():
        return None
    within = all(len({*direction, *map(OPPOSITE.__getitem__, direction)}) == 2 * len(direction) for direction in told)
    return told if within and told[0][0] not in (told[1][0], OPPOSITE[told[1][0]]) else None


def ratio(values: Sequence[Any]) -> Sequence[Any] | None:
    """Pixel Aspect Ratio: two whole numbers, written where they say that pixels are not square."""
    told = above_zero(whole(1))(values)
    return told if told is not None and len(told) == 2 and int(told[0]) != int(told[1]) else None


def _is_day(text: str) -> bool:
    if re.fullmatch(r"\d{8}", text) is None:
        return False
    try:
        date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return False
    return True


def _is_time(text: str) -> bool:
    found = re.fullmatch(r"(\d\d)(?:(\d\d)(?:(\d\d)(?:\.\d{1,6})?)?)?", text)
    return found is not None and int(found[1]) < 24 and int(found[2] or 0) < 60 and int(found[3] or 0) <= 60
