"""Where in a photograph lies what held it, as the reason tells it: for whoever looks at the photograph next.

The pipeline's messages name places in pixels, in one of two forms, so that they can be read in a terminal as well:

    x 12 to 80, y 30 to 44              text, and what may be a face
    12 to 80 across, 30 to 44 down      a tattoo, a ring or a band
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_PLACES = re.compile(r"x (\d+) to (\d+), y (\d+) to (\d+)|(\d+) to (\d+) across, (\d+) to (\d+) down")


@dataclass(frozen=True)
class Place:
    """A box in pixels of the photograph as it came."""

    left: int
    top: int
    right: int
    bottom: int


def places_in(reason: str) -> tuple[Place, ...]:
    """The boxes that ``reason`` names, in its order; none where it names none."""
    found = []
    for match in _PLACES.finditer(reason):
        left, right, top, bottom = (int(number) for number in match.groups() if number is not None)
        found.append(Place(left, top, right, bottom))
    return tuple(found)
