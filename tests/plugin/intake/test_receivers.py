"""Several processes on one port: nothing is lost, nothing comes twice, and none outlives the node."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from dicom_io.errors import DeliveryFailed
from dicom_io.header import SiteKey
from dicom_io.receiving import RefusedCall, RefusedFor, Spool, StoredInstance
from dicom_io.sending import Destination, deliver
from plugin.config import Configuration
from plugin.database import close_idle
from plugin.errors import NodeBusy
from plugin.intake import Intake, receivers
from plugin.ledger import State
from plugin.observer import Observer, kind_of
from tests.attack.peer import RawPeer, element
from tests.certificates import Authority
from tests.peers.postgres import Server
from tests.plugin.conftest import wait_for
from tests.plugin.fakes import photograph, save

STUDY = "1.2.826.0.1.3680043.8.498.77"


class Tally(Observer):
    """Who took what: the node's own process, or one beside it."""

    def __init__(self) -> None:
        self.own: Counter[str] = Counter()
        self.beside: Counter[str] = Counter()

    def received(self, stored: StoredInstance, study: str) -> None:
        self.own[kind_of(stored)] += 1

    def received_beside(self, kind: str) -> None:
        self.beside[kind] += 1

    def refused(self, call: RefusedCall) -> None:
        self.own[call.reason] += 1

    def refused_beside(self, reason: RefusedFor) -> None:
        self.beside[reason] += 1

    def both(self, what: str, more: Callable[[], object]) -> None:
        """Do ``more`` until each of them has counted ``what``: the kernel gives a connection to either."""
        for _ in range(200):
            if self.own[what] and self.beside[what]:
                return
            more()
        raise AssertionError(f"{what}: {self.own} {self.beside}")


@contextmanager
def door(configuration: Configuration, key: SiteKey, **changed: dict[str, Any]) -> Iterator[tuple[Intake, Tally]]:
    """An open one of two processes, without a node behind it."""
    stated = {**configuration.model_dump(), "folder": configuration.folder, "key_file": "site.key", **changed}
    stated["listener"] = {"port": 0, "processes": 2}
    tally = Tally()
    intake = Intake(Configuration.model_validate(stated), key, tally)
    try:
        intake.open()
        wait_for(lambda: intake.receivers is not None and intake.receivers.listening == 1)
        yield intake, tally
    finally:
        intake.close()
        intake.leave()


@pytest.fixture(params=["file", "server"])
def where(request: pytest.FixtureRequest) -> Iterator[dict[str, Any]]:
    """Where the records lie: what the configuration says of it."""
    if request.param == "file":
        yield {}
        return
    server: Server = request.getfixturevalue("postgres_server")
    yield {"database": {"url": server.new_database()}}
    close_idle()


def to(port: int, calling: str = "CAMERA") -> Destination:
    return Destination("node", "127.0.0.1", port, "TWINVEIL", calling_ae_title=calling)


def files_of(intake: Intake) -> list[Path]:
    return [path for path in intake.spool.folder.rglob("*") if path.suffix in {".dcm", ".part"}]


def test_what_many_send_at_a_time_lies_and_is_on_record_once(
    configuration: Configuration, key: SiteKey, tmp_path: Path, where: dict[str, Any]
) -> None:
    with door(configuration, key, **where) as (intake, tally):
        paths = [save(photograph(f"{STUDY}.{n % 5}", number=n), tmp_path / "in") for n in range(40)]
        with ThreadPoolExecutor(6) as senders:
            list(senders.map(lambda path: deliver([path], to(intake.listener.port)), paths))
        assert tally.own["new"] and tally.beside["new"], "the kernel gives each some of forty connections"
        wait_for(lambda: tally.own["new"] + tally.beside["new"] == 40)
        assert intake.ledger.counts() == {State.RECEIVED: 40}
        assert len(files_of(intake)) == 40
        with ThreadPoolExecutor(6) as senders:  # to either, whoever took it first
            list(senders.map(lambda path: deliver([path], to(intake.listener.port)), paths))
        wait_for(lambda: tally.own["repeat"] + tally.beside["repeat"] == 40)
        assert intake.ledger.counts() == {State.RECEIVED: 40}
        assert len(files_of(intake)) == 40


