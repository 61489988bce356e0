"""A node that is killed in the middle of its work: nothing is lost, done twice, or let out unfinished."""

from __future__ import annotations

import contextlib
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pydicom
import pytest

from dicom_io.header import SiteKey, generate_key_file
from dicom_io.sending import Destination, deliver
from plugin.commands.demo_archive import Receiver
from plugin.config import load_configuration
from plugin.ledger import FINISHED, Ledger, State
from plugin.quarantine import Quarantine
from tests.crash.forked import ForkedNode
from tests.peers.processes import PATIENCE, patience, wait_until
from tests.plugin.fakes import photograph, save, skin

STUDY = "1.2.826.0.1.3680043.8.498.79"

CONFIGURATION = """
key_file = "site.key"
[listener]
port = 0
processes = 1
[[callers]]
ae_title = "CAMERA"
network = "127.0.0.1"
[[destinations]]
name = "archive"
ae_title = "ARCHIVE"
host = "127.0.0.1"
port = {port}
[study]
quiet_seconds = 0.4
max_recoveries = 2
[retries]
attempts = 20
first_wait_seconds = 0.2
backoff = 1.0
[limits]
min_free_bytes = 0
"""


def wait_for(condition: Callable[[], bool], what: str) -> None:
    wait_until(condition, PATIENCE, what, interval=0.05)


class Bench:
    """The files around one node, and its processes one after another."""

    def __init__(self, folder: Path, receiver: Receiver) -> None:
        self.folder = folder
        generate_key_file(folder / "site.key")
        (folder / "twinveil.toml").write_text(CONFIGURATION.format(port=receiver.port))
        self.state = load_configuration(folder / "twinveil.toml").state_folder

    @contextlib.contextmanager
    def worker(self) -> Iterator[tuple[ForkedNode, int]]:
        """A running node and its port; killed at the end of the block if it still runs."""
        process = ForkedNode(self.folder / "log", self.folder / "twinveil.toml", self.folder)
        try:
            said = process.line()
            yield process, int(said.rpartition(":")[2]) if said else 0
        finally:
            process.end()

    def send(self, port: int, *paths: Path) -> None:
        deliver(paths, Destination("node", "127.0.0.1", port, "TWINVEIL", calling_ae_title="CAMERA"))

    def calls(self) -> Counter[str]:
        log = self.folder / "calls"
        return Counter(log.read_text().split() if log.exists() else [])

    def states(self) -> dict[State, int]:
        return Ledger(self.state / "twinveil.sqlite").counts()

    def finished(self, instances: int) -> bool:
        return sum(count for state, count in self.states().items() if state in FINISHED) == instances


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    archive = Receiver(tmp_path / "archive")
    archive.start()
    yield archive
    archive.stop()


@pytest.fixture
def bench(tmp_path: Path, receiver: Receiver) -> Bench:
    return Bench(tmp_path, receiver)


@pytest.mark.parametrize("method", ["swap", "heal"])
def test_killed_in_an_edit_it_goes_on_at_that_step(
    bench: Bench, receiver: Receiver, tmp_path: Path, method: str
) -> None:
    hold = tmp_path / f"hold-{method}-2"
    hold.touch()
    paths = [save(photograph(STUDY, number=number), tmp_path / "in") for number in (1, 2)]
    with bench.worker() as (process, port):
        bench.send(port, *paths)
        wait_for(lambda: bench.calls()[method] == 2, f"the second {method}")
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert receiver.stored == []
    hold.unlink()
    with bench.worker():
        wait_for(lambda: bench.finished(2), "both photographs")
    expected = Counter({"swap": 2, "judge": 2, "heal": 2, "subtract": 2})
    expected[method] += 1  # the step that was cut off, and no other, is done again
    assert bench.calls() == expected
    assert bench.states() == {State.PURGED: 2}
    assert len(receiver.stored) == len(set(receiver.stored)) == 8
    for path in receiver.folder.glob("*.dcm"):
        assert pydicom.dcmread(path).pixel_array.any()
    assert not list((bench.state / "jobs").iterdir())
    assert not list((bench.state / "spool").rglob("*.dcm"))


