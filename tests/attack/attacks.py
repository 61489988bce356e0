"""The attacks, by name. Each runs in a process of its own, from one address, until its time is up:

python -m tests.attack.attacks NAME PORT TLS_PORT SOURCE SECONDS
"""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
import ssl
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tests.attack.peer import (
    C_ECHO_RQ,
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
    item,
    nested_data_set,
    pdu,
    tiny_data_set,
    value,
)

MANY = 60
"""Connections that an attack holds at a time where it holds many."""


@dataclass
class Assailant:
    """Where an attack comes from and goes to, and until when."""

    port: int
    tls_port: int
    source: str
    until: float

    @property
    def goes_on(self) -> bool:
        return time.monotonic() < self.until

    def connect(self, port: int | None = None) -> RawPeer:
        return RawPeer(port or self.port, self.source, timeout=2.0)

    def associated(self) -> RawPeer:
        """Raises OSError where no association is granted."""
        peer = self.connect()
        if not peer.associate():
            peer.connection.close()
            raise ConnectionRefusedError("no association")
        return peer

    def hold(self, many: int, begin: Callable[[], RawPeer], then: Callable[[RawPeer], None] | None = None) -> None:
        """Keep ``many`` connections that ``begin`` made, and do ``then`` with each once a second."""
        held: list[RawPeer] = []
        while self.goes_on:
            while len(held) < many and self.goes_on:
                try:
                    held.append(begin())
                except OSError:
                    time.sleep(0.02)
                    break
            for peer in list(held):
                try:
                    if then is not None:
                        then(peer)
                    peer.connection.setblocking(False)
                    if peer.connection.recv(4096) == b"":
                        raise ConnectionResetError
                except (BlockingIOError, ssl.SSLWantReadError):
                    peer.connection.settimeout(2.0)
                except OSError:
                    peer.connection.close()
                    held.remove(peer)
            time.sleep(0.2)

    def again(self, once: Callable[[], None], threads: int = 4) -> None:
        """Do ``once`` over and over, in some threads, whatever comes of it."""

        def run() -> None:
            while self.goes_on:
                with contextlib.suppress(OSError):
                    once()
                time.sleep(0.005)

        running = [threading.Thread(target=run, daemon=True) for _ in range(threads)]
        for thread in running:
            thread.start()
        for thread in running:
            thread.join(max(self.until - time.monotonic() + 1, 0))

    def sending(self, content: bytes) -> RawPeer:
        """A connection that has sent ``content``."""
        peer = self.connect()
        peer.send(content)
        return peer

    def pour(self, peer: RawPeer, parts: Iterable[bytes]) -> None:
        """Send ``parts`` one after the other until the time is up or the connection ends."""
        with peer:
            for part in parts:
                if not self.goes_on:
                    return
                peer.send(part)


REQUEST = association_request("CAMERA")
FIXED = REQUEST[6:]


def silent(foe: Assailant) -> None:
    foe.hold(3 * MANY, foe.connect)


def three_bytes(foe: Assailant) -> None:
    foe.hold(MANY, lambda: foe.sending(b"\x01\x00\x00"))


def half_request(foe: Assailant) -> None:
    foe.hold(MANY, lambda: foe.sending(pdu(0x01, b"\0" * 10, length=4096)))


def slow_bytes(foe: Assailant) -> None:
    foe.hold(MANY, lambda: foe.sending(b"\x01"), lambda peer: peer.send(b"\0"))


def huge_request(foe: Assailant) -> None:
    foe.again(lambda: foe.pour(foe.connect(), itertools.chain([pdu(1, b"", length=0xFFFFFFF0)], endless(b"\0"))))


def garbage(foe: Assailant) -> None:
    kinds = itertools.cycle(
        (
            os.urandom(4096),
            b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" + b" " * 100,
            pdu(0xFF, b"abcd"),
            pdu(0x01, b"\0" * 10),
            pdu(0x01, b"\0\1\0\0" + b"A" * 32 + b"\0" * 32 + os.urandom(132)),
            pdu(P_DATA, value(ECHO, COMMAND | LAST, b"abcd")),
            b"\x16\x03\x01" + os.urandom(200),
        )
    )
    foe.again(lambda: foe.pour(foe.connect(), [next(kinds)]))


def flood(foe: Assailant) -> None:
    foe.again(lambda: foe.connect().connection.close(), threads=8)


def many_items(foe: Assailant) -> None:
    foe.again(lambda: foe.pour(foe.connect(), [pdu(0x01, FIXED + item(0x50, item(0x54, b"") * 16_000) * 3)]))


