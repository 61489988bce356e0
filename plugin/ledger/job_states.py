"""The life cycle of an accepted instance, as a table.

    received ──queue──▶ queued ──post──▶ undelivered ──deliver──▶ delivered ──purge──▶ purged ──┐
      │ ▲                 │                                                                     │
      │ │                 └──quarantine──▶ quarantined ──discard──▶ discarded ──────────────────┤
      │ └──────────release───────────────────┘                                             reprocess
      │ ▲                                                                                       │
      │ └──receive── wanted ◀───────────────────────────────────────────────────────────────────┘
      └──lose──▶ missing ──receive──▶ received

An instance leaves the spool only as *purged* (everything made of it was delivered) or *quarantined* (a person decides).
*Undelivered* is a state of its own: what was made is sealed and on its way, however long that takes, and nothing of it
leads to quarantine. *Missing* says that somebody took the file away. The rows that lead from a state to itself are
there because a step that was cut off is done again after a restart.
"""

from __future__ import annotations

from enum import StrEnum

from plugin.errors import UnknownTransition


class State(StrEnum):
    """Where an accepted instance stands."""

    RECEIVED = "received"  # in the spool, its study not yet quiet
    QUEUED = "queued"  # part of a job
    UNDELIVERED = "undelivered"  # its results are sealed and on their way; the source is still in the spool
    DELIVERED = "delivered"  # its results are at every destination; the source is still in the spool
    PURGED = "purged"  # the source is gone
    QUARANTINED = "quarantined"  # held for a person to decide; the source is kept
    DISCARDED = "discarded"  # a person decided that the source is not wanted; it is gone
    MISSING = "missing"  # its file is gone, and the node did not remove it
    WANTED = "wanted"  # a person wants it made again; it is taken when it is sent again


class Event(StrEnum):
    """What happens to it."""

    QUEUE = "queue"
    POST = "post"
    DELIVER = "deliver"
    PURGE = "purge"
    QUARANTINE = "quarantine"
    LOSE = "lose"
    RECEIVE = "receive"  # it was sent again, and this time it is taken
    RELEASE = "release"  # a reviewer sends it through the pipeline once more
    DISCARD = "discard"
    REPROCESS = "reprocess"  # a person wants what is gone to be made again


TRANSITIONS: dict[tuple[State, Event], State] = {
    (State.RECEIVED, Event.QUEUE): State.QUEUED,
    (State.RECEIVED, Event.QUARANTINE): State.QUARANTINED,  # other bytes under a UID that is already known
    (State.RECEIVED, Event.LOSE): State.MISSING,
    (State.QUEUED, Event.POST): State.UNDELIVERED,
    (State.QUEUED, Event.QUARANTINE): State.QUARANTINED,
    (State.QUEUED, Event.LOSE): State.MISSING,
    (State.UNDELIVERED, Event.DELIVER): State.DELIVERED,
    (State.DELIVERED, Event.PURGE): State.PURGED,
    (State.DELIVERED, Event.DELIVER): State.DELIVERED,
    (State.PURGED, Event.PURGE): State.PURGED,
    (State.PURGED, Event.REPROCESS): State.WANTED,
    (State.QUARANTINED, Event.QUARANTINE): State.QUARANTINED,
    (State.QUARANTINED, Event.RELEASE): State.RECEIVED,
    (State.QUARANTINED, Event.DISCARD): State.DISCARDED,
    (State.DISCARDED, Event.DISCARD): State.DISCARDED,
    (State.DISCARDED, Event.REPROCESS): State.WANTED,
    (State.MISSING, Event.LOSE): State.MISSING,
    (State.MISSING, Event.RECEIVE): State.RECEIVED,
    (State.WANTED, Event.REPROCESS): State.WANTED,
    (State.WANTED, Event.RECEIVE): State.RECEIVED,
}

FINISHED = frozenset({State.PURGED, State.QUARANTINED, State.DISCARDED, State.MISSING, State.WANTED})
"""Nothing more happens by itself."""

BY_A_PERSON = frozenset({Event.RELEASE, Event.DISCARD, Event.REPROCESS})
"""Events that only a named person brings about."""

BY_A_SENDER = frozenset({Event.RECEIVE})
"""Events that only a sender brings about, who sends an instance again."""


def after(state: State, event: Event) -> State:
    """The state that follows. Raises ``UnknownTransition`` for a pair that is not in the table."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise UnknownTransition(f"an instance that is {state} cannot {event}") from None
