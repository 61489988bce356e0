"""What the spool keeps, and what it knows again."""

from __future__ import annotations

import errno
import hashlib
import hmac
import os
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import BinaryIO

import pydicom
import pytest

from dicom_io.errors import SpoolFull, UnreadableObject
from dicom_io.receiving import Spool, StoredInstance, keyed_name, rename_unkeyed
from tests.dicom_io.builders import photograph, rich_header, write


def put(spool: Spool, dataset: pydicom.Dataset) -> StoredInstance:
    """``dataset`` as the listener hands it over: a file in ``incoming/``."""
    handle, path = spool.open_incoming()
    handle.close()
    return spool.receive(write(dataset, path), calling_ae="CAMERA", address="192.0.2.1")


def test_instances_of_a_study_lie_together(spool: Spool) -> None:
    one, two = rich_header(), rich_header()
    two.StudyInstanceUID = one.StudyInstanceUID
    first, second = put(spool, photograph(one)), put(spool, photograph(two))
    assert first.path != second.path
    assert first.path.parent == second.path.parent
    assert first.path.parent.parent == spool.studies


def test_what_lay_half_received_is_gone_after_a_restart_and_what_was_accepted_is_not(spool: Spool) -> None:
    stored = put(spool, photograph())
    handle, half = spool.open_incoming()
    handle.write(b"half")
    handle.close()
    again = Spool(spool.folder, min_free_bytes=0)
    again.discard_incoming()
    assert not half.exists()
    assert [(found.path, found.sha256) for found in again.accepted()] == [(stored.path, stored.sha256)]


def test_what_was_accepted_before_a_restart_is_known_after_it(spool: Spool) -> None:
    dataset, purged = photograph(), photograph(rich_header())
    first = put(spool, dataset)
    spool.purge(put(spool, purged).path)
    again = Spool(spool.folder, min_free_bytes=0)
    assert put(again, dataset).duplicate
    assert put(again, purged).duplicate
    dataset.PatientID = "ANOTHER"
    other = put(again, dataset)
    assert [(found.path, found.conflict) for found in again.accepted()] == [(first.path, False), (other.path, True)]
    (study, _) = again.accepted()
    assert study.study_instance_uid == dataset.StudyInstanceUID


def test_a_file_meta_of_another_sender_makes_no_conflict(spool: Spool) -> None:
    dataset = photograph()
    first = put(spool, dataset)
    dataset.file_meta.SourceApplicationEntityTitle = "ANOTHER"
    again = put(spool, dataset)
    assert (again.duplicate, again.conflict, again.sha256) == (True, False, first.sha256)


def test_a_conflict_sent_again_is_a_duplicate_of_itself(spool: Spool) -> None:
    dataset = photograph()
    put(spool, dataset)
    dataset.PatientID = "ANOTHER"
    other, again = put(spool, dataset), put(spool, dataset)
    assert (other.duplicate, other.conflict) == (False, True)
    assert (again.duplicate, again.path) == (True, other.path)
    assert other.path.parent == spool.conflicts


def test_a_purged_instance_is_known_again_and_not_kept_again(spool: Spool) -> None:
    dataset = photograph()
    stored = put(spool, dataset)
    spool.purge(stored.path)
    assert not stored.path.exists()
    again = put(spool, dataset)
    assert again.duplicate
    assert again.path == stored.path
    assert not stored.path.exists()
    dataset.PatientID = "ANOTHER"
    assert put(spool, dataset).conflict


def test_only_the_spool_is_purged(spool: Spool, tmp_path: Path) -> None:
    precious = tmp_path / "precious.dcm"
    precious.write_bytes(b"not ours")
    with pytest.raises(ValueError, match="not in the spool"):
        spool.purge(precious)
    assert precious.exists()


def test_a_data_set_cut_short_is_kept_without_a_study(spool: Spool) -> None:
    handle, path = spool.open_incoming()
    handle.close()
    write(photograph(), path)
    whole = path.read_bytes()
    path.write_bytes(whole[:420])
    stored = spool.receive(path)
    assert stored.path.read_bytes() == whole[:420]
    assert stored.study_instance_uid == ""


