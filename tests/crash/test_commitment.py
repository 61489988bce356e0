"""A node that is killed between a request for commitment and its report: the report still comes."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydicom import Dataset
from pydicom.uid import VLPhotographicImageStorage
from pynetdicom import AE, evt

from dicom_io.commitment import PUSH_MODEL, WELL_KNOWN_INSTANCE, Reference, action_information, new_request
from plugin.commands.demo_archive import Receiver
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
