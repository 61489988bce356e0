"""A post office without a network: time that is told, destinations that do as they are told."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from dicom_io.header import SiteKey
from plugin.delivery import Courier, Destinations, NotTaken, Outbox, Patience, Postings, PostOffice
from plugin.study import Output


class Clock:
    """Seconds, which pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class FakeArchive:
    """A destination. ``says(uid)``: None to take the object, else why not; ``away``: nobody answers."""

    clock: Clock
    away: str = ""
    says: Callable[[str], str | None] = lambda uid: None
    tries: list[float] = field(default_factory=list)
    holds: dict[str, list[bytes]] = field(default_factory=dict)
    offered_before: set[str] = field(default_factory=set)
    taken_at: dict[str, float] = field(default_factory=dict)

    def carry(self, paths: Sequence[Path], offered_before: Collection[str], stored: Callable[[int], None]) -> None:
        self.offered_before |= set(offered_before)
        self.tries.append(self.clock.now)
        if self.away:
            raise NotTaken(self.away, tried=False)
        for number, path in enumerate(paths):
            content = path.read_bytes()
            uid = content.decode().partition(" ")[0]
            if refusal := self.says(uid):
                raise NotTaken(refusal, tried=True)
            self.holds.setdefault(uid, []).append(content)
            self.taken_at[uid] = self.clock.now
            stored(number)


@dataclass
class Bench:
    """Everything around couriers, on one disk."""

    folder: Path
    clock: Clock = field(default_factory=Clock)
    settled: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.key = SiteKey(hashlib.sha512(b"a key of tests alone").digest())
        self.outbox = Outbox(self.folder / "outbox", self.key)
        self.postings = Postings(self.folder / "twinveil.sqlite")
        self.destinations = Destinations(self.folder / "twinveil.sqlite")

    def post(self, job: str, destinations: Sequence[str], objects: int = 2, *, urgent: bool = False) -> list[str]:
        """``job`` made so many objects; their UIDs, which is how their content begins."""
        outputs = []
        for number in range(objects):
            uid = f"2.25.{job.encode().hex()}{number}"
            path = self.folder / f"{job}-{number}"
            path.write_bytes(f"{uid} made once, {job}".encode())
            outputs.append(Output("sick-twin", "2.25.1", uid, path))
        self.outbox.put(job, [output.path for output in outputs])
        self.postings.post(job, "study", outputs, destinations, urgent=urgent)
        self.postings.tell(job)
        return [output.sop_instance_uid for output in outputs]

    def archive(self) -> FakeArchive:
        return FakeArchive(self.clock)

    def courier(self, name: str, archive: FakeArchive) -> Courier:
        """A courier as a process that has just started has it."""
        patience = Patience(first_seconds=5.0, factor=2.0, longest_seconds=30.0)
        return Courier(
            name, archive, self.outbox, self.postings, self.destinations, patience, clock=self.clock, alarm_after=3
        )

    def office(self, **archives: FakeArchive) -> PostOffice:
        return PostOffice(
            self.outbox, self.postings, self.destinations, archives,
            Patience(first_seconds=5.0, factor=2.0, longest_seconds=30.0), self.settled.append, clock=self.clock,
        )  # fmt: skip

    def pass_time(self, office: PostOffice, seconds: float, step: float = 1.0) -> None:
        """So many seconds. Everybody looks every ``step``, or, where all that waits is at rest, once it is not."""
        end = self.clock.now + seconds
        while self.clock.now < end:
            rests = [rest for courier in office.couriers.values() if (rest := courier.rest())]
            self.clock.now = min(end, self.clock.now + max(step, min(rests, default=step)))
            for courier in office.couriers.values():
                while courier.look():
                    pass
            office.look()

    def waiting(self) -> dict[str, int]:
        return {name: backlog.objects for name, backlog in self.postings.backlog().items()}


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    # As in a node, where the job queue's stays open: SQLite tidies up whenever the last one is closed.
    with closing(sqlite3.connect(tmp_path / "twinveil.sqlite")) as connection:
        connection.execute("SELECT * FROM twinveil_postings").fetchall()
        yield bench
