"""Destinations that come and go, with simulated time: everything arrives once, and nobody waits for anybody else."""

from __future__ import annotations

import logging
import random
import sqlite3
from pathlib import Path

import pytest

from plugin.delivery import Patience
from tests.plugin.delivery.conftest import Bench

DAY = 86400.0


def contents(archive_holds: dict[str, list[bytes]]) -> dict[str, bytes]:
    """What an archive holds by UID, each having come exactly once."""
    assert {len(copies) for copies in archive_holds.values()} <= {1}
    return {uid: copies[0] for uid, copies in archive_holds.items()}


def test_an_archive_that_is_away_for_a_day_gets_everything_within_a_minute_of_its_return(bench: Bench) -> None:
    here, away = bench.archive(), bench.archive()
    away.away = "the association was rejected: called AE title not recognised"
    office = bench.office(here=here, away=away)
    uids = []
    for hour in range(24):
        uids += bench.post(f"job{hour}", ["here", "away"])
        bench.pass_time(office, 3600.0, step=60.0)
        assert len(here.holds) == len(uids), "the archive that is there is served all the while"
    assert bench.waiting() == {"away": len(uids)}
    assert bench.settled == []
    assert len(away.tries) < DAY / 10, "it is not stormed either"
    away.away = ""
    back = bench.clock.now
    bench.pass_time(office, 60.0)
    assert bench.waiting() == {}
    assert max(away.taken_at.values()) <= back + 60
    assert contents(away.holds) == contents(here.holds)
    assert set(away.holds) == set(uids)
    assert bench.settled == [f"job{hour}" for hour in range(24)]
    assert not any(path.is_file() for path in bench.outbox.folder.rglob("*")), "sealed objects go when all have them"


@pytest.mark.parametrize(("objects", "answer"), [(1, "C-STORE answered 0xC000"), (12, "the association broke off")])
def test_an_archive_that_refuses_every_object_for_a_day_gets_them_all_soon_after(
    bench: Bench, answer: str, objects: int
) -> None:
    archive = bench.archive()
    archive.says = lambda uid: answer
    office = bench.office(archive=archive)
    uids = bench.post("job", ["archive"], objects)
    bench.pass_time(office, DAY)
    assert len(archive.tries) < DAY / 10
    archive.says = lambda uid: None
    bench.pass_time(office, 60.0)
    assert set(contents(archive.holds)) == set(uids)
    assert bench.settled == ["job"]


def test_one_object_that_is_never_taken_keeps_no_other_from_going(bench: Bench) -> None:
    archive = bench.archive()
    office = bench.office(archive=archive)
    poison, *others = bench.post("first", ["archive"], 4)
    archive.says = lambda uid: "C-STORE answered 0xC000" if uid == poison else None
    bench.pass_time(office, 30.0)
    assert set(archive.holds) == set(others)
    for number in range(20):
        later = bench.post(f"later{number}", ["archive"], 4)
        bench.pass_time(office, 60.0)
        assert set(later) <= set(archive.holds)
    assert bench.waiting() == {"archive": 1}
    assert bench.postings.backlog()["archive"].refused == 1
    assert bench.destinations.standing("archive").down_since is None, "the archive takes all the others"
    tries = len(archive.tries)
    bench.pass_time(office, DAY, step=600.0)
    assert len(archive.tries) < tries + 20, "hours lie between two tries of what it does not take"
    archive.says = lambda uid: None
    bench.destinations.hurry("archive")
    bench.pass_time(office, 2.0)
    assert bench.waiting() == {}
    assert len(bench.settled) == 21


def test_what_broke_off_half_way_goes_on_at_the_object_where_it_broke(bench: Bench) -> None:
    archive = bench.archive()
    office = bench.office(archive=archive)
    uids = bench.post("job", ["archive"], 8)
    archive.says = lambda uid: "the association broke off" if uid == uids[5] else None
    bench.pass_time(office, 3.0)
    assert set(archive.holds) == set(uids) - {uids[5]}
    archive.says = lambda uid: None
    bench.pass_time(office, 60.0)
    assert set(contents(archive.holds)) == set(uids)
    assert archive.offered_before == {uids[5]}, "it alone may be there already, and that is said"


