"""Peers that break the rules of PS3.7 and PS3.8, or keep them and mean harm: each ends alone and leaves nothing."""

from __future__ import annotations

import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from pydicom.uid import CTImageStorage

from dicom_io.receiving import AllowedCaller, Listener, Spool, StoredInstance
from dicom_io.standard import Status
from tests.attack.peer import (
    ABORT,
    ASSOCIATE_RJ,
    C_STORE_RQ,
    COMMAND,
    ECHO,
    LAST,
    P_DATA,
    STORE,
    VERIFICATION,
    RawPeer,
    association_request,
    command,
    command_element,
    element,
    item,
    nested_data_set,
    pdu,
    tiny_data_set,
    value,
)
from tests.dicom_io.conftest import SETTINGS, Node
from tests.peers.processes import is_listening

STUDY = element(0x0020, 0x000D, b"UI", b"1.2.3.44")


@pytest.fixture
def peer(node: Node) -> Iterator[RawPeer]:
    with RawPeer(node.port) as peer:
        assert peer.associate()
        yield peer


def listening(spool: Spool, **limits: float) -> Listener:
    """A listener on all of loopback with some limits of its own."""
    settings = replace(
        SETTINGS,
        allowed=(AllowedCaller("CAMERA", "127.0.0.0/29"),),
        limits=replace(SETTINGS.limits, **limits),
    )
    listener = Listener(settings, spool, lambda stored: None)
    listener.start()
    return listener


