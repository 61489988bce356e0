"""A node of several processes on PostgreSQL: one is killed, stands still, or loses its database, and all goes on."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dicom_io.errors import DeliveryFailed
from dicom_io.header import generate_key_file
from dicom_io.sending import Destination, deliver
from plugin.commands.demo_archive import Receiver
from plugin.config import Configuration, load_configuration
from plugin.database import Postgres, close_idle
from plugin.ledger import Ledger, State
from plugin.roles import Roster
from tests.crash.forked import ForkedNode
from tests.crash.processes import children_of
from tests.crash.test_kill import wait_for
from tests.crash.test_receivers import send_each
from tests.peers.postgres import Server
from tests.peers.processes import free_port, is_listening
from tests.plugin.fakes import photograph, save

STUDY = "1.2.826.0.1.3680043.8.498.83"

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
[database]
url_file = "database.url"
[study]
quiet_seconds = 0.4
in_flight = 1
[worker]
dead_after_seconds = {dead_after}
[retries]
attempts = 20
first_wait_seconds = 0.2
backoff = 1.0
[limits]
min_free_bytes = 0
[page]
port = {page}
"""


class Machines:
    """Processes that share a configuration, a state folder and a database. Each has a folder that says what it does."""

    def __init__(self, folder: Path, receiver: Receiver, url: str, dead_after: float) -> None:
        self.folder = folder
        self.log = folder / "log"
        self._running: list[ForkedNode] = []
        generate_key_file(folder / "site.key")
        (folder / "database.url").write_text(url + "\n")
        (folder / "twinveil.toml").write_text(
            CONFIGURATION.format(port=receiver.port, dead_after=dead_after, page=free_port())
        )
        self.configuration: Configuration = load_configuration(folder / "twinveil.toml")
        self.state = self.configuration.state_folder
        self.ledger = Ledger(Postgres(url))
        self.roster = Roster(Postgres(url))

    def start(self, role: str, name: str) -> ForkedNode:
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        process = ForkedNode(self.log, self.folder / "twinveil.toml", folder, role)
        self._running.append(process)
        return process

    def listener(self) -> int:
        """Its port, once it listens."""
        return int(self.start("listener", "listener").line().rpartition(":")[2])

    def listener_of_two(self) -> tuple[int, int]:
        """One that receives with two processes, once both listen: the port, and the second process's number."""
        settings = self.folder / "twinveil.toml"
        settings.write_text(settings.read_text().replace("processes = 1", "processes = 2"))
        port = self.listener()
        wait_for(lambda: "receiving process 1 listens" in self.log.read_text(), "the process beside it")
        (second,) = children_of(self._running[-1].pid)
        return port, second

    def wait_for_all(self) -> None:
        wait_for(lambda: len(self.roster.members()) == len(self._running), "everybody on the roster")

    def end(self) -> None:
        for process in self._running:
            process.end()
        close_idle()

    def send(self, port: int, number: int) -> None:
        path = save(photograph(f"{STUDY}.{number}", number=number), self.folder / "in")
        deliver([path], Destination("node", "127.0.0.1", port, "TWINVEIL", calling_ae_title="CAMERA"))

    def calls(self, name: str) -> Counter[str]:
        log = self.folder / name / "calls"
        return Counter(log.read_text().split() if log.exists() else [])

    def who_swaps(self, count: int = 1) -> str:
        wait_for(lambda: sum(self.calls(name)["swap"] for name in ("a", "b")) == count, "a swap")
        return next(name for name in ("a", "b") if self.calls(name)["swap"])

    def held_in_a_swap(self) -> tuple[int, dict[str, ForkedNode], str, str]:
        """A whole node with two workers, of which one is held in the swap of the first study: the listener's port, the
        workers' processes, who is held, and the other one."""
        self.hold("swap-1")
        port = self.listener()
        processes = {name: self.start("worker", name) for name in ("a", "b")}
        self.start("deliverer", "deliverer")
        self.wait_for_all()
        self.send(port, 1)
        held = self.who_swaps()
        (other,) = {"a", "b"} - {held}
        return port, processes, held, other

    def hold(self, call: str) -> None:
        for name in ("a", "b"):
            (self.folder / name).mkdir(exist_ok=True)
            (self.folder / name / f"hold-{call}").touch()

    def let_go(self, call: str, *names: str) -> None:
        for name in names or ("a", "b"):
            (self.folder / name / f"hold-{call}").unlink()

    def left_in_the_open(self) -> list[Path]:
        return [path for folder in ("jobs", "spool/incoming") for path in (self.state / folder).iterdir()]


@contextlib.contextmanager
def machines(tmp_path: Path, url: str, dead_after: float) -> Iterator[tuple[Machines, Receiver]]:
    archive = Receiver(tmp_path / "archive")
    archive.start()
    several = Machines(tmp_path, archive, url, dead_after)
    try:
        yield several, archive
    finally:
        several.end()
        archive.stop()


