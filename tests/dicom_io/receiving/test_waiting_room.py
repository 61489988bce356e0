"""Who asks, and who is not waited for any longer, over real sockets."""

from __future__ import annotations

import queue
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from dicom_io.receiving.connections import MOST_AWAITED, Connection
from dicom_io.receiving.waiting_room import WaitingRoom
from tests.attack.peer import association_request, item, pdu

REQUEST = association_request("CAMERA")
HELLO = b"\x16\x03\x01\x00\xf0" + bytes(0xF0)
ASKS, LEAVES = "asks", "leaves"
LONG_SECONDS = 600.0
"""Longer than any test: who leaves before does so for another reason."""


@dataclass
class Door:
    """A waiting room, and what became of whoever entered it, in that order."""

    tls: bool = False
    seconds: float = LONG_SECONDS
    came_out: queue.Queue[tuple[str, Connection]] = field(default_factory=queue.Queue)
    ends: list[socket.socket] = field(default_factory=list)
    room: WaitingRoom = field(init=False)

    def __post_init__(self) -> None:
        self.room = WaitingRoom(
            self.seconds,
            tls=self.tls,
            serve=lambda connection: self.came_out.put((ASKS, connection)),
            leave=lambda connection: self.came_out.put((LEAVES, connection)),
        )
        self.room.open()

    def enter(self) -> tuple[Connection, socket.socket]:
        """One that waits from now on, and its other end."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            theirs = socket.create_connection(server.getsockname())
            ours, address = server.accept()
        self.ends += [ours, theirs]
        connection = Connection(ours, address[0], address[1])
        self.room.enter(connection)
        return connection, theirs

    def next(self) -> tuple[str, Connection]:
        return self.came_out.get(timeout=20)

    def close(self) -> None:
        self.room.close()
        for end in self.ends:
            end.close()


@pytest.fixture
def door() -> Iterator[Door]:
    door = Door()
    yield door
    door.close()


@pytest.fixture(params=[False, True], ids=["in clear", "TLS"])
def either(request: pytest.FixtureRequest) -> Iterator[Door]:
    door = Door(tls=request.param)
    yield door
    door.close()


def test_a_request_is_heard_once_it_is_whole_and_is_not_taken(either: Door) -> None:
    """Whoever comes later and is quicker asks before it."""
    begins = HELLO if either.tls else REQUEST
    slow, slow_end = either.enter()
    for part in (begins[:1], begins[1:4], begins[4:10], begins[10:70]):
        slow_end.sendall(part)
    quick, quick_end = either.enter()
    quick_end.sendall(begins)
    assert either.next() == (ASKS, quick)
    slow_end.sendall(begins[70:])
    assert either.next() == (ASKS, slow)
    assert slow.request.recv(4096, socket.MSG_DONTWAIT) == begins


def test_a_request_that_the_socket_does_not_hold_is_heard_too(door: Door) -> None:
    """The rest is read by the thread that serves it."""
    contexts = [(1, "1.2.840.10008.1.1", "1.2.840.10008.1.2") for _ in range(100)]
    many = association_request("CAMERA", contexts=contexts)
    long = pdu(0x01, many[6:] + item(0x10, b"1" * 60_000) * 3)
    connection, end = door.enter()
    sending = threading.Thread(target=end.sendall, args=(long,))
    sending.start()
    assert door.next() == (ASKS, connection)
    read = connection.request.recv(MOST_AWAITED, socket.MSG_WAITALL)
    while len(read) < len(long):
        read += connection.request.recv(MOST_AWAITED)
    sending.join()
    assert read == long


HOPELESS = {
    "another protocol": (b"GET / HTTP/1.1", False),
    "a handshake in clear": (HELLO, False),
    "a request where TLS is spoken": (REQUEST, True),
    "data": (b"\x04\x00\x00\x00\x00\x10", False),
    "a request that is too short": (pdu(0x01, b"\0" * 67), False),
    "a request that is too long": (pdu(0x01, b"", length=1 << 19), False),
    "a request of too many items": (pdu(0x01, REQUEST[6:] + item(0x50, item(0x54, b"") * 10_000)), False),
    "one that the socket does not hold": (
        pdu(0x01, REQUEST[6:] + item(0x50, item(0x54, b"") * 16_000) * 2, length=200_000), False
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HOPELESS)
def test_what_begins_no_request_that_we_answer_leaves(name: str) -> None:
    begins, tls = HOPELESS[name]
    door = Door(tls=tls)
    try:
        connection, end = door.enter()
        end.sendall(begins)
        assert door.next() == (LEAVES, connection)
        assert connection.broke_protocol
        if not tls:
            assert end.recv(10) == bytes.fromhex("07000000000400000202"), "it is told why"
    finally:
        door.close()


@pytest.mark.parametrize("said", [b"", REQUEST[:3], REQUEST[:20], REQUEST], ids=["nothing", "a", "few", "all"])
def test_who_hangs_up_leaves(door: Door, said: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        theirs = socket.create_connection(server.getsockname())
        ours, address = server.accept()
    door.ends.append(ours)
    theirs.sendall(said)
    theirs.close()
    connection = Connection(ours, *address)
    door.room.enter(connection)
    assert door.next() == (LEAVES, connection)
    assert not connection.broke_protocol


def test_who_gives_way_leaves(door: Door) -> None:
    connection, end = door.enter()
    end.sendall(REQUEST[:20])
    connection.give_way()
    assert door.next() == (LEAVES, connection)


def test_who_keeps_silent_leaves_in_time() -> None:
    door = Door(seconds=0.3)
    try:
        silent, _ = door.enter()
        begun, end = door.enter()
        end.sendall(REQUEST[:20])
        assert [door.next(), door.next()] == [(LEAVES, silent), (LEAVES, begun)]
        assert time.monotonic() >= begun.opened + 0.3
    finally:
        door.close()


def test_nobody_waits_in_a_room_that_is_closed(door: Door) -> None:
    waiting, _ = door.enter()
    door.room.close()
    late, _ = door.enter()
    assert [door.next(), door.next()] == [(LEAVES, waiting), (LEAVES, late)]


def test_what_befalls_one_is_no_matter_of_the_others(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    """Whoever it is handed to may fail, as may the register of whoever cannot be waited for."""
    out = door.came_out

    def fail(connection: Connection) -> None:
        out.put((ASKS, connection))
        raise RuntimeError("no thread can be had")

    door.room._serve = fail
    for _ in range(2):
        connection, end = door.enter()
        end.sendall(REQUEST)
        assert door.next() == (ASKS, connection)
    assert "could not be dealt with" in caplog.text
    gone, _ = door.enter()
    gone.give_way()
    assert door.next() == (LEAVES, gone)
    gone.request.close()
    with pytest.raises((OSError, ValueError)):
        door.room.enter(gone)
    connection, end = door.enter()
    end.sendall(REQUEST)
    assert door.next() == (ASKS, connection)
