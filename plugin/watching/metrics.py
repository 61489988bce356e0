"""What Prometheus is told of a node. Each metric, its type, its labels and its meaning stand in ``docs/watching.md``.

Counters and times are those of this process, from its start on, and of those that receive beside it. Everything else is
read from the state folder when it is asked for, as ``twinveil status`` reads it. Labels hold states, reasons, names of
steps, errors and destinations.
"""

from __future__ import annotations

import threading
import time
from collections import Counter as Tally
from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from dicom_io.receiving import RefusedCall, RefusedFor, StoredInstance
from plugin import __version__
from plugin.ledger import State
from plugin.observer import KINDS, Observer, kind_of
from plugin.watching.readiness import Readiness
from plugin.watching.status import DestinationStatus, Status

STEP_SECONDS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
"""Upper bounds of the histogram's buckets."""

READ_AGAIN_SECONDS = 1.0
"""However often it is asked, the state folder is read no more often than this."""


class Metrics(Observer):
    """The registry of one node, and what fills it. ``status``: what stands in the state folder now; it may raise."""

    def __init__(self, status: Callable[[], Status], readiness: Readiness) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.registry.register(StateCollector(status, readiness))
        self._received = self._counter("instances_received", "Instances that arrived and were answered Success.", "as")
        self._refused = self._counter("refusals", "What the listener turned away.", "reason")
        self._held = self._counter("instances_quarantined", "Instances that were set aside.", "stage", "error")
        self._delivered = self._counter("objects_delivered", "Objects that a destination took.", "destination")
        self._failures = self._counter("delivery_failures", "Tries that came to nothing.", "destination")
        self._steps = Histogram(
            "twinveil_step_seconds", "How long steps took, whether they succeeded or refused.", ["step"],
            registry=self.registry, buckets=STEP_SECONDS,
        )  # fmt: skip
        for reason in RefusedFor:  # a rate needs a zero to begin with
            self._refused.labels(reason)
        for kind in KINDS:
            self._received.labels(kind)

    def refused(self, call: RefusedCall) -> None:
        self._refused.labels(call.reason).inc()

    def received(self, stored: StoredInstance, study: str) -> None:
        self._received.labels(kind_of(stored)).inc()

    def received_beside(self, kind: str) -> None:
        self._received.labels(kind).inc()

    def refused_beside(self, reason: RefusedFor) -> None:
        self._refused.labels(reason).inc()

    def step_ended(self, stage: str, seconds: float) -> None:
        self._steps.labels(stage).observe(seconds)

    def set_aside(self, study: str, stage: str, error: str) -> None:
        self._held.labels(stage, error).inc()

    def sent(self, destination: str, study: str, objects: int) -> None:
        self._delivered.labels(destination).inc(objects)

    def not_taken(self, destination: str) -> None:
        self._failures.labels(destination).inc()

    def _counter(self, name: str, documentation: str, *labels: str) -> Counter:
        return Counter(f"twinveil_{name}", documentation, labels, registry=self.registry)


class StateCollector(Collector):
    """Gauges of what stands in the state folder. Where it cannot be read, one of them says so, alone."""

    def __init__(self, status: Callable[[], Status], readiness: Readiness) -> None:
        self._status = status
        self._readiness = readiness
        self._lock = threading.Lock()
        self._read: tuple[float, Status | None] | None = None

    def describe(self) -> Iterable[Metric]:
        """Nothing: the state folder is not read when the collector is registered."""
        return []

    def collect(self) -> Iterable[Metric]:
        yield _gauge("info", "The version that runs.", ("version",), {(__version__,): 1})
        yield _gauge("ready", "1 where this part of readiness is given.", ("part",),
                     {(part,): float(not lacking) for part, lacking in self._readiness.report().items()})  # fmt: skip
        status = self._now()
        yield _gauge("state_readable", "1 where the state folder could be read.", (), {(): float(status is not None)})
        if status is not None:
            yield from _state_gauges(status)
            yield from _destination_gauges(status.destinations)

    def _now(self) -> Status | None:
        with self._lock:
            if self._read is None or time.monotonic() - self._read[0] >= READ_AGAIN_SECONDS:
                try:
                    status: Status | None = self._status()
                except Exception:  # a locked or absent database, a disk that is gone: that it is so is the news
                    status = None
                self._read = (time.monotonic(), status)
            return self._read[1]


def _state_gauges(status: Status) -> Iterable[Metric]:
    yield _gauge("instances", "Accepted instances by state.", ("state",),
                 {(state,): status.instances.get(state.value, 0) for state in State})  # fmt: skip
    waits = Tally(study.waits_on for study in status.studies)
    yield _gauge("studies_waiting", "Studies that are not finished, by what they wait for.", ("waits_on",),
                 {(what,): count for what, count in waits.items()})  # fmt: skip
    yield _gauge("quarantine_entries", "What is held for a person to decide, by the error.", ("error",),
                 {(error,): count for error, count in status.quarantine.items()})  # fmt: skip
    yield _gauge("disk_free_bytes", "Free on the disk of the state folder.", (), {(): status.free_bytes})
    yield _gauge("disk_kept_free_bytes", "With less than this free, nothing is accepted.", (),
                 {(): status.kept_free_bytes})  # fmt: skip
    yield _gauge("alarms", "What somebody should look into; `twinveil status` says what.", (),
                 {(): len(status.alarms)})  # fmt: skip


def _destination_gauges(destinations: Iterable[DestinationStatus]) -> Iterable[Metric]:
    stated: dict[str, tuple[str, Callable[[DestinationStatus], float]]] = {
        "up": ("1 while it takes what it is given.", lambda one: float(one.down_since is None)),
        "paused": ("1 while a person keeps deliveries back.", lambda one: float(one.paused)),
        "backlog_studies": ("Studies that wait for it.", lambda one: one.studies),
        "backlog_objects": ("Objects that wait for it.", lambda one: one.objects),
        "backlog_bytes": ("Their bytes.", lambda one: one.bytes),
        "refused_objects": ("Of these objects, what it answered not to take.", lambda one: one.refused),
        "oldest_seconds": ("Age of the oldest study that waits for it.", lambda one: one.oldest_seconds),
    }
    each = list(destinations)
    for name, (documentation, value) in stated.items():
        yield _gauge(f"destination_{name}", documentation, ("destination",), {(one.name,): value(one) for one in each})


def _gauge(name: str, documentation: str, labels: tuple[str, ...], values: dict[tuple[str, ...], float]) -> Metric:
    family = GaugeMetricFamily(f"twinveil_{name}", documentation, labels=labels)
    for label_values, value in values.items():
        family.add_metric(label_values, value)
    return family
