"""What a node meets at its start and in its long life: other configurations, versions, keys, clocks and hands."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from dicom_io.header import SiteKey, generate_key_file
from plugin.commands.demo_archive import Receiver
from plugin.config import Configuration
from plugin.database import DATABASE
from plugin.errors import StateRefused
from plugin.intake import SpoolNames
from plugin.ledger import State
from plugin.node import Node
from plugin.quarantine import Review
from tests.plugin.conftest import wait_for
from tests.plugin.fakes import PATIENT_NAME, MirroringTwinMaker, photograph, save, skin
from tests.plugin.node.test_node import finished, running, send

STUDY = "1.2.826.0.1.3680043.8.498.91"
DAY = 86400.0


@pytest.fixture
def second(tmp_path: Path) -> Iterator[Receiver]:
    archive = Receiver(tmp_path / "second", "SECOND")
    archive.start()
    yield archive
    archive.stop()


def going_to(configuration: Configuration, *destinations: tuple[str, Receiver, int]) -> Configuration:
    """``configuration`` with these destinations alone: name, archive and port."""
    sections = [
        {"name": name, "ae_title": archive.ae_title, "host": "127.0.0.1", "port": port}
        for name, archive, port in destinations
    ]
    stated = {**configuration.model_dump(), "folder": configuration.folder, "destinations": sections}
    return Configuration.model_validate(stated)


def rows(configuration: Configuration, statement: str, *values: object) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(configuration.state_folder / DATABASE)) as connection, connection:
        return connection.execute(statement, values).fetchall()


def left_in_the_open(state: Path) -> list[Path]:
    """Files of a state folder that hold pixels, plain: DICOM, arrays, or anything in a job's folder."""
    return [path for path in state.rglob("*") if _is_open(path, state)]


def _is_open(path: Path, state: Path) -> bool:
    try:
        content = path.read_bytes()
    except (IsADirectoryError, FileNotFoundError):  # a node runs, and marks come and go
        return False
    named = path.suffix in {".npz", ".npy", ".dcm"} or path.is_relative_to(state / "jobs")
    return named or content[128:132] == b"DICM" or content[:2] == b"PK"


def test_renamed_reordered_or_removed_between_two_starts_every_archive_gets_what_was_meant_for_it(
    configuration: Configuration, key: SiteKey, receiver: Receiver, second: Receiver, tmp_path: Path
) -> None:
    port = second.port
    second.stop()
    both = going_to(configuration, ("a", receiver, receiver.port), ("b", second, port))
    with running(both, key) as node:
        send(node, save(photograph(STUDY), tmp_path / "in"))
        wait_for(lambda: len(receiver.stored) == 4)
        wait_for(lambda: node.destinations.standing("b").failures > 0)
    second.start(port)
    # "a" is called something else now and stands where "b" stood; a third one is new.
    third = Receiver(tmp_path / "third", "THIRD")
    third.start()
    changed = going_to(configuration, ("b", second, port), ("renamed", receiver, receiver.port),
                       ("new", third, third.port))  # fmt: skip
    with running(changed, key) as node:
        wait_for(lambda: node.ledger.counts() == {State.PURGED: 1})
    third.stop()
    assert set(second.stored) == set(receiver.stored)
    assert len(second.stored) == len(receiver.stored) == 4
    assert third.stored == []
    for path in receiver.folder.iterdir():
        assert (second.folder / path.name).read_bytes() == path.read_bytes()


