"""What is asked stays on record until it is reported, and names nobody meanwhile."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from pydicom.uid import SecondaryCaptureImageStorage, VLPhotographicImageStorage

from dicom_io.commitment import CommitmentRequest, Failure, FailureReason, Reference
from dicom_io.errors import SpoolFull
from dicom_io.header import Pseudonyms, SiteKey
from plugin.commitment import CommitmentBook, Judgement, Requests, Transactions
from plugin.commitment import requests as module
from plugin.database import DATABASE
from plugin.ledger import Event, Ledger, State

UID, TRANSACTION = "1.2.826.0.1.3680043.8.498.55", "1.2.826.0.1.3680043.8.498.56"
REQUEST = CommitmentRequest(TRANSACTION, (Reference(VLPhotographicImageStorage, UID),))


@pytest.fixture
def requests(tmp_path: Path, key: SiteKey) -> Requests:
    return Requests(tmp_path / DATABASE, key)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / DATABASE)


def accept(ledger: Ledger, key: SiteKey, *events: Event, uid: str = UID, number: int = 1) -> None:
    name = f"studies/a/{number}.dcm"
    ledger.record(name, digest=Pseudonyms(key).source_digest(uid), study="b", sop_class=VLPhotographicImageStorage)
    for event in events:
        if event is Event.QUEUE:
            ledger.queue_quiet_studies(0)
        else:
            ledger.change([name], event)


def test_a_request_survives_the_process_and_is_there_until_it_is_done(
    tmp_path: Path, key: SiteKey, requests: Requests
) -> None:
    name = requests.keep(REQUEST, "CAMERA")
    again = Requests(tmp_path / DATABASE, key)
    (waiting,) = again.waiting()
    assert (waiting.name, waiting.caller) == (name, "CAMERA")
    assert again.open(name) == REQUEST
    again.done(name)
    assert requests.waiting() == []
    assert requests.open(name) is None


def test_asked_twice_it_is_one_request_and_another_caller_s_is_another(requests: Requests) -> None:
    assert requests.keep(REQUEST, "CAMERA") == requests.keep(REQUEST, "CAMERA")
    requests.keep(REQUEST, "OTHER")
    assert [waiting.caller for waiting in requests.waiting()] == ["CAMERA", "OTHER"]


def test_no_uid_of_a_request_is_at_rest(tmp_path: Path, requests: Requests) -> None:
    requests.keep(REQUEST, "CAMERA")
    left = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
    assert UID.encode() not in left
    assert TRANSACTION.encode() not in left


def test_more_than_may_wait_is_refused_and_what_waits_stays(
    requests: Requests, monkeypatch: pytest.MonkeyPatch
) -> None:
    another = replace(REQUEST, transaction_uid=f"{TRANSACTION}.1")
    monkeypatch.setattr(module, "MOST_WAITING", 1)
    first = requests.keep(REQUEST, "CAMERA")
    requests.keep(REQUEST, "CAMERA")
    with pytest.raises(SpoolFull):
        requests.keep(another, "CAMERA")
    requests.keep(another, "OTHER")  # no caller takes another one's room
    monkeypatch.setattr(module, "MOST_WAITING", 10)
    monkeypatch.setattr(module, "MOST_BYTES", 300)
    with pytest.raises(SpoolFull):
        requests.keep(another, "CAMERA")
    assert len(requests.waiting()) == 2
    # One that is not called back and lost its reports has to ask again: its latest question counts.
    latest = requests.keep(another, "CAMERA", called_back=False)
    assert [waiting.name for waiting in requests.waiting() if waiting.caller == "CAMERA"] == [latest]
    assert requests.open(first) is None


@pytest.mark.parametrize(
    ("events", "state", "answered_for"),
    [
        ([], State.RECEIVED, True),
        ([Event.QUEUE], State.QUEUED, True),
        ([Event.QUEUE, Event.POST], State.UNDELIVERED, True),
        ([Event.QUEUE, Event.POST, Event.DELIVER, Event.PURGE], State.PURGED, True),
        ([Event.QUEUE, Event.QUARANTINE], State.QUARANTINED, True),
        ([Event.QUEUE, Event.QUARANTINE, Event.DISCARD], State.DISCARDED, True),
        ([Event.LOSE], State.MISSING, False),
        ([Event.QUEUE, Event.POST, Event.DELIVER, Event.PURGE, Event.REPROCESS], State.WANTED, False),
    ],
    ids=lambda value: value if isinstance(value, State) else "",
)
def test_the_node_answers_for_what_it_accepted(
    ledger: Ledger, key: SiteKey, events: list[Event], state: State, answered_for: bool
) -> None:
    accept(ledger, key, *events)
    assert ledger.counts() == {state: 1}
    report = Judgement(ledger, Pseudonyms(key)).of(REQUEST)
    if answered_for:
        assert (report.committed, report.failed) == (REQUEST.references, ())
    else:
        assert report.failed == (Failure(REQUEST.references[0], FailureReason.NO_SUCH_OBJECT_INSTANCE),)


def test_what_was_never_accepted_and_what_is_of_another_class_fails_by_its_reason(
    ledger: Ledger, key: SiteKey
) -> None:
    accept(ledger, key)
    known, unknown = REQUEST.references[0], Reference(VLPhotographicImageStorage, f"{UID}.1")
    other = Reference(SecondaryCaptureImageStorage, UID)
    report = Judgement(ledger, Pseudonyms(key)).of(CommitmentRequest(TRANSACTION, (known, unknown, other, known)))
    assert report.committed == (known,)
    assert report.failed == (
        Failure(unknown, FailureReason.NO_SUCH_OBJECT_INSTANCE),
        Failure(other, FailureReason.CLASS_INSTANCE_CONFLICT),
    )


def test_whoever_has_an_address_is_called_back_and_nobody_else(
    tmp_path: Path, requests: Requests, ledger: Ledger, key: SiteKey
) -> None:
    book = CommitmentBook(requests, Judgement(ledger, Pseudonyms(key)), Transactions(tmp_path / DATABASE), ["CAMERA"])
    assert book.asked(REQUEST, "CAMERA") is None
    here = book.asked(REQUEST, "OTHER")
    assert here is not None
    assert [waiting.caller for waiting in requests.waiting()] == ["CAMERA", "OTHER"]
    here.made()
    assert [waiting.caller for waiting in requests.waiting()] == ["CAMERA"]
