"""What each role does, as a table."""

from __future__ import annotations

from enum import StrEnum


class Duty(StrEnum):
    """One part of a node's work."""

    RECEIVE = "receive"  # the port, the spool and its agreement with the records; one at a time, and those beside it
    WORK = "work"  # studies become twins; whoever works also forms the jobs and buries the dead
    DELIVER = "deliver"  # the outbox to its destinations, and the settling


class Role(StrEnum):
    """What a process was started for."""

    LISTENER = "listener"
    WORKER = "worker"
    DELIVERER = "deliverer"
    ALL = "all"


DUTIES: dict[Role, frozenset[Duty]] = {
    Role.LISTENER: frozenset({Duty.RECEIVE}),
    Role.WORKER: frozenset({Duty.WORK}),
    Role.DELIVERER: frozenset({Duty.DELIVER}),
    Role.ALL: frozenset(Duty),
}
