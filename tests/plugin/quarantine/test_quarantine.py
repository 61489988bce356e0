"""The quarantine: whole or not there, sealed as soon as there is room, and of no use to whoever only has the disk."""

from __future__ import annotations

import errno
import logging
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dicom_io.errors import DicomError, KeyRefused
from dicom_io.header import SiteKey
from dicom_io.reading import read_photograph
from dicom_io.sending import Destination, deliver
from plugin.commands.demo_archive import Receiver
from plugin.commands.process import gather
from plugin.errors import ConfigurationRefused, SealBroken
from plugin.quarantine import Quarantine
from plugin.quarantine import quarantine as module
from plugin.quarantine.quarantine import PLAIN, SEALED
from plugin.study import Refusal
from tests.plugin import fakes
from tests.plugin.fakes import photograph, save

STUDY = "1.2.826.0.1.3680043.8.498.81"
REFUSAL = Refusal("gate", "Rejected", "still the patient")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return save(photograph(STUDY), tmp_path / "spool")


@pytest.fixture
def quarantine(tmp_path: Path, key: SiteKey) -> Quarantine:
    return Quarantine(tmp_path / "quarantine", key)


def keep(quarantine: Quarantine, source: Path, name: str = "aa-01") -> None:
    quarantine.keep(source, name=name, digest="aa", study="77", refusal=REFUSAL)


def test_an_entry_is_sealed_and_says_why(quarantine: Quarantine, source: Path) -> None:
    keep(quarantine, source)
    (entry,) = quarantine.entries()
    assert (entry.name, entry.digest, entry.study, entry.refusal, entry.sealed) == ("aa-01", "aa", "77", REFUSAL, True)
    assert sorted(path.name for path in (quarantine.folder / "aa-01").iterdir()) == ["reason.json", SEALED]
    assert {path.stat().st_mode & 0o777 for path in (quarantine.folder / "aa-01").iterdir()} == {0o600}
    on_disk = b"".join(path.read_bytes() for path in quarantine.folder.rglob("*") if path.is_file())
    for value in (fakes.PATIENT_NAME, fakes.PATIENT_ID, fakes.BIRTH_DATE, STUDY, "DICM"):
        assert value.encode() not in on_disk
    assert source.exists(), "whoever keeps it decides when the spool lets go"


def test_the_bytes_come_back_as_they_came(quarantine: Quarantine, source: Path, tmp_path: Path) -> None:
    before = source.read_bytes()
    keep(quarantine, source)
    source.unlink()
    keep(quarantine, source)  # once more after a crash: the source is gone and the entry is there
    quarantine.restore("aa-01", tmp_path / "back.dcm")
    assert (tmp_path / "back.dcm").read_bytes() == before
    assert (tmp_path / "back.dcm").stat().st_mode & 0o777 == 0o600


def test_neither_source_nor_entry_is_a_loss_and_is_told(quarantine: Quarantine, source: Path) -> None:
    source.unlink()
    with pytest.raises(FileNotFoundError):
        keep(quarantine, source)


