"""The start of a node: the port is open before the models are loaded, and nothing that comes in meanwhile is lost."""

from __future__ import annotations

import json
import re
import signal
import urllib.error
import urllib.request
from pathlib import Path

import httpx2
import pytest

from plugin.commands.demo_archive import Receiver
from plugin.config import load_configuration
from plugin.ledger import State
from plugin.logs import JSON_FIELDS
from plugin.web import Users
from tests.crash.test_kill import STUDY, Bench, bench, receiver, wait_for
from tests.peers.processes import free_port, is_listening, patience
from tests.plugin import fakes
from tests.plugin.auditing.syslog_server import serving
from tests.plugin.fakes import photograph, save, skin
from tests.plugin.web.state import PASSWORD

__all__ = ["bench", "receiver"]


@pytest.mark.parametrize("ended_by", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed"])
def test_ended_while_the_models_load_it_keeps_what_it_took(
    bench: Bench, receiver: Receiver, tmp_path: Path, ended_by: signal.Signals
) -> None:
    hold = tmp_path / "hold-load"
    hold.touch()
    with bench.worker() as (process, port):
        bench.send(port, save(photograph(STUDY, number=1), tmp_path / "in"))
        process.send_signal(ended_by)
        status = process.wait(timeout=patience())
    assert status == (0 if ended_by == signal.SIGTERM else -signal.SIGKILL)
    assert bench.states() == {State.RECEIVED: 1}
    with bench.worker() as (_, port):
        bench.send(port, save(photograph(STUDY, number=2), tmp_path / "in"))
        assert bench.states() == {State.RECEIVED: 2}
        hold.unlink()
        wait_for(lambda: bench.finished(2), "both photographs")
    assert bench.states() == {State.PURGED: 2}
    assert len(receiver.stored) == len(set(receiver.stored)) == 8


def test_a_node_whose_models_cannot_be_loaded_ends_and_says_why(bench: Bench, tmp_path: Path) -> None:
    hold = tmp_path / "hold-load"
    hold.touch()
    (tmp_path / "die-in-load").touch()
    with bench.worker() as (process, port):
        bench.send(port, save(photograph(STUDY, number=1), tmp_path / "in"))
        hold.unlink()
        assert process.wait(timeout=patience()) != 0
    assert "the model is not there" in (tmp_path / "log").read_text()
    assert bench.states() == {State.RECEIVED: 1}


def test_a_node_is_watched_from_its_start_to_its_end_and_nobody_is_named(
    bench: Bench, receiver: Receiver, tmp_path: Path
) -> None:
    """Readiness, metrics, the log as JSON and the audit trail of one process, as a site would have them."""
    watching = free_port()

    def readiness() -> tuple[int, list[str]]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{watching}/readyz", timeout=patience()) as answer:
                return answer.status, list(json.load(answer)["lacking"])
        except urllib.error.HTTPError as error:
            with error:
                return error.code, list(json.load(error)["lacking"])

    hold = tmp_path / "hold-load"
    hold.touch()
    with serving() as syslog:
        configuration = tmp_path / "twinveil.toml"
        configuration.write_text(
            configuration.read_text()
            + f'[watching]\nport = {watching}\n[logging]\nformat = "json"\n'
            + f'[audit]\nhost = "127.0.0.1"\ntransport = "tcp"\nport = {syslog.port}\n'
        )
        with bench.worker() as (process, port):
            wait_for(lambda: "metrics, health and readiness" in (tmp_path / "log").read_text(), "the port of metrics")
            assert readiness() == (503, ["models"])
            hold.unlink()
            wait_for(lambda: readiness() == (200, []), "readiness")
            usable, not_usable = photograph(STUDY, number=1), photograph(STUDY, number=2, rgb=skin(1))
            bench.send(port, *(save(image, tmp_path / "in") for image in (usable, not_usable)))
            wait_for(lambda: bench.finished(2), "both photographs")
            with urllib.request.urlopen(f"http://127.0.0.1:{watching}/metrics", timeout=patience()) as answer:
                metrics = answer.read().decode()
            assert 'twinveil_objects_delivered_total{destination="archive"} 4.0' in metrics
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=patience()) == 0
        wait_for(lambda: syslog.events().count("110100") == 2, "the word that it stopped")
    assert {"110102", "110104", "110106"} <= set(syslog.events())
    lines = (tmp_path / "log").read_text().splitlines()
    assert all(set(json.loads(line)) <= set(JSON_FIELDS) for line in lines)
    assert any("released, 4 objects" in line for line in lines)
    told = "\n".join([*lines, metrics, b"".join(syslog.received).decode()])
    for identifier in (fakes.PATIENT_NAME, fakes.PATIENT_ID, fakes.BIRTH_DATE, STUDY, "ACC-55120", "Gwendolyn",
                       str(usable.SOPInstanceUID), str(not_usable.SOPInstanceUID)):  # fmt: skip
        assert identifier not in told


def test_the_page_is_there_from_the_start_to_the_end_and_says_what_is_lacking(bench: Bench, tmp_path: Path) -> None:
    port = free_port()
    configuration = tmp_path / "twinveil.toml"
    configuration.write_text(f"{configuration.read_text()}[page]\nport = {port}\n")
    Users(load_configuration(configuration).state_folder).add("vera", "viewer", PASSWORD)
    hold = tmp_path / "hold-load"
    hold.touch()
    with (
        bench.worker() as (process, _),
        httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=patience()) as browser,
    ):
        wait_for(lambda: is_listening(port), "the page")
        assert browser.get("/").headers["location"] == "/login"
        (before,) = re.findall(r'name="before" value="([^"]+)"', browser.get("/login").text)
        answer = browser.post("/login", data={"name": "vera", "password": PASSWORD, "before": before})
        assert answer.headers["location"] == "/", answer.text
        assert "the models are not loaded yet" in browser.get("/").text
        hold.unlink()
        wait_for(lambda: "the models are not loaded yet" not in browser.get("/").text, "the models")
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=patience()) == 0
    assert PASSWORD not in (tmp_path / "log").read_text()