def many_contexts(foe: Assailant) -> None:
    contexts = [(number, "1.2.840.10008.5.1.4.1.1.77.1.4", "1.2.840.10008.1.2.1") for number in range(1, 256, 2)]
    request = association_request("CAMERA", contexts=contexts)

    def ask() -> None:
        with foe.sending(request) as peer:
            peer.read()

    foe.again(ask)


def idle_associations(foe: Assailant) -> None:
    foe.hold(MANY, foe.associated)


def half_data(foe: Assailant) -> None:
    def begin() -> RawPeer:
        peer = foe.associated()
        peer.send(pdu(P_DATA, b"\0" * 10, length=1000))
        return peer

    foe.hold(MANY, begin)


def long_pdu(foe: Assailant) -> None:
    head = pdu(P_DATA, b"", length=0x7FFFFFFF)
    foe.again(lambda: foe.pour(foe.associated(), itertools.chain([head], endless(b"\0"))))


def endless_command(foe: Assailant) -> None:
    part = pdu(P_DATA, value(STORE, COMMAND, command_element(0x0903, b"A" * 16_000)))
    foe.again(lambda: foe.pour(foe.associated(), itertools.repeat(part)))


def endless_data(foe: Assailant) -> None:
    head = pdu(P_DATA, value(STORE, COMMAND | LAST, command()))
    part = pdu(P_DATA, value(STORE, 0, b"\0" * 100_000))
    foe.again(lambda: foe.pour(foe.associated(), itertools.chain([head], itertools.repeat(part))), threads=2)


def empty_fragments(foe: Assailant) -> None:
    head = pdu(P_DATA, value(STORE, COMMAND | LAST, command()))
    part = pdu(P_DATA, value(STORE, 0, b"") * 20_000)
    foe.again(lambda: foe.pour(foe.associated(), itertools.chain([head], itertools.repeat(part))), threads=2)


def tiny_elements(foe: Assailant) -> None:
    content = tiny_data_set(12 << 20)

    def store() -> None:
        with foe.associated() as peer:
            peer.connection.settimeout(20)
            peer.store(content)

    foe.again(store, threads=2)


def deep_nesting(foe: Assailant) -> None:
    content = nested_data_set(100_000)

    def store() -> None:
        with foe.associated() as peer:
            peer.store(content)

    foe.again(store, threads=2)


def empty_uid(foe: Assailant) -> None:
    def store() -> None:
        with foe.associated() as peer:
            for uid in (b"", b"  ", b"\xff", b"1" * 70):
                peer.store(b"\0" * 1000, sop_instance=uid)

    foe.again(store)


def never_reading(foe: Assailant) -> None:
    echo = pdu(P_DATA, value(ECHO, COMMAND | LAST, command(C_ECHO_RQ, sop_class=VERIFICATION, data_set=False)))

    def ask() -> None:
        peer = foe.associated()
        peer.connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        foe.pour(peer, itertools.repeat(echo * 50))

    foe.again(ask)


def cut_off(foe: Assailant) -> None:
    """A reset in the middle of a data set, again and again."""

    def store() -> None:
        with foe.associated() as peer:
            peer.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            peer.send(pdu(P_DATA, value(STORE, COMMAND | LAST, command()) + value(STORE, 0, b"\0" * 50_000)))

    foe.again(store)


def silent_tls(foe: Assailant) -> None:
    foe.hold(MANY, lambda: foe.connect(foe.tls_port))


def half_handshake(foe: Assailant) -> None:
    def begin() -> RawPeer:
        peer = foe.connect(foe.tls_port)
        peer.send(b"\x16\x03\x01\x02\x00\x01")
        return peer

    foe.hold(MANY, begin, lambda peer: peer.send(b"\0"))


def tls_without_certificate(foe: Assailant) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

    def shake() -> None:
        with foe.connect(foe.tls_port) as peer, context.wrap_socket(peer.connection) as wrapped:
            wrapped.recv(1)

    foe.again(shake)


def endless(content: bytes) -> Iterable[bytes]:
    return itertools.repeat(content * 100_000)


ATTACKS: dict[str, Callable[[Assailant], None]] = {
    attack.__name__: attack
    for attack in (
        silent, three_bytes, half_request, slow_bytes, huge_request, garbage, flood, many_items, many_contexts,
        idle_associations, half_data, long_pdu, endless_command, endless_data, empty_fragments, tiny_elements,
        deep_nesting, empty_uid, never_reading, cut_off, silent_tls, half_handshake, tls_without_certificate,
    )
}  # fmt: skip


def main() -> None:
    name, port, tls_port, source, seconds = sys.argv[1:]
    ATTACKS[name](Assailant(int(port), int(tls_port), source, time.monotonic() + float(seconds)))
    os._exit(0)  # whatever thread still waits for its peer


if __name__ == "__main__":
    main()
