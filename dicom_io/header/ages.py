"""Ages of people who are rare: over 89, they are all told as 90 (45 CFR 164.514(b)(2)(i)(C))."""

from __future__ import annotations

import re
from datetime import date

OLDEST_TOLD = 89
OVER = "090Y"
AGE = re.compile(r"(\d{3})([DWMY])")
"""VR AS (PS3.5 section 6.2)."""


def told_age(age: str) -> str | None:
    """``age`` (AS) as it may be told; None where it is no age."""
    found = AGE.fullmatch(age.strip(" \0"))
    if found is None:
        return None
    return OVER if found[2] == "Y" and int(found[1]) > OLDEST_TOLD else found[0]


def age_at(birth_date: str, day: str) -> str | None:
    """The age (AS) on ``day`` of somebody born on ``birth_date``, both YYYYMMDD; None where one is no date.

    Months are counted below two years, years above.
    """
    try:
        born, then = (date(int(text[:4]), int(text[4:6]), int(text[6:8])) for text in (birth_date, day))
    except ValueError:
        return None
    months = (then.year - born.year) * 12 + then.month - born.month - (then.day < born.day)
    if not 0 <= months < 12 * 130:
        return None
    return told_age(f"{months:03d}M" if months < 24 else f"{months // 12:03d}Y")
