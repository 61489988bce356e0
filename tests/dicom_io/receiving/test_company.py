"""Several processes that receive into one spool know what each of them has accepted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import BinaryIO

import pydicom
import pytest

from dicom_io.errors import SpoolFull
from dicom_io.receiving import Spool, company, spool_index
from dicom_io.receiving import spool as spool_module
from tests.dicom_io.builders import photograph, rich_header
from tests.dicom_io.receiving.test_spool import put


@pytest.fixture
def spools(tmp_path: Path) -> tuple[Spool, Spool]:
    """Of the first process and of one beside it."""
    first = Spool(tmp_path / "spool", min_free_bytes=0, place=0)
    return first, Spool(first.folder, min_free_bytes=0, place=1)


def test_what_one_has_accepted_the_other_knows_again(spools: tuple[Spool, Spool]) -> None:
    one, other = spools
    dataset = photograph()
    stored = put(one, dataset)
    again = put(other, dataset)
    assert (again.duplicate, again.path) == (True, stored.path)
    dataset.PatientID = "ANOTHER"
    conflict = put(other, dataset)
    assert (conflict.conflict, conflict.duplicate) == (True, False)
    assert put(one, dataset).path == conflict.path


def test_what_was_there_before_it_began_is_known_to_both(tmp_path: Path) -> None:
    dataset, purged = photograph(), photograph(rich_header())
    first = Spool(tmp_path / "spool", min_free_bytes=0, place=0)
    put(first, dataset)
    first.purge(put(first, purged).path)
    later = Spool(first.folder, min_free_bytes=0, place=2)
    assert put(later, dataset).duplicate
    assert put(later, purged).duplicate


def test_what_is_forgotten_is_forgotten_by_both(spools: tuple[Spool, Spool]) -> None:
    one, other = spools
    dataset = photograph()
    stored = put(one, dataset)
    assert put(other, dataset).duplicate
    one.purge(stored.path)
    one.forget(stored.path)
    assert not put(other, dataset).duplicate


def test_the_same_by_both_at_a_time_is_accepted_once(spools: tuple[Spool, Spool]) -> None:
    datasets = [photograph(rich_header()) for _ in range(12)]
    with ThreadPoolExecutor(8) as senders:
        stored = list(senders.map(lambda n: put(spools[n % 2], datasets[n // 4]), range(4 * len(datasets))))
    assert sum(not one.duplicate for one in stored) == len(datasets)
    assert len(list(spools[0].accepted())) == len(datasets)


def test_the_other_waits_until_it_is_on_disk(spools: tuple[Spool, Spool], monkeypatch: pytest.MonkeyPatch) -> None:
    """A sender must not hear Success of what somebody else may yet fail to put on disk."""
    one, other = spools
    dataset, under_way, may_go_on = photograph(), threading.Event(), threading.Event()

    def full(path: Path, opened: BinaryIO | None = None) -> None:
        under_way.set()
        may_go_on.wait()
        raise OSError(28, "no space")

    monkeypatch.setattr(one, "_sync", full)
    with ThreadPoolExecutor(2) as senders:
        failing = senders.submit(put, one, dataset)
        under_way.wait()
        waiting = senders.submit(put, other, dataset)
        was_quicker = wait([waiting], timeout=0.5).done
        may_go_on.set()
        assert not was_quicker
        with pytest.raises(SpoolFull):
            failing.result()
        stored = waiting.result()
    assert not stored.duplicate
    assert stored.path.exists()


def test_what_one_that_was_killed_had_in_hand_the_other_puts_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between the name among the studies and the disk: the name is known, and nobody was told Success."""
    one = Spool(tmp_path / "spool", min_free_bytes=0, place=0)
    program = f"""
import os, signal
from pathlib import Path
from typing import BinaryIO
from dicom_io.receiving import Spool
spool = Spool(Path({str(one.folder)!r}), min_free_bytes=0, place=1)
spool._sync = lambda path, opened: os.kill(os.getpid(), signal.SIGKILL)
handle, path = spool.open_incoming()
handle.write(Path({str(tmp_path / "sent.dcm")!r}).read_bytes())
handle.close()
spool.receive(path)
"""
    dataset = photograph()
    dataset.save_as(tmp_path / "sent.dcm", enforce_file_format=True)
    done = subprocess.run([sys.executable, "-c", program], check=False, env={**os.environ, "PYTHONPATH": os.getcwd()})
    assert done.returncode == -signal.SIGKILL
    synced: list[Path] = []
    put_on_disk = spool_module.sync_file
    monkeypatch.setattr(spool_module, "sync_file", lambda path: (synced.append(path), put_on_disk(path)))
    stored = put(one, pydicom.dcmread(tmp_path / "sent.dcm"))
    assert (stored.duplicate, synced) == (True, [stored.path])
    (left,) = one.incoming.iterdir()
    Spool(one.folder, min_free_bytes=0, place=1).discard_incoming()
    assert not left.exists()
    assert stored.path.exists()