def test_a_destination_that_is_no_longer_configured_keeps_its_objects_until_a_person_decides(
    configuration: Configuration, key: SiteKey, receiver: Receiver, second: Receiver, tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    port = second.port
    second.stop()
    both = going_to(configuration, ("a", receiver, receiver.port), ("b", second, port))
    with running(both, key) as node:
        send(node, save(photograph(STUDY), tmp_path / "in"))
        wait_for(lambda: len(receiver.stored) == 4)
    with running(configuration, key) as node:
        assert "destination b is not configured" in caplog.text
        assert node.ledger.counts() == {State.UNDELIVERED: 1}
        assert node.postings.give_up("b") == 4
        wait_for(lambda: node.ledger.counts() == {State.PURGED: 1})
    second.start(port)
    assert not list((configuration.state_folder / "outbox").iterdir())


def test_one_dead_destination_keeps_nothing_from_the_other(
    configuration: Configuration, key: SiteKey, receiver: Receiver, second: Receiver, tmp_path: Path
) -> None:
    port = second.port
    second.stop()
    both = going_to(configuration, ("dead", second, port), ("live", receiver, receiver.port))
    with running(both, key) as node:
        for number in range(6):
            send(node, save(photograph(f"{STUDY}.{number}", number=number), tmp_path / "in"))
        wait_for(lambda: len(receiver.stored) == 24)
        assert node.quarantine.entries() == []
        assert node.postings.backlog()["dead"].objects == 24
        second.start(port)
        wait_for(lambda: node.ledger.counts() == {State.PURGED: 6})
    assert sorted(second.stored) == sorted(receiver.stored)


def test_nothing_of_a_job_is_left_in_the_open_whatever_became_of_it(
    configuration: Configuration, key: SiteKey, receiver: Receiver, tmp_path: Path
) -> None:
    """One delivered, one held, one whose job broke outside any step, one on its way for days."""
    state = configuration.state_folder
    with running(configuration, key) as node:
        send(node, save(photograph(STUDY), tmp_path / "in"))
        send(node, save(photograph(f"{STUDY}.2", number=2, rgb=skin(1)), tmp_path / "in"))
        wait_for(lambda: finished(node, 2))
        assert left_in_the_open(state) == []
        broken = node.custody.commit
        node.custody.commit = lambda *_: (_ for _ in ()).throw(OSError("broken"))  # type: ignore[method-assign]
        send(node, save(photograph(f"{STUDY}.3", number=3), tmp_path / "in"))
        wait_for(lambda: finished(node, 3))
        wait_for(lambda: left_in_the_open(state) == [])
        node.custody.commit = broken  # type: ignore[method-assign]
        receiver.stop()
        send(node, save(photograph(f"{STUDY}.4", number=4), tmp_path / "in"))
        wait_for(lambda: node.ledger.counts().get(State.UNDELIVERED) == 1)
        wait_for(lambda: not node.custody.jobs_with_folders())
        (waiting,) = left_in_the_open(state)
        assert waiting.is_relative_to(state / "spool"), "the source alone, until its twins have arrived"
        receiver.start()
    (entry,) = node.quarantine.entries()
    Review(state, key).discard(entry.name, reviewer="Dr. Marigold Ashdown", reason="a single pixel")
    assert not any(PATIENT_NAME.encode() in path.read_bytes() for path in (state / "outbox").rglob("*.sealed"))
    assert left_in_the_open(state) == [waiting]


@pytest.mark.parametrize("version", ["1", "0", "another"])
def test_a_job_of_another_version_begins_anew(
    configuration: Configuration, key: SiteKey, receiver: Receiver, tmp_path: Path, version: str
) -> None:
    pending_job(configuration, key, tmp_path)
    rows(configuration, "UPDATE workflow_status SET application_version = ?", version)
    with running(configuration, key) as node:
        wait_for(lambda: node.ledger.counts() == {State.PURGED: 1})
    assert len(receiver.stored) == 4


def test_a_job_that_an_earlier_version_may_have_delivered_in_part_is_held_and_released_under_new_uids(
    configuration: Configuration, key: SiteKey, receiver: Receiver, tmp_path: Path
) -> None:
    pending_job(configuration, key, tmp_path)
    rows(configuration, "UPDATE workflow_status SET application_version = '1'")
    (job,) = (configuration.state_folder / "jobs").iterdir()
    out = next(job.iterdir()) / "out"
    out.mkdir()
    (out / "2.25.1.dcm").touch()
    with running(configuration, key) as node:
        wait_for(lambda: node.ledger.counts() == {State.QUARANTINED: 1})
        (entry,) = node.quarantine.entries()
        assert entry.refusal.error == "EarlierVersion"
        assert receiver.stored == []
        Review(configuration.state_folder, key).release("", reviewer="Dr. Marigold Ashdown", reason="once more")
        wait_for(lambda: node.ledger.counts() == {State.PURGED: 1})
        assert [row.making for row in node.ledger.of_source(entry.digest)] == ["0.1"]
    assert len(receiver.stored) == 4


def test_a_job_of_a_later_version_refuses_the_start_and_says_the_way_out(
    configuration: Configuration, key: SiteKey, tmp_path: Path
) -> None:
    pending_job(configuration, key, tmp_path)
    rows(configuration, "UPDATE workflow_status SET application_version = '99'")
    node = Node(configuration, key, MirroringTwinMaker())
    with pytest.raises(StateRefused, match="start that version again"):
        node.start()
    node.stop()


@pytest.mark.parametrize("harm", ["gone", "empty", "another"])
def test_the_executor_s_name_may_change(
    configuration: Configuration, key: SiteKey, receiver: Receiver, tmp_path: Path, harm: str
) -> None:
    pending_job(configuration, key, tmp_path)
    name = configuration.state_folder / "executor"
    name.unlink()
    if harm != "gone":
        name.write_text("" if harm == "empty" else "somebody-else")
    with running(configuration, key) as node:
        wait_for(lambda: node.ledger.counts() == {State.PURGED: 1})
    assert len(receiver.stored) == 4


@pytest.mark.parametrize("days", [-2, 2])
def test_a_clock_that_was_days_off_keeps_no_study_waiting(
    configuration: Configuration, key: SiteKey, receiver: Receiver, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, days: int,
) -> None:  # fmt: skip
    wall = time.time
    with monkeypatch.context() as wrong:
        wrong.setattr("time.time", lambda: wall() + days * DAY)
        with running(configuration, key) as node:
            node.dispatcher.stop()
            send(node, save(photograph(STUDY), tmp_path / "in"))
            assert node.ledger.counts() == {State.RECEIVED: 1}
    with running(configuration, key) as node:
        send(node, save(photograph(f"{STUDY}.2", number=2), tmp_path / "in"))
        wait_for(lambda: node.ledger.counts() == {State.PURGED: 2})
    assert len(receiver.stored) == 8


def test_a_file_that_somebody_took_is_missing_by_name_and_taken_when_it_is_sent_again(
    configuration: Configuration, key: SiteKey, receiver: Receiver, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = (save(photograph(f"{STUDY}.{n}", number=n), tmp_path / "in") for n in (1, 2))
    with running(configuration, key) as node:
        node.dispatcher.stop()
        send(node, first)
    next((configuration.state_folder / "spool" / "studies").rglob("*.dcm")).unlink()
    with running(configuration, key) as node:
        wait_for(lambda: node.ledger.counts() == {State.MISSING: 1})
        assert "is missing: its file is gone from the spool" in caplog.text
        send(node, second)
        wait_for(lambda: node.ledger.counts() == {State.MISSING: 1, State.PURGED: 1})
        send(node, first)
        wait_for(lambda: node.ledger.counts() == {State.PURGED: 2})
    assert len(set(receiver.stored)) == 8


def test_a_file_that_goes_while_its_study_is_in_work_stops_nobody_else(
    configuration: Configuration, key: SiteKey, receiver: Receiver, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pending_job(configuration, key, tmp_path)
    next((configuration.state_folder / "spool" / "studies").rglob("*.dcm")).unlink()
    with running(configuration, key) as node:
        send(node, save(photograph(f"{STUDY}.2", number=2), tmp_path / "in"))
        wait_for(lambda: node.ledger.counts() == {State.MISSING: 1, State.PURGED: 1})
        assert caplog.text.count("is missing: its file is gone") == 1
    assert left_in_the_open(configuration.state_folder) == []


def test_another_key_under_a_used_state_refuses_the_start(
    configuration: Configuration, key: SiteKey, tmp_path: Path
) -> None:
    with running(configuration, key):
        pass
    generate_key_file(tmp_path / "other.key")
    other = SiteKey.from_file(tmp_path / "other.key")
    with pytest.raises(StateRefused, match=r"Give the node the key that it had.*new state folder"):
        Node(configuration, other, MirroringTwinMaker())
    with running(configuration, key):
        pass


def test_a_state_that_does_not_name_its_key_is_believed_only_as_far_as_it_opens(
    configuration: Configuration, key: SiteKey, tmp_path: Path
) -> None:
    with running(configuration, key) as node:
        send(node, save(photograph(STUDY, rgb=skin(1)), tmp_path / "in"))
        wait_for(lambda: finished(node, 1))
    about = configuration.state_folder / "state.json"
    about.unlink()
    generate_key_file(tmp_path / "other.key")
    with pytest.raises(StateRefused, match="another key"):
        Node(configuration, SiteKey.from_file(tmp_path / "other.key"), MirroringTwinMaker())
    with running(configuration, key):
        assert json.loads(about.read_text())["format"] == 2
    about.write_text(json.dumps({**json.loads(about.read_text()), "format": 3}))
    with pytest.raises(StateRefused, match="later version"):
        Node(configuration, key, MirroringTwinMaker())


def test_a_state_of_format_1_is_taken_over_and_keeps_keyed_names_alone(
    configuration: Configuration, key: SiteKey, receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Format 1 had unkeyed digests in the spool and did not say which key it was used with."""
    state = configuration.state_folder
    images = [photograph(f"{STUDY}.{n}", number=n, rgb=skin(1) if n == 2 else None) for n in (1, 2, 3)]
    done, held, waiting = (save(image, tmp_path / "in") for image in images)
    with monkeypatch.context() as earlier:
        earlier.setattr(SpoolNames, "__call__", lambda self, part: part)
        with running(configuration, key) as node:
            send(node, done, held)
            wait_for(lambda: finished(node, 2))
            node.dispatcher.stop()
            send(node, waiting)
    (state / "state.json").unlink()
    digests = [hashlib.sha256(str(image.SOPInstanceUID).encode()).hexdigest()[:40] for image in images]

    def told(*parts: str) -> bool:
        names = "\n".join(path.as_posix() for path in state.rglob("*"))
        content = b"".join(path.read_bytes() for path in state.rglob("*") if path.is_file())
        return any(part in names or part.encode() in content for part in parts)

    assert told(*digests), "as it was"
    rows(configuration, "UPDATE workflow_status SET application_version = '1'")
    with running(configuration, key) as node:
        wait_for(lambda: node.ledger.counts() == {State.PURGED: 2, State.QUARANTINED: 1})
        stored = list(receiver.stored)
        send(node, done)
        assert node.ledger.counts() == {State.PURGED: 2, State.QUARANTINED: 1}, "it is still known"
        Review(state, key).release("", reviewer="Dr. Marigold Ashdown", reason="once more")
        wait_for(lambda: len(node.quarantine.entries()) == 1 and finished(node, 3))
        Review(state, key).discard("", reviewer="Dr. Marigold Ashdown", reason="a single pixel")
    assert not told(*digests)
    assert receiver.stored == stored


def test_what_has_had_its_time_is_forgotten_and_what_comes_again_then_gets_other_uids(
    configuration: Configuration, key: SiteKey, receiver: Receiver, tmp_path: Path
) -> None:
    path = save(photograph(STUDY), tmp_path / "in")
    short = configuration.model_copy(
        update={
            "retention": configuration.retention.model_copy(
                update={"markers_days": 1e-9, "jobs_days": 1e-9, "manifests_days": 1e-9}
            )
        }
    )
    with running(configuration, key) as node:
        send(node, path)
        wait_for(lambda: finished(node, 1))
        wait_for(lambda: not node.jobs.unfinished())
    first = set(receiver.stored)
    with running(short, key) as node:
        wait_for(lambda: node.ledger.counts() == {})
        wait_for(lambda: not list(node.manifests.iterdir()))
        assert not list((configuration.state_folder / "spool").rglob("*.purged"))
        assert rows(configuration, "SELECT * FROM workflow_status WHERE name = 'twin_study'") == []
        assert rows(configuration, "SELECT * FROM twinveil_postings") == []
    with running(configuration, key) as node:
        send(node, path)
        wait_for(lambda: finished(node, 1))
    assert len(receiver.stored) == len(set(receiver.stored)) == 8
    assert len(set(receiver.stored) - first) == 4


def pending_job(configuration: Configuration, key: SiteKey, folder: Path) -> None:
    """A state folder whose one job was cut off in its swap, as a process leaves it that was killed.

    DBOS is one for each process: the state is copied while the step is held, and the node ends as it likes.
    """
    state, copy = configuration.state_folder, folder / "as it was"
    done: list[bool] = []

    def copied_in_swap(method: str, attempt: int) -> None:
        if method == "swap" and not done:
            done.append(True)
            with closing(sqlite3.connect(state / DATABASE)) as connection:
                shutil.copytree(state, copy, ignore=shutil.ignore_patterns("twinveil.sqlite*"))
                with closing(sqlite3.connect(copy / DATABASE)) as target:
                    connection.backup(target)

    with running(configuration, key, MirroringTwinMaker(on_call=copied_in_swap)) as node:
        node.post_office.stop()
        send(node, save(photograph(STUDY), folder / "in"))
        wait_for(lambda: node.ledger.counts() == {State.UNDELIVERED: 1})
    shutil.rmtree(state)
    copy.rename(state)
