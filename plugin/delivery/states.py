"""The life cycle of a delivery, as a table: one object on its way to one destination.

    waiting ──store───────────────────────▶ delivered
       ├──hand over──▶ uncommitted ──commit────┘
       │ ▲                 ├──deny──▶ waiting
       └─┼────give up──────┴──▶ given up

There is no row for a failure: an object that was not taken waits on, for as long as it takes. *Uncommitted* is what a
destination has stored that is to answer for it as well, and has not done so yet. Nothing here leads to quarantine, and
only a named person ends the waiting otherwise.
"""

from __future__ import annotations

from enum import StrEnum

from plugin.errors import UnknownTransition


class Delivery(StrEnum):
    """Where an object stands on its way to one destination."""

    WAITING = "waiting"
    UNCOMMITTED = "uncommitted"
    DELIVERED = "delivered"
    GIVEN_UP = "given up"


class Happening(StrEnum):
    """What happens to it."""

    STORE = "store"
    HAND_OVER = "hand over"  # stored at a destination that is to answer for it
    COMMIT = "commit"  # it answers for it
    DENY = "deny"  # it does not
    GIVE_UP = "give up"


OPEN = (Delivery.WAITING, Delivery.UNCOMMITTED)
"""Something is still to come."""


TRANSITIONS: dict[tuple[Delivery, Happening], Delivery] = {
    (Delivery.WAITING, Happening.STORE): Delivery.DELIVERED,
    (Delivery.WAITING, Happening.GIVE_UP): Delivery.GIVEN_UP,
    (Delivery.WAITING, Happening.HAND_OVER): Delivery.UNCOMMITTED,
    (Delivery.WAITING, Happening.COMMIT): Delivery.DELIVERED,  # to an earlier question; it is not sent once more
    (Delivery.WAITING, Happening.DENY): Delivery.WAITING,
    (Delivery.UNCOMMITTED, Happening.STORE): Delivery.DELIVERED,  # nobody wants its word any more
    (Delivery.UNCOMMITTED, Happening.HAND_OVER): Delivery.UNCOMMITTED,
    (Delivery.UNCOMMITTED, Happening.COMMIT): Delivery.DELIVERED,
    (Delivery.UNCOMMITTED, Happening.DENY): Delivery.WAITING,
    (Delivery.UNCOMMITTED, Happening.GIVE_UP): Delivery.GIVEN_UP,
    (Delivery.DELIVERED, Happening.HAND_OVER): Delivery.DELIVERED,
    (Delivery.DELIVERED, Happening.COMMIT): Delivery.DELIVERED,
    (Delivery.DELIVERED, Happening.DENY): Delivery.DELIVERED,  # to an earlier question, answered otherwise since
    (Delivery.GIVEN_UP, Happening.HAND_OVER): Delivery.DELIVERED,
    (Delivery.GIVEN_UP, Happening.COMMIT): Delivery.DELIVERED,
    (Delivery.GIVEN_UP, Happening.DENY): Delivery.GIVEN_UP,
    (Delivery.DELIVERED, Happening.STORE): Delivery.DELIVERED,  # stored, but a crash came before it was on record
    (Delivery.GIVEN_UP, Happening.STORE): Delivery.DELIVERED,  # it was under way when somebody gave it up
}


def after(state: Delivery, happening: Happening) -> Delivery:
    """The state that follows. Raises ``UnknownTransition`` for a pair that is not in the table."""
    try:
        return TRANSITIONS[state, happening]
    except KeyError:
        raise UnknownTransition(f"a delivery that is {state} cannot {happening}") from None
