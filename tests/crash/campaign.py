"""Hundreds of kills: ``python -m tests.crash.campaign --out build/crash.json``.

A node takes photographs from two senders and delivers to two archives, of which one comes and goes, refuses, or breaks
off after it has stored. It is killed at every stage of ``tests.crash.points`` and at random moments, and its
configuration is changed in between. At the end both archives are up, nothing is killed, and everything is counted.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from dicom_io.errors import DeliveryFailed
from dicom_io.header import SiteKey, generate_key_file
from dicom_io.sending import Destination, StoredObject, deliver
from plugin.config import load_configuration
from plugin.database import DATABASE, transaction
from plugin.ledger import FINISHED, Ledger, State
from plugin.quarantine import Quarantine
from tests.crash.points import EXIT, POINTS
from tests.peers.processes import free_port
from tests.plugin import fakes
from tests.plugin.fakes import photograph, save, skin

STUDY = "1.2.826.0.1.3680043.8.498.95"
IDENTIFIERS = (fakes.PATIENT_NAME, fakes.PATIENT_ID, fakes.BIRTH_DATE, "ACC-55120", "Brandywine", "Gwendolyn", STUDY)
LONGEST_LIFE = 5.0
"""Seconds after which a node that did not come to its point is killed where it stands."""

# Kills come so thick here that one step may be cut off many times without being to blame.
CONFIGURATION = """
key_file = "site.key"
[listener]
port = {port}
[[callers]]
ae_title = "CAMERA"
network = "127.0.0.1"
{destinations}
[study]
quiet_seconds = {quiet}
in_flight = {in_flight}
max_recoveries = 100
[output]
lossless = {lossless}
[retries]
first_wait_seconds = 0.1
longest_wait_seconds = 0.5
[limits]
min_free_bytes = 0
"""
DESTINATION = '[[destinations]]\nname = "{name}"\nae_title = "{title}"\nhost = "127.0.0.1"\nport = {port}\n'


@dataclass
class Campaign:
    """Everything around the nodes, and what has been sent so far."""

    folder: Path
    weather: random.Random
    accepted: dict[str, bool] = field(default_factory=dict)
    """SOP Instance UID of what was answered with Success: whether something can be made of it."""
    offered: dict[str, bool] = field(default_factory=dict)
    """The same of everything that was sent: a node may have it, and have died before it said so."""
    kills: Counter[str] = field(default_factory=Counter)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        self.port = free_port()
        generate_key_file(self.folder / "site.key")
        self._lock = threading.Lock()
        self.archives = _process("tests.crash.archives", self.folder, self.folder / "archives.err")
        self.ports = dict(zip("ab", _said(self.archives).split(), strict=True))
        self.zygote = _process("tests.crash.zygote", self.folder, self.folder / "node.log")

    def configure(self, *, plain: bool = False) -> None:
        """Another configuration: other order, other names beside, other pace. Not ``b``: sometimes it is taken out."""
        names = ["a", "b"] if plain else self.weather.choice([["a", "b"], ["b", "a"], ["a"], ["b", "a"]])
        sections = [DESTINATION.format(name=name, title=name.upper(), port=self.ports[name]) for name in names]
        (self.folder / "twinveil.toml").write_text(
            CONFIGURATION.format(
                port=self.port,
                destinations="\n".join(sections),
                quiet=self.weather.choice([0.2, 0.2, 0.6]),
                in_flight=self.weather.choice([1, 4]),
                lossless=self.weather.choice(["true", "false"]),
            )
        )

    def set_weather(self, name: str, weather: str) -> None:
        _tell(self.archives, f"{name} {weather}")

    @contextlib.contextmanager
    def node(self, point: tuple[str, str, int] | None) -> Iterator[int]:
        """A node's life; its process id. It is over when the block ends."""
        order = {"configuration": str(self.folder / "twinveil.toml"), "point": point}
        pid = int(_tell(self.zygote, json.dumps(order)).split()[1])
        try:
            yield pid
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            self.status = self._ended()

    def _ended(self) -> int:
        while not (said := _said(self.zygote)).startswith("ended"):
            pass
        return int(said.split()[1])

    def send(self, pid: int, deadline: float) -> None:
        """One or a few photographs of one study, as soon as the node listens. What is answered is accepted."""
        study = f"{STUDY}.{next(self.numbers)}"
        images = []
        for _ in range(self.weather.choice([1, 2, 3])):
            number = next(self.numbers)
            usable = number % 9 != 0
            image = photograph(study, number=number % 97, rgb=None if usable else skin(1))
            images.append(image)
            self.offered[str(image.SOPInstanceUID)] = usable
        paths = {save(image, self.folder / "in"): str(image.SOPInstanceUID) for image in images}

        def stored(one: StoredObject) -> None:
            self.accepted[one.sop_instance_uid] = self.offered[one.sop_instance_uid]

        node = Destination("node", "127.0.0.1", self.port, "TWINVEIL", "CAMERA", connection_timeout=2.0,
                           acse_timeout=2.0, dimse_timeout=5.0)  # fmt: skip
        left = list(paths)
        while left and time.monotonic() < deadline and _alive(pid):
            before = len(self.accepted)
            with contextlib.suppress(DeliveryFailed):
                deliver(left, node, on_stored=stored)
            left = [path for path in left if paths[path] not in self.accepted]
            if len(self.accepted) == before:
                time.sleep(0.05)
        for path in paths:
            path.unlink()

    def life(self, point: tuple[str, str, int] | None) -> None:
        """A node that is sent something and dies: at ``point``, or at a random moment."""
        if self.weather.random() < 0.4:
            self.configure()
        if self.weather.random() < 0.4:
            self.set_weather("b", self.weather.choice(["up", "up", "down", "refuse", "break"]))
        with self.node(point) as pid:
            deadline = time.monotonic() + (LONGEST_LIFE if point else self.weather.uniform(0.3, 3.0))
            self.send(pid, deadline)
            while _alive(pid) and time.monotonic() < deadline:
                time.sleep(0.01)
        self.kills[f"{point[0].rpartition('.')[2]} {point[1]}" if point and self.status == EXIT else "at random"] += 1

    def end(self, seconds: float) -> bool:
        """Nothing is killed any more and every archive is up: whether all came to its end in time."""
        self.configure(plain=True)
        self.set_weather("b", "up")
        ledger = Ledger(self.state / DATABASE)
        deadline = time.monotonic() + seconds
        with self.node(None):
            while time.monotonic() < deadline:
                counts = ledger.counts()
                if sum(counts.values()) >= len(self.accepted) and not set(counts) - FINISHED and not self._open():
                    return True
                time.sleep(0.2)
        return False

    @property
    def state(self) -> Path:
        return load_configuration(self.folder / "twinveil.toml").state_folder

    def _open(self) -> list[Path]:
        marks = (path for path in (self.state / "running").rglob("*") if path.is_file())
        return [*marks, *(path for folder in ("jobs", "outbox") for path in (self.state / folder).rglob("*"))]

    def count(self) -> dict[str, object]:
        """What became of everything, from the archives' own records and what lies on the node's disk."""
        key = SiteKey.from_file(self.folder / "site.key")
        pseudonyms = _pseudonyms(self.folder, key)
        ledger = Ledger(self.state / DATABASE)
        with transaction(self.state / DATABASE) as connection:
            meant = dict(connection.execute("SELECT job, destinations FROM twinveil_jobs").fetchall())
        manifests = [
            entry
            for path in (self.state / "manifests").glob("*.json")
            for entry in json.loads(path.read_text())["instances"]
        ]
        uids = {
            entry["source"]: {output["sop_instance_uid"] for output in entry["outputs"]}
            for entry in manifests
            if entry["outcome"] == "released"
        }
        stores = {name: _stores(self.folder / f"{name}.log") for name in "ab"}
        held = {entry.digest: entry.refusal.error for entry in Quarantine(self.state / "quarantine").entries()}
        lost, innocent, late = [], [], []
        expected: dict[str, set[str]] = {"a": set(), "b": set()}
        for uid, usable in self.offered.items():
            digest = pseudonyms.source_digest(uid)
            rows = ledger.of_source(digest)
            state = rows[0].state if len(rows) == 1 else None
            if not rows and uid not in self.accepted:
                continue
            if state is State.QUARANTINED:
                if digest not in held:
                    lost.append(digest)
                elif usable:
                    innocent.append(f"{digest}: {held[digest]}")
            elif state is State.PURGED and usable:
                names = json.loads(meant[str(rows[0].job)])
                for name in names:
                    expected[name] |= uids.get(digest, {f"nothing of {digest}"})
            else:
                late.append(f"{digest}: {state}")
        for name, wanted in expected.items():
            lost += [f"{uid} at {name}" for uid in wanted - stores[name].keys()]
        contents: dict[str, set[str]] = {}
        for store in stores.values():
            for uid, digests in store.items():
                contents.setdefault(uid, set()).update(digests)
        twice = [uid for uid, digests in contents.items() if len(digests) > 1]
        strange = [f"{uid} at {name}" for name in stores for uid in stores[name].keys() - expected[name]]
        files = [path for name in "ab" for path in (self.folder / name).glob("*.dcm")]
        unsafe = [path.name for path in files if any(i.encode() in path.read_bytes() for i in IDENTIFIERS)]
        left = [str(path.relative_to(self.state)) for path in self._open()]
        left += [str(p.relative_to(self.state)) for p in self.state.rglob("*.dcm")]
        resent = sum(sum(digests.values()) - 1 for store in stores.values() for digests in store.values())
        return {
            "kills": sum(self.kills.values()),
            "accepted": len(self.accepted),
            "lost": len(lost) + len(late),
            "duplicates": len(twice) + len(strange),
            "unsafe": len(unsafe),
            "leftovers": len(left),
            "innocent": len(innocent),
            "delivered": {name: len(store) for name, store in stores.items()},
            "resent_the_same_bytes": resent,
            "quarantined": dict(Counter(held.values())),
            "killed_at": dict(sorted(self.kills.items())),
            "what": {"lost": lost, "late": late, "twice": twice, "strange": strange, "unsafe": unsafe,
                     "leftovers": left, "innocent": innocent},
        }  # fmt: skip

    def close(self) -> None:
        for process in (self.zygote, self.archives):
            process.kill()
            process.communicate()