def test_one_that_begins_discards_what_it_left_itself_and_nothing_else(spools: tuple[Spool, Spool]) -> None:
    one, other = spools
    halves = []
    for spool in (one, other, Spool(one.folder, min_free_bytes=0, place=11)):
        handle, path = spool.open_incoming()
        handle.close()
        halves.append(path)
    Spool(one.folder, min_free_bytes=0, place=1).discard_incoming()
    assert [path.exists() for path in halves] == [True, False, True]
    Spool(one.folder, min_free_bytes=0, place=0).discard_incoming()
    assert [path.exists() for path in halves] == [False, False, False]


def test_a_line_that_was_cut_short_takes_no_other_with_it(spools: tuple[Spool, Spool]) -> None:
    one, other = spools
    with (one.folder / "together" / "news-0").open("ab") as news:
        news.write(b"+studies/0123/45")
    dataset = photograph()
    put(one, dataset)
    assert put(other, dataset).duplicate


def test_where_the_others_cannot_be_told_nothing_is_accepted(
    spools: tuple[Spool, Spool], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = spools
    dataset = photograph()

    def full(self: object, sign: str, name: str) -> None:
        raise OSError(28, "no space")

    with monkeypatch.context() as patched:
        patched.setattr(spool_index.Company, "tell", full)
        with pytest.raises(SpoolFull):
            put(one, dataset)
    assert list(one.incoming.iterdir()) == []
    assert not put(other, dataset).duplicate


def test_news_take_no_more_than_some_files_of_their_size(
    spools: tuple[Spool, Spool], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever hears them now and then is never left behind, and knows everything."""
    one, other = spools
    monkeypatch.setattr(company, "MOST_BYTES", 1000)
    names_read = counted_readings(monkeypatch)
    datasets = [photograph(rich_header()) for _ in range(60)]
    for dataset in datasets:
        put(one, dataset)
        other.keep_up()
    news = sorted((one.folder / "together").glob("news-*"))
    assert len(news) == 1 + company.KEPT
    assert all(file.stat().st_size < 1200 for file in news)
    assert all(put(other, dataset).duplicate for dataset in datasets)
    assert not names_read


def test_who_was_left_behind_reads_what_is_there(spools: tuple[Spool, Spool], monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = spools
    first, gone = photograph(rich_header()), photograph(rich_header())
    assert not put(other, first).duplicate
    put(other, gone)
    monkeypatch.setattr(company, "MOST_BYTES", 1000)
    datasets = [photograph(rich_header()) for _ in range(60)]
    for dataset in datasets:
        put(one, dataset)
    forgotten = put(one, gone).path
    one.purge(forgotten)
    one.forget(forgotten)
    names_read = counted_readings(monkeypatch)
    assert all(put(other, dataset).duplicate for dataset in (first, *datasets))
    assert len(names_read) == 1
    dataset = datasets[0]
    dataset.PatientID = "ANOTHER"
    assert put(other, dataset).conflict
    assert not put(other, gone).duplicate, "it is forgotten by this one too"


def test_who_begins_late_knows_what_is_told_from_then_on(
    spools: tuple[Spool, Spool], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, _ = spools
    monkeypatch.setattr(company, "MOST_BYTES", 1000)
    datasets = [photograph(rich_header()) for _ in range(30)]
    for dataset in datasets[:20]:
        put(one, dataset)
    late = Spool(one.folder, min_free_bytes=0, place=3)
    for dataset in datasets[20:]:
        put(one, dataset)
    assert all(put(late, dataset).duplicate for dataset in datasets)
    again = Spool(one.folder, min_free_bytes=0, place=0)
    assert len(list((one.folder / "together").glob("news-*"))) == 1, "they end with the first process"
    assert all(put(again, dataset).duplicate for dataset in datasets)


def counted_readings(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Grows by one each time that all names of a spool are read."""
    read: list[Path] = []
    names_in = spool_index.names_in
    monkeypatch.setattr(spool_index, "names_in", lambda folder: (read.append(folder), names_in(folder))[1])
    return read
