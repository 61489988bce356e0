"""``python -m tests.attack --out build/attack.json``: every attack on a running node, with an honest sender beside it.

Each attack comes from an address that is not allowed, from one that is, and from the honest sender's own. Meanwhile an
honest sender stores one instance after the other, each over an association of its own. Of each attack the report says
how many it tried, how many succeeded within two seconds, the slowest, how far the node's memory rose above the start,
and whether the node was left with threads, files or connections that do not end (a hang).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from plugin.config import ListenerSection
from tests.attack.attacks import ATTACKS
from tests.attack.honest import HONEST, honest_store
from tests.certificates import Authority
from tests.crash.processes import children_of
from tests.peers.node import Node, make_node
from tests.peers.processes import free_port

ORIGINS = {"not allowed": "127.0.0.66", "allowed": "127.0.0.2", "the honest sender's own": HONEST}
MOST_MEGABYTES = 600.0
"""How far the node's memory may rise above its start."""

SETTLING_SECONDS = 15.0
"""How long what an attack left may take to end, once the attack has."""

SPARE_THREADS = 24
"""More threads than at the start are no hang: those that wait for the disk stay."""


@dataclass(frozen=True)
class Report:
    """One attack from one address. Seconds and megabytes (10^6 bytes)."""

    attack: str
    origin: str
    tried: int
    succeeded: int
    slowest_s: float
    memory_mb: float
    hung: bool

    @property
    def is_met(self) -> bool:
        return 0 < self.tried == self.succeeded and self.memory_mb < MOST_MEGABYTES and not self.hung


@dataclass(frozen=True)
class Target:
    """A running node: its own process and its ports."""

    process: subprocess.Popen[bytes]
    node: Node
    tls_port: int

    @property
    def megabytes(self) -> float:
        return self._status("VmRSS") * 1024 / 1e6

    @property
    def threads(self) -> int:
        return self._status("Threads")

    @property
    def half_received(self) -> int:
        return len(list((self.node.folder / "state" / "spool" / "incoming").iterdir()))

    def is_settled(self, threads: int) -> bool:
        """Whether it has no more than some ``threads``, nothing half received, and takes an honest instance."""
        return (
            self.threads <= threads + SPARE_THREADS
            and not self.half_received
            and honest_store(self.node.port, 1) is not None
        )

    def _status(self, name: str) -> int:
        """Of the node's own process and those that receive beside it together."""
        return sum(_status(pid, name) for pid in (self.process.pid, *children_of(self.process.pid)))


def _status(pid: int, name: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    raise RuntimeError(f"no {name} of the node")


def attack(target: Target, name: str, origin: str, seconds: float, start: float, threads: int) -> Report:
    """Run one attack; ``start``: megabytes and ``threads`` of the node before all of them."""
    port = target.node.port
    command = [sys.executable, "-m", "tests.attack.attacks", name, port, target.tls_port, ORIGINS[origin], seconds]
    foe = subprocess.Popen([str(part) for part in command], stderr=subprocess.DEVNULL)
    stores: list[float | None] = []
    memory = 0.0
    try:
        time.sleep(0.5)
        while foe.poll() is None:
            stores.append(honest_store(port, len(stores)))
            memory = max(memory, target.megabytes - start)
            time.sleep(0.1)
    finally:
        if foe.poll() is None:
            foe.kill()
        foe.wait()
    if foe.returncode:
        raise RuntimeError(f"the attack {name} itself failed, with {foe.returncode}")
    by = time.monotonic() + SETTLING_SECONDS
    while not (settled := target.is_settled(threads)) and time.monotonic() < by:
        time.sleep(0.1)
    prompt = [store for store in stores if store is not None]
    slowest = round(max(prompt, default=0.0), 3)
    return Report(name, origin, len(stores), len(prompt), slowest, round(memory, 1), hung=not settled)


def secured_node(folder: Path) -> tuple[Node, int]:
    """A node's files, with a port of TLS too, that takes photographs from a few addresses and works on none of them."""
    node = make_node(folder)
    tls_port = free_port()
    authority = Authority(folder / "tls")
    ours = authority.identity("node")
    text = node.configuration.read_text()
    text = text.replace('network = "127.0.0.1/32"', 'network = "127.0.0.0/29"')
    text = text.replace("quiet_seconds = 1.0", "quiet_seconds = 86400.0")
    text += f'[tls]\nport = {tls_port}\ncertificate = "{ours.certificate}"\nkey = "{ours.key}"\n'
    text += f'authorities = "{authority.root}"\n'
    node.configuration.write_text(text)
    return node, tls_port


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each attack")
    parser.add_argument("--attack", action="append", choices=list(ATTACKS), help="only this one; may be repeated")
    arguments = parser.parse_args()
    reports: list[Report] = []
    with tempfile.TemporaryDirectory() as folder:
        node, tls_port = secured_node(Path(folder) / "node")
        begun = time.monotonic()
        with node.running() as process:
            ready = time.monotonic() - begun
            target = Target(process, node, tls_port)
            awaited = ["the models are loaded"]
            awaited += [f"receiving process {n} listens" for n in range(1, ListenerSection().receiving)]
            while not all(line in node.log.read_text(errors="replace") for line in awaited):
                time.sleep(0.2)
            for number in range(5):
                honest_store(node.port, number)
            start, threads = target.megabytes, target.threads
            for name in arguments.attack or ATTACKS:
                for origin in ORIGINS:
                    report = attack(target, name, origin, arguments.seconds, start, threads)
                    reports.append(report)
                    print(
                        f"{'ok    ' if report.is_met else 'FAILED'} {name:24} {origin:24} {report.succeeded:3} of "
                        f"{report.tried:3}  slowest {report.slowest_s:5.2f} s  {report.memory_mb:6.1f} MB"
                        f"{'  hung' if report.hung else ''}",
                        flush=True,
                    )
    figures = {
        "honest_tried": sum(report.tried for report in reports),
        "honest_succeeded": sum(report.succeeded for report in reports),
        "slowest_s": max(report.slowest_s for report in reports),
        "memory_mb": max(report.memory_mb for report in reports),
        "hangs": sum(report.hung for report in reports),
        "met": all(report.is_met for report in reports),
        "attacks": [asdict(report) for report in reports],
        "conditions": {
            "seconds_each": arguments.seconds,
            "start_mb": round(start, 1),
            "start_to_listening_s": round(ready, 2),
            "cores": os.cpu_count(),
            "load_average": round(os.getloadavg()[0], 2),
            "python": platform.python_version(),
        },
    }
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(figures, indent=2) + "\n")
    print({key: figure for key, figure in figures.items() if not isinstance(figure, list | dict)})
    return 0 if figures["met"] else 1


if __name__ == "__main__":
    sys.exit(main())
