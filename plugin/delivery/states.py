"""The life cycle of a delivery, as a table: one object on its way to one destination.

    waiting ──store──▶ delivered
       └────give up──▶ given up

There is no row for a failure: an object that was not taken waits on, for as long as it takes. Nothing here leads to
quarantine, and only a named person ends the waiting otherwise.
"""

from __future__ import annotations

from enum import StrEnum

from plugin.errors import UnknownTransition


class Delivery(StrEnum):
    """Where an object stands on its way to one destination."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    GIVEN_UP = "given up"


class Happening(StrEnum):
    """What happens to it."""

    STORE = "store"
    GIVE_UP = "give up"


TRANSITIONS: dict[tuple[Delivery, Happening], Delivery] = {
    (Delivery.WAITING, Happening.STORE): Delivery.DELIVERED,
    (Delivery.WAITING, Happening.GIVE_UP): Delivery.GIVEN_UP,
    (Delivery.DELIVERED, Happening.STORE): Delivery.DELIVERED,  # stored, but a crash came before it was on record
    (Delivery.GIVEN_UP, Happening.STORE): Delivery.DELIVERED,  # it was under way when somebody gave it up
}


def after(state: Delivery, happening: Happening) -> Delivery:
    """The state that follows. Raises ``UnknownTransition`` for a pair that is not in the table."""
    try:
        return TRANSITIONS[state, happening]
    except KeyError:
        raise UnknownTransition(f"a delivery that is {state} cannot {happening}") from None