def test_other_bytes_under_a_known_uid_are_set_aside_by_the_node_before_their_sender_hears(
    configuration: Configuration, key: SiteKey, tmp_path: Path, where: dict[str, Any]
) -> None:
    dataset, handed = photograph(STUDY), []
    path = save(dataset, tmp_path / "in")
    with door(configuration, key, **where) as (intake, tally):

        def set_aside(stored: StoredInstance) -> object:
            handed.append(stored)
            return intake.record(stored)

        intake.hand_over(set_aside)  # type: ignore[arg-type]
        deliver([path], to(intake.listener.port))
        numbers = itertools.count()

        def another() -> None:
            dataset.PatientID = f"ANOTHER-{next(numbers)}"
            deliver([save(dataset, tmp_path / "in")], to(intake.listener.port))
            assert [stored.conflict for stored in handed][-1]

        tally.both("conflict", another)
        assert all(stored.path.exists() and stored.calling_ae == "CAMERA" for stored in handed)

        def fail(stored: StoredInstance) -> None:
            raise OSError(28, "no space")

        intake.hand_over(fail)  # type: ignore[arg-type]

        def not_taken() -> None:
            with pytest.raises(DeliveryFailed):
                another()

        tally.both(RefusedFor.NOT_RECORDED, not_taken)


def test_who_is_not_allowed_is_turned_away_by_each(configuration: Configuration, key: SiteKey, tmp_path: Path) -> None:
    path = save(photograph(STUDY), tmp_path / "in")
    with door(configuration, key) as (intake, tally):
        port = intake.listener.port

        def from_elsewhere() -> None:
            with socket.create_connection(("127.0.0.1", port), 30, source_address=("127.0.0.2", 0)) as connection:
                assert connection.recv(1) == b""

        def as_a_stranger() -> None:
            with pytest.raises(DeliveryFailed):
                deliver([path], to(port, "STRANGER"))

        tally.both(RefusedFor.ADDRESS, from_elsewhere)
        tally.both(RefusedFor.AE_TITLE, as_a_stranger)
        assert intake.ledger.counts() == {}


def test_the_port_of_tls_is_shared_as_well_and_each_reads_new_certificates(
    configuration: Configuration, key: SiteKey, tmp_path: Path
) -> None:
    authority, successor = Authority(tmp_path / "authority"), Authority(tmp_path / "successor")
    ours = authority.identity("node")
    files = {"certificate": str(ours.certificate), "key": str(ours.key), "authorities": str(authority.root)}

    def caller(trusted: Authority) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=trusted.root)
        context.check_hostname = False
        identity = trusted.identity("camera")
        context.load_cert_chain(identity.certificate, identity.key)
        return context

    with door(configuration, key, tls={**files, "port": 0, "only": True}) as (intake, tally):

        def send(context: ssl.SSLContext) -> None:
            with RawPeer(intake.listener.tls_port, tls=context) as peer:
                assert peer.associate()
                assert peer.store(element(0x0020, 0x000D, b"UI", b"1.2.3.45")) == 0

        before, after = caller(authority), caller(successor)
        tally.both("new", lambda: send(before))
        theirs = successor.identity("node")
        for new, old in ((theirs.key, ours.key), (theirs.certificate, ours.certificate)):
            shutil.copy(new, old)
        shutil.copy(successor.root, authority.root)
        tally.own.clear()
        tally.beside.clear()
        tally.both("new", lambda: send(after))


def test_the_port_must_be_free_even_where_another_node_would_share_its_own(
    configuration: Configuration, key: SiteKey, tmp_path: Path
) -> None:
    with door(configuration, key) as (intake, _):
        elsewhere = {**configuration.model_dump(), "folder": tmp_path, "state": "elsewhere"}
        elsewhere["listener"] = {"port": intake.listener.port, "processes": 2}
        other = Intake(Configuration.model_validate(elsewhere), key)
        try:
            with pytest.raises(OSError, match="in use"):
                other.open()
        finally:
            other.leave()


