"""The listener against real senders: pynetdicom's SCU, dcmtk's tools, and bare sockets that misbehave."""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pydicom
import pytest
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, JPEGBaseline8Bit, VLPhotographicImageStorage
from pynetdicom import AE
from pynetdicom.association import Association
from pynetdicom.pdu_primitives import A_ASSOCIATE
from pynetdicom.sop_class import Verification

from dicom_io.receiving import AllowedCaller, Listener, ListenerSettings, Spool, StoredInstance
from dicom_io.standard import Status
from tests.dicom_io.builders import minimal_header, photograph, rich_header, skin, write
from tests.dicom_io.conftest import SETTINGS, Node
from tests.peers import require_peer

CALLING_AE_TITLE_NOT_RECOGNISED = (1, 1, 3)
CALLED_AE_TITLE_NOT_RECOGNISED = (1, 1, 7)


def associate(
    port: int, *, title: str = "CAMERA", called: str = "TWINVEIL", sop_class: str | None = None
) -> Association:
    entity = AE(ae_title=title)
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = 60
    if sop_class is None:
        entity.add_requested_context(Verification)
        entity.add_requested_context(VLPhotographicImageStorage, ExplicitVRLittleEndian)
        entity.add_requested_context(VLPhotographicImageStorage, JPEGBaseline8Bit)
    else:
        entity.add_requested_context(sop_class)
    return entity.associate("127.0.0.1", port, ae_title=called)


def rejection(ask: Callable[[], Association]) -> tuple[int, int, int]:
    """What the listener says. On a busy machine pynetdicom's requestor now and then ends without having taken the
    answer that it was sent, rejection or not: it asks again then."""
    for _ in range(3):
        association = ask()
        answer = association.acceptor.primitive or association.dul.receive_pdu(wait=False)
        if isinstance(answer, A_ASSOCIATE):
            return answer.result, answer.result_source, answer.diagnostic
    raise AssertionError("three requests, and no answer")


def test_a_listed_caller_gets_an_echo(node: Node) -> None:
    association = associate(node.port)
    assert association.send_c_echo().Status == Status.SUCCESS
    association.release()


@pytest.mark.parametrize("title", ["STRANGER", "ELSEWHERE"], ids=["unknown title", "known title, wrong address"])
def test_an_unknown_caller_is_rejected_by_name(node: Node, title: str) -> None:
    assert rejection(lambda: associate(node.port, title=title)) == CALLING_AE_TITLE_NOT_RECOGNISED


def test_nobody_is_allowed_unless_named(spool: Spool) -> None:
    """An address that no caller has gets no answer at all: its connection is closed at once."""
    listener = Listener(ListenerSettings(ae_title="TWINVEIL", port=0), spool, lambda stored: None)
    listener.start()
    try:
        with socket.create_connection(("127.0.0.1", listener.port), timeout=5) as connection:
            assert connection.recv(16) == b""
    finally:
        listener.stop(1)


def test_a_caller_who_means_another_node_is_rejected(node: Node) -> None:
    assert rejection(lambda: associate(node.port, called="SOMEONE")) == CALLED_AE_TITLE_NOT_RECOGNISED


def test_a_photograph_is_on_disk_before_its_sender_hears_success(node: Node) -> None:
    dataset = photograph()
    association = associate(node.port)
    assert association.send_c_store(dataset).Status == Status.SUCCESS
    association.release()
    (stored,) = node.stored
    assert stored.sop_instance_uid == dataset.SOPInstanceUID
    assert stored.study_instance_uid == dataset.StudyInstanceUID
    assert (stored.calling_ae, stored.address) == ("CAMERA", "127.0.0.1")
    assert (stored.duplicate, stored.conflict) == (False, False)
    received = pydicom.dcmread(stored.path)
    assert received.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert received.PixelData == dataset.PixelData
    assert received == dataset
    assert list(node.spool.incoming.iterdir()) == []


def test_a_path_tells_nothing_of_the_patient(node: Node) -> None:
    dataset = photograph()
    association = associate(node.port)
    association.send_c_store(dataset)
    association.release()
    path = str(node.stored[0].path)
    assert dataset.SOPInstanceUID not in path
    assert dataset.StudyInstanceUID not in path


def test_the_same_again_is_success_and_other_bytes_under_the_same_uid_are_kept(node: Node) -> None:
    dataset = photograph()
    association = associate(node.port)
    assert association.send_c_store(dataset).Status == Status.SUCCESS
    assert association.send_c_store(dataset).Status == Status.SUCCESS
    dataset.PatientID = "ANOTHER"
    assert association.send_c_store(dataset).Status == Status.SUCCESS
    association.release()
    first, again, other = node.stored
    assert (again.duplicate, again.conflict) == (True, False)
    assert again.path == first.path
    assert (other.duplicate, other.conflict) == (False, True)
    assert other.path != first.path
    assert pydicom.dcmread(first.path).PatientID == "MRN-4471190"
    assert pydicom.dcmread(other.path).PatientID == "ANOTHER"
    assert len(list(node.spool.studies.rglob("*.dcm"))) == 1


