"""A destination that is to answer for what it stores: nothing counts as delivered before it does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from dicom_io.commitment import CommitmentReport, CommitmentRequest, Failure
from dicom_io.errors import DeliveryFailed
from plugin.commitment import Transactions
from plugin.delivery import Committer, Patience, PostOffice
from plugin.delivery import committer as module
from tests.plugin.delivery.conftest import Bench, FakeArchive


@dataclass
class Answering:
    """The commitment side of an archive. ``says(uid)``: the reason against it, None to answer for it."""

    says: Callable[[str], int | None] = lambda uid: None
    at_once: bool = True
    away: str = ""
    asked: list[CommitmentRequest] = field(default_factory=list)

    def __call__(self, request: CommitmentRequest) -> CommitmentReport | None:
        if self.away:
            raise DeliveryFailed("archive", self.away, retryable=True)
        self.asked.append(request)
        return self.report(request) if self.at_once else None

    def report(self, request: CommitmentRequest) -> CommitmentReport:
        reasons = {reference: self.says(reference.sop_instance_uid) for reference in request.references}
        committed = tuple(reference for reference, reason in reasons.items() if reason is None)
        failed = tuple(Failure(reference, reason) for reference, reason in reasons.items() if reason is not None)
        return CommitmentReport(request.transaction_uid, committed, failed)


@pytest.fixture(autouse=True)
def _no_file_is_dicom(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "sop_class_of", lambda path: "1.2.3")


class Process:
    """What one process of a node has: a courier and a committer for one archive."""

    def __init__(self, bench: Bench, archive: FakeArchive, answering: Answering) -> None:
        self.bench = bench
        self.transactions = Transactions(bench.folder / "twinveil.sqlite")
        committer = Committer(
            "archive", answering, bench.outbox, bench.postings, bench.destinations, self.transactions,
            Patience(5.0, 2.0, 30.0, lambda: 0.0), clock=bench.clock, wait_seconds=100.0,
            refused=Patience(30.0, 2.0, 3600.0, lambda: 0.0),
        )  # fmt: skip
        self.office = PostOffice(
            bench.outbox, bench.postings, bench.destinations, {"archive": archive},
            Patience(5.0, 2.0, 30.0, lambda: 0.0), bench.settled.append, clock=bench.clock,
            committers={"archive": committer},
        )  # fmt: skip

    def look(self, seconds: int = 1) -> None:
        for _ in range(seconds):
            for courier in self.office.couriers.values():
                while courier.look():
                    pass
            for committer in self.office.committers.values():
                committer.look()
            self.office.look()
            self.bench.clock.now += 1


def test_it_is_asked_once_for_all_of_a_job_and_then_the_job_is_settled(bench: Bench) -> None:
    archive, answering = bench.archive(), Answering()
    uids = bench.post("job", ["archive"], objects=20)
    Process(bench, archive, answering).look(3)
    (request,) = answering.asked
    assert [reference.sop_instance_uid for reference in request.references] == uids
    assert bench.settled == ["job"]
    assert bench.outbox.folders() == set()


def test_while_it_does_not_answer_nothing_is_settled_and_it_is_asked_again(bench: Bench) -> None:
    archive, answering = bench.archive(), Answering(at_once=False)
    bench.post("job", ["archive"])
    process = Process(bench, archive, answering)
    process.look(99)
    assert (len(answering.asked), bench.settled) == (1, [])
    process.look(110)
    assert (len(answering.asked), bench.settled) == (3, [])
    assert "has not reported" in bench.postings.backlog()["archive"].reason
    assert bench.waiting() == {"archive": 2}
    assert all(len(content) == 1 for content in archive.holds.values()), "nothing is sent again for that"
    # The answer to the first question is as good as any.
    assert process.transactions.answer(answering.report(answering.asked[0]))
    process.look()
    assert bench.settled == ["job"]
    assert process.transactions.unanswered("archive") == set()


def test_a_report_that_came_while_nobody_ran_is_not_in_vain(bench: Bench) -> None:
    archive, answering = bench.archive(), Answering(at_once=False)
    bench.post("job", ["archive"])
    Process(bench, archive, answering).look(2)
    Transactions(bench.folder / "twinveil.sqlite").answer(answering.report(answering.asked[0]))
    Process(bench, archive, answering).look()
    assert (len(answering.asked), bench.settled) == (1, ["job"])


def test_after_a_restart_it_is_waited_for_as_long_again(bench: Bench) -> None:
    archive, answering = bench.archive(), Answering(at_once=False)
    bench.post("job", ["archive"])
    Process(bench, archive, answering).look(50)
    process = Process(bench, archive, answering)
    process.look(99)
    assert len(answering.asked) == 1
    process.look(3)
    assert len(answering.asked) == 2


def test_what_it_does_not_answer_for_is_sent_again_the_same_bytes_and_asked_about_later(bench: Bench) -> None:
    archive = bench.archive()
    first, second = bench.post("job", ["archive"])
    answering = Answering(says=lambda uid: 0x0112 if uid == second else None)
    process = Process(bench, archive, answering)
    process.look(3)
    assert [len(request.references) for request in answering.asked] == [2]
    assert "0x0112, no such object instance" in bench.postings.backlog()["archive"].reason
    assert (len(archive.holds[first]), len(set(archive.holds[second])), len(archive.holds[second])) == (1, 1, 2)
    process.look(29)
    assert [len(request.references) for request in answering.asked] == [2, 1]
    answering.says = lambda uid: None
    process.look(50)
    assert len(answering.asked) == 2, "longer each time"
    process.look(15)
    assert bench.settled == ["job"]


def test_a_destination_that_takes_no_question_is_asked_on(bench: Bench) -> None:
    archive, answering = bench.archive(), Answering(away="it takes no Storage Commitment from us; allow it there")
    bench.post("job", ["archive"])
    process = Process(bench, archive, answering)
    process.look(60)
    assert bench.settled == []
    assert "takes no Storage Commitment" in bench.postings.backlog()["archive"].reason
    assert process.transactions.unanswered("archive") == set()
    answering.away = ""
    process.look(31)
    assert bench.settled == ["job"]


def test_where_its_word_is_no_longer_wanted_what_it_stored_is_delivered(bench: Bench) -> None:
    archive, answering = bench.archive(), Answering(at_once=False)
    bench.post("job", ["archive"])
    Process(bench, archive, answering).look(3)
    assert bench.settled == []
    office = bench.office(archive=archive)
    office.start()
    assert office.stop()
    office.look()
    assert "job" in bench.settled


def test_given_up_nobody_waits_for_its_word(bench: Bench) -> None:
    archive, answering = bench.archive(), Answering(at_once=False)
    bench.post("job", ["archive"])
    process = Process(bench, archive, answering)
    process.look(3)
    assert bench.postings.give_up("archive") == 2
    process.look()
    assert bench.settled == ["job"]