def test_one_that_receives_loads_no_model(configuration: Configuration, key: SiteKey) -> None:
    with door(configuration, key) as (intake, _):
        assert intake.receivers is not None
        (pid,) = intake.receivers.pids
        loaded = Path(f"/proc/{pid}/maps").read_text()
        assert "_sqlite3" in loaded
        assert not [name for name in ("torch", "onnxruntime", "cv2", "dlib") if name in loaded]
    program = "import sys, plugin.intake.__main__; print([name for name in sys.modules if name.startswith('pipeline')])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_one_that_cannot_begin_is_tried_again_and_says_why(
    configuration: Configuration, key: SiteKey, tmp_path: Path, capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(receivers, "LONGEST_WAIT", 0.2)
    key_file = tmp_path / "site.key"
    key_file.rename(tmp_path / "away")
    said: list[str] = []

    def complains() -> bool:
        said.append(capfd.readouterr().err)
        return "receiving process 1 cannot receive: key file" in "".join(said)

    stated = {**configuration.model_dump(), "folder": configuration.folder, "key_file": "site.key"}
    stated["listener"] = {"port": 0, "processes": 2}
    intake = Intake(Configuration.model_validate(stated), key)
    try:
        intake.open()
        wait_for(complains)
        (tmp_path / "away").rename(key_file)
        wait_for(lambda: intake.receivers is not None and intake.receivers.listening == 1)
    finally:
        intake.close()
        intake.leave()


def test_one_that_hangs_is_ended_and_another_takes_its_place(
    configuration: Configuration, key: SiteKey, tmp_path: Path, where: dict[str, Any], monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    """It holds what it was deciding on, and the kernel goes on giving it connections, until it is ended."""
    monkeypatch.setattr(receivers, "SILENT_SECONDS", 4.0)
    numbers = itertools.count()
    with door(configuration, key, **where) as (intake, tally):
        assert intake.receivers is not None
        (hangs,) = intake.receivers.pids
        os.kill(hangs, signal.SIGSTOP)
        wait_for(lambda: intake.receivers is not None and hangs not in intake.receivers.pids)
        wait_for(lambda: intake.receivers is not None and intake.receivers.listening == 1)

        def send() -> None:
            path = save(photograph(STUDY, number=next(numbers)), tmp_path / "in")
            deliver([path], to(intake.listener.port))

        tally.both("new", send)
    assert "receiving process 1 does not answer any more and is ended" in caplog.text
    assert "receiving process 1 ended (status -9) and is started again" in caplog.text


def test_one_that_waits_for_the_node_is_not_held_to_hang(
    configuration: Configuration, key: SiteKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The node listens to nothing of it while it sets a conflict aside."""
    monkeypatch.setattr(receivers, "SILENT_SECONDS", 3.0)
    looks: list[float] = []
    keep_up = Spool.keep_up
    monkeypatch.setattr(Spool, "keep_up", lambda spool: (looks.append(time.monotonic()), keep_up(spool))[1])
    dataset, numbers = photograph(STUDY), itertools.count()
    with door(configuration, key) as (intake, tally):
        assert intake.receivers is not None
        before = intake.receivers.pids

        def slowly(stored: StoredInstance) -> object:
            begun = time.monotonic()
            wait_for(lambda: looks[-1:] > [begun + 4.0])  # the node's first look may be still to come
            return intake.record(stored)

        def another() -> None:
            dataset.PatientID = f"ANOTHER-{next(numbers)}"
            deliver([save(dataset, tmp_path / "in")], to(intake.listener.port))

        another()
        intake.hand_over(slowly)  # type: ignore[arg-type]
        for _ in range(20):
            if not tally.beside["conflict"]:
                another()
        assert tally.beside["conflict"]
        assert intake.receivers.pids == before


def test_the_next_node_waits_for_what_is_left_of_the_one_before(
    configuration: Configuration, key: SiteKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that receives holds the state folder as long as it lives, whatever became of who started it."""
    with door(configuration, key) as (intake, _):
        assert intake.receivers is not None
        (pid,) = intake.receivers.pids
        intake.leave()
        stated = {**configuration.model_dump(), "folder": configuration.folder}
        with pytest.raises(NodeBusy):
            Intake(Configuration.model_validate(stated), key)
        os.kill(pid, signal.SIGKILL)
