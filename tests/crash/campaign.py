"""Hundreds of kills: ``python -m tests.crash.campaign --out build/crash.json``.

A node takes photographs and delivers to two archives, of which one comes and goes, refuses, or breaks off after it has
stored. It is killed at every stage of ``tests.crash.points``, those first at which it was killed least, and at random
moments, and its configuration is changed in between. At the end both archives are up, nothing is killed, and everything
is counted.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import random
import signal
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
from plugin.profile_settings import pseudonyms_of
from plugin.quarantine import Quarantine
from tests.crash.points import EXIT, POINTS, RECEIVING
from tests.crash.processes import alive, process, said, tell, worked
from tests.peers.processes import free_port
from tests.plugin import fakes
from tests.plugin.fakes import photograph, save, skin

STUDY = "1.2.826.0.1.3680043.8.498.95"
IDENTIFIERS = (fakes.PATIENT_NAME, fakes.PATIENT_ID, fakes.BIRTH_DATE, "ACC-55120", "Brandywine", "Gwendolyn", STUDY)
LEAST_LIFE, LEAST_WORK, LONGEST_LIFE = 5.0, 4.0, 60.0
"""A node that did not come to its point is killed where it stands after so many seconds and so many of the processor's,
which on a busy machine it has much later, or after so many seconds at all."""

LONG_BACKLOG, SHORT_BACKLOG = 48, 12
"""Instances that are accepted and not finished: from so many on, a node lives until there are so few."""

SHOWN = 20
"""Of each kind of thing that is wrong."""

# Kills come so thick here that one step may be cut off many times without being to blame.
CONFIGURATION = """
key_file = "site.key"
[listener]
port = {port}
processes = {processes}
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
    hits: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How often a node died at each point."""
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        self.port = free_port()
        generate_key_file(self.folder / "site.key")
        self._lock = threading.Lock()
        self.archives = process("tests.crash.archives", self.folder, self.folder / "archives.err")
        self.ports = dict(zip("ab", said(self.archives).split(), strict=True))
        self.zygote = process("tests.crash.zygote", self.folder, self.folder / "node.log")

    def configure(self, *, plain: bool = False, alone: bool = False) -> None:
        """Another configuration: other order, other names beside, other pace. Not ``b``: sometimes it is taken out.
        ``alone``: the node's own process receives, and no other."""
        names = ["a", "b"] if plain else self.weather.choice([["a", "b"], ["b", "a"], ["a"], ["b", "a"]])
        sections = [DESTINATION.format(name=name, title=name.upper(), port=self.ports[name]) for name in names]
        (self.folder / "twinveil.toml").write_text(
            CONFIGURATION.format(
                port=self.port,
                processes=1 if alone else self.weather.choice([1, 2]),
                destinations="\n".join(sections),
                quiet=self.weather.choice([0.2, 0.2, 0.6]),
                in_flight=self.weather.choice([1, 4]),
                lossless=self.weather.choice(["true", "false"]),
            )
        )

    def set_weather(self, name: str, weather: str) -> None:
        tell(self.archives, f"{name} {weather}")

    @contextlib.contextmanager
    def node(self, point: tuple[str, str, int] | None) -> Iterator[int]:
        """A node's life; its process id. It is over when the block ends."""
        order = {"configuration": str(self.folder / "twinveil.toml"), "point": point}
        pid = int(tell(self.zygote, json.dumps(order)).split()[1])
        try:
            yield pid
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            self.status = self._ended()

    def _ended(self) -> int:
        while not (line := said(self.zygote)).startswith("ended"):
            pass
        return int(line.split()[1])

    def send(self, pid: int, deadline: float, *, usable: bool = True) -> None:
        """One or a few photographs of one study, as soon as the node listens. What is answered is accepted.

        Of one in nine nothing can be made, and of the first nothing where it is not to be ``usable``.
        """
        study = f"{STUDY}.{next(self.numbers)}"
        images = []
        for _ in range(self.weather.choice([1, 2, 3])):
            number = next(self.numbers)
            is_usable = number % 9 != 0 and (usable or bool(images))
            image = photograph(study, number=number % 97, rgb=None if is_usable else skin(1))
            images.append(image)
            self.offered[str(image.SOPInstanceUID)] = is_usable
        paths = {save(image, self.folder / "in"): str(image.SOPInstanceUID) for image in images}

        def stored(one: StoredObject) -> None:
            self.accepted[one.sop_instance_uid] = self.offered[one.sop_instance_uid]

        node = Destination("node", "127.0.0.1", self.port, "TWINVEIL", "CAMERA", connection_timeout=2.0,
                           acse_timeout=2.0, dimse_timeout=5.0)  # fmt: skip
        left = list(paths)
        while left and time.monotonic() < deadline and alive(pid):
            before = len(self.accepted)
            with contextlib.suppress(DeliveryFailed):
                deliver(left, node, on_stored=stored)
            left = [path for path in left if paths[path] not in self.accepted]
            if len(self.accepted) == before:
                time.sleep(0.05)
        for path in paths:
            path.unlink()

    def next_point(self) -> tuple[str, str]:
        """One of those at which a node died least."""
        least = min(self.hits[point] for point in POINTS)
        return self.weather.choice([point for point in POINTS if self.hits[point] == least])

    def life(self, point: tuple[str, str, int] | None) -> None:
        """A node that is sent something and dies: at ``point``, or at a random moment."""
        alone = point is not None and point[0] in RECEIVING
        if alone or self.weather.random() < 0.4:
            self.configure(alone=alone)
        settles = point is not None and point[0].rpartition(".")[2] in {"settle", "remove", "purge"}
        if settles or self.weather.random() < 0.4:
            self.set_weather("b", "up" if settles else self.weather.choice(["up", "up", "down", "refuse", "break"]))
        long = self.backlog() > LONG_BACKLOG
        with self.node(point) as pid:
            begun, sent = time.monotonic(), threading.Event()
            moment = self.weather.uniform(0.3, 3.0)

            def is_over() -> bool:
                lived = time.monotonic() - begun
                if lived > LONGEST_LIFE * (5 if long else 1):
                    return True
                if long:
                    return self.backlog() <= SHORT_BACKLOG
                if sent.is_set() and lived > LEAST_LIFE and not self.backlog():
                    return True  # nothing is left that it could be killed at
                return worked(pid) > moment if point is None else lived > LEAST_LIFE and worked(pid) > LEAST_WORK

            def kill_in_time() -> None:
                while alive(pid) and not is_over():
                    time.sleep(0.2 if long or sent.is_set() else 0.01)
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

            killer = threading.Thread(target=kill_in_time)
            killer.start()
            self.send(pid, begun + LONGEST_LIFE, usable=point is None or "uarantine" not in point[0])
            sent.set()
            killer.join()
        if point is not None and self.status == EXIT:
            self.hits[point[:2]] += 1
            self.kills[f"{point[0].rpartition('.')[2]} {point[1]}"] += 1
        else:
            self.kills["at random"] += 1

    def backlog(self) -> int:
        """Instances that are accepted, and of which not everything is done."""
        if not (self.state / DATABASE).exists():
            return 0
        return sum(count for state, count in Ledger(self.state / DATABASE).counts().items() if state not in FINISHED)

    def end(self, patience: float) -> bool:
        """Nothing is killed any more and every archive is up: whether all came to its end.

        ``patience``: seconds in which something must become finished, or come to an archive.
        """
        self.configure(plain=True)
        self.set_weather("b", "up")
        ledger = Ledger(self.state / DATABASE)
        seen, since = None, time.monotonic()
        with self.node(None):
            while time.monotonic() - since < patience:
                counts = ledger.counts()
                if sum(counts.values()) >= len(self.accepted) and not set(counts) - FINISHED and not self._open():
                    return True
                logs = [log.stat().st_size for log in self.folder.glob("[ab].log")]
                if (now := (counts, logs)) != seen:
                    seen, since = now, time.monotonic()
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
        pseudonyms = pseudonyms_of(load_configuration(self.folder / "twinveil.toml"), key)
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
            "what": {
                name: found[:SHOWN]
                for name, found in (("lost", lost), ("late", late), ("twice", twice), ("strange", strange),
                                    ("unsafe", unsafe), ("leftovers", left), ("innocent", innocent))
            },
        }  # fmt: skip

    def close(self) -> None:
        for one in (self.zygote, self.archives):
            one.kill()
            one.communicate()


