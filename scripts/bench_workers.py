"""Several workers on one queue, and a queue that is long.

The nodes are real processes (``tests.crash.worker``) with another model, which waits as if somebody else computed, or
stands still when told to; PostgreSQL is a server of this run's own. What is counted is the node's own work.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from dicom_io.header import SiteKey, generate_key_file
from plugin.config import load_configuration
from plugin.database import Postgres, close_idle
from plugin.intake import prepare_state
from plugin.ledger import Ledger, State

STUDIES = 24
"""Studies of one photograph, each of which costs a second of waiting."""

QUEUED = 10_000
SETTLING_SECONDS = 10.0
"""How long a node with a long queue is left alone before its memory is read."""

PATIENCE = 600.0

CONFIGURATION = """
key_file = "site.key"
[listener]
port = 0
[[destinations]]
name = "nobody"
ae_title = "NOBODY"
host = "127.0.0.1"
port = 9
[study]
quiet_seconds = 2.0
in_flight = 2
[limits]
min_free_bytes = 0
"""


def worker_figures(work: Path) -> dict[str, Any]:
    """``worker_ratio_2``: how much quicker two workers are than one, on PostgreSQL; ``takeover_s``: after the kill of
    one in the middle of a study, seconds until the other one has made it. ``work`` is left empty."""
    from tests.peers.postgres import postgres

    with postgres() as server:
        seconds = {count: _worked(work, server.new_database(), count) for count in (1, 2)}
        takeover = _taken_over(work, server.new_database())
        close_idle()
    return {
        "takeover_s": round(takeover, 1),
        "worker_ratio_2": round(seconds[1] / seconds[2], 2),
        "worker_seconds": {str(count): round(value, 1) for count, value in seconds.items()},
        "worker_studies": STUDIES,
    }


def queue_figures(work: Path) -> dict[str, Any]:
    """A node with a queue of one study and of ``QUEUED``: seconds to its open port and to its first step, megabytes."""
    found = {count: _waited(work, count) for count in (1, QUEUED)}
    return {
        f"queue_{name}": {str(count): figures[name] for count, figures in found.items()}
        for name in ("ready_s", "first_step_s", "mb")
    }


def _worked(work: Path, url: str, workers: int) -> float:
    """Seconds from the first healing to the last study that is made, by so many workers."""
    with _folder(work, f'[database]\nurl = "{url}"\n') as folder:
        ledger = Ledger(Postgres(url))
        _queue(folder, ledger, STUDIES)
        names = [f"worker-{number}" for number in range(workers)]
        for name in names:
            (folder / name).mkdir()
            (folder / name / "cost").write_text("1.0")
            (folder / name / "hold-heal-1").touch()
        with contextlib.ExitStack() as stack:
            for name in names:
                stack.enter_context(_process(folder, folder / name, "worker"))
            _wait(lambda: all((folder / name / "calls").exists() for name in names), "every worker is at it")
            begun = time.monotonic()
            for name in names:
                (folder / name / "hold-heal-1").unlink()
            _wait(lambda: not ledger.jobs_in(State.RECEIVED, State.QUEUED), "all studies are made")
            return time.monotonic() - begun


def _taken_over(work: Path, url: str) -> float:
    with _folder(work, f'[database]\nurl = "{url}"\n') as folder, contextlib.ExitStack() as stack:
        ledger = Ledger(Postgres(url))
        names = ("a", "b")
        for name in names:
            (folder / name).mkdir()
            (folder / name / "hold-heal-1").touch()
        processes = {name: stack.enter_context(_process(folder, folder / name, "worker")) for name in names}
        _wait(lambda: all("loaded" in (folder / name / "log").read_text() for name in names), "both workers")
        _queue(folder, ledger, 1)
        _wait(lambda: any((folder / name / "calls").exists() for name in names), "one is at it")
        killed, other = sorted(names, key=lambda name: (folder / name / "calls").exists(), reverse=True)
        (folder / other / "hold-heal-1").unlink()
        processes[killed].kill()
        begun = time.monotonic()
        _wait(lambda: not ledger.jobs_in(State.QUEUED), "the study is made")
        return time.monotonic() - begun


def _waited(work: Path, queued: int) -> dict[str, float]:
    with _folder(work, "") as folder:
        key = SiteKey.from_file(folder / "site.key")
        configuration = load_configuration(folder / "twinveil.toml")
        configuration.state_folder.mkdir(mode=0o700)
        prepare_state(configuration.state_folder, key, configuration.records)
        _queue(folder, Ledger(configuration.records), queued)
        (folder / "hold-heal-1").touch()
        begun = time.monotonic()
        with _process(folder, folder, "all") as process:
            assert process.stdout is not None
            process.stdout.readline()
            ready = time.monotonic() - begun
            _wait(lambda: (folder / "calls").exists(), "the first step")
            first_step = time.monotonic() - begun
            time.sleep(SETTLING_SECONDS)
            return {"ready_s": round(ready, 2), "first_step_s": round(first_step, 1), "mb": _megabytes(process.pid)}


def _queue(folder: Path, ledger: Ledger, studies: int) -> None:
    """So many studies that are queued, each of one photograph: other names of one file."""
    from tests.plugin.fakes import photograph, save

    original = save(photograph("1.2.826.0.1.3680043.8.498.97"), folder)
    spool = folder / "state" / "spool"
    for _ in range(studies):
        study = secrets.token_hex(16)
        name = f"studies/{study}/{secrets.token_hex(16)}-{secrets.token_hex(16)}.dcm"
        (spool / name).parent.mkdir(parents=True, mode=0o700)
        os.link(original, spool / name)
        ledger.record(name, digest=secrets.token_hex(16), study=study)
    ledger.queue_quiet_studies(0.0, ["nobody"])


@contextlib.contextmanager
def _folder(work: Path, more: str) -> Iterator[Path]:
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    generate_key_file(work / "site.key")
    (work / "twinveil.toml").write_text(CONFIGURATION + more)
    yield work
    shutil.rmtree(work)


@contextlib.contextmanager
def _process(folder: Path, told: Path, role: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.crash.worker", str(folder / "twinveil.toml"), str(told), role]
    with (told / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _megabytes(process: int) -> float:
    status = Path(f"/proc/{process}/status").read_text()
    (resident,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))
    return round(int(resident) / 1024, 1)


def _wait(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"not in time: {what}")
        time.sleep(0.05)
