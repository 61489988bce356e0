"""Rows of accepted instances: durable, once each, gathered into jobs when their study is quiet."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from plugin.database import Database, transaction
from plugin.errors import UnknownTransition
from plugin.ledger import Event, Ledger, State


@pytest.fixture
def ledger(records: Database) -> Ledger:
    return Ledger(records)


def test_a_repeat_changes_nothing(ledger: Ledger) -> None:
    assert ledger.record("a.dcm", digest="1", study="s")
    (job,) = ledger.queue_quiet_studies(0)
    assert not ledger.record("a.dcm", digest="1", study="s")
    assert ledger.state_of("a.dcm") is State.QUEUED
    assert [row.name for row in ledger.of_job(job)] == ["a.dcm"]


def test_a_study_is_left_alone_until_it_is_quiet(ledger: Ledger) -> None:
    ledger.record("a.dcm", digest="1", study="s")
    assert ledger.queue_quiet_studies(60) == []
    assert len(ledger.queue_quiet_studies(0)) == 1


def test_a_late_instance_becomes_another_job_of_the_same_study(ledger: Ledger) -> None:
    for name in ("a.dcm", "b.dcm"):
        ledger.record(name, digest=name, study="s")
    (first,) = ledger.queue_quiet_studies(0)
    ledger.record("c.dcm", digest="c", study="s")
    (second,) = ledger.queue_quiet_studies(0)
    assert first != second
    assert [row.name for row in ledger.of_job(first)] == ["a.dcm", "b.dcm"]
    assert [row.name for row in ledger.of_job(second)] == ["c.dcm"]


def test_the_same_batch_has_the_same_name_in_any_order_on_any_day(tmp_path: Path) -> None:
    names = []
    for number, order in enumerate((("a", "b"), ("b", "a"))):
        ledger = Ledger(tmp_path / f"{number}.sqlite")
        for name in order:
            ledger.record(name, digest=name, study="s")
        names += ledger.queue_quiet_studies(0)
    assert names[0] == names[1]


def test_a_change_is_made_for_all_or_for_none(ledger: Ledger) -> None:
    for name in ("a.dcm", "b.dcm"):
        ledger.record(name, digest=name, study="s")
    ledger.queue_quiet_studies(0)
    ledger.change(["b.dcm"], Event.QUARANTINE)
    with pytest.raises(UnknownTransition):
        ledger.change(["a.dcm", "b.dcm"], Event.DELIVER)
    assert ledger.counts() == {State.QUEUED: 1, State.QUARANTINED: 1}


def test_the_database_is_for_its_owner_alone(tmp_path: Path) -> None:
    Ledger(tmp_path / "twinveil.sqlite")
    assert (tmp_path / "twinveil.sqlite").stat().st_mode & 0o077 == 0


def test_quiet_is_told_by_a_clock_that_does_not_jump(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steady = [1000.0]
    ledger = Ledger(tmp_path / "twinveil.sqlite", clock=lambda: steady[0])
    assert ledger.queue_quiet_studies(30) == []
    for number, wall in enumerate([2e9, 1e9, 3e9, 0.0]):
        monkeypatch.setattr("time.time", lambda wall=wall: wall)
        ledger.record(f"{number}.dcm", digest=str(number), study="s")
        steady[0] += 20
        assert ledger.queue_quiet_studies(30) == [], "another instance has come 20 seconds ago"
    steady[0] += 29
    assert ledger.queue_quiet_studies(30) == []
    steady[0] += 1
    (job,) = ledger.queue_quiet_studies(30)
    assert len(ledger.of_job(job)) == 4


def test_a_restart_takes_off_the_wait_what_has_passed_and_never_adds_to_it(tmp_path: Path) -> None:
    Ledger(tmp_path / "twinveil.sqlite").record("a.dcm", digest="1", study="s")
    now = time.time()
    for later, expected in ((10.0, 0), (31.0, 1)):
        with pytest.MonkeyPatch.context() as passed:
            passed.setattr("time.time", lambda later=later: now + later)
            assert len(Ledger(tmp_path / "twinveil.sqlite").queue_quiet_studies(30)) == expected


def test_destinations_are_settled_when_a_job_begins(ledger: Ledger) -> None:
    ledger.record("a.dcm", digest="1", study="s")
    (job,) = ledger.queue_quiet_studies(0, ("archive", "research"))
    begun = ledger.job(job)
    assert begun is not None
    assert (begun.destinations, begun.urgent) == (("archive", "research"), False)
    ledger.begin(job, ["another"])
    assert ledger.job(job) == begun
    assert ledger.job("unheard of") is None


def test_what_a_reviewer_released_is_a_job_at_once_and_of_its_own(ledger: Ledger) -> None:
    for name in ("a.dcm", "b.dcm"):
        ledger.record(name, digest=name, study="s")
    ledger.queue_quiet_studies(0)
    ledger.change(["a.dcm", "b.dcm"], Event.QUARANTINE)
    ledger.release("a.dcm", ())
    ledger.record("c.dcm", digest="c", study="s")
    (job,) = ledger.queue_quiet_studies(60)
    assert [row.name for row in ledger.of_job(job)] == ["a.dcm"]
    begun = ledger.job(job)
    assert begun is not None
    assert begun.urgent
    assert ledger.state_of("c.dcm") is State.RECEIVED


def test_what_is_made_again_is_told_apart_from_all_that_was_made_before(ledger: Ledger) -> None:
    def making() -> str:
        (row,) = ledger.of_source("1")
        return row.making

    def purged_and_wanted() -> None:
        ledger.queue_quiet_studies(0)
        for event in (Event.POST, Event.DELIVER, Event.PURGE, Event.REPROCESS):
            ledger.change(["a.dcm"], event)

    makings = []
    ledger.record("a.dcm", digest="1", study="s")
    for _ in range(3):
        makings.append(making())
        purged_and_wanted()
        assert ledger.record("a.dcm", digest="1", study="s")
    for _ in range(2):
        ledger.queue_quiet_studies(0)
        for event in (Event.POST, Event.DELIVER, Event.PURGE):
            ledger.change(["a.dcm"], event)
        assert ledger.forget({State.PURGED}, time.time() + 1) == ["a.dcm"]
        assert ledger.record("a.dcm", digest="1", study="s")
        makings.append(making())
    assert (makings[0], makings[-1]) == ("", "2.0")
    assert len(set(makings)) == len(makings)


def test_a_database_of_an_earlier_version_gets_what_it_lacks(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "twinveil.sqlite")) as connection, connection:
        connection.execute(
            "CREATE TABLE twinveil_instances (name TEXT PRIMARY KEY, digest TEXT NOT NULL, study TEXT NOT NULL, "
            "state TEXT NOT NULL, received REAL NOT NULL, job TEXT) STRICT"
        )
        connection.execute("INSERT INTO twinveil_instances VALUES ('a.dcm', '1', 's', 'received', 1.0, NULL)")
    for _ in range(2):
        (row,) = Ledger(tmp_path / "twinveil.sqlite").of_source("1")
        assert (row.state, row.making, row.entry) == (State.RECEIVED, "", "")


def test_what_a_person_wants_made_again_is_a_job_of_its_own_that_somebody_waits_for(ledger: Ledger) -> None:
    ledger.record("a.dcm", digest="1", study="s")
    ledger.queue_quiet_studies(0)
    for event in (Event.POST, Event.DELIVER, Event.PURGE, Event.REPROCESS):
        ledger.change(["a.dcm"], event)
    assert ledger.record("a.dcm", digest="1", study="s")
    ledger.record("b.dcm", digest="2", study="s")
    jobs = ledger.queue_quiet_studies(0)
    urgent = {job: begun.urgent for job in jobs if (begun := ledger.job(job)) is not None}
    assert {ledger.of_job(job)[0].name: waits for job, waits in urgent.items()} == {"a.dcm": True, "b.dcm": False}


def test_the_job_queue_gets_the_oldest_first_so_many_at_a_time_and_each_once(ledger: Ledger) -> None:
    jobs = []
    for number in range(5):
        ledger.record(f"{number}.dcm", digest=str(number), study=f"s{number}")
        jobs += ledger.queue_quiet_studies(0)
    assert ledger.to_submit("", 9) == jobs
    ledger.sort(dict.fromkeys(jobs, "small"))
    assert ledger.to_submit("", 9) == ledger.to_submit("large", 9) == []
    assert ledger.to_submit("small", 2) == jobs[:2]
    ledger.submitted(jobs[:2])
    assert ledger.to_submit("small", 2) == jobs[2:4]
    ledger.change(["2.dcm"], Event.QUARANTINE)
    assert ledger.to_submit("small", 9) == jobs[3:], "what is not queued any more is not asked for"
    ledger.submitted(jobs[:1], False)
    assert ledger.to_submit("small", 9) == [jobs[0], *jobs[3:]]


def test_each_tenure_of_a_job_has_a_number_of_its_own(ledger: Ledger, records: Database) -> None:
    ledger.record("a.dcm", digest="1", study="s")
    (job,) = ledger.queue_quiet_studies(0)
    assert ledger.occupy(job, lambda connection: False) is None
    assert [ledger.occupy(job, lambda connection: True) for _ in range(2)] == [1, 2]
    with transaction(records) as connection:
        assert [ledger.is_tenure(connection, job, tenure) for tenure in (0, 1, 2)] == [False, False, True]
