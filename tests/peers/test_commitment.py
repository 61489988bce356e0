"""Storage Commitment with Orthanc: it asks the node before it deletes, and it answers the node before that purges."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dicom_io.header import SiteKey
from plugin.config import Configuration
from plugin.ledger import State
from tests.peers.orthanc import AE_TITLE, Orthanc, orthanc
from tests.peers.processes import PATIENCE, wait_until
from tests.plugin.conftest import *  # noqa: F403
from tests.plugin.conftest import wait_for
from tests.plugin.fakes import photograph, save
from tests.plugin.node.test_node import STUDY, running, send

pytestmark = pytest.mark.peers


def node_with(configuration: Configuration, **tables: list[dict[str, Any]]) -> Configuration:
    stated = {**configuration.model_dump(), "folder": configuration.folder}
    return Configuration.model_validate({**stated, **tables})


def asked_by(server: Orthanc, instances: list[tuple[str, str]]) -> str:
    """Orthanc asks the node about ``instances``; where its answer is to be read."""
    body = json.dumps({"DicomInstances": instances}).encode()
    path: str = server.post("/modalities/node/storage-commitment", body)["Path"]
    return path


def test_orthanc_asks_and_has_its_report_by_instance(
    configuration: Configuration, key: SiteKey, tmp_path: Path
) -> None:
    sent, never = photograph(STUDY, number=1), photograph(STUDY, number=2)
    file = save(sent, tmp_path / "in")
    with orthanc(tmp_path / "orthanc") as server:
        caller = {"ae_title": AE_TITLE, "network": "127.0.0.1/32", "host": "127.0.0.1", "port": server.dicom_port}
        with running(node_with(configuration, callers=[caller]), key) as node:
            modality = {"AET": "TWINVEIL", "Host": "127.0.0.1", "Port": node.listener.port}
            server.put("/modalities/node", json.dumps(modality).encode())
            server.post("/modalities/node/store", server.post("/instances", file.read_bytes())["ID"].encode())
            asked = [(image.SOPClassUID, image.SOPInstanceUID) for image in (sent, never)]
            answers = [asked_by(server, asked[:1]), asked_by(server, asked)]
            wait_until(lambda: "Pending" not in {server.get(path)["Status"] for path in answers}, PATIENCE, "a report")
            good, bad = (server.get(path) for path in answers)
    assert (good["Status"], len(good["Success"]), good["Failures"]) == ("Success", 1, [])
    assert (bad["Status"], len(bad["Success"])) == ("Failure", 1)
    (failure,) = bad["Failures"]
    assert (failure["SOPInstanceUID"], failure["FailureReason"]) == (never.SOPInstanceUID, 0x0112)


@pytest.mark.parametrize("is_caller", [True, False], ids=["calls back", "may not call"])
def test_sources_are_purged_once_orthanc_answers_for_the_twins(
    configuration: Configuration, key: SiteKey, tmp_path: Path, is_caller: bool
) -> None:
    """Orthanc reports on an association of its own; one that may not open it is asked on, and nothing is purged."""
    with orthanc(tmp_path / "orthanc") as server:
        archive = {
            "name": "archive", "ae_title": AE_TITLE, "host": "127.0.0.1", "port": server.dicom_port, "commitment": True,
        }  # fmt: skip
        callers = [{"ae_title": "CAMERA", "network": "127.0.0.1/32"}]
        if is_caller:
            callers.append({"ae_title": AE_TITLE, "network": "127.0.0.1/32"})
        with running(node_with(configuration, destinations=[archive], callers=callers), key) as node:
            modality = {"AET": "TWINVEIL", "Host": "127.0.0.1", "Port": node.listener.port}
            server.put("/modalities/node", json.dumps(modality).encode())
            send(node, save(photograph(STUDY), tmp_path / "in"))
            if is_caller:
                wait_for(lambda: node.ledger.counts() == {State.PURGED: 1})
            else:
                asked = node._intake.transactions
                wait_for(lambda: bool(asked.unanswered("archive")))
                assert node.ledger.counts() == {State.UNDELIVERED: 1}
                assert node.postings.uncommitted("archive")
        assert len(server.instances()) == 4