def test_a_file_that_is_not_dicom_is_named_so(spool: Spool) -> None:
    handle, path = spool.open_incoming()
    handle.write(b"GIF89a" + bytes(300))
    handle.close()
    with pytest.raises(UnreadableObject):
        spool.receive(path)


def test_a_nearly_full_disk_takes_nothing_more(tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path).free
    with pytest.raises(SpoolFull):
        Spool(tmp_path / "spool", min_free_bytes=free * 2).open_incoming()


def half_accepted(spool: Spool, stored: StoredInstance) -> Path:
    """What a power cut leaves when it comes before the second name in ``incoming/`` is gone."""
    name = spool.incoming / "second-name.part"
    os.link(stored.path, name)
    return name


def test_what_was_being_accepted_and_is_whole_stays_after_a_power_cut(spool: Spool) -> None:
    dataset = photograph()
    stored = put(spool, dataset)
    half_accepted(spool, stored)
    again = Spool(spool.folder, min_free_bytes=0)
    again.discard_incoming()
    assert list(again.incoming.iterdir()) == []
    assert [found.path for found in again.accepted()] == [stored.path]
    assert put(again, dataset).duplicate


@pytest.mark.parametrize("left", [0, 200, -1], ids=["nothing", "the beginning", "all but a byte"])
def test_what_was_being_accepted_and_is_not_whole_was_never_accepted(spool: Spool, left: int) -> None:
    """Its sender heard no Success and sends it again: that one must not be taken for a repeat."""
    dataset = photograph()
    stored = put(spool, dataset)
    half_accepted(spool, stored)
    os.truncate(stored.path, left if left >= 0 else stored.path.stat().st_size - 1)
    again = Spool(spool.folder, min_free_bytes=0)
    again.discard_incoming()
    assert list(again.incoming.iterdir()) == []
    assert list(again.accepted()) == []
    repeated = put(again, dataset)
    assert (repeated.duplicate, repeated.conflict) == (False, False)
    assert pydicom.dcmread(repeated.path) == dataset


