"""Several processes on one port, of which one is killed, or the node itself: nothing is lost, and none outlives it."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pydicom
import pytest

from dicom_io.errors import DeliveryFailed
from dicom_io.header import SiteKey
from dicom_io.sending import Destination, deliver
from plugin.commands.demo_archive import Receiver
from plugin.config import load_configuration
from plugin.ledger import Ledger, State
from plugin.profile_settings import pseudonyms_of
from tests.crash.processes import alive, children_of
from tests.crash.test_commitment import ask, taking_reports
from tests.crash.test_kill import Bench, receiver, wait_for
from tests.peers import require_peer
from tests.peers.processes import free_port, is_listening
from tests.plugin.fakes import photograph, save

__all__ = ["receiver"]

STUDY = "1.2.826.0.1.3680043.8.498.76"


@pytest.fixture
def bench(tmp_path: Path, receiver: Receiver) -> Bench:
    made = Bench(tmp_path, receiver)
    settings = tmp_path / "twinveil.toml"
    settings.write_text(settings.read_text().replace("processes = 1", "processes = 2"))
    return made


def node_at(port: int) -> Destination:
    return Destination("node", "127.0.0.1", port, "TWINVEIL", calling_ae_title="CAMERA")


def listening(bench: Bench, times: int = 1) -> Callable[[], bool]:
    return lambda: (bench.folder / "log").read_text().count("receiving process 1 listens") == times


def send_each(port: int, paths: Sequence[Path]) -> list[Path]:
    """Each over an association of its own, several at a time; those of which the sender heard Success."""

    def send(path: Path) -> bool:
        try:
            deliver([path], node_at(port))
        except DeliveryFailed:
            return False
        return True

    with ThreadPoolExecutor(4) as senders:
        return [path for path, taken in zip(paths, senders.map(send, paths), strict=True) if taken]


def test_all_that_comes_to_either_is_worked_on_and_delivered_once(
    bench: Bench, receiver: Receiver, tmp_path: Path
) -> None:
    paths = [save(photograph(f"{STUDY}.{n % 4}", number=n), tmp_path / "in") for n in range(12)]
    with bench.worker() as (process, port):
        wait_for(listening(bench), "the process beside it")
        assert send_each(port, paths) == paths
        wait_for(lambda: bench.finished(12), "all photographs")
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        assert not is_listening(port)
    assert bench.states() == {State.PURGED: 12}
    assert len(receiver.stored) == len(set(receiver.stored)) == 48
    assert [path for path in (bench.state / "spool").rglob("*") if path.suffix in {".dcm", ".part"}] == []
    assert "ERROR" not in (tmp_path / "log").read_text()


def test_one_is_killed_in_the_middle_and_nothing_that_was_answered_is_lost(
    bench: Bench, receiver: Receiver, tmp_path: Path
) -> None:
    paths = [save(photograph(f"{STUDY}.{n % 4}", number=n), tmp_path / "in") for n in range(24)]
    with bench.worker() as (process, port):
        wait_for(listening(bench), "the process beside it")
        with ThreadPoolExecutor(1) as sending:
            under_way = sending.submit(send_each, port, paths)
            wait_for(lambda: sum(bench.states().values()) >= 6, "some of them")
            (killed,) = children_of(process.pid)
            os.kill(killed, signal.SIGKILL)
            taken = under_way.result()
        wait_for(listening(bench, 2), "the next process beside it")
        configuration = load_configuration(tmp_path / "twinveil.toml")
        digest = pseudonyms_of(configuration, SiteKey.from_file(tmp_path / "site.key")).source_digest
        ledger = Ledger(bench.state / "twinveil.sqlite")
        on_record = {row.digest for state in State for row in ledger.in_states(state)}
        assert {digest(str(pydicom.dcmread(path).SOPInstanceUID)) for path in taken} <= on_record
        again = [path for path in paths if path not in taken]
        assert send_each(port, again) == again
        wait_for(lambda: bench.finished(24), "all photographs")
        assert killed not in children_of(process.pid)
    assert "receiving process 1 ended (status -9) and is started again" in (tmp_path / "log").read_text()
    assert bench.states() == {State.PURGED: 24}
    assert len(receiver.stored) == len(set(receiver.stored)) == 96


def test_the_node_is_killed_and_none_of_its_processes_outlives_it(
    bench: Bench, receiver: Receiver, tmp_path: Path
) -> None:
    settings = tmp_path / "twinveil.toml"
    settings.write_text(settings.read_text().replace("port = 0\n", f"port = {free_port()}\n", 1))
    paths = [save(photograph(f"{STUDY}.{n}", number=n), tmp_path / "in") for n in range(12)]
    with bench.worker() as (process, port):
        wait_for(listening(bench), "the process beside it")
        others = children_of(process.pid)
        assert len(others) == 1
        taken = send_each(port, paths[:6])
        process.send_signal(signal.SIGKILL)
        process.wait()
        wait_for(lambda: not any(map(alive, others)), "the end of the others")
        wait_for(lambda: not is_listening(port), "the end of the last of their threads, which may wait for the disk")
    assert taken == paths[:6]
    with bench.worker() as (process, same):
        assert same == port
        wait_for(listening(bench, 2), "the next process beside it")
        assert send_each(port, paths) == paths
        wait_for(lambda: bench.finished(12), "all photographs")
    assert bench.states() == {State.PURGED: 12}
    assert len(receiver.stored) == len(set(receiver.stored)) == 48


def test_commitment_is_asked_of_either_and_reported_by_the_node(
    bench: Bench, receiver: Receiver, tmp_path: Path
) -> None:
    back = free_port()
    settings = tmp_path / "twinveil.toml"
    address = f'network = "127.0.0.1"\nhost = "127.0.0.1"\nport = {back}\n'
    settings.write_text(settings.read_text().replace('network = "127.0.0.1"\n', address))
    sent = photograph(STUDY)
    with taking_reports(back) as reports, bench.worker() as (_, port):
        wait_for(listening(bench), "the process beside it")
        deliver([save(sent, tmp_path / "in")], node_at(port))
        asked = [ask(port, str(sent.SOPInstanceUID)) for _ in range(12)]
        wait_for(lambda: len(reports) == 12, "the reports")
        assert {str(report.TransactionUID) for report in reports} == set(asked)
        assert all(len(report.ReferencedSOPSequence) == 1 for report in reports)


@pytest.mark.peers
def test_dcmtk_sends_by_several_associations(bench: Bench, receiver: Receiver, tmp_path: Path) -> None:
    storescu = require_peer("storescu")
    folders = [tmp_path / "sent" / str(number) for number in range(6)]
    for number, folder in enumerate(folders):
        for each in range(2):
            save(photograph(f"{STUDY}.{number}", number=6 * each + number), folder)
    with bench.worker() as (_, port):
        wait_for(listening(bench), "the process beside it")
        peer = ["-aet", "CAMERA", "-aec", "TWINVEIL", "127.0.0.1", str(port)]
        sending = [subprocess.Popen([storescu, "-xy", *peer, "+sd", folder]) for folder in folders]
        assert [process.wait(120) for process in sending] == [0] * 6
        wait_for(lambda: bench.finished(12), "all photographs")
    assert bench.states() == {State.PURGED: 12}
    assert len(receiver.stored) == len(set(receiver.stored)) == 48
