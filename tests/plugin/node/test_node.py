"""A study over a real association, through the node, to a real receiver."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

from dicom_io.header import SiteKey
from dicom_io.sending import Destination, deliver
from plugin.commands.demo_archive import Receiver
from plugin.config import Configuration
from plugin.errors import NodeBusy
from plugin.ledger import State
from plugin.node import Node
from plugin.study import UNFORESEEN
from scripts.planted_text import backdrop, plant, written
from tests.plugin import fakes
from tests.plugin.conftest import wait_for
from tests.plugin.fakes import MirroringTwinMaker, photograph, save, skin

STUDY = "1.2.826.0.1.3680043.8.498.77"


@contextmanager
def running(configuration: Configuration, key: SiteKey, twins: MirroringTwinMaker | None = None) -> Iterator[Node]:
    node = Node(configuration, key, twins or MirroringTwinMaker())
    node.start()
    try:
        yield node
    finally:
        node.stop()


def send(node: Node, *paths: Path) -> None:
    deliver(paths, Destination("node", "127.0.0.1", node.listener.port, "TWINVEIL", calling_ae_title="CAMERA"))


def finished(node: Node, instances: int) -> bool:
    counts = node.ledger.counts()
    return counts.get(State.PURGED, 0) + counts.get(State.QUARANTINED, 0) == instances


def manifest_entries(node: Node) -> list[dict[str, object]]:
    return [e for path in sorted(node.manifests.glob("*.json")) for e in json.loads(path.read_text())["instances"]]


def test_what_an_earlier_tenure_sealed_and_did_not_post_goes_with_the_job(
    configuration: Configuration, key: SiteKey, receiver: Receiver, tmp_path: Path
) -> None:
    state = configuration.state_folder
    sealed: list[Path] = []

    def seal(method: str, attempt: int) -> None:
        """As if a kill had come between the sealing and the posting of the tenure before this one."""
        if method == "swap" and not sealed:
            (job,) = (state / "jobs").iterdir()
            sealed.append(state / "outbox" / job.name.replace(".1", ".0") / "0.sealed")
            sealed[0].parent.mkdir(parents=True)
            sealed[0].write_bytes(b"sealed")

    with running(configuration, key, MirroringTwinMaker(on_call=seal)) as node:
        send(node, save(photograph(STUDY), tmp_path / "in"))
        wait_for(lambda: finished(node, 1))
        assert sealed
        assert not sealed[0].parent.exists()
    assert len(receiver.stored) == 4


def test_each_photograph_gives_two_twins_and_two_segmentations(
    configuration: Configuration, key: SiteKey, receiver: Receiver, tmp_path: Path
) -> None:
    paths = [save(photograph(STUDY, number=number), tmp_path / "in") for number in (1, 2)]
    with running(configuration, key) as node:
        send(node, *paths)
        wait_for(lambda: finished(node, 2))
        assert node.ledger.counts() == {State.PURGED: 2}, manifest_entries(node)
    received = [pydicom.dcmread(path) for path in receiver.folder.glob("*.dcm")]
    assert Counter((image.Modality, image.SeriesDescription) for image in received) == {
        ("XC", "Twin with the disease"): 2,
        ("XC", "Twin without the disease"): 2,
        ("SEG", "Disease, by subtraction of the twins"): 2,
        ("SEG", "Probability of disease, by subtraction of the twins"): 2,
    }
    assert len({image.StudyInstanceUID for image in received}) == 1
    assert len(receiver.stored) == 8
    # Nothing of the patient is left on the node's disk, whatever the file.
    left = b"".join(path.read_bytes() for path in configuration.state_folder.rglob("*") if path.is_file())
    for identifier in (fakes.PATIENT_NAME, fakes.PATIENT_ID, fakes.BIRTH_DATE, STUDY):
        assert identifier.encode() not in left


def test_the_same_study_again_changes_nothing(
    configuration: Configuration, key: SiteKey, receiver: Receiver, tmp_path: Path
) -> None:
    path = save(photograph(STUDY), tmp_path / "in")
    with running(configuration, key) as node:
        send(node, path)
        wait_for(lambda: finished(node, 1))
        first = sorted(receiver.stored)
        send(node, path)
        late = save(photograph(STUDY, number=2), tmp_path / "in")
        send(node, late)
        wait_for(lambda: finished(node, 2))
    assert len(first) == len(set(first)) == 4
    assert len(receiver.stored) == len(set(receiver.stored)) == 8
    # The late instance followed up in the same new study, under the same pseudonym.
    received = [pydicom.dcmread(path) for path in receiver.folder.glob("*.dcm")]
    assert len({(image.StudyInstanceUID, image.PatientID) for image in received}) == 1
    assert len(manifest_entries(node)) == 2


def test_a_refused_twin_is_tried_again_with_another_persona(
    configuration: Configuration, key: SiteKey, receiver: Receiver, tmp_path: Path
) -> None:
    with running(configuration, key, MirroringTwinMaker(refusals=2)) as node:
        send(node, save(photograph(STUDY), tmp_path / "in"))
        wait_for(lambda: finished(node, 1))
    (entry,) = manifest_entries(node)
    assert (entry["outcome"], entry["attempts"]) == ("released", 3)
    assert len(receiver.stored) == 4


def test_a_name_on_the_wall_is_in_no_product_and_one_on_skin_is_held(
    configuration: Configuration, key: SiteKey, receiver: Receiver, tmp_path: Path
) -> None:
    """The forearm lies on a blue-grey wall; the name stands on the one in the first photograph, on the other then."""
    forearm = backdrop(np.random.default_rng(5), 256, 512)
    forearm[:, :256] = skin(256)
    on_wall, on_skin = forearm.copy(), forearm.copy()
    coverage = written("Quillfeather", 16, 0)
    letters = plant(on_wall, coverage, 110, (400, 128))
    plant(on_skin, coverage, -110, (128, 200))
    labelled = photograph(STUDY, rgb=on_wall)
    labelled.BurnedInAnnotation = "YES"
    with running(configuration, key) as node:
        send(node, *(save(image, tmp_path / "in") for image in (labelled, photograph(STUDY, number=2, rgb=on_skin))))
        wait_for(lambda: finished(node, 2))
    (entry,) = node.quarantine.entries()
    assert (entry.refusal.stage, entry.refusal.error) == ("clean", "TextOnSkin")
    (released,) = [entry for entry in manifest_entries(node) if entry["outcome"] == "released"]
    text = released["text"]
    assert isinstance(text, dict)
    assert (text["filled"] >= 1, text["left"]) == (True, 0)
    assert "Quillfeather" not in json.dumps(manifest_entries(node))
    images = [image for path in receiver.folder.glob("*.dcm") if (image := pydicom.dcmread(path)).Modality == "XC"]
    assert len(images) == 2
    first, second = (image.pixel_array[letters] for image in images)
    assert (first == second).all(), "the cover is the same in both twins"
    assert len(np.unique(first, axis=0)) == text["filled"] == len(text["boxes"]) == 1
    for image in images:
        assert image.BurnedInAnnotation == "NO"
        assert "113101" in {item.CodeValue for item in image.DeidentificationMethodCodeSequence}


def test_what_is_refused_is_quarantined_and_the_rest_goes_on(
    configuration: Configuration, key: SiteKey, receiver: Receiver, tmp_path: Path
) -> None:
    sixteen_bit = photograph(STUDY, number=3)
    sixteen_bit.BitsAllocated = sixteen_bit.BitsStored = 16
    tiny = photograph(STUDY, number=4, rgb=skin(1))
    paths = [save(image, tmp_path / "in") for image in (photograph(STUDY), sixteen_bit, tiny)]
    with running(configuration, key) as node:
        send(node, *paths)
        wait_for(lambda: finished(node, 3))
        assert node.ledger.counts() == {State.PURGED: 1, State.QUARANTINED: 2}
    entries = node.quarantine.entries()
    assert {entry.refusal.error for entry in entries} == {"UnsupportedObject", "UnusablePhotograph"}
    assert {entry.refusal.stage for entry in entries} == {"read"}
    for number, entry in enumerate(entries):
        node.quarantine.restore(entry.name, tmp_path / f"{number}.dcm")
    kept = {pydicom.dcmread(tmp_path / f"{number}.dcm").SOPInstanceUID for number in (0, 1)}
    assert kept == {sixteen_bit.SOPInstanceUID, tiny.SOPInstanceUID}
    assert all(entry.sealed for entry in entries)
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in node.quarantine.folder.glob("*/*"))
    assert len(receiver.stored) == 4


def test_other_bytes_under_the_same_uid_are_quarantined(
    configuration: Configuration, key: SiteKey, receiver: Receiver, tmp_path: Path
) -> None:
    first = photograph(STUDY)
    other = photograph(STUDY, number=5, uid=first.SOPInstanceUID)
    with running(configuration, key) as node:
        send(node, save(first, tmp_path / "in"))
        send(node, save(other, tmp_path / "other"))
        wait_for(lambda: finished(node, 2))
    (entry,) = node.quarantine.entries()
    assert entry.refusal.error == "Conflict"
    assert len(receiver.stored) == 4


def test_a_crash_in_the_gate_quarantines_without_quoting_anything(
    configuration: Configuration, key: SiteKey, receiver: Receiver, tmp_path: Path
) -> None:
    def crash(method: str, attempt: int) -> None:
        if method == "judge":
            raise ZeroDivisionError(fakes.PATIENT_NAME)

    with running(configuration, key, MirroringTwinMaker(on_call=crash)) as node:
        send(node, save(photograph(STUDY), tmp_path / "in"))
        wait_for(lambda: finished(node, 1))
    (entry,) = node.quarantine.entries()
    assert (entry.refusal.stage, entry.refusal.error) == ("gate", UNFORESEEN)
    assert "a number in it is out of range (ZeroDivisionError), at test_node.py:" in entry.refusal.reason
    assert fakes.PATIENT_NAME not in entry.refusal.reason
    assert receiver.stored == []


def test_delivery_waits_for_an_archive_that_is_down(
    configuration: Configuration, key: SiteKey, receiver: Receiver, tmp_path: Path
) -> None:
    port = receiver.port
    receiver.stop()
    patient = configuration.model_copy(
        update={"retries": configuration.retries.model_copy(update={"attempts": 20, "backoff": 1.0})}
    )
    seen = []
    node = Node(patient, key, MirroringTwinMaker(), on_step=lambda source, stage, seconds: seen.append(stage))
    node.start()
    try:
        send(node, save(photograph(STUDY), tmp_path / "in"))
        wait_for(lambda: "check" in seen)
        receiver.start(port)
        wait_for(lambda: finished(node, 1))
        assert node.ledger.counts() == {State.PURGED: 1}
    finally:
        node.stop()
    assert len(receiver.stored) == 4


def test_an_archive_that_never_answers_costs_no_instance_and_no_work(
    configuration: Configuration, key: SiteKey, receiver: Receiver, tmp_path: Path
) -> None:
    port = receiver.port
    receiver.stop()
    with running(configuration, key) as node:
        send(node, save(photograph(STUDY), tmp_path / "in"))
        wait_for(lambda: node.destinations.standing("archive").failures >= configuration.retries.attempts)
        assert node.ledger.counts() == {State.UNDELIVERED: 1}
        assert node.quarantine.entries() == []
        assert list(node.custody.jobs.iterdir()) == [], "its job is over"
    receiver.start(port)
    made: list[str] = []
    with running(configuration, key, MirroringTwinMaker(on_call=lambda method, attempt: made.append(method))) as node:
        wait_for(lambda: node.ledger.counts() == {State.PURGED: 1})
    assert made == [], "nothing is made again"
    assert len(receiver.stored) == len(set(receiver.stored)) == 4


def test_a_file_without_a_row_gets_one_at_start(
    configuration: Configuration, key: SiteKey, receiver: Receiver, tmp_path: Path
) -> None:
    with running(configuration, key, MirroringTwinMaker()) as node:
        node.dispatcher.stop()
        send(node, save(photograph(STUDY), tmp_path / "in"))
        assert node.ledger.counts() == {State.RECEIVED: 1}
    for database in configuration.state_folder.glob("twinveil.sqlite*"):
        database.unlink()
    with running(configuration, key) as node:
        wait_for(lambda: finished(node, 1))
    assert len(receiver.stored) == 4


def test_two_nodes_never_share_a_state_folder(configuration: Configuration, key: SiteKey) -> None:
    with running(configuration, key), pytest.raises(NodeBusy, match="another process"):
        Node(configuration, key, MirroringTwinMaker())


def test_what_the_archive_said_of_an_object_stands_in_the_manifest(
    configuration: Configuration, key: SiteKey, receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Data elements were coerced: what lies there is not all that was sent."""
    keep = receiver._store

    def coercing(event: Any) -> int:
        return keep(event) or 0xB000

    monkeypatch.setattr(receiver, "_store", coercing)
    port = receiver.port
    receiver.stop()
    receiver.start(port)
    with running(configuration, key) as node:
        send(node, save(photograph(STUDY), tmp_path / "in"))
        wait_for(lambda: finished(node, 1))
        (manifest,) = [json.loads(path.read_text()) for path in node.manifests.glob("*.json")]
    outputs = {output["sop_instance_uid"] for output in manifest["instances"][0]["outputs"]}
    assert {remark["sop_instance_uid"] for remark in manifest["remarks"]} == outputs
    assert {(remark["destination"], remark["remark"]) for remark in manifest["remarks"]} == {
        ("archive", "0xB000: Stored, but data elements were coerced")
    }
