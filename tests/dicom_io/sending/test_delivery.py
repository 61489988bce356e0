"""Delivery to real Storage SCPs: one of pynetdicom's that answers what the test wants, and dcmtk's storescp."""

from __future__ import annotations

import gc
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom import Dataset
from pydicom.pixels import pixel_array
from pydicom.uid import (
    UID,
    CTImageStorage,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    SegmentationStorage,
    VLPhotographicImageStorage,
)
from pynetdicom import AE, ALL_TRANSFER_SYNTAXES, evt
from pynetdicom.sop_class import Verification

from dicom_io.errors import DeliveryFailed
from dicom_io.sending import Destination, Kind, Negotiated, StoredObject, deliver, echo, negotiate
from dicom_io.sending.transcoding import UNCOMPRESSED
from dicom_io.standard import PHOTOGRAPH_CLASSES
from tests.dicom_io.builders import clean_header, write
from tests.dicom_io.writing.test_derived import derive, errors_of_dciodvfy
from tests.dicom_io.writing.test_segmentation import segment
from tests.peers import require_peer
from tests.peers.processes import patience


@dataclass
class Archive:
    """A destination that answers with ``statuses``, one after the other, then with Success."""

    destination: Destination
    statuses: list[Any] = field(default_factory=list)
    received: list[tuple[str, UID]] = field(default_factory=list)
    datasets: list[Dataset] = field(default_factory=list)
    proposed: list[tuple[str, list[UID]]] = field(default_factory=list)


