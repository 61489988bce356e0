"""Who gives way to whom, without a network between."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import pytest

from dicom_io.receiving import ConnectionLimits
from dicom_io.receiving.connections import SHORTEST_REQUEST, Connection, Connections
from tests.attack.peer import association_request

LIMITS = ConnectionLimits(
    max_pending=4, max_pending_per_address=3, max_associations=3, max_associations_per_address=2,
    reclaim_seconds=1.0, patience_seconds=0.1,
)  # fmt: skip

REQUEST = association_request("CAMERA")


@dataclass
class Callers:
    """Connections by name of their address, and the other ends of them."""

    register: Connections = field(default_factory=lambda: Connections(LIMITS))
    others: dict[Connection, socket.socket] = field(default_factory=dict)

    def connect(self, address: str) -> Connection:
        with socket.create_server(("127.0.0.1", 0)) as server:
            theirs = socket.create_connection(server.getsockname())
            ours, _ = server.accept()
        connection = Connection(ours, address)
        self.others[connection] = theirs
        self.register.admit(connection)
        return connection

    def associated(self, address: str, *, silent_for: float = 0.0) -> Connection:
        connection = self.connect(address)
        connection.heard = time.monotonic() - silent_for
        assert self.register.establish(connection)
        return connection

    def gave_way(self) -> list[Connection]:
        return [connection for connection in self.others if connection.gave_way]


@pytest.fixture
def callers() -> Iterator[Callers]:
    callers = Callers()
    yield callers
    for connection, other in callers.others.items():
        connection.request.close()
        other.close()


def test_the_oldest_of_an_address_gives_way_to_its_newest(callers: Callers) -> None:
    first = [callers.connect("a") for _ in range(3)]
    other = callers.connect("b")
    callers.connect("a")
    assert callers.gave_way() == [first[0]]
    assert other in callers.register.all()


def test_when_all_places_are_taken_the_address_with_most_makes_room(callers: Callers) -> None:
    single = callers.connect("a")
    many = [callers.connect("b") for _ in range(3)]
    callers.connect("c")
    assert callers.gave_way() == [many[0]]
    assert single in callers.register.all()


def test_who_has_asked_stays_before_who_has_not(callers: Callers) -> None:
    """Also where we have not come to read what was asked."""
    asking, asked, silent = (callers.connect("a") for _ in range(3))
    callers.others[asking].sendall(bytes(SHORTEST_REQUEST))
    assert select.select([asking.request], [], [], 5)[0]
    asked.asked = True
    callers.connect("a")
    assert callers.gave_way() == [silent]


def test_a_few_bytes_are_no_request(callers: Callers) -> None:
    dribbling, *_ = (callers.connect("a") for _ in range(3))
    callers.others[dribbling].sendall(bytes(SHORTEST_REQUEST - 1))
    assert select.select([dribbling.request], [], [], 5)[0]
    callers.connect("a")
    assert callers.gave_way() == [dribbling]


def test_pending_connections_do_not_count_as_associations_nor_these_as_those(callers: Callers) -> None:
    established = [callers.associated("a"), callers.associated("a")]
    for _ in range(3):
        callers.connect("a")
    assert callers.gave_way() == []
    assert all(one in callers.register.all() for one in established)
    assert callers.register.establish(callers.connect("b"))


def test_an_association_beyond_the_share_of_its_address_is_refused_while_all_are_busy(callers: Callers) -> None:
    callers.associated("a")
    callers.associated("a")
    assert not callers.register.establish(callers.connect("a"))
    assert callers.gave_way() == []
    assert callers.register.establish(callers.connect("b"))


def test_the_association_that_was_silent_longest_gives_way(callers: Callers) -> None:
    longest = callers.associated("a", silent_for=9)
    callers.associated("a", silent_for=5)
    callers.associated("b", silent_for=99)
    assert callers.register.establish(callers.connect("a"))
    assert callers.gave_way() == [longest], "of the address that has its share"


def test_of_all_the_address_with_most_gives_way(callers: Callers) -> None:
    longest = callers.associated("a", silent_for=5)
    callers.associated("a", silent_for=3)
    callers.associated("b", silent_for=99)
    assert callers.register.establish(callers.connect("c"))
    assert callers.gave_way() == [longest]


def test_a_place_that_becomes_free_in_time_is_taken(callers: Callers) -> None:
    callers.register = Connections(replace(LIMITS, patience_seconds=20.0))
    leaving = callers.associated("a")
    callers.associated("a")
    late = callers.connect("a")
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(callers.register.establish, late)
        time.sleep(0.1)
        assert not asking.done()
        callers.register.leave(leaving)
        assert asking.result(10)


def test_so_is_that_of_one_that_falls_silent_in_time(callers: Callers) -> None:
    callers.register = Connections(replace(LIMITS, patience_seconds=20.0))
    silent = callers.associated("a")
    talking = callers.associated("a")
    talking.busy = True
    begun = time.monotonic()
    assert callers.register.establish(callers.connect("a"))
    assert time.monotonic() - begun >= LIMITS.reclaim_seconds - 0.1
    assert callers.gave_way() == [silent]


def test_who_waits_for_us_is_not_silent(callers: Callers) -> None:
    waiting = callers.associated("a", silent_for=9)
    waiting.busy = True
    callers.associated("a")
    assert not callers.register.establish(callers.connect("a"))


def test_who_gave_way_gets_no_association(callers: Callers) -> None:
    first = callers.connect("a")
    for _ in range(3):
        callers.connect("a")
    assert first.gave_way
    assert not callers.register.establish(first)


def test_who_left_makes_room(callers: Callers) -> None:
    callers.associated("a")
    leaving = callers.associated("a")
    callers.register.leave(leaving)
    callers.register.leave(leaving)
    assert callers.register.establish(callers.connect("a"))
    assert callers.gave_way() == []


def test_who_hung_up_goes_first(callers: Callers) -> None:
    """All of them, even those that asked before."""
    waiting, *gone = (callers.connect("a") for _ in range(3))
    for each in gone:
        callers.others[each].sendall(REQUEST)
        callers.others[each].close()
    for each in gone:
        poll = select.poll()
        poll.register(each.request, select.POLLRDHUP)
        assert poll.poll(5000)
    callers.connect("a")
    assert callers.gave_way() == gone
    assert waiting in callers.register.all()


def test_of_those_that_ask_the_one_that_asks_for_most_gives_way(callers: Callers) -> None:
    short, long, read = (callers.connect("a") for _ in range(3))
    for each, request in ((short, REQUEST), (long, REQUEST * 2)):
        callers.others[each].sendall(request)
        each.awaits(len(request))
        assert select.select([each.request], [], [], 5)[0]
    read.asked = True
    callers.connect("a")
    assert callers.gave_way() == [long]
