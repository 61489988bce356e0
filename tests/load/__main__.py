"""``python -m tests.load --out build/load.json``: senders at once on a real node, and what became of all they sent.

The node is the crash campaign's: all but the model and the search for text is what a site runs, with two archives that
record each store. Reported are how quickly instances came in, how long a C-STORE took, how much memory the node
had before and after, and whether everything was delivered to both archives, once, when the queue was empty.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from plugin.database import DATABASE
from plugin.ledger import FINISHED, Ledger
from tests.crash.campaign import STUDY, Campaign
from tests.load.senders import Sender, Sent

MOST_GROWTH_MB = 300.0
"""How far the node's memory may be above its start once the queue is empty. Its caches are filled by then."""


def megabytes(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise RuntimeError("the node is gone")


def complaints(log: Path) -> list[str]:
    """What the node warned of, without the moments at which it did: the first few."""
    lines = [line.split(" ", 1)[-1] for line in log.read_text(errors="replace").splitlines()]
    return [line for line in lines if line.startswith(("WARNING", "ERROR", "CRITICAL"))][:10]


def run(folder: Path, *, senders: int, seconds: float, instances: int, patience: float) -> dict[str, object]:
    """Send for ``seconds`` at most, or until ``instances`` are sent; then wait ``patience`` seconds for the queue."""
    campaign = Campaign(folder, random.Random(1))
    sent, stop = Sent(), threading.Event()
    try:
        campaign.configure(plain=True)
        with campaign.node(None) as pid:
            _wait_for(lambda: "the models are loaded" in (folder / "node.log").read_text(errors="replace"), 120)
            start = megabytes(pid)
            working = [
                threading.Thread(target=Sender(campaign.port, number, STUDY, sent, instances, stop).run, daemon=True)
                for number in range(senders)
            ]
            begun = time.monotonic()
            for thread in working:
                thread.start()
            for thread in working:
                thread.join(max(begun + seconds - time.monotonic(), 0.0))
            stop.set()
            for thread in working:
                thread.join(120)
            sending = time.monotonic() - begun
            peak = megabytes(pid)
            campaign.accepted.update(sent.usable)
            campaign.offered.update(sent.offered)
            ledger = Ledger(campaign.state / DATABASE)
            drained = _wait_for(
                lambda: sum(ledger.counts().values()) >= len(sent.usable)
                and not set(ledger.counts()) - FINISHED
                and not campaign._open(),
                patience,
            )
            draining = time.monotonic() - begun - sending
            end = megabytes(pid)
        counted = campaign.count()
    finally:
        campaign.close()
    times = sorted(sent.seconds)
    figures: dict[str, object] = {
        "accepted": len(sent.usable),
        "refused": sent.refused,
        "studies": sent.studies,
        "ingest_per_second": round(len(sent.usable) / sending, 1),
        "store_ms": {
            f"p{share}": round(1000 * statistics.quantiles(times, n=100)[share - 1], 1) for share in (50, 95, 99)
        },
        "store_ms_most": round(1000 * times[-1], 1),
        "drained": drained,
        "drain_seconds": round(draining, 1),
        "memory_mb": {"start": round(start, 1), "sent": round(peak, 1), "end": round(end, 1)},
        **{name: counted[name] for name in ("lost", "duplicates", "unsafe", "leftovers", "innocent", "delivered")},
        "resent": counted["resent_the_same_bytes"],
        "quarantined": counted["quarantined"],
        "said": complaints(folder / "node.log"),
    }
    wrong = [figures[name] for name in ("refused", "lost", "duplicates", "unsafe", "leftovers", "innocent", "resent")]
    figures["met"] = drained and not any(wrong) and end - start < MOST_GROWTH_MB
    return figures


def _wait_for(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("build/load.json"))
    parser.add_argument("--senders", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=60.0, help="of sending, at most")
    parser.add_argument("--instances", type=int, default=400, help="sent by all senders together, at most")
    parser.add_argument("--patience", type=float, default=900.0, help="seconds for the queue to be empty")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = run(
            Path(folder), senders=arguments.senders, seconds=arguments.seconds, instances=arguments.instances,
            patience=arguments.patience,
        )  # fmt: skip
    figures["conditions"] = {
        "senders": arguments.senders,
        "cores": os.cpu_count(),
        "load_average": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
    }
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures, indent=2))
    return 0 if figures["met"] else 1


if __name__ == "__main__":
    sys.exit(main())