@contextmanager
def running(
    statuses: list[Any], *sop_classes: str, called: bool = False, syntaxes: Sequence[str] = ALL_TRANSFER_SYNTAXES
) -> Iterator[Archive]:
    archive = Archive(Destination("archive", "127.0.0.1", 0, "ARCHIVE"), statuses)

    def store(event: evt.Event) -> Any:
        archive.received.append((event.request.AffectedSOPInstanceUID, event.context.transfer_syntax))
        event.dataset.file_meta = event.file_meta
        archive.datasets.append(event.dataset)
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
        entity.add_supported_context(sop_class, list(syntaxes))
    server = entity.start_server(
        ("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, store), (evt.EVT_REQUESTED, requested)]
    )
    assert server is not None
    archive.destination = Destination(
        "archive", "127.0.0.1", server.server_address[1], "ARCHIVE", acse_timeout=patience(), dimse_timeout=patience()
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


def test_each_transfer_syntax_is_proposed_by_itself_and_its_own_is_taken_where_it_may(paths: list[Path]) -> None:
    with running([]) as archive:
        assert deliver(paths, archive.destination) == ()
        assert [syntax for _, syntax in archive.received] == [JPEG2000Lossless, *[ExplicitVRLittleEndian] * 2]
        assert all(len(syntaxes) == 1 for _, syntaxes in archive.proposed)
        assert {(sop_class, syntax) for sop_class, (syntax,) in archive.proposed} == {
            *((VLPhotographicImageStorage, syntax) for syntax in (JPEG2000Lossless, *UNCOMPRESSED)),
            *((SegmentationStorage, syntax) for syntax in UNCOMPRESSED),
        }


@pytest.mark.parametrize("accepted", UNCOMPRESSED, ids=lambda uid: uid.name)
@pytest.mark.parametrize("lossless", [True, False], ids=["JPEG 2000", "JPEG"])
def test_what_a_destination_takes_is_what_it_gets_and_nothing_is_lost(
    tmp_path: Path, accepted: UID, lossless: bool
) -> None:
    image = derive(clean_header(), lossless=lossless)
    paths = [write(dataset, tmp_path / f"{number}.dcm") for number, dataset in enumerate((image, *segment(image)))]
    before = [path.read_bytes() for path in paths]
    with running([], syntaxes=[accepted]) as archive:
        assert deliver(paths, archive.destination) == ()
    assert [syntax for _, syntax in archive.received] == [accepted] * 3
    assert [path.read_bytes() for path in paths] == before, "what lies on disk is left as it is"
    for path, arrived in zip(paths, archive.datasets, strict=True):
        sent = pydicom.dcmread(path)
        assert arrived.SOPInstanceUID == sent.SOPInstanceUID
        assert np.array_equal(pixel_array(arrived), pixel_array(sent))
        changed = {"PixelData", "PhotometricInterpretation"}
        kept = [element.keyword for element in sent if element.keyword not in changed]
        assert kept == [element.keyword for element in arrived if element.keyword not in changed]
        assert all(arrived[keyword] == sent[keyword] for keyword in kept)


@pytest.mark.peers
@pytest.mark.parametrize("lossless", [True, False], ids=["JPEG 2000", "JPEG"])
def test_a_validator_finds_no_error_in_what_was_decompressed_on_the_way(tmp_path: Path, lossless: bool) -> None:
    image = derive(clean_header(), lossless=lossless)
    with running([], syntaxes=UNCOMPRESSED) as archive:
        deliver([write(image, tmp_path / "image.dcm")], archive.destination)
    assert errors_of_dciodvfy(write(archive.datasets[0], tmp_path / "arrived.dcm")) == []


def test_a_destination_that_takes_both_gets_the_smaller_one_as_it_is(paths: list[Path]) -> None:
    with running([], syntaxes=[ImplicitVRLittleEndian, JPEG2000Lossless]) as archive:
        deliver(paths, archive.destination)
    assert [syntax for _, syntax in archive.received] == [JPEG2000Lossless, *[ImplicitVRLittleEndian] * 2]


def test_nothing_to_deliver_opens_no_association() -> None:
    assert deliver([], Destination("nowhere", "127.0.0.1", 1, "NOBODY")) == ()


def test_an_echo_is_answered() -> None:
    with running([]) as archive:
        echo(archive.destination)


@pytest.mark.parametrize(("status", "retryable"), [(0xA700, True), (0xC000, False), (0xA900, False), (0x0122, False)])
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


@pytest.mark.parametrize("status", [0xB000, 0xB006, 0xB007, 0x0107, 0x0116])
def test_the_kin_of_a_warning_count_as_stored_and_say_what_it_was(paths: list[Path], status: int) -> None:
    with running([status]) as archive:
        (warning,) = deliver(paths, archive.destination)
    assert warning.status == status
    assert len(warning.meaning.split()) >= 3


def test_a_duplicate_counts_as_stored_where_it_was_sent_before_and_nowhere_else(paths: list[Path]) -> None:
    told: list[StoredObject] = []
    with running([]) as archive:
        deliver(paths[:2], archive.destination, on_stored=told.append)
        ours = {stored.sop_instance_uid for stored in told}
        assert [stored.path for stored in told] == paths[:2]
        archive.statuses[:] = [0x0111, 0x0111, 0x0000]
        first, second = deliver(paths, archive.destination, sent_before=ours, on_stored=told.append)
        assert {first.sop_instance_uid, second.sop_instance_uid} == ours
        assert first.meaning == "it was there already, from an earlier try"
        assert [stored.path for stored in told[2:]] == paths
        archive.statuses[:] = [0x0000, 0x0111]
        with pytest.raises(DeliveryFailed, match=r"0x0111.*did not send") as failed:
            deliver(paths, archive.destination)
    assert not failed.value.retryable


def test_an_answer_without_a_status_is_no_success(paths: list[Path]) -> None:
    with running([0x0000, "abort"]) as archive, pytest.raises(DeliveryFailed) as failed:
        deliver(paths, archive.destination)
    assert failed.value.retryable


def test_a_kind_of_object_that_is_not_taken_there_is_named(paths: list[Path]) -> None:
    with running([], VLPhotographicImageStorage) as archive:
        with pytest.raises(DeliveryFailed, match=r"does not take Segmentation Storage .*allow it there") as failed:
            deliver(paths, archive.destination)
        assert archive.received == [], "half of a photograph's results is of no use"
    assert not failed.value.retryable


def test_a_destination_that_takes_nothing_of_it_is_not_taken_for_one_that_is_down(paths: list[Path]) -> None:
    with running([], CTImageStorage) as archive, pytest.raises(DeliveryFailed, match="nothing was sent") as failed:
        deliver(paths, archive.destination)
    assert not failed.value.retryable


def test_asked_beforehand_a_destination_says_what_it_would_refuse() -> None:
    twin = Kind(VLPhotographicImageStorage, JPEG2000Lossless)
    mask = Kind(SegmentationStorage, ExplicitVRLittleEndian)
    with running([], VLPhotographicImageStorage, syntaxes=[ExplicitVRLittleEndian]) as archive:
        negotiated = negotiate(archive.destination, [twin, mask])
        assert negotiated == Negotiated({twin: ExplicitVRLittleEndian}, (mask,), verification=True)
        assert archive.received == []


def test_a_damaged_file_is_named_in_words(paths: list[Path]) -> None:
    content = paths[0].read_bytes()
    paths[0].write_bytes(content[: len(content) - 1000])
    with (
        running([], syntaxes=[ExplicitVRLittleEndian]) as archive,
        pytest.raises(DeliveryFailed, match=r"0\.dcm cannot be sent in Explicit VR Little Endian: \w+ \w+") as failed,
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


def test_a_peer_that_hangs_up_before_it_answers_leaves_no_socket_behind(paths: list[Path]) -> None:
    """What the garbage collector finds unclosed is a warning, and warnings are errors."""
    with socket.create_server(("127.0.0.1", 0)) as door:

        def hang_up() -> None:
            connection, _ = door.accept()
            connection.recv(1)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset, as of a kill
            connection.close()

        peer = threading.Thread(target=hang_up)
        peer.start()
        with pytest.raises(DeliveryFailed, match="is it running") as failed:
            deliver(paths, Destination("archive", "127.0.0.1", door.getsockname()[1], "ARCHIVE"))
        peer.join()
    assert failed.value.retryable
    del failed
    gc.collect()


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
@pytest.mark.parametrize("sop_class", PHOTOGRAPH_CLASSES, ids=lambda uid: uid.name)
@pytest.mark.parametrize("settings", [[], ["+xa"], ["+xi"], ["+x="]], ids=["default", "all", "implicit", "native"])
def test_dcmtk_receives_all_that_was_sent_however_it_is_set_up(
    tmp_path: Path, sop_class: UID, settings: list[str]
) -> None:
    storescp = require_peer("storescp")
    image = derive(clean_header(sop_class))
    paths = [write(dataset, tmp_path / f"{number}.dcm") for number, dataset in enumerate((image, *segment(image)))]
    folder = tmp_path / "received"
    folder.mkdir()
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    with subprocess.Popen([storescp, *settings, "-od", folder, str(port)]) as server:
        try:
            destination = Destination("dcmtk", "127.0.0.1", port, "STORESCP")
            while True:
                try:
                    echo(destination)
                    break
                except DeliveryFailed:
                    assert server.poll() is None
                    time.sleep(0.1)
            deliver(paths, destination)
        finally:
            server.terminate()
    arrived = {str(dataset.SOPInstanceUID): dataset for dataset in map(pydicom.dcmread, folder.iterdir())}
    sent = [pydicom.dcmread(path) for path in paths]
    assert arrived.keys() == {str(dataset.SOPInstanceUID) for dataset in sent}
    for dataset in sent:
        assert np.array_equal(pixel_array(arrived[str(dataset.SOPInstanceUID)]), pixel_array(dataset))