def test_on_a_full_disk_it_is_kept_in_the_open_and_sealed_later(
    quarantine: Quarantine, source: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    before = source.read_bytes()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(module, "seal", full)
    with caplog.at_level(logging.WARNING):
        keep(quarantine, source)
    assert "not sealed yet: No space left" in caplog.text
    (entry,) = quarantine.entries()
    assert not entry.sealed
    assert (quarantine.folder / "aa-01" / PLAIN).read_bytes() == before
    monkeypatch.undo()
    quarantine.seal_all()
    (entry,) = quarantine.entries()
    assert entry.sealed
    assert sorted(path.name for path in (quarantine.folder / "aa-01").iterdir()) == ["reason.json", SEALED]
    assert source.read_bytes() == before, "the spool's own name for the file is left alone"


@pytest.mark.parametrize("cut_off_at", ["link", "seal", "rename"])
def test_cut_off_anywhere_it_is_done_again(
    quarantine: Quarantine, source: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cut_off_at: str
) -> None:
    class Killed(BaseException):
        pass

    def killed(*_: object) -> None:
        raise Killed

    patched = {"link": (module, "write_file"), "seal": (module, "seal"), "rename": (Path, "rename")}[cut_off_at]
    monkeypatch.setattr(*patched, killed)
    with pytest.raises(Killed):
        keep(quarantine, source)
    monkeypatch.undo()
    keep(quarantine, source)
    assert [(entry.name, entry.sealed) for entry in quarantine.entries()] == [("aa-01", True)]
    assert sorted(path.name for path in (quarantine.folder / "aa-01").iterdir()) == ["reason.json", SEALED]
    quarantine.restore("aa-01", tmp_path / "back.dcm")
    assert (tmp_path / "back.dcm").read_bytes() == source.read_bytes()


def test_what_is_removed_is_gone_and_was_overwritten(
    quarantine: Quarantine, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(quarantine, source)
    os.link(quarantine.folder / "aa-01" / SEALED, tmp_path / "same bytes on disk")
    quarantine.remove("aa-01")
    assert list(quarantine.folder.iterdir()) == []
    assert not any((tmp_path / "same bytes on disk").read_bytes())
    quarantine.remove("aa-01")  # again changes nothing
    # In the open the name may be another one for the spool's file, whose bytes are still needed.
    before = source.read_bytes()
    monkeypatch.setattr(Quarantine, "_seal", lambda *_: None)
    keep(quarantine, source)
    quarantine.remove("aa-01")
    assert source.read_bytes() == before


def test_without_the_key_it_is_listed_but_neither_kept_nor_opened(
    quarantine: Quarantine, source: Path, tmp_path: Path
) -> None:
    keep(quarantine, source)
    without = Quarantine(quarantine.folder)
    assert [entry.name for entry in without.entries()] == ["aa-01"]
    for act in (lambda: keep(without, source, "bb-02"), lambda: without.restore("aa-01", tmp_path / "out")):
        with pytest.raises(KeyRefused, match="sealed under the site's key"):
            act()
    with pytest.raises(SealBroken):
        Quarantine(quarantine.folder, SiteKey(os.urandom(32))).restore("aa-01", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_one_entry_s_bytes_do_not_open_as_another_s(quarantine: Quarantine, source: Path, tmp_path: Path) -> None:
    keep(quarantine, source)
    keep(quarantine, source, "bb-02")
    (quarantine.folder / "aa-01" / SEALED).replace(quarantine.folder / "bb-02" / SEALED)
    with pytest.raises(SealBroken):
        quarantine.restore("bb-02", tmp_path / "out")


def test_its_files_are_sent_by_no_means_that_send_files(
    quarantine: Quarantine, source: Path, receiver: Receiver, tmp_path: Path
) -> None:
    """Whoever points a sender, a reader or a file command at the quarantine by accident gets nothing."""
    keep(quarantine, source)
    held = quarantine.folder / "aa-01" / SEALED
    archive = Destination("archive", "127.0.0.1", receiver.port, "ARCHIVE")
    with pytest.raises(DicomError):
        deliver([held], archive)
    with pytest.raises(DicomError):
        read_photograph(held)
    with pytest.raises(ConfigurationRefused, match="no DICOM file"):
        gather([quarantine.folder])
    assert receiver.stored == []
    deliver([source], archive)
    assert len(receiver.stored) == 1, "the same bytes in the open would have gone"


def test_kept_by_one_thread_while_another_seals_what_it_finds(quarantine: Quarantine, tmp_path: Path) -> None:
    """A node seals at its start and daily, while jobs go on."""
    over = threading.Event()

    def seal_whatever_is_there() -> None:
        while not over.is_set():
            quarantine.seal_all()

    with ThreadPoolExecutor(1) as other:
        sealing = other.submit(seal_whatever_is_there)
        try:
            for number in range(60):
                source = tmp_path / f"{number}.dcm"
                source.write_bytes(b"photograph" * 50_000)
                quarantine.keep(source, name=f"{number}-a", digest=str(number), study="s", refusal=REFUSAL)
        finally:
            over.set()
        sealing.result()
    assert all(entry.sealed for entry in quarantine.entries())
    assert len(quarantine.entries()) == 60