def test_a_worker_is_killed_and_another_is_at_its_study_within_15_seconds(
    tmp_path: Path, postgres_server: Server
) -> None:
    with machines(tmp_path, postgres_server.new_database(), dead_after=5.0) as (several, archive):
        _, processes, killed, other = several.held_in_a_swap()
        several.let_go("swap-1", other)
        processes[killed].send_signal(signal.SIGKILL)
        since = time.monotonic()
        wait_for(lambda: several.calls(other)["swap"] == 1, "the step that was cut off")
        assert time.monotonic() - since < 15
        wait_for(lambda: several.ledger.counts() == {State.PURGED: 1}, "the study")
        assert several.calls(killed) == {"heal": 1, "swap": 1}
        assert several.calls(other) == {"swap": 1, "judge": 1, "subtract": 1}, "only what was cut off is done again"
        assert len(archive.stored) == len(set(archive.stored)) == 4
        (row,) = several.ledger.in_states(State.PURGED)
        assert several.ledger.charges(row.job or "", row.digest, "swap") == 1
        assert several.ledger.charges(row.job or "", row.digest, "heal") == 0
        assert several.left_in_the_open() == []
        # All have one file, and so one port for the page, and run: it is the listener's.
        assert is_listening(several.configuration.page.port)
        assert several.log.read_text().count("the listener serves the page") == 3


def test_a_worker_that_stood_still_and_goes_on_does_nothing_twice(tmp_path: Path, postgres_server: Server) -> None:
    """It is in the middle of a step, does not know that it was taken for dead, and writes what it had begun."""
    with machines(tmp_path, postgres_server.new_database(), dead_after=2.0) as (several, archive):
        port, processes, still, other = several.held_in_a_swap()
        processes[still].send_signal(signal.SIGSTOP)
        wait_for(lambda: several.calls(other)["swap"] == 1, "the other one is at it")
        several.let_go("swap-1", still)
        processes[still].send_signal(signal.SIGCONT)
        wait_for(lambda: "was taken for dead" in several.log.read_text(), "it finds out")
        several.let_go("swap-1", other)
        wait_for(lambda: several.ledger.counts() == {State.PURGED: 1}, "the study")
        several.send(port, 2)
        wait_for(lambda: several.ledger.counts() == {State.PURGED: 2}, "another study")
        both = several.calls("a") + several.calls("b")
        assert both == {"heal": 2, "swap": 3, "judge": 2, "subtract": 2}
        assert len(archive.stored) == len(set(archive.stored)) == 8
        wait_for(lambda: several.left_in_the_open() == [], "nothing is left, of the one that lost the job either")


def test_postgres_goes_down_in_the_middle_and_nothing_is_lost(tmp_path: Path, postgres_server: Server) -> None:
    with machines(tmp_path, postgres_server.new_database(), dead_after=2.0) as (several, archive):
        several.hold("swap-2")
        port = several.listener()
        processes = [several.start("worker", "a"), several.start("deliverer", "deliverer")]
        several.wait_for_all()
        for number in (1, 2):
            several.send(port, number)
        wait_for(lambda: several.calls("a")["swap"] == 2, "a study is done, and one is in the middle")
        # And known to be: what an archive has and the database does not say yet is sent there once more.
        wait_for(lambda: several.ledger.counts().get(State.PURGED) == 1, "the first is delivered")
        assert len(archive.stored) == 4
        postgres_server.stop()
        several.let_go("swap-2")
        with pytest.raises(DeliveryFailed):  # what has no row is not accepted
            several.send(port, 3)
        time.sleep(3)  # the outage itself, longer than it takes to be taken for dead
        postgres_server.start()
        several.send(port, 3)
        wait_for(lambda: several.ledger.counts() == {State.PURGED: 3}, "all three")
        assert all(process.poll() is None for process in processes)
        assert several.calls("a") == {"heal": 3, "swap": 3, "judge": 3, "subtract": 3}
        assert len(archive.stored) == len(set(archive.stored)) == 12
        assert not list((several.state / "quarantine").glob("*"))
        assert several.left_in_the_open() == []


def test_what_does_not_belong_together_is_refused_by_name(tmp_path: Path, postgres_server: Server) -> None:
    url = postgres_server.new_database()
    with machines(tmp_path, url, dead_after=2.0) as (several, _):
        several.listener()
        second = several.start("listener", "second")
        assert second.wait(60) != 0
        assert "another process receives into" in several.log.read_text()
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        for name in ("site.key", "database.url", "twinveil.toml"):
            (elsewhere / name).write_bytes((tmp_path / name).read_bytes())
        os.chmod(elsewhere / "site.key", 0o600)
        command = [sys.executable, "-m", "tests.crash.worker", elsewhere / "twinveil.toml", elsewhere, "worker"]
        unmounted = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert unmounted.returncode != 0
        assert "of another state folder" in unmounted.stderr


def test_a_listener_of_two_processes_loses_one_of_them_and_nothing_else(
    tmp_path: Path, postgres_server: Server
) -> None:
    """All that was answered comes to a worker and to the archive, once, whichever process took it."""
    with machines(tmp_path, postgres_server.new_database(), dead_after=60.0) as (several, archive):
        port, second = several.listener_of_two()
        several.start("worker", "a")
        several.start("deliverer", "deliverer")
        several.wait_for_all()
        paths = [save(photograph(f"{STUDY}.{n % 4}", number=n), tmp_path / "in") for n in range(16)]
        with ThreadPoolExecutor(1) as sending:
            under_way = sending.submit(send_each, port, paths)
            wait_for(lambda: sum(several.ledger.counts().values()) >= 4, "some of them")
            os.kill(second, signal.SIGKILL)
            taken = under_way.result()
        wait_for(lambda: several.log.read_text().count("receiving process 1 listens") == 2, "the next one")
        again = [path for path in paths if path not in taken]
        assert send_each(port, again) == again
        wait_for(lambda: several.ledger.counts() == {State.PURGED: 16}, "all photographs")
        wait_for(lambda: len(archive.stored) >= 64, "all that was made of them")
        assert len(archive.stored) == len(set(archive.stored)) == 64
        assert several.left_in_the_open() == []