def listener_beside(first: Listener, spool: Spool) -> Listener:
    """Another one at the sockets of ``first``, as another process has it."""
    settings = replace(SETTINGS, port=first.port, shared=True, opened=first.descriptors)
    return Listener(settings, spool, lambda stored: None)


def test_one_socket_is_shared_and_its_port_is_nobody_elses(spool: Spool) -> None:
    first = Listener(replace(SETTINGS, shared=True), spool, lambda stored: None)
    first.start()
    beside = listener_beside(first, spool)
    beside.start()
    try:
        assert beside.port == first.port
        for shared in (False, True):
            with pytest.raises(OSError, match="in use"):
                Listener(replace(SETTINGS, port=first.port, shared=shared), spool, lambda stored: None).start()
        beside.stop(0)
        association = associate(first.port)
        assert association.send_c_echo().Status == Status.SUCCESS
        association.release()
    finally:
        first.stop(0)


def test_of_those_who_share_a_socket_each_serves_as_many(spool: Spool) -> None:
    served: Counter[str] = Counter()

    def counting(name: str) -> Callable[[StoredInstance], None]:
        return lambda stored: served.update([name])

    first = Listener(replace(SETTINGS, shared=True), spool, counting("first"))
    first.start()
    settings = replace(SETTINGS, port=first.port, shared=True, opened=first.descriptors)
    beside = Listener(settings, spool, counting("beside"))
    beside.start()
    try:
        associations = [associate(first.port) for _ in range(8)]
        for association in associations:
            assert association.send_c_store(photograph()).Status == Status.SUCCESS
            association.release()
    finally:
        beside.stop(0)
        first.stop(0)
    assert served["first"] + served["beside"] == 8
    assert abs(served["first"] - served["beside"]) <= 2


def test_a_ct_is_refused_at_negotiation_and_the_node_goes_on(node: Node) -> None:
    refused = associate(node.port, sop_class=CTImageStorage)
    assert [context.abstract_syntax for context in refused.rejected_contexts] == [CTImageStorage]
    assert refused.accepted_contexts == []
    association = associate(node.port)
    assert association.send_c_echo().Status == Status.SUCCESS
    association.release()


def test_a_failing_job_row_is_a_failure_for_the_sender_and_success_when_sent_again(spool: Spool) -> None:
    outcomes: list[StoredInstance] = []

    def record(stored: StoredInstance) -> None:
        outcomes.append(stored)
        if len(outcomes) == 1:
            raise OSError("database is locked")

    listener = Listener(SETTINGS, spool, record)
    listener.start()
    try:
        dataset = photograph()
        association = associate(listener.port)
        assert association.send_c_store(dataset).Status == Status.PROCESSING_FAILURE
        assert association.send_c_store(dataset).Status == Status.SUCCESS
        association.release()
    finally:
        listener.stop(1)
    assert [stored.duplicate for stored in outcomes] == [False, True]


def test_an_instance_beyond_the_limit_is_refused_and_leaves_nothing(spool: Spool) -> None:
    limits = replace(SETTINGS.limits, max_instance_bytes=1 << 20)
    listener = Listener(replace(SETTINGS, limits=limits), spool, lambda stored: None)
    listener.start()
    try:
        association = associate(listener.port)
        assert association.send_c_store(photograph(rgb=skin(600, 600))).Status == Status.OUT_OF_RESOURCES
        assert list(spool.incoming.iterdir()) == []
        assert association.send_c_store(photograph()).Status == Status.SUCCESS
        association.release()
    finally:
        listener.stop(1)