def test_killed_before_the_study_was_quiet_nothing_that_was_accepted_is_lost(
    bench: Bench, receiver: Receiver, tmp_path: Path
) -> None:
    configuration = tmp_path / "twinveil.toml"
    patient = configuration.read_text()
    configuration.write_text(patient.replace("quiet_seconds = 0.4", "quiet_seconds = 600.0"))
    with bench.worker() as (process, port):
        bench.send(port, *(save(photograph(STUDY, number=number), tmp_path / "in") for number in (1, 2, 3)))
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert bench.states() == {State.RECEIVED: 3}
    configuration.write_text(patient)
    with bench.worker():
        wait_for(lambda: bench.finished(3), "three photographs")
    assert bench.states() == {State.PURGED: 3}
    assert len(receiver.stored) == len(set(receiver.stored)) == 12


def test_killed_while_the_archive_is_down_it_delivers_once_it_is_up(
    bench: Bench, receiver: Receiver, tmp_path: Path
) -> None:
    port_of_archive = receiver.port
    receiver.stop()
    with bench.worker() as (process, port):
        bench.send(port, save(photograph(STUDY), tmp_path / "in"))
        wait_for(lambda: "destination archive: " in (tmp_path / "log").read_text(), "a try to deliver")
        process.send_signal(signal.SIGKILL)
        process.wait()
    edits = bench.calls()
    receiver.start(port_of_archive)
    with bench.worker():
        wait_for(lambda: bench.finished(1), "the photograph")
    assert bench.calls() == edits, "no edit was done again"
    assert bench.states() == {State.PURGED: 1}
    assert len(receiver.stored) == len(set(receiver.stored)) == 4


def test_asked_to_stop_it_ends_its_step_and_resumes_later(bench: Bench, receiver: Receiver, tmp_path: Path) -> None:
    hold = tmp_path / "hold-swap-1"
    hold.touch()
    with bench.worker() as (process, port):
        bench.send(port, save(photograph(STUDY), tmp_path / "in"))
        wait_for(lambda: bench.calls()["swap"] == 1, "the swap")
        process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        assert process.poll() is None, "it waits for the running step"
        hold.unlink()
        assert process.wait(patience()) == 0
    assert bench.calls() == {"heal": 1, "swap": 1}
    with bench.worker():
        wait_for(lambda: bench.finished(1), "the photograph")
    assert bench.calls()["swap"] == 1
    assert len(receiver.stored) == 4


def test_a_photograph_that_kills_its_process_ends_in_quarantine(
    bench: Bench, receiver: Receiver, tmp_path: Path
) -> None:
    poison = tmp_path / "die-in-swap"
    poison.touch()
    path = save(photograph(STUDY), tmp_path / "in")
    with bench.worker() as (process, port):
        bench.send(port, path)
        assert process.wait(patience()) == -signal.SIGKILL
    for _ in range(2):
        with bench.worker() as (process, _):
            assert process.wait(patience()) == -signal.SIGKILL
    with bench.worker() as (process, _):
        wait_for(lambda: bench.finished(1), "the quarantine")
        assert process.poll() is None
    assert bench.calls()["swap"] == 3
    assert bench.states() == {State.QUARANTINED: 1}
    quarantine = Quarantine(bench.state / "quarantine", SiteKey.from_file(tmp_path / "site.key"))
    (entry,) = quarantine.entries()
    assert (entry.refusal.stage, entry.refusal.error, entry.sealed) == ("swap", "NoOutcome", True)
    quarantine.restore(entry.name, tmp_path / "back.dcm")
    assert pydicom.dcmread(tmp_path / "back.dcm").pixel_array.shape == pydicom.dcmread(path).pixel_array.shape
    assert receiver.stored == []


def test_only_the_one_whose_step_ran_is_charged_for_it(bench: Bench, receiver: Receiver, tmp_path: Path) -> None:
    """Four studies are under way each time that one of them takes the process down."""
    (tmp_path / "die-on-64x64").touch()
    poison = save(photograph(STUDY, rgb=skin(64)), tmp_path / "in")
    innocent = [save(photograph(f"{STUDY}.{number}", number=number), tmp_path / "in") for number in (1, 2, 3)]
    with bench.worker() as (process, port):
        bench.send(port, poison, *innocent)
        assert process.wait(patience()) == -signal.SIGKILL
    for _ in range(2):
        with bench.worker() as (process, _):
            assert process.wait(patience()) == -signal.SIGKILL
    with bench.worker() as (process, _):
        wait_for(lambda: bench.finished(4), "all four")
        assert process.poll() is None
    assert bench.states() == {State.QUARANTINED: 1, State.PURGED: 3}
    assert len(receiver.stored) == len(set(receiver.stored)) == 12
    assert not list((bench.state / "jobs").iterdir())
