"""Reports of commitment: tried until they are taken, a caller that is away keeps nobody waiting."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dicom_io.commitment import CommitmentReport, CommitmentRequest, Reference
from dicom_io.errors import DeliveryFailed
from dicom_io.header import Pseudonyms, SiteKey
from dicom_io.sending import Destination
from plugin.commitment import Judgement, Requests
from plugin.database import DATABASE
from plugin.delivery import Patience, Reporter
from plugin.delivery import reports as module
from plugin.ledger import Ledger
from tests.plugin.delivery.conftest import Clock


class Callers:
    """Where reports go. ``away``: AE titles that nobody answers under."""

    def __init__(self) -> None:
        self.away: set[str] = set()
        self.tries: list[str] = []
        self.told: list[tuple[str, str]] = []

    def __call__(self, report: CommitmentReport, caller: Destination) -> None:
        self.tries.append(caller.ae_title)
        if caller.ae_title in self.away:
            raise DeliveryFailed(caller.name, "nobody answers there", retryable=True)
        self.told.append((caller.ae_title, report.transaction_uid))


@pytest.fixture
def requests(tmp_path: Path, key: SiteKey) -> Requests:
    return Requests(tmp_path / DATABASE, key)


@pytest.fixture
def callers() -> Callers:
    return Callers()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def reporter(
    tmp_path: Path, key: SiteKey, requests: Requests, callers: Callers, clock: Clock
) -> Callable[[], Reporter]:
    """A reporter as a process that has just started has it."""
    judgement = Judgement(Ledger(tmp_path / DATABASE), Pseudonyms(key))
    titles = {title: Destination(title, "127.0.0.1", 1, title) for title in ("A", "B")}
    return lambda: Reporter(
        requests, judgement, titles, Patience(10.0, 2.0, 40.0, lambda: 0.0), clock=clock, days=7.0, report=callers
    )


def ask(requests: Requests, caller: str, transaction: str) -> None:
    requests.keep(CommitmentRequest(transaction, (Reference("1.2", "1.2.3"),)), caller)


def test_each_caller_has_its_reports_in_order_and_once(
    requests: Requests, callers: Callers, reporter: Callable[[], Reporter]
) -> None:
    for caller, transaction in (("A", "1.1"), ("B", "1.2"), ("A", "1.3")):
        ask(requests, caller, transaction)
    going = reporter()
    going.look()
    going.look()
    assert callers.told == [("A", "1.1"), ("B", "1.2"), ("A", "1.3")]
    assert requests.waiting() == []


def test_one_that_is_away_waits_longer_each_time_and_nobody_waits_with_it(
    requests: Requests, callers: Callers, clock: Clock, reporter: Callable[[], Reporter]
) -> None:
    callers.away = {"A"}
    ask(requests, "A", "1.1")
    ask(requests, "A", "1.2")
    ask(requests, "B", "1.3")
    going = reporter()
    for _ in range(31):
        going.look()
        clock.now += 1
    assert callers.told == [("B", "1.3")]
    assert callers.tries.count("A") == 3  # at 0, 10 and 30
    callers.away = set()
    reporter().look()  # a process that starts anew tries at once
    assert callers.told[1:] == [("A", "1.1"), ("A", "1.2")]


def test_after_its_days_nobody_is_told_any_more(
    requests: Requests, callers: Callers, reporter: Callable[[], Reporter], monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(requests, "A", "1.1")
    ask(requests, "NOWHERE", "1.2")
    now = module.time.time()
    reporter_of_now = reporter()
    callers.away = {"A"}
    reporter_of_now.look()
    assert len(requests.waiting()) == 2
    monkeypatch.setattr(module.time, "time", lambda: now + 7.1 * module.DAY)
    reporter_of_now.look()
    assert requests.waiting() == []
    assert callers.told == []
