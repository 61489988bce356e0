"""A node takes instances before it has a model, and what it took is worked on once it has."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pydicom
import pytest

from dicom_io.commitment import CommitmentRequest, Reference
from dicom_io.header import SiteKey
from dicom_io.sending import Destination, WebDestination, deliver, deliver_over_web
from plugin.commands.demo_archive import Receiver
from plugin.config import Configuration
from plugin.errors import NodeBusy
from plugin.intake import Intake
from plugin.ledger import State
from plugin.node import Node
from tests.plugin.conftest import wait_for
from tests.plugin.fakes import MirroringTwinMaker, photograph, save

STUDY = "1.2.826.0.1.3680043.8.498.81"


def send(intake: Intake, *paths: Path) -> None:
    deliver(paths, Destination("node", "127.0.0.1", intake.listener.port, "TWINVEIL", calling_ae_title="CAMERA"))


def other_bytes(path: Path) -> Path:
    """The same instance with another value in it."""
    dataset = pydicom.dcmread(path)
    dataset.PatientID = "SOMEONE-ELSE"
    other = path.with_name("other.dcm")
    dataset.save_as(other)
    return other


def test_what_came_before_the_models_is_worked_on_after_them(
    configuration: Configuration, key: SiteKey, receiver: Receiver, tmp_path: Path
) -> None:
    paths = [save(photograph(STUDY, number=number), tmp_path / "in") for number in (1, 2)]
    intake = Intake(configuration, key)
    intake.open()
    try:
        send(intake, *paths)
        send(intake, other_bytes(paths[0]))
        assert intake.ledger.counts() == {State.RECEIVED: 3}
    except BaseException:
        intake.close()
        intake.leave()
        raise
    node = Node(configuration, key, MirroringTwinMaker(), intake=intake)
    node.start()
    try:
        wait_for(lambda: node.ledger.counts() == {State.PURGED: 2, State.QUARANTINED: 1})
        assert [entry.refusal.error for entry in node.quarantine.entries()] == ["Conflict"]
        send(intake, other_bytes(paths[1]))
        assert node.ledger.counts() == {State.PURGED: 2, State.QUARANTINED: 2}
    finally:
        node.stop()
    assert len(receiver.stored) == 8


def test_the_door_of_a_node_is_its_own(configuration: Configuration, key: SiteKey) -> None:
    intake = Intake(configuration, key)
    try:
        with pytest.raises(NodeBusy):
            Intake(configuration, key)
    finally:
        intake.leave()
    Intake(configuration, key).leave()


def test_no_model_is_needed_to_listen(tmp_path: Path, key_file: Path) -> None:
    """Whatever is imported before the door is open, it waits for."""
    slow = {
        "torch", "onnxruntime", "skimage", "scipy", "highdicom", "dbos", "diffusers", "transformers", "cv2", "dlib",
        "_dlib_pybind11", "rapidocr", "prometheus_client",
    }  # fmt: skip
    code = f"""
import os, sys
from pathlib import Path
import plugin.commands.cli, plugin.commands.serve
from dicom_io.header import SiteKey
from plugin.auditing import AuditTrail
from plugin.config import Configuration
from plugin.intake import Intake
stated = {{"folder": Path({str(tmp_path)!r}), "listener": {{"port": 0, "processes": 1}}}}
configuration = Configuration.model_validate(stated)
intake = Intake(configuration, SiteKey.from_file(Path({str(key_file)!r})))
AuditTrail(configuration)
intake.open()
assert intake.listener.port
print(sorted({slow!r} & set(sys.modules)), flush=True)
os._exit(0)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_what_comes_by_http_is_on_record_and_answered_for_like_anything_else(
    configuration: Configuration, key: SiteKey, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("a-token-of-tests-alone")
    stated = {**configuration.model_dump(), "folder": tmp_path}
    stated["web"] = {"on": True, "port": 0, "token_file": "token"}
    photographs = [photograph(STUDY, number=number) for number in (1, 2)]
    intake = Intake(Configuration.model_validate(stated), key)
    intake.open()
    try:
        assert intake.web is not None
        web = WebDestination("node", f"http://127.0.0.1:{intake.web.port}/studies", token=tmp_path / "token")
        deliver_over_web([save(photographs[0], tmp_path / "in")], web, on_stored=lambda one: None)
        assert intake.ledger.counts() == {State.RECEIVED: 1}
        asked = CommitmentRequest("1.2.3", tuple(Reference(one.SOPClassUID, one.SOPInstanceUID) for one in photographs))
        report = intake.judgement.of(asked)
        assert (report.committed, len(report.failed)) == (asked.references[:1], 1)
    finally:
        intake.close()
        intake.leave()