def _process(module: str, folder: Path, errors: Path) -> subprocess.Popen[str]:
    with errors.open("a") as log:
        return subprocess.Popen(
            [sys.executable, "-m", module, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
            text=True, env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        )  # fmt: skip


def _tell(process: subprocess.Popen[str], line: str) -> str:
    assert process.stdin is not None
    process.stdin.write(line + "\n")
    process.stdin.flush()
    return _said(process)


def _said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, "the process is gone; see its log"
    return line.strip()


def _alive(pid: int) -> bool:
    """Whether it runs: a zombie, whose parent has not looked yet, does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def _stores(log: Path) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = {}
    for line in log.read_text().splitlines() if log.exists() else ():
        uid, digest = line.split()
        found.setdefault(uid, Counter())[digest] += 1
    return found


def _pseudonyms(folder: Path, key: SiteKey) -> object:
    from plugin.profile_settings import pseudonyms_of

    return pseudonyms_of(load_configuration(folder / "twinveil.toml"), key)


def run(kills: int, accepted: int, seconds: float, seed: int, folder: Path) -> dict[str, object]:
    """At least so many kills and accepted instances, unless ``seconds`` pass first; every point at least once."""
    campaign = Campaign(folder, random.Random(seed))
    begun = time.monotonic()
    try:
        campaign.configure(plain=True)
        points = list(POINTS)
        campaign.weather.shuffle(points)
        for number in itertools.count():
            enough = number >= kills and len(campaign.accepted) >= accepted
            if enough or time.monotonic() - begun > seconds:
                break
            function, when = points[number % len(points)]
            nth = campaign.weather.choice([1, 1, 2, 3])
            campaign.life((function, when, nth) if number % 4 else None)
        ended = campaign.end(seconds=300)
        figures = campaign.count()
    finally:
        campaign.close()
    return {"seed": seed, "seconds": round(time.monotonic() - begun), "ended": ended, **figures}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/crash.json"))
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--accepted", type=int, default=600)
    parser.add_argument("--seconds", type=float, default=2400.0, help="the campaign is cut short after this long")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="folder for state, archives and logs; else a temporary one")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="twinveil-crash-") as scratch:
        folder = arguments.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        figures = run(arguments.kills, arguments.accepted, arguments.seconds, arguments.seed, folder)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(figures, indent=2) + "\n")
    table = Table("Figure", "Value", box=None, pad_edge=False)
    for name, value in figures.items():
        if name not in {"what", "killed_at"}:
            table.add_row(name, str(value))
    Console().print(table)
    bad = [name for name in ("lost", "duplicates", "unsafe", "leftovers", "innocent") if figures[name]]
    if bad or not figures["ended"]:
        print(json.dumps(figures["what"], indent=2))
        raise SystemExit(1)


if __name__ == "__main__":
    main()