def _stores(log: Path) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = {}
    for line in log.read_text().splitlines() if log.exists() else ():
        uid, digest = line.split()
        found.setdefault(uid, Counter())[digest] += 1
    return found


def run(
    kills: int, accepted: int, seconds: float, seed: int, folder: Path, *, every_point: bool = False
) -> dict[str, object]:
    """At least so many kills and accepted instances, and each point at least once where ``every_point`` is asked for,
    unless ``seconds`` pass first."""
    campaign = Campaign(folder, random.Random(seed))
    begun = time.monotonic()
    try:
        campaign.configure(plain=True)
        for number in itertools.count():
            enough = number >= kills and len(campaign.accepted) >= accepted
            missed = [point for point in POINTS if not campaign.hits[point]]
            if (enough and not (every_point and missed)) or time.monotonic() - begun > seconds:
                break
            nth = campaign.weather.choice([1, 1, 2, 3])
            campaign.life((*campaign.next_point(), nth) if number % 4 else None)
            if number % 20 == 19:
                counts = f"{len(campaign.accepted)} accepted, {len(missed)} points to come"
                print(f"{number + 1} kills, {counts}", flush=True)
        ended = campaign.end(patience=120)
        figures = campaign.count()
    finally:
        campaign.close()
    return {
        "seed": seed,
        "seconds": round(time.monotonic() - begun),
        "ended": ended,
        **figures,
        "points": len(POINTS) - len(missed),
        "missed": [f"{function} {when}" for function, when in missed],
    }


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
        figures = run(arguments.kills, arguments.accepted, arguments.seconds, arguments.seed, folder,
                      every_point=True)  # fmt: skip
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(figures, indent=2) + "\n")
    table = Table("Figure", "Value", box=None, pad_edge=False)
    for name, value in figures.items():
        if name not in {"what", "killed_at", "missed"}:
            table.add_row(name, str(value))
    Console().print(table)
    stages = Table("Killed", "Times", box=None, pad_edge=False)
    killed_at = figures["killed_at"]
    assert isinstance(killed_at, dict)
    for name, times in killed_at.items():
        stages.add_row(name, str(times))
    Console().print(stages)
    bad = [name for name in ("lost", "duplicates", "unsafe", "leftovers", "innocent", "missed") if figures[name]]
    if bad or not figures["ended"]:
        print(json.dumps(figures["what"], indent=2))
        raise SystemExit(1)


if __name__ == "__main__":
    main()
