"""Delivery to real Storage SCPs: one of pynetdicom's that answers what the test wants, and dcmtk's storescp."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset
from pydicom.uid import UID, JPEG2000Lossless, SegmentationStorage, VLPhotographicImageStorage
from pynetdicom import AE, ALL_TRANSFER_SYNTAXES, evt
from pynetdicom.sop_class import Verification

from dicom_io.errors import DeliveryFailed
from dicom_io.sending import Destination, deliver, echo
from tests.dicom_io.builders import clean_header, write
from tests.dicom_io.writing.test_derived import derive
from tests.dicom_io.writing.test_segmentation import segment
from tests.peers import require_peer


@dataclass
class Archive:
    """A destination that answers with ``statuses``, one after the other, then with Success."""

    destination: Destination
    statuses: list[Any] = field(default_factory=list)
    received: list[tuple[str, UID]] = field(default_factory=list)
    proposed: list[tuple[str, list[UID]]] = field(default_factory=list)


@contextmanager
def running(statuses: list[Any], *sop_classes: str, called: bool = False) -> Iterator[Archive]:
    archive = Archive(Destination("archive", "127.0.0.1", 0, "ARCHIVE"), statuses)

    def store(event: evt.Event) -> Any:
        archive.received.append((event.request.AffectedSOPInstanceUID, event.context.transfer_syntax))
        status = archive.statuses.pop(0) if archive.statuses else 0x0000
        if status == "abort":
            event.assoc.abort()
            return 0x0000
        return status

    def requested(event: evt.Event) -> None:
        for context in event.assoc.requestor.primitive.presentation_context_definition_list:
            archive.proposed.append((context.abstract_syntax, context.transfer_syntax))

    entity = AE(ae_title="ARCHIVE")
    entity.require_called_aet = called
    entity.add_supported_context(Verification)
    for sop_class in sop_classes or (VLPhotographicImageStorage, SegmentationStorage):
        entity.add_supported_context(sop_class, ALL_TRANSFER_SYNTAXES)
    server = entity.start_server(
        ("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, store), (evt.EVT_REQUESTED, requested)]
    )
    assert server is not None
    archive.destination = Destination(
        "archive", "127.0.0.1", server.server_address[1], "ARCHIVE", acse_timeout=5, dimse_timeout=5
    )
    try:
        yield archive
    finally:
        server.shutdown()


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    """A sick twin and its two segmentations."""
    image = derive(clean_header())
    objects: list[Dataset] = [image, *segment(image)]
    return [write(dataset, tmp_path / f"{number}.dcm") for number, dataset in enumerate(objects)]


def test_everything_arrives_in_its_own_transfer_syntax_and_only_that_is_proposed(paths: list[Path]) -> None:
    with running([]) as archive:
        assert deliver(paths, archive.destination) == ()
        assert len(archive.received) == 3
        assert archive.received[0][1] == JPEG2000Lossless
        assert {(sop_class, len(syntaxes)) for sop_class, syntaxes in archive.proposed} == {
            (VLPhotographicImageStorage, 1),
            (SegmentationStorage, 1),
        }


def test_nothing_to_deliver_opens_no_association() -> None:
    assert deliver([], Destination("nowhere", "127.0.0.1", 1, "NOBODY")) == ()


def test_an_echo_is_answered() -> None:
    with running([]) as archive:
        echo(archive.destination)


@pytest.mark.parametrize(
    ("status", "retryable"), [(0xA700, True), (0xC000, False), (0xA900, False), (0x0122, False)]
)
def test_a_failure_status_is_a_failure(paths: list[Path], status: int, retryable: bool) -> None:
    with running([0x0000, status]) as archive, pytest.raises(DeliveryFailed, match=f"0x{status:04X}") as failed:
        deliver(paths, archive.destination)
    assert failed.value.retryable == retryable
    assert failed.value.destination == "archive"


def test_a_warning_is_stored_and_reported(paths: list[Path]) -> None:
    with running([0x0000, 0xB000]) as archive:
        (warning,) = deliver(paths, archive.destination)
        assert warning.status == 0xB000
        assert warning.sop_instance_uid == archive.received[1][0]
        assert len(archive.received) == 3


def test_an_answer_without_a_status_is_no_success(paths: list[Path]) -> None:
    with running([0x0000, "abort"]) as archive, pytest.raises(DeliveryFailed) as failed:
        deliver(paths, archive.destination)
    assert failed.value.retryable


def test_a_kind_of_object_that_is_not_taken_there_is_named(paths: list[Path]) -> None:
    with (
        running([], VLPhotographicImageStorage) as archive,
        pytest.raises(DeliveryFailed, match="Segmentation Storage") as failed,
    ):
        deliver(paths, archive.destination)
    assert not failed.value.retryable


def test_nobody_at_the_door_may_be_tried_again(paths: list[Path]) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    with pytest.raises(DeliveryFailed, match="is it running") as failed:
        deliver(paths, Destination("archive", "127.0.0.1", port, "ARCHIVE"))
    assert failed.value.retryable


def test_a_rejection_says_why(paths: list[Path]) -> None:
    with running([], called=True) as archive:
        wrong = Destination("archive", "127.0.0.1", archive.destination.port, "SOMEONE")
        with pytest.raises(DeliveryFailed, match="rejected: Called AE title not recognised") as failed:
            deliver(paths, wrong)
    assert not failed.value.retryable


def test_a_file_that_is_no_dicom_is_named(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("nothing")
    with pytest.raises(DeliveryFailed, match=r"notes\.txt"):
        deliver([path], Destination("archive", "127.0.0.1", 1, "ARCHIVE"))


@pytest.mark.peers
def test_dcmtk_receives_what_was_sent(paths: list[Path], tmp_path: Path) -> None:
    storescp = require_peer("storescp")
    folder = tmp_path / "received"
    folder.mkdir()
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    with subprocess.Popen([storescp, "+xa", "-od", folder, str(port)]) as server:
        try:
            destination = Destination("dcmtk", "127.0.0.1", port, "STORESCP")
            deadline = time.monotonic() + 10
            while True:
                try:
                    echo(destination)
                    break
                except DeliveryFailed:
                    assert time.monotonic() < deadline
                    time.sleep(0.1)
            deliver(paths, destination)
        finally:
            server.terminate()
    assert len(list(folder.iterdir())) == 3