def wait_for(condition: Callable[[], bool], what: str, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


def assert_serves(port: int, source: str = "127.0.0.1") -> None:
    begun = time.monotonic()
    with RawPeer(port, source) as honest:
        assert honest.associate()
        assert honest.store(STUDY) == Status.SUCCESS
    assert time.monotonic() - begun < 2.0


# What is no DICOM, or more of it than can be meant.

MALFORMED = {
    "nothing but noise": os.urandom(4096),
    "another protocol": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" + b" " * 100,
    "a PDU type that is none": pdu(0xFF, b"abcd"),
    "a request of four gigabytes": pdu(0x01, b"A" * 100, length=0xFFFFFFF0),
    "a request without its fixed fields": pdu(0x01, b"\0" * 10),
    "a request of random items": pdu(0x01, b"\0\1\0\0" + b"A" * 16 + b"B" * 16 + b"\0" * 32 + os.urandom(132)),
    "a request of sixty thousand items": pdu(0x01, association_request("CAMERA")[6:] + item(0x99, b"") * 60_000),
    "a request of sixty thousand sub-items": pdu(
        0x01, association_request("CAMERA")[6:] + item(0x50, item(0x54, b"") * 16_000) * 4
    ),
    "data before any association": pdu(P_DATA, value(1, COMMAND | LAST, b"abcd")),
    "a release before any association": pdu(0x05, b"\0\0\0\0"),
    "an answer to no question": pdu(0x02, association_request("CAMERA")[6:]),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_no_request_ends_its_connection_at_once(node: Node, name: str) -> None:
    with RawPeer(node.port) as peer:
        peer.send(MALFORMED[name])
        assert peer.is_closed_within(2.5), "before the time for a request is up"
    assert_serves(node.port)


BROKEN_DATA = {
    "a PDU longer than announced": pdu(P_DATA, b"", length=0x7FFFFFFF),
    "a PDU without a value": pdu(P_DATA, b""),
    "a value longer than its PDU": pdu(P_DATA, struct.pack(">LBB", 1000, ECHO, 3) + b"abcd"),
    "a value of no length": pdu(P_DATA, struct.pack(">LBB", 0, ECHO, 3)),
    "a context that was not accepted": pdu(P_DATA, value(77, COMMAND | LAST, command())),
    "a data set without a command": pdu(P_DATA, value(STORE, LAST, b"abcd")),
    "a command inside a data set": pdu(
        P_DATA,
        value(STORE, COMMAND | LAST, command()) + value(STORE, 0, b"ab") + value(STORE, COMMAND | LAST, command()),
    ),
    "a data set under another context": pdu(
        P_DATA, value(STORE, COMMAND | LAST, command()) + value(ECHO, LAST, b"abcd")
    ),
    "a data set in crumbs": pdu(P_DATA, value(STORE, COMMAND | LAST, command()) + value(STORE, 0, b"a") * 3000),
    "a data set of empty crumbs": pdu(P_DATA, value(STORE, COMMAND | LAST, command()) + value(STORE, 0, b"") * 3000),
    "a command in crumbs": pdu(P_DATA, value(STORE, COMMAND, b"") * 3000),
    "a command of random bytes": pdu(P_DATA, value(STORE, COMMAND | LAST, os.urandom(400))),
    "a command of another group": pdu(P_DATA, value(STORE, COMMAND | LAST, command(more=element(8, 8, b"CS", b"AB")))),
    "a command of a thousand elements": pdu(
        P_DATA, value(STORE, COMMAND | LAST, command(more=command_element(0x0903, b"") * 1000))
    ),
    "a command with a sequence of undefined length": pdu(
        P_DATA, value(STORE, COMMAND | LAST, command(more=struct.pack("<HHL", 0, 0x1140, 0xFFFFFFFF)))
    ),
    "an empty command": pdu(P_DATA, value(STORE, COMMAND | LAST, b"")),
    "a response to nothing": pdu(P_DATA, value(STORE, COMMAND | LAST, command(0x8001, data_set=False))),
    "a second request": association_request("CAMERA"),
}


@pytest.mark.parametrize("name", BROKEN_DATA)
def test_broken_data_abort_their_association_and_leave_nothing(node: Node, peer: RawPeer, name: str) -> None:
    peer.send(BROKEN_DATA[name])
    answer = peer.read()
    assert answer is not None and answer[0] == ABORT
    assert peer.is_closed_within(2.5)
    wait_for(lambda: not list(node.spool.incoming.iterdir()), "what was half received is removed")
    assert node.stored == []
    assert_serves(node.port)


def test_an_endless_command_set_ends_at_its_limit(peer: RawPeer) -> None:
    part = pdu(P_DATA, value(STORE, COMMAND, command_element(0x0903, b"A" * 1000)))
    sent = peer.send_until_closed(part for _ in range(100_000))
    assert sent < 16 << 20, "the socket's buffers, not ours, are what is left to fill"


def test_an_endless_data_set_is_cut_off_at_twice_the_limit(spool: Spool) -> None:
    listener = listening(spool, max_instance_bytes=1 << 20)
    try:
        with RawPeer(listener.port) as peer:
            assert peer.associate()
            peer.send(pdu(P_DATA, value(STORE, COMMAND | LAST, command())))
            part = pdu(P_DATA, value(STORE, 0, b"\0" * 100_000))
            peer.send_until_closed(part for _ in range(1000))
        wait_for(lambda: not list(spool.incoming.iterdir()), "what was half received is removed")
        assert_serves(listener.port)
    finally:
        listener.stop(0)


def test_a_data_set_that_trickles_is_aborted_though_no_pause_is_long(spool: Spool) -> None:
    """Each PDU whole and in time, with next to nothing in it: the message as a whole has a deadline."""
    listener = listening(spool, network_seconds=1.0)
    try:
        with RawPeer(listener.port) as peer:
            assert peer.associate()
            peer.send(pdu(P_DATA, value(STORE, COMMAND | LAST, command())))
            begun = time.monotonic()
            peer.send_until_closed((pdu(P_DATA, value(STORE, 0, b"")) for _ in range(50)), pause=0.2)
            assert time.monotonic() - begun < 5
        wait_for(lambda: not list(spool.incoming.iterdir()), "what was half received is removed")
    finally:
        listener.stop(0)


@pytest.mark.parametrize("inside", [True, False], ids=["inside a PDU", "between two"])
def test_an_association_that_falls_silent_is_ended(spool: Spool, inside: bool) -> None:
    listener = listening(spool, network_seconds=1.0, idle_seconds=1.0)
    try:
        with RawPeer(listener.port) as peer:
            assert peer.associate()
            peer.send(pdu(P_DATA, b"\0" * 10, length=1000) if inside else b"")
            assert peer.is_closed_within(4)
    finally:
        listener.stop(0)


def test_a_request_that_trickles_is_ended_in_time(node: Node) -> None:
    """A byte now and then is no reason to wait longer than for none."""
    request = association_request("CAMERA")
    begun = time.monotonic()
    with RawPeer(node.port) as peer:
        peer.send_until_closed((bytes([byte]) for byte in request), pause=0.2)
    assert time.monotonic() - begun < SETTINGS.limits.request_seconds + 3


# Instances that are refused with a status, after which the association goes on.

REFUSED = {
    "an empty UID": (command(sop_instance=b""), STUDY, Status.INVALID_OBJECT_INSTANCE),
    "a UID of spaces": (command(sop_instance=b"  "), STUDY, Status.INVALID_OBJECT_INSTANCE),
    "a UID of 66 characters": (command(sop_instance=b"1." * 33), STUDY, Status.INVALID_OBJECT_INSTANCE),
    "two UIDs": (command(sop_instance=b"1.2.3\\1.2.4"), STUDY, Status.INVALID_OBJECT_INSTANCE),
    "a UID of other bytes": (command(sop_instance=b"1.2.\xff\x01\n3"), STUDY, Status.INVALID_OBJECT_INSTANCE),
    "no UID": (
        command(sop_instance=b"1.2").replace(command_element(0x1000, b"1.2\0"), b""),
        STUDY,
        Status.INVALID_OBJECT_INSTANCE,
    ),
    "another SOP class than negotiated": (command(sop_class=CTImageStorage), STUDY, Status.SOP_CLASS_NOT_SUPPORTED),
    "no SOP class": (command(sop_class=""), STUDY, Status.SOP_CLASS_NOT_SUPPORTED),
    "an operation that is not served": (command(0x0020), STUDY, Status.UNRECOGNISED_OPERATION),
    "an empty data set": (command(), b"", Status.CANNOT_UNDERSTAND),
    "a million empty elements": (command(), tiny_data_set(7 << 20), Status.CANNOT_UNDERSTAND),
    "sequences that nest too deep": (command(), nested_data_set(400), Status.CANNOT_UNDERSTAND),
    "more than the limit": (command(), bytes(9 << 20), Status.OUT_OF_RESOURCES),
}


@pytest.mark.parametrize("name", REFUSED)
def test_an_instance_is_refused_by_name_and_its_association_goes_on(node: Node, peer: RawPeer, name: str) -> None:
    encoded, data_set, status = REFUSED[name]
    begun = time.monotonic()
    peer.send(pdu(P_DATA, value(STORE, COMMAND | LAST, encoded)))
    if data_set:
        assert peer.data(data_set) == status
    else:
        peer.send(pdu(P_DATA, value(STORE, LAST, b"")))
        assert peer.status() == status
    assert time.monotonic() - begun < 5
    assert list(node.spool.incoming.iterdir()) == []
    assert node.stored == []
    assert peer.store(STUDY) == Status.SUCCESS
    assert [stored.study_instance_uid for stored in node.stored] == ["1.2.3.44"]


def test_a_store_without_a_data_set_is_refused(peer: RawPeer) -> None:
    peer.send(pdu(P_DATA, value(STORE, COMMAND | LAST, command(C_STORE_RQ, data_set=False))))
    assert peer.status() == Status.CANNOT_UNDERSTAND
    assert peer.echo() == Status.SUCCESS


def test_a_message_may_come_in_as_many_pieces_as_its_sender_likes(node: Node, peer: RawPeer) -> None:
    encoded = command()
    for start in range(0, len(encoded), 7):
        last = LAST if start + 7 >= len(encoded) else 0
        peer.send(pdu(P_DATA, value(STORE, COMMAND | last, encoded[start : start + 7])))
    pieces = [STUDY[start : start + 3] for start in range(0, len(STUDY), 3)]
    peer.send(pdu(P_DATA, b"".join(value(STORE, 0, piece) for piece in pieces) + value(STORE, LAST, b"")))
    assert peer.status() == Status.SUCCESS
    assert node.stored[0].path.read_bytes().endswith(STUDY)


# Connections that take up room.


def test_silent_connections_of_an_allowed_address_do_not_shut_out_others_from_there(spool: Spool) -> None:
    listener = listening(spool)
    silent: list[RawPeer] = []
    try:
        for _ in range(100):
            silent.append(RawPeer(listener.port))
        assert_serves(listener.port)
        assert_serves(listener.port, "127.0.0.2")
        wait_for(lambda: len(listener._connections.all()) <= SETTINGS.limits.max_pending_per_address, "the oldest left")
    finally:
        for peer in silent:
            peer.connection.close()
        listener.stop(0)


def test_an_address_that_is_not_allowed_costs_no_thread(spool: Spool) -> None:
    listener = listening(spool)
    strangers: list[RawPeer] = []
    try:
        before = threading.active_count()
        for _ in range(50):
            strangers.append(RawPeer(listener.port, "127.0.0.66"))
        assert all(peer.is_closed_within(2) for peer in strangers)
        assert threading.active_count() <= before
        assert listener._connections.all() == []
        assert_serves(listener.port)
    finally:
        for peer in strangers:
            peer.connection.close()
        listener.stop(0)


def test_silent_associations_give_way_and_busy_ones_do_not(spool: Spool) -> None:
    listener = listening(spool, max_associations=4, max_associations_per_address=3, reclaim_seconds=0.5)
    held = [RawPeer(listener.port, source) for source in ["127.0.0.1"] * 3 + ["127.0.0.2"]]
    late = []
    try:
        assert all(peer.associate() for peer in held)
        late = [RawPeer(listener.port, "127.0.0.3"), RawPeer(listener.port, "127.0.0.3")]
        assert not late[0].associate(), "all four have spoken within half a second"
        time.sleep(0.6)
        assert all(peer.echo() == Status.SUCCESS for peer in held[1:])
        assert late[1].associate()
        assert held[0].is_closed_within(2), "the one that was silent longest, of the address that holds most"
        assert all(peer.echo() == Status.SUCCESS for peer in held[1:])
    finally:
        for peer in held + late:
            peer.connection.close()
        listener.stop(0)


def test_a_flood_of_connections_leaves_neither_threads_nor_descriptors(spool: Spool) -> None:
    listener = listening(spool)
    try:
        assert_serves(listener.port)
        threads, descriptors = threading.active_count(), len(os.listdir("/proc/self/fd"))
        for _ in range(300):
            RawPeer(listener.port).connection.close()
        for _ in range(20):
            with RawPeer(listener.port) as peer:
                assert peer.associate()
        wait_for(lambda: threading.active_count() <= threads, "the threads ended")
        wait_for(lambda: len(os.listdir("/proc/self/fd")) <= descriptors, "the descriptors are closed")
    finally:
        listener.stop(0)


def test_a_peer_that_never_reads_is_ended(spool: Spool) -> None:
    listener = listening(spool, idle_seconds=1.0)
    try:
        with RawPeer(listener.port) as peer:
            peer.connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            assert peer.associate()
            echo = pdu(P_DATA, value(ECHO, COMMAND | LAST, command(0x0030, sop_class=VERIFICATION, data_set=False)))
            peer.send_until_closed(echo * 10 for _ in range(200_000))
        assert_serves(listener.port)
    finally:
        listener.stop(0)


def test_when_the_listener_stops_nobody_new_is_let_in_and_those_inside_may_end(spool: Spool) -> None:
    stored: list[StoredInstance] = []
    listener = Listener(SETTINGS, spool, stored.append)
    listener.start()
    port = listener.port
    with RawPeer(port) as peer:
        assert peer.associate()
        stopping = threading.Thread(target=listener.stop, args=(10.0,))
        stopping.start()
        wait_for(lambda: not is_listening(port), "the port is closed")
        assert peer.store(STUDY) == Status.SUCCESS
        peer.send(pdu(0x05, b"\0\0\0\0"))
        answer = peer.read()
        assert answer is not None and answer[0] == 0x06
    stopping.join(8)
    assert not stopping.is_alive()
    assert len(stored) == 1


@pytest.mark.parametrize("how", ["abort", "release", "close", "reset"])
def test_however_a_peer_goes_nothing_is_logged_as_a_fault(
    node: Node, peer: RawPeer, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    assert peer.echo() == Status.SUCCESS
    if how == "abort":
        peer.send(pdu(ABORT, b"\0\0\0\0"))
    elif how == "release":
        peer.send(pdu(0x05, b"\0\0\0\0"))
        assert peer.read() == (0x06, b"\0\0\0\0")
    elif how == "reset":
        peer.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.connection.close()
    wait_for(lambda: node.listener._connections.all() == [], "the connection has left")
    assert [record.getMessage() for record in caplog.records if record.levelname in ("ERROR", "CRITICAL")] == []


def test_the_rejection_says_why(node: Node) -> None:
    with RawPeer(node.port) as peer:
        peer.send(association_request("STRANGER"))
        assert peer.read() == (ASSOCIATE_RJ, b"\0\x01\x01\x03")
        assert peer.is_closed_within(3)
