"""Metrics, health and readiness of a running node: they count what happens, say what is lacking, and name nobody."""

from __future__ import annotations

import json
import re
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from dicom_io.errors import DeliveryFailed
from dicom_io.header import SiteKey
from dicom_io.receiving import RefusedFor
from dicom_io.sending import Destination, deliver
from plugin.commands.demo_archive import Receiver
from plugin.config import Configuration
from plugin.errors import ConfigurationRefused
from plugin.intake import Intake
from plugin.ledger import Ledger, State
from plugin.node import Node
from plugin.observer import Observers
from plugin.watching import Metrics, Readiness, WatchServer, status_of_node
from tests.plugin import fakes
from tests.plugin.conftest import wait_for
from tests.plugin.fakes import MirroringTwinMaker, photograph, save, skin

STUDY = "1.2.826.0.1.3680043.8.498.96"
DOCUMENTED = re.compile(r"^\| `(twinveil_\w+)` \| (\w+) \| ((?:`\w+`(?:, )?)*) ?\| .+ \|$", re.MULTILINE)


@dataclass
class Watched:
    """A node with its port of metrics; ``loaded``: what readiness is told of the models."""

    node: Node
    intake: Intake
    server: WatchServer
    loaded: bool = False

    def get(self, path: str, accept: str = "text/plain") -> tuple[int, str]:
        request = urllib.request.Request(f"http://127.0.0.1:{self.server.port}{path}", headers={"Accept": accept})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def value(self, name: str, **labels: str) -> float | None:
        for family in text_string_to_metric_families(self.get("/metrics")[1]):
            for sample in family.samples:
                if sample.name == name and labels.items() <= sample.labels.items():
                    return float(sample.value)
        return None


@pytest.fixture
def watched(configuration: Configuration, key: SiteKey) -> Iterator[Watched]:
    observers = Observers()
    intake = Intake(configuration, key, observers)
    node = Node(configuration, key, MirroringTwinMaker(), intake=intake)
    told: list[Watched] = []
    readiness = Readiness(
        port_open=lambda: intake.is_open,
        models_loaded=lambda: told[0].loaded,
        ledger=intake.ledger,
        folder=configuration.state_folder,
        kept_free=configuration.limits.min_free_bytes,
    )
    metrics = Metrics(lambda: status_of_node(configuration), readiness)
    observers.add(metrics)
    server = WatchServer("127.0.0.1", 0, metrics, readiness)
    told.append(Watched(node, intake, server))
    server.start()
    try:
        yield told[0]
    finally:
        node.stop()
        server.stop()


def send(watched: Watched, *paths: Path, calling: str = "CAMERA") -> None:
    deliver(paths, Destination("node", "127.0.0.1", watched.node.listener.port, "TWINVEIL", calling_ae_title=calling))


def test_readiness_names_what_is_lacking(watched: Watched) -> None:
    status, said = watched.get("/readyz")
    assert status == 503
    assert json.loads(said)["lacking"].keys() == {"port", "models"}
    assert watched.get("/healthz")[0] == 200
    watched.node.start()
    watched.loaded = True
    assert watched.get("/readyz") == (200, '{"ready": true, "lacking": {}}\n')
    assert watched.get("/else")[0] == 404


def test_a_full_disk_or_a_database_that_is_gone_is_named(configuration: Configuration) -> None:
    database = configuration.state_folder / "sub" / "db.sqlite"
    ledger = Ledger(database)
    ready = {"port_open": lambda: True, "models_loaded": lambda: True, "folder": configuration.state_folder}
    assert not any(Readiness(**ready, ledger=ledger, kept_free=0).report().values())
    assert "are kept free" in Readiness(**ready, ledger=ledger, kept_free=2**60).report()["disk"]
    worker = Readiness(**{**ready, "port_open": None}, ledger=ledger, kept_free=0)
    assert worker.report().keys() == {"models", "database", "disk"}
    deliverer = Readiness(
        port_open=None, models_loaded=None, started=lambda: False, ledger=ledger, folder=database.parent, kept_free=0
    )
    assert {part for part, lacking in deliverer.report().items() if lacking} == {"start"}
    database.unlink()
    database.mkdir()
    assert "does not answer" in Readiness(**ready, ledger=ledger, kept_free=0).report()["database"]


