"""Who is alive: told by counters and by clocks that only go forward, never by comparing two clocks."""

from __future__ import annotations

from pathlib import Path

import pytest

from plugin.roles import Member, Role, Roster, Watch


class Company:
    """Some processes on one roster, and the time by which the first of them watches."""

    def __init__(self, database: Path) -> None:
        self.roster = Roster(database)
        self.now = 0.0
        self.dead: list[str] = []
        self.watch = Watch(self.roster, Member("me", Role.WORKER, "here"), self._take_over, clock=lambda: self.now)

    def _take_over(self, member: Member) -> None:
        if self.roster.strike(member.executor):
            self.dead.append(member.executor)

    def seconds(self, count: int, *beating: str, looking: bool = True) -> None:
        for _ in range(count):
            self.now += 1.0
            for name in beating:
                self.roster.beat(Member(name, Role.WORKER, "there"))
            if looking:
                self.watch.look()


@pytest.fixture
def company(tmp_path: Path) -> Company:
    return Company(tmp_path / "twinveil.sqlite")


def test_whose_beat_stops_is_dead_within_seven_seconds_and_nobody_else(company: Company) -> None:
    company.seconds(30, "a", "b")
    assert company.dead == []
    company.seconds(5, "b")
    assert company.dead == []
    company.seconds(1, "b")
    assert company.dead == ["a"]
    assert not company.roster.strike("a"), "of several who strike it off, one is told so"
    company.seconds(30, "b")
    assert company.dead == ["a"]


def test_one_that_was_dead_before_we_came_is_found(company: Company) -> None:
    company.roster.beat(Member("a", Role.DELIVERER, "there"))
    company.seconds(10)
    assert company.dead == ["a"]


def test_a_database_that_was_away_for_a_minute_makes_nobody_dead(company: Company) -> None:
    company.seconds(5, "a")
    company.seconds(60, looking=False)  # nobody can beat, and nobody can look
    company.seconds(1)
    assert company.dead == []
    company.seconds(10, "a")
    assert company.dead == []


def test_a_watcher_that_stood_still_takes_nobody_for_dead(company: Company) -> None:
    company.seconds(5, "a")
    company.seconds(60, "a", looking=False)
    company.seconds(2)
    assert company.dead == []


def test_whoever_was_struck_off_by_mistake_is_on_the_roster_again(
    company: Company, caplog: pytest.LogCaptureFixture
) -> None:
    company.watch.join()
    company.roster.strike("me")
    company.watch.look()
    assert "taken for dead" in caplog.text
    assert [member.executor for member in company.roster.members()] == ["me"]
