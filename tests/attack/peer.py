"""A peer that sends bytes: everything that the standard allows, and what no library would send."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import time
from collections.abc import Iterable, Sequence

from pydicom.uid import ExplicitVRLittleEndian, VLPhotographicImageStorage, generate_uid

VERIFICATION = "1.2.840.10008.1.1"
APPLICATION_CONTEXT = "1.2.840.10008.3.1.1.1"
ECHO, STORE = 1, 3
"""Presentation context ids that ``RawPeer.associate`` proposes."""

COMMAND, LAST = 1, 2
"""Bits of the message control header (PS3.8 E.2)."""

C_STORE_RQ, C_ECHO_RQ = 0x0001, 0x0030
ASSOCIATE_AC, ASSOCIATE_RJ, P_DATA, ABORT = 0x02, 0x03, 0x04, 0x07


def pdu(kind: int, body: bytes, length: int | None = None) -> bytes:
    """One PDU; ``length`` where it is to lie about it."""
    return struct.pack(">BxL", kind, len(body) if length is None else length) + body


def item(kind: int, value: bytes) -> bytes:
    return struct.pack(">BxH", kind, len(value)) + value


def association_request(
    calling: str, called: str = "TWINVEIL", contexts: Sequence[tuple[int, str, str]] | None = None, more: bytes = b""
) -> bytes:
    """An A-ASSOCIATE-RQ (PS3.8 9.3.2). ``more``: items at its end."""
    if contexts is None:
        contexts = (
            (ECHO, VERIFICATION, ExplicitVRLittleEndian),
            (STORE, VLPhotographicImageStorage, ExplicitVRLittleEndian),
        )
    body = struct.pack(">HH16s16s32x", 1, 0, called.ljust(16).encode(), calling.ljust(16).encode())
    body += item(0x10, APPLICATION_CONTEXT.encode())
    for number, abstract, transfer in contexts:
        syntaxes = item(0x30, abstract.encode()) + item(0x40, transfer.encode())
        body += item(0x20, struct.pack(">BBBB", number, 0, 0, 0) + syntaxes)
    body += item(0x50, item(0x51, struct.pack(">L", 16384)) + item(0x52, b"1.2.3.4"))
    return pdu(0x01, body + more)


def value(context: int, control: int, data: bytes) -> bytes:
    """One presentation data value item."""
    return struct.pack(">LBB", len(data) + 2, context, control) + data


def command_element(element: int, data: bytes) -> bytes:
    return struct.pack("<HHL", 0, element, len(data)) + data


def command(
    field: int = C_STORE_RQ,
    *,
    sop_class: str = VLPhotographicImageStorage,
    sop_instance: bytes | None = None,
    data_set: bool = True,
    more: bytes = b"",
) -> bytes:
    """A command set in Implicit VR Little Endian; ``sop_instance`` None draws one, b"" leaves the value empty."""
    short = struct.Struct("<H").pack
    uid = sop_class.encode()
    instance = generate_uid().encode() if sop_instance is None else sop_instance
    body = command_element(0x0002, uid + b"\0" * (len(uid) % 2))
    body += command_element(0x0100, short(field)) + command_element(0x0110, short(1))
    body += command_element(0x0700, short(0)) + command_element(0x0800, short(0 if data_set else 0x0101))
    if field == C_STORE_RQ:
        body += command_element(0x1000, instance + b"\0" * (len(instance) % 2))
    body += more
    return command_element(0x0000, struct.pack("<L", len(body))) + body


def response_status(body: bytes) -> int:
    """The status in the command set of a response, of which ``body`` is the P-DATA-TF without its head."""
    at = body.index(struct.pack("<HHL", 0, 0x0900, 2)) + 8
    status: int = struct.unpack_from("<H", body, at)[0]
    return status


class RawPeer:
    """One connection from ``source``."""

    def __init__(
        self, port: int, source: str = "127.0.0.1", *, timeout: float = 20.0, tls: ssl.SSLContext | None = None
    ) -> None:
        self.connection = socket.create_connection(("127.0.0.1", port), timeout=timeout, source_address=(source, 0))
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            self.connection = tls.wrap_socket(self.connection)

    def __enter__(self) -> RawPeer:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def send(self, content: bytes) -> None:
        self.connection.sendall(content)

    def associate(self, calling: str = "CAMERA", called: str = "TWINVEIL") -> bool:
        """Whether an association was granted."""
        self.send(association_request(calling, called))
        answer = self.read()
        return answer is not None and answer[0] == ASSOCIATE_AC

    def store(self, data_set: bytes, *, sop_instance: bytes | None = None, fragment: int = 100_000) -> int:
        """Send one instance and return the status of the response."""
        self.send(pdu(P_DATA, value(STORE, COMMAND | LAST, command(sop_instance=sop_instance))))
        return self.data(data_set, fragment=fragment)

    def data(self, data_set: bytes, *, fragment: int = 100_000) -> int:
        """The data set of a command that was sent, and the status of the response."""
        for start in range(0, len(data_set), fragment):
            last = LAST if start + fragment >= len(data_set) else 0
            self.send(pdu(P_DATA, value(STORE, last, data_set[start : start + fragment])))
        return self.status()

    def echo(self) -> int:
        """A C-ECHO and the status of the response."""
        encoded = command(C_ECHO_RQ, sop_class=VERIFICATION, data_set=False)
        self.send(pdu(P_DATA, value(ECHO, COMMAND | LAST, encoded)))
        return self.status()

    def status(self) -> int:
        """That of the response that comes next. Raises ConnectionError when something else does."""
        answer = self.read()
        if answer is None or answer[0] != P_DATA:
            raise ConnectionError(f"no response but {answer}")
        return response_status(answer[1])

    def read(self) -> tuple[int, bytes] | None:
        """Kind and body of the next PDU, None when the connection is closed."""
        head = self._exactly(6)
        if len(head) < 6:
            return None
        kind, length = struct.unpack(">BxL", head)
        return kind, self._exactly(length)

    def send_until_closed(self, parts: Iterable[bytes], pause: float = 0.0) -> int:
        """Send one part after the other until the other side ends the connection; how many bytes it took by then."""
        sent = 0
        for part in parts:
            try:
                self.send(part)
            except OSError:
                return sent
            sent += len(part)
            time.sleep(pause)
        raise AssertionError(f"{sent} bytes were sent and the connection is still open")

    def is_closed_within(self, seconds: float) -> bool:
        """Whether the other side ends the connection; whatever it says before is read over."""
        self.connection.settimeout(seconds)
        try:
            while self.connection.recv(4096):
                pass
        except TimeoutError:
            return False
        except OSError:
            return True
        return True

    def _exactly(self, count: int) -> bytes:
        content = b""
        with contextlib.suppress(ConnectionResetError):
            while len(content) < count:
                part = self.connection.recv(count - len(content))
                if not part:
                    break
                content += part
        return content


def element(group: int, number: int, vr: bytes, data: bytes) -> bytes:
    """One element in Explicit VR Little Endian, of a VR of the short form."""
    return struct.pack("<HH2sH", group, number, vr, len(data)) + data


def tiny_data_set(size: int) -> bytes:
    """A data set of ``size`` bytes, almost all of it empty elements."""
    empty = b"".join(element(0x0009, number, b"LO", b"") for number in range(0x1000, 0x1800))
    return (empty * (size // len(empty) + 1))[:size]


def nested_data_set(depth: int) -> bytes:
    """A data set whose sequences nest ``depth`` deep, of undefined length throughout."""
    sequence = struct.pack("<HH2sHL", 0x0008, 0x1140, b"SQ", 0, 0xFFFFFFFF)
    entry = struct.pack("<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF)
    ends = struct.pack("<HHLHHL", 0xFFFE, 0xE00D, 0, 0xFFFE, 0xE0DD, 0)
    return (sequence + entry) * depth + ends * depth