def test_the_same_over_two_associations_at_once_is_accepted_once(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second hears Success only when the first is on disk, and hears it though the first has failed."""
    dataset = photograph()
    reached, may_go_on = threading.Event(), threading.Event()
    sync = spool._sync
    calls: list[Path] = []

    def slow_sync(path: Path, opened: BinaryIO | None = None) -> None:
        calls.append(path)
        if len(calls) == 1:
            reached.set()
            assert may_go_on.wait(20)
            raise OSError(errno.EIO, "the disk failed")
        sync(path, opened)

    monkeypatch.setattr(spool, "_sync", slow_sync)
    with ThreadPoolExecutor(2) as both:
        first = both.submit(put, spool, dataset)
        assert reached.wait(20)
        second = both.submit(put, spool, dataset)
        time.sleep(0.1)
        assert not second.done()
        may_go_on.set()
        with pytest.raises(SpoolFull):
            first.result(20)
        stored = second.result(20)
    assert (stored.duplicate, stored.conflict) == (False, False)
    assert stored.path.exists()
    assert list(spool.incoming.iterdir()) == []


def test_what_the_disk_did_not_take_is_forgotten(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(path: Path, opened: BinaryIO | None = None) -> None:
        raise OSError(errno.ENOSPC, "no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(spool, "_sync", broken)
        with pytest.raises(SpoolFull):
            put(spool, photograph())
    assert list(spool.accepted()) == []
    assert list(spool.incoming.iterdir()) == []
    stored = put(spool, photograph())
    assert (stored.duplicate, stored.conflict) == (False, False)


def test_what_another_process_accepted_meanwhile_is_not_removed(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither when its name is found to be taken, nor when the disk fails then."""
    other = Spool(spool.folder, min_free_bytes=0)
    assert not put(other, photograph()).duplicate, "it has read what is here"
    dataset = photograph(rich_header())
    stored = put(spool, dataset)

    def broken(path: Path, opened: BinaryIO | None = None) -> None:
        raise OSError(errno.EIO, "the disk failed")

    with monkeypatch.context() as patch:
        patch.setattr(other, "_sync", broken)
        with pytest.raises(SpoolFull):
            put(other, dataset)
    assert stored.path.exists()
    assert put(other, dataset).path == stored.path
    assert pydicom.dcmread(stored.path) == dataset


def keyed(part: str) -> str:
    """What a node makes of the parts of names, with a key that a test may know."""
    return hmac.new(b"a key of tests alone", part.encode(), "sha256").hexdigest()[:32]


def names_below(folder: Path) -> str:
    return " ".join(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_under_a_key_nobody_finds_an_instance_who_knows_its_uid_or_its_bytes(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", min_free_bytes=0, keyed=keyed)
    dataset = photograph()
    stored = put(spool, dataset)
    spool.purge(stored.path)
    for value in (dataset.SOPInstanceUID, dataset.StudyInstanceUID):
        assert hashlib.sha256(value.encode()).hexdigest()[:16] not in names_below(spool.folder)
    assert stored.sha256[:16] not in names_below(spool.folder)
    again = Spool(spool.folder, min_free_bytes=0, keyed=keyed)
    assert put(again, dataset).duplicate
    dataset.PatientID = "ANOTHER"
    assert put(again, dataset).conflict


def test_a_spool_without_a_key_becomes_one_with_a_key_and_knows_what_it_knew(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", min_free_bytes=0)
    purged, held, conflicting = photograph(), photograph(rich_header()), photograph(rich_header())
    spool.purge(put(spool, purged).path)
    first = put(spool, held)
    conflicting.SOPInstanceUID = conflicting.file_meta.MediaStorageSOPInstanceUID = held.SOPInstanceUID
    other = put(spool, conflicting)
    assert other.conflict
    for _ in range(2):  # cut off or not, again changes nothing
        rename_unkeyed(spool.folder, keyed)
        assert hashlib.sha256(held.SOPInstanceUID.encode()).hexdigest()[:16] not in names_below(spool.folder)
    now = Spool(spool.folder, min_free_bytes=0, keyed=keyed)
    for dataset in (purged, held, conflicting):
        assert put(now, dataset).duplicate
    for stored in (first, other):
        name = keyed_name(stored.path.relative_to(spool.folder).as_posix(), keyed)
        assert (spool.folder / name).read_bytes()[128:132] == b"DICM"
        assert keyed_name(name, keyed) == name


def test_what_is_gone_is_taken_once_more_only_where_it_is_wanted(tmp_path: Path) -> None:
    wanted: set[Path] = set()
    spool = Spool(tmp_path / "spool", min_free_bytes=0, wanted_again=lambda path: path in wanted)
    dataset = photograph()
    stored = put(spool, dataset)
    wanted.add(stored.path)
    assert put(spool, dataset).duplicate, "it is here"
    spool.purge(stored.path)
    wanted.clear()
    assert put(spool, dataset).duplicate
    assert not stored.path.exists()
    wanted.add(stored.path)
    taken = put(spool, dataset)
    assert (taken.duplicate, taken.path) == (False, stored.path)
    assert stored.path.exists()
    spool.purge(stored.path)
    spool.forget(stored.path)
    assert names_below(spool.studies).endswith(stored.path.parent.name)
    wanted.clear()
    assert not put(spool, dataset).duplicate, "nothing tells any more that it was here"


def still_open(folder: Path) -> list[str]:
    """Files of this process that were opened in ``folder``, though they may have no name there any more."""
    found = []
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile by another thread
            found.append(os.readlink(descriptor))
    return [name for name in found if name.startswith(f"{folder}{os.sep}")]


@pytest.mark.parametrize("fails", ["", "_sync", "wanted_again"])
def test_whatever_comes_of_an_instance_its_file_is_closed_and_gone_from_incoming(
    spool: Spool, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    def failing(*_: object) -> bool:
        raise OSError(errno.EIO, "the disk failed")

    dataset = photograph(rich_header())
    other = photograph(rich_header())
    other.SOPInstanceUID = dataset.SOPInstanceUID
    if fails == "wanted_again":
        spool.purge(put(spool, dataset).path)
    if fails:
        monkeypatch.setattr(spool, fails, failing)
    for each in (dataset,) if fails else (dataset, dataset, other):  # new, a repeat, a conflict
        with pytest.raises((SpoolFull, OSError)) if fails else nullcontext():
            put(spool, each)
    assert not still_open(spool.incoming)
    assert list(spool.incoming.iterdir()) == []