def test_a_full_disk_is_out_of_resources_and_leaves_nothing(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("a tmpfs cannot be mounted here")
    listener: Listener | None = None
    try:
        spool = Spool(disk / "spool", min_free_bytes=0)
        stored: list[StoredInstance] = []
        listener = Listener(SETTINGS, spool, stored.append)
        listener.start()
        association = associate(listener.port)
        assert association.send_c_store(photograph(rgb=skin(800, 800))).Status == Status.OUT_OF_RESOURCES
        assert list(spool.incoming.iterdir()) == []
        assert list(spool.studies.rglob("*.dcm")) == []
        assert association.send_c_store(photograph()).Status == Status.SUCCESS
        association.release()
        assert len(stored) == 1
    finally:
        if listener is not None:
            listener.stop(1)
        subprocess.run(["umount", disk], check=True)


def test_too_little_free_space_is_out_of_resources(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", min_free_bytes=1 << 60)
    listener = Listener(SETTINGS, spool, lambda stored: None)
    listener.start()
    try:
        association = associate(listener.port)
        assert association.send_c_store(photograph()).Status == Status.OUT_OF_RESOURCES
        association.release()
    finally:
        listener.stop(1)


def test_a_damaged_data_set_is_kept_and_the_association_goes_on(node: Node, tmp_path: Path) -> None:
    """What arrived whole is never lost: the job that reads it will say what is wrong with it."""
    storescu = require_peer("storescu")
    whole = write(photograph(minimal_header()), tmp_path / "whole.dcm")
    association = associate(node.port)
    dataset = photograph(rich_header())
    dataset.PixelData = dataset.PixelData[:100]
    assert association.send_c_store(dataset).Status == Status.SUCCESS
    association.release()
    sent = subprocess.run(
        [storescu, "-aet", "CAMERA", "-aec", "TWINVEIL", "127.0.0.1", str(node.port), whole],
        capture_output=True, text=True,
    )  # fmt: skip
    assert sent.returncode == 0, sent.stderr
    assert len(node.stored) == 2


@pytest.mark.peers
def test_dcmtk_gets_its_echo_and_stores(node: Node, tmp_path: Path) -> None:
    storescu, echoscu = require_peer("storescu"), require_peer("echoscu")
    peer = ["-aet", "CAMERA", "-aec", "TWINVEIL", "127.0.0.1", str(node.port)]
    assert subprocess.run([echoscu, *peer]).returncode == 0
    plain = write(photograph(), tmp_path / "plain.dcm")
    jpeg = write(photograph(rich_header(), transfer_syntax=JPEGBaseline8Bit), tmp_path / "jpeg.dcm")
    assert subprocess.run([storescu, *peer, plain]).returncode == 0
    assert subprocess.run([storescu, "-xy", *peer, jpeg]).returncode == 0
    assert [pydicom.dcmread(stored.path).file_meta.TransferSyntaxUID for stored in node.stored] == [
        ExplicitVRLittleEndian,
        JPEGBaseline8Bit,
    ]
    assert pydicom.dcmread(node.stored[1].path).PixelData == pydicom.dcmread(jpeg).PixelData


@pytest.mark.peers
def test_dcmtk_as_a_stranger_is_refused(node: Node) -> None:
    echoscu = require_peer("echoscu")
    refused = subprocess.run(
        [echoscu, "-aet", "STRANGER", "-aec", "TWINVEIL", "127.0.0.1", str(node.port)], capture_output=True, text=True
    )
    assert refused.returncode != 0
    assert "Calling AE Title Not Recognized" in refused.stdout + refused.stderr


def test_silent_peers_do_not_hold_up_others(node: Node) -> None:
    silent = [socket.create_connection(("127.0.0.1", node.port)) for _ in range(5)]
    try:
        started = time.monotonic()
        association = associate(node.port)
        assert association.send_c_echo().Status == Status.SUCCESS
        association.release()
        assert time.monotonic() - started < 10, "five silent peers one after the other would take fifteen seconds"
        for connection in silent:
            connection.settimeout(20)
            assert connection.recv(16) == b"", "a peer that asks for nothing is shown the door"
    finally:
        for connection in silent:
            connection.close()


@pytest.mark.parametrize(
    "head",
    [b"\x01\x00\x00\x00\x01\x00" + b"\x00" * 10, b"\x01\x00\xff\xff\xff\xff", b"GET / HTTP/1.1\r\n\r\n"],
    ids=["a PDU that never ends", "a PDU of four gigabytes", "not DICOM"],
)
def test_a_bad_pdu_ends_its_connection_and_nothing_else(node: Node, head: bytes) -> None:
    with socket.create_connection(("127.0.0.1", node.port)) as connection:
        connection.sendall(head)
        connection.settimeout(20)
        while connection.recv(4096):
            pass  # at most an A-ABORT, then the end
    association = associate(node.port)
    assert association.send_c_echo().Status == Status.SUCCESS
    association.release()


def test_a_sender_cut_off_in_the_middle_leaves_nothing(node: Node) -> None:
    association = associate(node.port)
    large = photograph(rgb=skin(1400, 1400))
    sending = threading.Thread(target=lambda: association.send_c_store(large), daemon=True)
    sending.start()
    deadline = time.monotonic() + 15
    while not list(node.spool.incoming.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.001)
    assert association.dul.socket is not None
    connection = association.dul.socket.socket
    assert connection is not None
    connection.shutdown(socket.SHUT_RDWR)
    sending.join(10)
    deadline = time.monotonic() + 15
    while list(node.spool.incoming.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert list(node.spool.incoming.iterdir()) == []
    assert node.stored == []


def test_one_address_gets_only_its_share(spool: Spool) -> None:
    settings = ListenerSettings(
        ae_title="TWINVEIL",
        port=0,
        allowed=(AllowedCaller("CAMERA", "127.0.0.1"),),
        limits=replace(SETTINGS.limits, max_associations_per_address=2),
    )
    listener = Listener(settings, spool, lambda stored: None)
    listener.start()
    try:
        open_ones = [associate(listener.port) for _ in range(2)]
        assert rejection(lambda: associate(listener.port)) == (2, 3, 2)
        open_ones.pop().release()
        time.sleep(0.2)
        open_ones.append(associate(listener.port))
        assert open_ones[-1].is_established
        for association in open_ones:
            association.release()
    finally:
        listener.stop(1)
