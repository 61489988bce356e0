"""What is said of a node is what stands in its folder, and it names nobody."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dicom_io.header import SiteKey
from plugin.commands.demo_archive import Receiver
from plugin.commands.status import show
from plugin.config import Configuration
from plugin.database import Postgres, close_idle
from plugin.delivery import Deliveries
from plugin.errors import ConfigurationRefused
from plugin.ledger import State
from plugin.quarantine import AuditLog
from plugin.roles import Member, Role, Roster
from plugin.watching import status_of_node
from tests.peers.postgres import Server
from tests.plugin import fakes
from tests.plugin.conftest import wait_for
from tests.plugin.fakes import photograph, save, skin
from tests.plugin.node.test_node import running, send

STUDY = "1.2.826.0.1.3680043.8.498.97"
WHO = {"reviewer": "Dr. Marigold Ashdown", "reason": "the archive was taken out of service"}


def test_before_the_first_start_nothing_waits_and_nothing_is_made(configuration: Configuration) -> None:
    status = status_of_node(configuration)
    assert (status.instances, status.studies, status.quarantine, status.alarms) == ({}, (), {}, ())
    assert [each.name for each in status.destinations] == ["archive"]
    assert not configuration.state_folder.exists()


def test_every_study_says_what_it_waits_for(
    configuration: Configuration, key: SiteKey, receiver: Receiver, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    receiver.stop()
    patient = configuration.model_copy(update={"study": configuration.study.model_copy(update={"quiet_seconds": 3.0})})
    with running(patient, key) as node:
        send(node, *(save(photograph(STUDY, number=n, rgb=skin(1) if n == 2 else None), tmp_path / "in")
                     for n in (1, 2)))  # fmt: skip
        assert [each.waits_for for each in status_of_node(patient).studies] == ["its study to be quiet"]
        wait_for(lambda: node.destinations.standing("archive").failures >= patient.retries.attempts)
        status = status_of_node(patient)
        assert status.instances == {"undelivered": 1, "quarantined": 1}
        assert status.quarantine == {"UnusablePhotograph": 1}
        (study,) = status.studies
        assert (study.state, study.instances, study.waits_for) == (State.UNDELIVERED, 1, "archive")
        (archive,) = status.destinations
        assert (archive.studies, archive.objects, archive.configured, archive.paused) == (1, 4, True, False)
        assert archive.down_since is not None
        assert archive.waiting_since is not None
        (alarm,) = status.alarms
        assert alarm.startswith("archive is down since ")
        show(patient, as_json=True)
        said = json.loads(capsys.readouterr().out)
        assert said["destinations"][0]["objects"] == 4
        assert said["studies"][0]["waits_for"] == "archive"
        show(patient, as_json=False)
        words = capsys.readouterr().out
        assert "1 undelivered" in words
        assert "archive is down" in words
        for identifier in (fakes.PATIENT_NAME, fakes.PATIENT_ID, STUDY, str(tmp_path)):
            assert identifier not in words + json.dumps(said)
        receiver.start()


def test_what_a_person_tells_of_destinations_is_known_or_refused_and_on_record(
    configuration: Configuration, key: SiteKey, receiver: Receiver, tmp_path: Path
) -> None:
    named = configuration.model_copy(update={"key_file": str(tmp_path / "site.key")})
    deliveries = Deliveries(named)
    with pytest.raises(ConfigurationRefused, match="no destination is called archiv; known are archive"):
        deliveries.pause("archiv")
    deliveries.pause("archive")
    with running(named, key) as node:
        send(node, save(photograph(STUDY), tmp_path / "in"))
        wait_for(lambda: node.ledger.counts() == {State.UNDELIVERED: 1})
        assert status_of_node(named).destinations[0].paused
        with pytest.raises(ConfigurationRefused, match="not a configured destination"):
            deliveries.rename("archive", "elsewhere", **WHO)
        with pytest.raises(ConfigurationRefused, match="a name and a reason"):
            deliveries.give_up("archive", None, reviewer=" ", reason="")
        deliveries.resume("archive")
        wait_for(lambda: node.ledger.counts() == {State.PURGED: 1})
    assert deliveries.give_up("archive", None, **WHO) == 0
    (line,) = AuditLog(named.state_folder / "audit.log", key).read()
    assert (line["action"], line["destination"], line["reviewer"]) == (
        "give up deliveries", "archive", WHO["reviewer"],
    )  # fmt: skip


def test_what_nobody_does_is_an_alarm(configuration: Configuration, postgres_server: Server) -> None:
    url = postgres_server.new_database()
    stated = {**configuration.model_dump(), "folder": configuration.folder, "database": {"url": url}}
    several, roster = Configuration.model_validate(stated), Roster(Postgres(url))
    assert {alarm for alarm in status_of_node(several).alarms if "no process" in alarm} == {
        f"no process of this node is there to {duty}" for duty in ("receive", "work", "deliver")
    }
    roster.beat(Member("a", Role.LISTENER, "here"))
    roster.beat(Member("b", Role.WORKER, "there", lanes=("urgent", "small")))
    alarms = status_of_node(several).alarms
    assert [alarm for alarm in alarms if "no process" in alarm] == ["no process of this node is there to deliver"]
    assert [alarm for alarm in alarms if "lane" in alarm] == ["no worker takes studies from the lane large"]
    roster.beat(Member("c", Role.ALL, "elsewhere", lanes=("large",)))
    assert not [alarm for alarm in status_of_node(several).alarms if "lane" in alarm or "no process" in alarm]
    close_idle()
