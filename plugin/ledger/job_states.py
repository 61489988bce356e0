"""The life cycle of an accepted instance, as a table.

    received ──queue──▶ queued ──deliver──▶ delivered ──purge──▶ purged
        └──────────────────┴──quarantine──▶ quarantined ──discard──▶ discarded
                                                 └──release──▶ received

An instance leaves the spool only as *purged* (everything made of it was delivered) or *quarantined* (a person decides).
The rows that lead from a state to itself are there because a step that was cut off is done again after a restart.
"""

from __future__ import annotations

from enum import StrEnum

from plugin.errors import UnknownTransition


class State(StrEnum):
    """Where an accepted instance stands."""

    RECEIVED = "received"  # in the spool, its study not yet quiet
    QUEUED = "queued"  # part of a job
    DELIVERED = "delivered"  # its results are at every destination; the source is still in the spool
    PURGED = "purged"  # the source is gone
    QUARANTINED = "quarantined"  # held for a person to decide; the source is kept
    DISCARDED = "discarded"  # a person decided that the source is not wanted; it is gone


class Event(StrEnum):
    """What happens to it."""

    QUEUE = "queue"
    DELIVER = "deliver"
    PURGE = "purge"
    QUARANTINE = "quarantine"
    RELEASE = "release"  # a reviewer sends it through the pipeline once more
    DISCARD = "discard"


TRANSITIONS: dict[tuple[State, Event], State] = {
    (State.RECEIVED, Event.QUEUE): State.QUEUED,
    (State.RECEIVED, Event.QUARANTINE): State.QUARANTINED,  # other bytes under a UID that is already known
    (State.QUEUED, Event.DELIVER): State.DELIVERED,
    (State.QUEUED, Event.QUARANTINE): State.QUARANTINED,
    (State.DELIVERED, Event.PURGE): State.PURGED,
    (State.DELIVERED, Event.DELIVER): State.DELIVERED,
    (State.PURGED, Event.PURGE): State.PURGED,
    (State.QUARANTINED, Event.QUARANTINE): State.QUARANTINED,
    (State.QUARANTINED, Event.RELEASE): State.RECEIVED,
    (State.QUARANTINED, Event.DISCARD): State.DISCARDED,
    (State.DISCARDED, Event.DISCARD): State.DISCARDED,
}

FINISHED = frozenset({State.PURGED, State.QUARANTINED, State.DISCARDED})
"""Nothing more happens by itself."""

BY_A_PERSON = frozenset({Event.RELEASE, Event.DISCARD})
"""Events that only a named reviewer brings about."""


def after(state: State, event: Event) -> State:
    """The state that follows. Raises ``UnknownTransition`` for a pair that is not in the table."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise UnknownTransition(f"an instance that is {state} cannot {event}") from None
