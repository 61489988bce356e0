"""The state of a node, read from its folder: what waits, and for what, whether the node runs or not."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from plugin.config import Configuration
from plugin.database import Database, Postgres
from plugin.delivery import Backlog, Destinations, Postings, Standing
from plugin.ledger import Ledger, State, Unfinished
from plugin.quarantine import Quarantine
from plugin.roles import DUTIES, Duty, Roster
from plugin.sections import WorkerSection


@dataclass(frozen=True)
class WaitingStudy:
    """Instances of one study that stand alike. ``study``: keyed digest; ``since``: UTC, ISO 8601.

    ``waits_on``: the kind of ``waits_for``: "quiet", "turn", the name of a step, "destination" or "removal".
    """

    study: str
    job: str | None
    state: State
    instances: int
    since: str
    waits_for: str
    waits_on: str


@dataclass(frozen=True)
class DestinationStatus:
    """One destination. ``studies``, ``objects``, ``bytes``: what waits for it; ``refused``: how many of these objects
    it has answered not to take. Moments in UTC, ISO 8601; None where there was none. ``oldest_seconds``: how long the
    oldest of it has waited."""

    name: str
    configured: bool
    paused: bool
    down_since: str | None
    failures: int
    reason: str
    last_store: str | None
    studies: int
    objects: int
    bytes: int
    refused: int
    waiting_since: str | None
    oldest_seconds: float


@dataclass(frozen=True)
class Status:
    """The whole. ``instances``: by state; ``quarantine``: entries by the name of the error that held them."""

    instances: dict[str, int]
    studies: tuple[WaitingStudy, ...]
    destinations: tuple[DestinationStatus, ...]
    quarantine: dict[str, int]
    free_bytes: int
    kept_free_bytes: int
    alarms: tuple[str, ...]


def status_of_node(configuration: Configuration) -> Status:
    """What stands in the state folder of ``configuration`` just now."""
    state = configuration.state_folder
    configured = [section.name for section in configuration.destinations]
    records = configuration.records
    if isinstance(records, Postgres) or records.exists():
        ledger, postings = Ledger(records), Postings(records)
        counts = ledger.counts()
        unfinished, waiting = ledger.unfinished(), postings.waiting_by_job()
        backlog, standings = postings.backlog(), Destinations(records).standings()
    else:
        counts, unfinished, waiting, backlog, standings = {}, [], {}, {}, {}
    names = [*configured, *sorted(backlog.keys() - set(configured))]
    destinations = tuple(
        _destination(name, name in configured, standings.get(name, Standing()), backlog.get(name)) for name in names
    )
    held = Counter(entry.refusal.error for entry in Quarantine(state / "quarantine").entries())
    standing = next(folder for folder in (state, *state.parents) if folder.exists())
    free, kept = shutil.disk_usage(standing).free, configuration.limits.min_free_bytes
    return Status(
        instances={name.value: counts[name] for name in State if name in counts},
        studies=tuple(_study(group, state, waiting) for group in unfinished),
        destinations=destinations,
        quarantine=dict(sorted(held.items())),
        free_bytes=free,
        kept_free_bytes=kept,
        alarms=(*_alarms(destinations, counts, free, kept, configuration.retries.attempts), *_nobody_does(records)),
    )


def _study(group: Unfinished, state: Path, waiting: dict[str, list[str]]) -> WaitingStudy:
    return WaitingStudy(
        group.study,
        group.job,
        group.state,
        group.instances,
        _moment(group.since) or "",
        *_waits_for(group, state, waiting),
    )


def _waits_for(group: Unfinished, state: Path, waiting: dict[str, list[str]]) -> tuple[str, str]:
    """In words, and of which kind that is."""
    match group.state:
        case State.RECEIVED:
            return "its study to be quiet", "quiet"
        case State.QUEUED:
            marks = sorted((state / "running").glob(f"*/{group.job}.*"))
            step = marks[0].name.rpartition(".")[2] if marks else ""
            return (f"its {step} to end", step) if step else ("its turn", "turn")
        case State.UNDELIVERED if names := waiting.get(group.job or ""):
            return ", ".join(names), "destination"
        case _:
            return "its sources to be removed", "removal"


def _destination(name: str, configured: bool, standing: Standing, backlog: Backlog | None) -> DestinationStatus:
    waits = backlog or Backlog(0, 0, 0, 0, 0.0, "")
    return DestinationStatus(
        name=name,
        configured=configured,
        paused=standing.paused,
        down_since=_moment(standing.down_since),
        failures=standing.failures,
        reason=standing.reason or waits.reason,
        last_store=_moment(standing.last_store),
        studies=waits.studies,
        objects=waits.objects,
        bytes=waits.size,
        refused=waits.refused,
        waiting_since=_moment(waits.since) if waits.objects else None,
        oldest_seconds=round(max(0.0, time.time() - waits.since), 1) if waits.objects else 0.0,
    )


def _nobody_does(records: Database) -> list[str]:
    """What no process of a node of several does just now, in words."""
    if not isinstance(records, Postgres):
        return []
    members = Roster(records).members()
    done = {duty for member in members for duty in DUTIES[member.role]}
    lanes = {lane for member in members for lane in member.lanes}
    found = [f"no process of this node is there to {duty}" for duty in Duty if duty not in done]
    if Duty.WORK in done:
        every = WorkerSection().lanes
        found += [f"no worker takes studies from the lane {lane}" for lane in every if lane not in lanes]
    return found


def _alarms(
    destinations: tuple[DestinationStatus, ...], counts: dict[State, int], free: int, kept: int, down_after: int
) -> list[str]:
    """What somebody should look into, in words."""
    found = []
    for each in destinations:
        if not each.configured:
            found.append(f"{each.objects} objects wait for {each.name}, which is not configured any more")
        elif each.failures >= down_after:
            found.append(f"{each.name} is down since {each.down_since}: {each.reason}")
        elif each.refused:
            found.append(f"{each.name} does not take {each.refused} objects: {each.reason}")
    if not any(each.configured for each in destinations):
        found.append("no destination is configured: results would be quarantined")
    if missing := counts.get(State.MISSING):
        found.append(f"{missing} instances are missing: their files were taken away; have them sent again")
    if free <= kept:
        found.append(f"the disk is full: {free} bytes are free, {kept} are kept free; nothing more is accepted")
    return found


def _moment(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
