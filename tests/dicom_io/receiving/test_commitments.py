"""Storage Commitment on the port, with another implementation's SCU and SCP, and with peers that do not play by it."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset
from pydicom.uid import VLPhotographicImageStorage
from pynetdicom import AE, evt
from pynetdicom.association import Association

from dicom_io.commitment import (
    PUSH_MODEL,
    WELL_KNOWN_INSTANCE,
    CommitmentReport,
    CommitmentRequest,
    Failure,
    Reference,
    action_information,
    event_information,
    new_request,
)
from dicom_io.errors import DeliveryFailed, SpoolFull
from dicom_io.receiving import Listener, ReportHere, Spool, TlsSettings
from dicom_io.sending import Destination, echo, report_commitment
from dicom_io.standard import Status
from tests.certificates import Authority
from tests.dicom_io.builders import photograph
from tests.dicom_io.conftest import SETTINGS
from tests.dicom_io.receiving.test_listener import associate

KNOWN = Reference(VLPhotographicImageStorage, "1.2.826.0.1.3680043.8.498.31")
UNKNOWN = Reference(VLPhotographicImageStorage, "1.2.826.0.1.3680043.8.498.32")
REQUEST = new_request([KNOWN, UNKNOWN])
REPORT = CommitmentReport(REQUEST.transaction_uid, (KNOWN,), (Failure(UNKNOWN, 0x0112),))


@dataclass
class Handler:
    """Does as it is told and remembers what it was asked. ``here``: whether reports go out where they were asked."""

    here: bool = False
    error: Exception | None = None
    requests: list[tuple[CommitmentRequest, str]] = field(default_factory=list)
    reports: list[CommitmentReport] = field(default_factory=list)
    made: threading.Event = field(default_factory=threading.Event)

    def asked(self, request: CommitmentRequest, calling_ae: str) -> ReportHere | None:
        if self.error is not None:
            raise self.error
        self.requests.append((request, calling_ae))
        return ReportHere(REPORT, self.made.set) if self.here else None

    def told(self, report: CommitmentReport) -> bool:
        self.reports.append(report)
        return report.transaction_uid == REQUEST.transaction_uid


@pytest.fixture
def handler() -> Handler:
    return Handler()


@pytest.fixture
def port(spool: Spool, handler: Handler) -> Iterator[int]:
    settings = replace(SETTINGS, limits=replace(SETTINGS.limits, max_commitment_bytes=20_000))
    listener = Listener(settings, spool, lambda stored: None, handler)
    listener.start()
    yield listener.port
    listener.stop(60)


OPENED: list[Any] = []
"""Connections that a test opened. pynetdicom leaves those to the garbage collector that the other side ended first."""


@pytest.fixture(autouse=True)
def closing() -> Iterator[None]:
    yield
    for connection in OPENED:
        connection.close()
    OPENED.clear()


def asking(
    port: int, on_report: Callable[[evt.Event], tuple[int, None]] | None = None, tls: ssl.SSLContext | None = None
) -> Association:
    entity = AE(ae_title="CAMERA")
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = 60
    entity.add_requested_context(PUSH_MODEL)
    entity.add_requested_context(VLPhotographicImageStorage)
    handlers: list[Any] = [] if on_report is None else [(evt.EVT_N_EVENT_REPORT, on_report)]
    handlers.append((evt.EVT_CONN_OPEN, lambda event: OPENED.append(event.assoc.dul.socket.socket)))
    secured = None if tls is None else (tls, None)
    association = entity.associate("127.0.0.1", port, ae_title="TWINVEIL", evt_handlers=handlers, tls_args=secured)
    assert association.is_established
    return association


def nothing() -> Dataset:
    dataset = Dataset()
    dataset.TransactionUID = "1.2.3"
    return dataset


def ask(association: Association, dataset: Dataset | None = None, **differently: Any) -> int:
    asked = {"action": 1, "uid": PUSH_MODEL, "instance": WELL_KNOWN_INSTANCE, **differently}
    information = action_information(REQUEST) if dataset is None else dataset
    status, _ = association.send_n_action(information, asked["action"], asked["uid"], asked["instance"])
    return int(status.Status)


def test_a_request_is_handed_on_before_it_is_answered(port: int, handler: Handler) -> None:
    association = asking(port)
    assert ask(association) == Status.SUCCESS
    assert handler.requests == [(REQUEST, "CAMERA")]
    association.release()


def test_where_nobody_answers_for_anything_it_is_not_offered(spool: Spool) -> None:
    listener = Listener(SETTINGS, spool, lambda stored: None)
    listener.start()
    try:
        association = associate(listener.port, sop_class=PUSH_MODEL)
        assert association.accepted_contexts == []
    finally:
        listener.stop(1)


@pytest.fixture
def secured(spool: Spool, handler: Handler, tmp_path: Path) -> Iterator[tuple[int, ssl.SSLContext]]:
    """The port of TLS of a listener, and how a caller gets in there."""
    authority = Authority(tmp_path / "authority")
    ours, theirs = authority.identity("node"), authority.identity("camera")
    tls = TlsSettings(ours.certificate, ours.key, authority.root, port=0)
    listener = Listener(replace(SETTINGS, port=None, tls=tls), spool, lambda stored: None, handler)
    listener.start()
    context = ssl.create_default_context(cafile=authority.root)
    context.check_hostname = False
    context.load_cert_chain(theirs.certificate, theirs.key)
    yield listener.tls_port, context
    listener.stop(60)


@pytest.mark.parametrize("way", ["port", "secured"])
def test_the_report_comes_on_the_same_association_where_it_is_to(
    way: str, handler: Handler, request: pytest.FixtureRequest
) -> None:
    port, tls = found if isinstance(found := request.getfixturevalue(way), tuple) else (found, None)
    handler.here = True
    heard = threading.Event()
    reports: list[tuple[int, Dataset]] = []

    def on_report(event: evt.Event) -> tuple[int, None]:
        reports.append((event.event_type, event.event_information))
        heard.set()
        return 0, None

    association = asking(port, on_report, tls)
    assert ask(association) == Status.SUCCESS
    assert heard.wait(60)
    assert handler.made.wait(60)
    # The association is good for more: a store and another question.
    assert association.send_c_store(photograph()).Status == Status.SUCCESS
    assert ask(association) == Status.SUCCESS
    association.release()
    assert reports[0] == (2, event_information(REPORT))


def test_a_report_that_is_not_taken_is_not_made(port: int, handler: Handler) -> None:
    handler.here = True
    heard = threading.Event()

    def on_report(event: evt.Event) -> tuple[int, None]:
        heard.set()
        return 0x0110, None

    association = asking(port, on_report)
    assert ask(association) == Status.SUCCESS
    assert heard.wait(60)
    assert association.send_c_store(photograph()).Status == Status.SUCCESS  # by now its answer was read
    association.release()
    assert not handler.made.is_set()


# The sender's own thread may be about to answer the report when its connection goes: it is the one that dies of it.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_sender_that_leaves_at_once_has_no_report(port: int, handler: Handler) -> None:
    handler.here = True
    association = asking(port)
    assert ask(association) == Status.SUCCESS
    association.abort()
    echo(Destination("node", "127.0.0.1", port, "TWINVEIL", calling_ae_title="CAMERA"))
    assert not handler.made.is_set()


@pytest.mark.parametrize(
    ("differently", "status"),
    [
        ({"instance": "1.2.3"}, Status.NO_SUCH_OBJECT_INSTANCE),
        ({"action": 2}, Status.NO_SUCH_ACTION_TYPE),
        ({"dataset": nothing()}, Status.INVALID_ARGUMENT_VALUE),
        ({"dataset": action_information(new_request([KNOWN] * 400))}, Status.RESOURCE_LIMITATION),
    ],
    ids=["another instance", "another action", "an empty request", "more than is kept in memory"],
)
def test_what_is_wrong_is_refused_by_name_and_the_association_goes_on(
    port: int, handler: Handler, differently: dict[str, Any], status: Status
) -> None:
    association = asking(port)
    assert ask(association, **differently) == status
    assert handler.requests == []
    assert ask(association) == Status.SUCCESS
    association.release()


@pytest.mark.parametrize(
    ("error", "status"),
    [(SpoolFull("as many as may be"), Status.RESOURCE_LIMITATION), (OSError("locked"), Status.PROCESSING_FAILURE)],
    ids=["too many", "no record"],
)
def test_what_is_not_on_record_is_not_taken(port: int, handler: Handler, error: Exception, status: Status) -> None:
    handler.error = error
    association = asking(port)
    assert ask(association) == status
    association.release()


def test_an_archive_reports_on_an_association_of_its_own(port: int, handler: Handler) -> None:
    node = Destination("node", "127.0.0.1", port, "TWINVEIL", calling_ae_title="CAMERA")
    report_commitment(REPORT, node)
    assert handler.reports == [REPORT]


def test_a_report_of_nothing_that_was_asked_is_refused(port: int, handler: Handler) -> None:
    node = Destination("node", "127.0.0.1", port, "TWINVEIL", calling_ae_title="CAMERA")
    with pytest.raises(DeliveryFailed, match="0x0115"):
        report_commitment(replace(REPORT, transaction_uid="1.2.3.4"), node)
