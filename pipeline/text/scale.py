"""The numbers of a ruler: digits in steps, and their unit. They are text, and no name.

What stands on a measuring tape beside a wound is read as letters with confidence. A line is a scale where it holds
nothing but numbers that go up or down in even steps, or a single short one, with or without a unit of length. Numbers
of records, dates and telephones are none: they are long, or do not go in steps. Nothing else of a line is looked at: a
reading comes in here with every other sign already a question mark.
"""

from __future__ import annotations

import re
from itertools import pairwise

OTHER = "?"
"""Stands for every sign that is no digit, no part of a unit and no separator."""

SIGNS = frozenset("0123456789cminhCMINH.,-|/' ")
"""What may stand on a scale: digits, the letters of its units, and what lies between them."""

_UNIT = re.compile(r"cm|mm|inch|in")
_HALF_A_UNIT = re.compile(rf"\{OTHER}m|m\{OTHER}")
"""Of "mm", a few pixels high, one letter is read and the other taken for another one; two letters are no name."""
_TICKS = re.compile(r"([1|/'i])\1{2,}")
"""The strokes of a ruler read as signs, all as the same one."""
_TENTHS = re.compile(r"\d{1,2}[.,]\d")
_STEPS = frozenset([1, 2, 5, 10])
_LARGEST = 300
"""Of a tape in millimetres or centimetres."""
_SHORTEST_RUN = 3
"""Numbers in steps that are told from a record's number where nothing lies between them; two would be a year."""


def is_scale(signs: str) -> bool:
    """Whether ``signs``, a line as it was read with ``OTHER`` for what is not in ``SIGNS``, is part of a scale.

    One sign at an end may be anything: where a line is cut, a stroke of the tape is read as a letter.
    """
    if _HALF_A_UNIT.fullmatch(signs.strip()) or _TICKS.fullmatch(signs.lower().replace(" ", "")):
        return True
    text = signs.strip().lower().removeprefix(OTHER)
    if text == signs.strip().lower():
        text = text.removesuffix(OTHER)
    cut = len(text) < len(signs.strip())
    without_unit = _UNIT.sub(" ", text).strip()
    has_unit = without_unit != text.strip()
    if _TENTHS.fullmatch(without_unit):
        return not cut
    if re.search(r"[^0-9|' ]", without_unit):
        return False
    numbers = re.findall(r"\d+", without_unit)
    if not numbers:
        return has_unit and not cut
    if any(number != "0" and number.startswith("0") for number in numbers[1:]):
        return False  # a date or a record's number
    if len(numbers) == 1 and len(numbers[0]) <= (3 if has_unit else 2):
        return not cut
    return (len(numbers) > 1 and _in_steps([int(number) for number in numbers])) or _is_run("".join(numbers))


def _in_steps(values: list[int]) -> bool:
    steps = {second - first for first, second in pairwise(values)}
    return max(values) <= _LARGEST and len(steps) == 1 and abs(next(iter(steps))) in _STEPS


def _is_run(digits: str) -> bool:
    """Whether ``digits`` are numbers in even steps with nothing between them: 12345, 9101112, 504030."""
    for length in (1, 2, 3):
        for step in (*_STEPS, *(-step for step in _STEPS)):
            number, at, count = int(digits[:length]), 0, 0
            while at < len(digits) and 0 <= number <= _LARGEST and digits.startswith(str(number), at):
                at += len(str(number))
                number, count = number + step, count + 1
            if at == len(digits) and count >= _SHORTEST_RUN:
                return True
    return False