def test_what_was_taken_while_the_database_was_locked_is_not_sent_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = bench.archive()
    courier = bench.courier("archive", archive)
    uids = bench.post("job", ["archive"], 4)
    with monkeypatch.context() as locked:

        def refuse(*_: object, **__: object) -> None:
            raise sqlite3.OperationalError("database is locked")

        archive.says = lambda uid: locked.setattr(bench.postings, "stored", refuse) if uid == uids[1] else None
        for _ in range(3):
            with pytest.raises(sqlite3.OperationalError):
                courier.look()
        assert list(archive.holds) == uids[:2], "nothing more is sent that could not be put on record"
        assert bench.waiting() == {"archive": 3}
    archive.says = lambda uid: None
    while courier.look():
        pass
    assert set(contents(archive.holds)) == set(uids)
    assert bench.waiting() == {}
    assert bench.destinations.standing("archive").down_since is None


def test_a_wall_clock_that_jumps_keeps_nothing_waiting(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = bench.archive()
    office = bench.office(archive=archive)
    for days, wall in enumerate([2e9, 1e9, 0.0, 4e9]):
        monkeypatch.setattr("time.time", lambda wall=wall: wall)
        archive.away = "down"
        uids = bench.post(f"job{days}", ["archive"])
        bench.pass_time(office, 600.0)
        archive.away = ""
        bench.pass_time(office, 60.0)
        assert set(uids) <= set(archive.holds)


def test_paused_it_waits_and_resumed_it_goes_on_whatever_process_said_so(bench: Bench) -> None:
    archive, other = bench.archive(), bench.archive()
    office = bench.office(archive=archive, other=other)
    bench.destinations.pause("archive", True)
    uids = bench.post("job", ["archive", "other"])
    bench.pass_time(office, 3600.0, step=60.0)
    assert (archive.tries, set(other.holds)) == ([], set(uids))
    restarted = bench.office(archive=archive, other=other)
    bench.pass_time(restarted, 60.0)
    assert archive.tries == [], "a pause outlives a restart"
    bench.destinations.pause("archive", False)
    bench.pass_time(restarted, 2.0)
    assert set(archive.holds) == set(uids)


def test_a_destination_that_is_down_is_told_once_and_so_is_its_return(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    archive = bench.archive()
    archive.away = "no association could be made"
    office = bench.office(archive=archive)
    bench.post("job", ["archive"])
    bench.pass_time(office, DAY)
    assert [record.levelname for record in caplog.records].count("ERROR") == 1
    assert len(caplog.records) <= 5
    standing = bench.destinations.standing("archive")
    assert standing.down_since is not None
    assert standing.failures > 1000
    archive.away = ""
    bench.pass_time(office, 60.0)
    assert caplog.records[-1].getMessage() == "destination archive takes objects again"
    assert bench.destinations.standing("archive").down_since is None


def test_renamed_given_up_and_reordered_destinations_get_what_is_theirs(bench: Bench) -> None:
    gone, kept = bench.archive(), bench.archive()
    gone.away = "down"
    before = bench.office(gone=gone, kept=kept)
    uids = bench.post("job", ["gone", "kept"])
    bench.pass_time(before, 10.0)
    # It starts again with other destinations: the new one gets nothing that was not meant for it, and nobody forgets.
    new = bench.archive()
    after = bench.office(kept=kept, new=new)
    bench.pass_time(after, 3600.0, step=60.0)
    assert (bench.waiting(), new.holds, bench.settled) == ({"gone": 2}, {}, [])
    assert bench.postings.rename("gone", "new") == 2
    bench.pass_time(after, 2.0)
    assert contents(new.holds) == contents(kept.holds)
    assert set(new.holds) == set(uids)
    assert bench.settled == ["job"]


def test_renamed_to_one_that_has_it_already_it_is_not_sent_twice(bench: Bench) -> None:
    old, new = bench.archive(), bench.archive()
    old.away = "down"
    office = bench.office(old=old, new=new)
    uids = bench.post("job", ["old", "new"])
    bench.pass_time(office, 10.0)
    assert bench.postings.rename("old", "new") == 0
    bench.pass_time(office, 10.0)
    assert set(contents(new.holds)) == set(uids)
    assert bench.settled == ["job"]


def test_what_is_given_up_is_settled_without_it(bench: Bench) -> None:
    gone, kept = bench.archive(), bench.archive()
    gone.away = "down"
    office = bench.office(gone=gone, kept=kept)
    bench.post("job", ["gone", "kept"])
    bench.pass_time(office, 10.0)
    assert bench.postings.give_up("gone") == 2
    bench.pass_time(office, 2.0)
    assert (bench.waiting(), bench.settled) == ({}, ["job"])
    assert bench.postings.give_up("gone") == 0


def test_what_a_person_waits_for_goes_first(bench: Bench) -> None:
    archive = bench.archive()
    for number in range(5):
        bench.post(f"import{number}", ["archive"])
    uids = bench.post("released", ["archive"], urgent=True)
    courier = bench.courier("archive", archive)
    courier.look()
    assert set(archive.holds) == set(uids)


def test_posted_once_is_posted_for_good(bench: Bench) -> None:
    """Made again after a crash, the objects are others; what was posted first is what is sent."""
    archive = bench.archive()
    office = bench.office(archive=archive)
    (uid,) = bench.post("job", ["archive"], 1)
    first = next(iter(bench.outbox.folder.rglob("*.sealed"))).read_bytes()
    assert b"made once" not in first
    assert bench.postings.posted("job")
    bench.postings.post("job", "study", [], ["another"])
    bench.pass_time(office, 2.0)
    assert contents(archive.holds) == {uid: f"{uid} made once, job".encode()}


def test_a_sealed_object_that_was_altered_waits_with_its_reason_and_holds_up_nothing(bench: Bench) -> None:
    archive = bench.archive()
    office = bench.office(archive=archive)
    uids = bench.post("job", ["archive"], 4)
    target = bench.outbox.folder / "job" / "2.sealed"
    content = bytearray(target.read_bytes())
    content[-1] ^= 1
    target.write_bytes(content)
    bench.pass_time(office, 120.0)
    assert set(archive.holds) == set(uids) - {uids[2]}
    backlog = bench.postings.backlog()["archive"]
    assert (backlog.objects, backlog.reason) == (1, "unforeseen: SealBroken")


def test_nothing_plain_is_on_the_disk_while_it_is_sent(bench: Bench, tmp_path: Path) -> None:
    archive = bench.archive()
    office = bench.office(archive=archive)
    bench.post("job", ["archive"])
    for path in tmp_path.glob("job-*"):
        path.unlink()

    def search(uid: str) -> None:
        on_disk = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
        assert b"made once" not in on_disk

    archive.says = search  # type: ignore[assignment]
    bench.pass_time(office, 2.0)
    assert len(archive.holds) == 2


def test_random_weather_over_days_leaves_every_object_at_every_destination_once(bench: Bench) -> None:
    weather = random.Random(7)
    archives = {name: bench.archive() for name in "abc"}
    office = bench.office(**archives)
    uids = []
    for hour in range(48):
        uids += bench.post(f"job{hour}", list(archives), weather.randint(1, 4))
        for archive in archives.values():
            archive.away = weather.choice(["", "", "no association could be made"])
            share = weather.choice([0.0, 0.0, 0.3, 1.0])
            archive.says = lambda uid, share=share: "0xA700" if weather.random() < share else None
        if weather.random() < 0.2:
            office = bench.office(**archives)  # a restart
        bench.pass_time(office, 3600.0, step=60.0)
    for archive in archives.values():
        archive.away, archive.says = "", lambda uid: None
    bench.pass_time(office, 60.0)
    assert bench.waiting() == {}
    for archive in archives.values():
        assert set(contents(archive.holds)) == set(uids)
    assert len(bench.settled) == 48


def test_waits_grow_to_a_longest_one_and_are_never_longer() -> None:
    patience = Patience(first_seconds=5.0, factor=2.0, longest_seconds=30.0, jitter=lambda: 0.0)
    assert [patience.after(failures) for failures in (1, 2, 3, 4, 10**6)] == [5.0, 10.0, 20.0, 30.0, 30.0]
    drawn = [Patience(longest_seconds=30.0).after(9) for _ in range(200)]
    assert min(drawn) >= 15.0
    assert max(drawn) <= 30.0
    assert len(set(drawn)) > 100
