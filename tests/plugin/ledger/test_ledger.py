"""Rows of accepted instances: durable, once each, gathered into jobs when their study is quiet."""

from __future__ import annotations

from pathlib import Path

import pytest

from plugin.errors import UnknownTransition
from plugin.ledger import Event, Ledger, State


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "twinveil.sqlite")


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


def test_the_database_is_for_its_owner_alone(ledger: Ledger, tmp_path: Path) -> None:
    assert (tmp_path / "twinveil.sqlite").stat().st_mode & 0o077 == 0
