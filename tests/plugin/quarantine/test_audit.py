"""The audit log: every decision a line, on disk first; a line that was changed later is found."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dicom_io.header import SiteKey
from plugin.errors import AuditBroken
from plugin.quarantine.audit import AuditLog


@pytest.fixture
def key() -> SiteKey:
    return SiteKey(os.urandom(32))


@pytest.fixture
def log(tmp_path: Path, key: SiteKey) -> AuditLog:
    log = AuditLog(tmp_path / "audit.log", key)
    for number in range(3):
        log.add("release", entry=f"entry {number}", reviewer="Dr. Ünal\nline break", reason="why")
    return log


def test_it_only_grows_and_says_what_was_said(log: AuditLog) -> None:
    before = log.path.read_bytes()
    log.add("discard", entry="entry 4")
    assert log.path.read_bytes().startswith(before)
    said = log.read()
    assert [line["action"] for line in said] == ["release"] * 3 + ["discard"]
    assert said[0]["reviewer"] == "Dr. Ünal\nline break"
    assert log.path.stat().st_mode & 0o077 == 0


def test_a_line_changed_taken_out_or_put_in_is_found(log: AuditLog, key: SiteKey, tmp_path: Path) -> None:
    lines = log.path.read_bytes().splitlines(keepends=True)
    for spoilt in (
        lines[0].replace(b"entry 0", b"entry 7") + lines[1] + lines[2],
        lines[1] + lines[2],
        lines[0] + lines[2],
        lines[0] + lines[1] + lines[1] + lines[2],
        b"garbage\n" + lines[1] + lines[2],
        lines[0] + b"garbage\n" + lines[2],
    ):
        log.path.write_bytes(spoilt)
        with pytest.raises(AuditBroken, match="not as it was written"):
            log.add("release", entry="one more")
        assert log.path.read_bytes() == spoilt
    log.path.write_bytes(b"".join(lines))
    with pytest.raises(AuditBroken):
        AuditLog(log.path, SiteKey(os.urandom(32))).read()


@pytest.mark.parametrize("lost", [1, 2, 40])
def test_a_line_that_a_crash_tore_keeps_nobody_from_going_on(log: AuditLog, lost: int) -> None:
    log.path.write_bytes(log.path.read_bytes()[:-lost])
    log.add("release", entry="after the crash")
    log.add("release", entry="and again")
    entries = [line["entry"] for line in log.read()]
    whole = ["entry 0", "entry 1", "entry 2"] if lost == 1 else ["entry 0", "entry 1"]
    assert entries == [*whole, "after the crash", "and again"]
