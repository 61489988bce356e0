"""A node that is killed between a request for commitment and its report, whoever of the two asked: nothing is lost."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydicom import Dataset
from pydicom.uid import SegmentationStorage, VLPhotographicImageStorage
from pynetdicom import AE, ALL_TRANSFER_SYNTAXES, evt

from dicom_io.commitment import (
    PUSH_MODEL,
    WELL_KNOWN_INSTANCE,
    CommitmentReport,
    Reference,
    action_information,
    new_request,
)
from dicom_io.sending import Destination, report_commitment
from dicom_io.standard import PHOTOGRAPH_CLASSES
from plugin.commands.demo_archive import Receiver
from plugin.ledger import State
from tests.crash.test_kill import STUDY, Bench, wait_for
from tests.peers.processes import free_port
from tests.plugin.fakes import photograph, save


@contextmanager
def taking_reports(port: int) -> Iterator[list[Dataset]]:
    """The sender's own port, where it takes reports."""
    reports: list[Dataset] = []

    def on_report(event: evt.Event) -> tuple[int, None]:
        reports.append(event.event_information)
        return 0, None

    entity = AE(ae_title="CAMERA")
    entity.add_supported_context(PUSH_MODEL, scu_role=True, scp_role=True)
    server = entity.start_server(
        ("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_N_EVENT_REPORT, on_report)]
    )
    try:
        yield reports
    finally:
        server.shutdown()
        server.server_close()


def ask(port: int, *uids: str) -> str:
    """The sender asks the node to answer for ``uids``; the Transaction UID."""
    request = new_request([Reference(VLPhotographicImageStorage, uid) for uid in uids])
    entity = AE(ae_title="CAMERA")
    entity.add_requested_context(PUSH_MODEL)
    association = entity.associate("127.0.0.1", port, ae_title="TWINVEIL")
    status, _ = association.send_n_action(action_information(request), 1, PUSH_MODEL, WELL_KNOWN_INSTANCE)
    association.release()
    assert status.Status == 0
    return request.transaction_uid


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    archive = Receiver(tmp_path / "archive")
    archive.start()
    yield archive
    archive.stop()


def test_the_report_comes_from_the_next_process(receiver: Receiver, tmp_path: Path) -> None:
    bench = Bench(tmp_path, receiver)
    back = free_port()
    settings = tmp_path / "twinveil.toml"
    address = f'network = "127.0.0.1"\nhost = "127.0.0.1"\nport = {back}\n'
    settings.write_text(settings.read_text().replace('network = "127.0.0.1"\n', address))
    sent, never = photograph(STUDY), photograph(STUDY, number=2)
    with bench.worker() as (process, port):
        bench.send(port, save(sent, tmp_path / "in"))
        transaction = ask(port, sent.SOPInstanceUID, never.SOPInstanceUID)
        process.send_signal(signal.SIGKILL)
        process.wait()
    left = b"".join(path.read_bytes() for path in bench.state.rglob("*") if path.is_file() and path.suffix != ".dcm")
    for uid in (sent.SOPInstanceUID, never.SOPInstanceUID, transaction):
        assert uid.encode() not in left
    with taking_reports(back) as reports, bench.worker():
        wait_for(lambda: bool(reports), "the report")
        (report,) = reports
    assert report.TransactionUID == transaction
    assert [item.ReferencedSOPInstanceUID for item in report.ReferencedSOPSequence] == [sent.SOPInstanceUID]
    (failed,) = report.FailedSOPSequence
    assert (failed.ReferencedSOPInstanceUID, failed.FailureReason) == (never.SOPInstanceUID, 0x0112)


@contextmanager
def an_archive_that_is_asked(port: int) -> Iterator[list[Dataset]]:
    """It stores everything and takes every question about it, and says nothing."""
    questions: list[Dataset] = []

    def on_action(event: evt.Event) -> tuple[int, None]:
        questions.append(event.action_information)
        return 0, None

    entity = AE(ae_title="ARCHIVE")
    entity.add_supported_context(PUSH_MODEL)
    for sop_class in (*PHOTOGRAPH_CLASSES, SegmentationStorage):
        entity.add_supported_context(sop_class, ALL_TRANSFER_SYNTAXES)
    handlers = [(evt.EVT_N_ACTION, on_action), (evt.EVT_C_STORE, lambda event: 0)]
    server = entity.start_server(("127.0.0.1", port), block=False, evt_handlers=handlers)
    try:
        yield questions
    finally:
        server.shutdown()
        server.server_close()


def test_a_source_waits_through_a_kill_until_the_archive_answers_for_its_twins(
    receiver: Receiver, tmp_path: Path
) -> None:
    """The report comes to the next process, which has not asked, on an association of the archive's own."""
    bench = Bench(tmp_path, receiver)
    port = receiver.port
    receiver.stop()
    settings = tmp_path / "twinveil.toml"
    caller = '[[callers]]\nae_title = "ARCHIVE"\nnetwork = "127.0.0.1"\n'
    settings.write_text(settings.read_text().replace("[study]", f"commitment = true\n{caller}[study]"))
    with an_archive_that_is_asked(port) as questions:
        with bench.worker() as (process, node):
            bench.send(node, save(photograph(STUDY), tmp_path / "in"))
            wait_for(lambda: bool(questions), "a question")
            process.send_signal(signal.SIGKILL)
            process.wait()
        assert bench.states() == {State.UNDELIVERED: 1}
        with bench.worker() as (_, node):
            (question,) = questions
            references = [
                Reference(item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID)
                for item in question.ReferencedSOPSequence
            ]
            assert len(references) == 4
            report = CommitmentReport(question.TransactionUID, tuple(references))
            report_commitment(report, Destination("node", "127.0.0.1", node, "TWINVEIL", calling_ae_title="ARCHIVE"))
            wait_for(lambda: bench.states() == {State.PURGED: 1}, "its purge")
        assert len(questions) == 1, "it is not asked again what it was asked before"
    receiver.start()