def test_what_others_receive_beside_it_is_counted_with_its_own(watched: Watched) -> None:
    for _ in range(3):
        watched.intake.observer.received_beside("new")
    watched.intake.observer.refused_beside(RefusedFor.ADDRESS)
    assert watched.value("twinveil_instances_received_total", **{"as": "new"}) == 3
    assert watched.value("twinveil_refusals_total", reason="address") == 1


def test_what_happens_is_counted_and_names_nobody(watched: Watched, receiver: Receiver, tmp_path: Path) -> None:
    port = receiver.port
    receiver.stop()
    watched.node.start()
    good = save(photograph(STUDY), tmp_path / "in")
    bad = save(photograph(STUDY, number=2, rgb=skin(1)), tmp_path / "in")
    send(watched, good, bad)
    send(watched, good)
    with pytest.raises(DeliveryFailed):
        send(watched, good, calling="STRANGER")
    wait_for(lambda: watched.node.ledger.counts() == {State.UNDELIVERED: 1, State.QUARANTINED: 1})
    wait_for(lambda: watched.value("twinveil_destination_up", destination="archive") == 0)
    assert watched.value("twinveil_instances_received_total", **{"as": "new"}) == 2
    assert watched.value("twinveil_instances_received_total", **{"as": "repeat"}) == 1
    assert watched.value("twinveil_refusals_total", reason="ae_title") == 1
    assert watched.value("twinveil_instances", state="undelivered") == 1
    assert watched.value("twinveil_studies_waiting", waits_on="destination") == 1
    assert watched.value("twinveil_destination_backlog_objects", destination="archive") == 4
    assert (watched.value("twinveil_delivery_failures_total", destination="archive") or 0) >= 1
    assert watched.value("twinveil_quarantine_entries", error="UnusablePhotograph") == 1
    assert watched.value("twinveil_instances_quarantined_total", error="UnusablePhotograph", stage="read") == 1
    assert watched.value("twinveil_step_seconds_count", step="heal") == 1
    receiver.start(port)
    wait_for(lambda: watched.node.ledger.counts() == {State.PURGED: 1, State.QUARANTINED: 1})
    assert watched.value("twinveil_objects_delivered_total", destination="archive") == 4
    wait_for(lambda: watched.value("twinveil_destination_up", destination="archive") == 1)
    everything = watched.get("/metrics")[1] + watched.get("/metrics", "application/openmetrics-text")[1]
    for identifier in (fakes.PATIENT_NAME, fakes.PATIENT_ID, fakes.BIRTH_DATE, STUDY, "STRANGER", str(tmp_path)):
        assert identifier not in everything


def test_every_metric_is_documented_and_every_documented_one_is_there(
    watched: Watched, receiver: Receiver, tmp_path: Path, repository: Path
) -> None:
    documented = {
        name.removesuffix("_total"): (kind, set(re.findall(r"\w+", labels)))
        for name, kind, labels in DOCUMENTED.findall((repository / "docs" / "watching.md").read_text())
    }
    port = receiver.port
    receiver.stop()
    watched.node.start()
    send(watched, *(save(photograph(STUDY, number=n, rgb=skin(1) if n == 2 else None), tmp_path) for n in (1, 2)))
    wait_for(lambda: watched.value("twinveil_destination_up", destination="archive") == 0)
    receiver.start(port)
    wait_for(lambda: watched.value("twinveil_objects_delivered_total", destination="archive") is not None)
    ours: dict[str, tuple[str, set[str]]] = {}
    for family in watched.server._server.metrics.registry.collect():
        if not family.name.startswith("process_"):
            labels = {label for sample in family.samples for label in sample.labels} - {"le"}
            ours[family.name] = (family.type, labels)
    if not ours["twinveil_studies_waiting"][1]:  # nothing waits any more
        ours["twinveil_studies_waiting"][1].add("waits_on")
    assert ours == documented


def test_a_port_that_is_taken_is_refused_by_name(watched: Watched) -> None:
    server = watched.server._server
    with pytest.raises(ConfigurationRefused, match=f"watching: 127.0.0.1:{watched.server.port} cannot be listened on"):
        WatchServer("127.0.0.1", watched.server.port, server.metrics, server.readiness)


def test_silent_connections_shut_nobody_out_for_long(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plugin.watching.server._Handler.timeout", 0.3)
    held = [socket.create_connection(("127.0.0.1", watched.server.port)) for _ in range(30)]
    try:

        def answers() -> bool:
            try:
                return watched.get("/healthz")[0] == 200
            except OSError:
                return False

        wait_for(answers, 30)
    finally:
        for connection in held:
            connection.close()
