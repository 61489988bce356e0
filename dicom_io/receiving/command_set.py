"""DIMSE command sets (PS3.7 6.3.1 and Annex E): read within bounds, and those that we send.

A command set is a few short elements in Implicit VR Little Endian. It is read here rather than by a general parser,
because it comes from the network before anything is known of the peer's good will: no sequence, no undefined length, no
other group than 0000, and never more than ``MOST_ELEMENTS``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from struct import Struct

from dicom_io.standard import Status

MOST_ELEMENTS = 64
"""Elements of one command set. PS3.7 E.1 and E.2 name fewer, retired ones included."""

LONGEST_UID = 64
"""Characters (PS3.5 9.1)."""

LONGEST_COMMENT = 64
"""Characters of an Error Comment, VR LO."""

DATA_SET, NO_DATA_SET = 0x0001, 0x0101
RESPONSE = 0x8000


class Element(IntEnum):
    """Elements of group 0000 by number (PS3.7 E.1)."""

    GROUP_LENGTH = 0x0000
    AFFECTED_SOP_CLASS_UID = 0x0002
    REQUESTED_SOP_CLASS_UID = 0x0003
    COMMAND_FIELD = 0x0100
    MESSAGE_ID = 0x0110
    MESSAGE_ID_BEING_RESPONDED_TO = 0x0120
    COMMAND_DATA_SET_TYPE = 0x0800
    STATUS = 0x0900
    ERROR_COMMENT = 0x0902
    AFFECTED_SOP_INSTANCE_UID = 0x1000
    REQUESTED_SOP_INSTANCE_UID = 0x1001
    EVENT_TYPE_ID = 0x1002
    ACTION_TYPE_ID = 0x1008


class Operation(IntEnum):
    """Command fields of the requests that are served (PS3.7 E.1), and of the one that is ignored."""

    C_STORE = 0x0001
    C_ECHO = 0x0030
    N_EVENT_REPORT = 0x0100
    N_ACTION = 0x0130
    C_CANCEL = 0x0FFF


TYPE_ID = {Operation.N_EVENT_REPORT: Element.EVENT_TYPE_ID, Operation.N_ACTION: Element.ACTION_TYPE_ID}
"""The element that says which kind of event or action is meant."""


class MalformedCommand(ValueError):
    """The bytes are no command set that a peer of good will sends."""


@dataclass(frozen=True)
class Command:
    """One request. UIDs are "" where they are absent or not of the form of a UID.

    ``type_id``: of the event or action that an N-EVENT-REPORT or N-ACTION is about.
    """

    operation: int
    message_id: int
    has_data_set: bool
    sop_class_uid: str
    sop_instance_uid: str
    type_id: int = 0


@dataclass(frozen=True)
class Response:
    """What a peer answers to a request of ours. ``status``: as it came; None where it says none."""

    operation: int
    message_id: int
    has_data_set: bool
    status: int | None


_HEAD = Struct("<HHL")
_SHORT = Struct("<H")
_LONG = Struct("<L")
_PLAIN = re.compile(rb"[!-\[\]-~]{1,%d}" % LONGEST_UID)


def read_command(encoded: bytes) -> Command | Response:
    """The request or response in ``encoded``. Raises MalformedCommand."""
    values = dict(_elements(encoded))
    operation = _number(values, Element.COMMAND_FIELD)
    if operation & RESPONSE:
        return Response(
            operation & ~RESPONSE,
            _number(values, Element.MESSAGE_ID_BEING_RESPONDED_TO),
            _number(values, Element.COMMAND_DATA_SET_TYPE) != NO_DATA_SET,
            _number(values, Element.STATUS) if Element.STATUS in values else None,
        )
    requested = Element.REQUESTED_SOP_CLASS_UID in values
    sop_class, sop_instance = (
        (Element.REQUESTED_SOP_CLASS_UID, Element.REQUESTED_SOP_INSTANCE_UID)
        if requested
        else (Element.AFFECTED_SOP_CLASS_UID, Element.AFFECTED_SOP_INSTANCE_UID)
    )
    return Command(
        operation=operation,
        message_id=0 if operation == Operation.C_CANCEL else _number(values, Element.MESSAGE_ID),
        has_data_set=_number(values, Element.COMMAND_DATA_SET_TYPE) != NO_DATA_SET,
        sop_class_uid=_uid(values.get(sop_class, b"")),
        sop_instance_uid=_uid(values.get(sop_instance, b"")),
        type_id=_number(values, TYPE_ID[Operation(operation)]) if operation in TYPE_ID else 0,
    )


def write_request(command: Command) -> bytes:
    """The encoded ``command``, which is an N-EVENT-REPORT of ours."""
    elements: dict[int, bytes] = {
        Element.COMMAND_FIELD: _SHORT.pack(command.operation),
        Element.MESSAGE_ID: _SHORT.pack(command.message_id),
        Element.COMMAND_DATA_SET_TYPE: _SHORT.pack(DATA_SET if command.has_data_set else NO_DATA_SET),
        Element.AFFECTED_SOP_CLASS_UID: _padded(command.sop_class_uid, b"\0"),
        Element.AFFECTED_SOP_INSTANCE_UID: _padded(command.sop_instance_uid, b"\0"),
        Element.EVENT_TYPE_ID: _SHORT.pack(command.type_id),
    }
    return _written(elements)


def write_response(command: Command, status: Status, comment: str = "") -> bytes:
    """The encoded response to ``command``. ``comment`` says in a few words what is wrong; it quotes nothing."""
    elements: dict[int, bytes] = {
        Element.COMMAND_FIELD: _SHORT.pack(command.operation | RESPONSE),
        Element.MESSAGE_ID_BEING_RESPONDED_TO: _SHORT.pack(command.message_id),
        Element.COMMAND_DATA_SET_TYPE: _SHORT.pack(NO_DATA_SET),
        Element.STATUS: _SHORT.pack(status),
    }
    if command.sop_class_uid:
        elements[Element.AFFECTED_SOP_CLASS_UID] = _padded(command.sop_class_uid, b"\0")
    if command.sop_instance_uid:
        elements[Element.AFFECTED_SOP_INSTANCE_UID] = _padded(command.sop_instance_uid, b"\0")
    if comment:
        elements[Element.ERROR_COMMENT] = _padded(comment[:LONGEST_COMMENT], b" ")
    if command.operation in TYPE_ID:
        elements[TYPE_ID[Operation(command.operation)]] = _SHORT.pack(command.type_id)
    return _written(elements)


def _written(elements: Mapping[int, bytes]) -> bytes:
    body = b"".join(_HEAD.pack(0, element, len(value)) + value for element, value in sorted(elements.items()))
    return _HEAD.pack(0, Element.GROUP_LENGTH, _LONG.size) + _LONG.pack(len(body)) + body


def _elements(encoded: bytes) -> Iterator[tuple[int, bytes]]:
    offset, count = 0, 0
    while offset < len(encoded):
        if offset + _HEAD.size > len(encoded):
            raise MalformedCommand("a command set that ends inside an element")
        group, element, length = _HEAD.unpack_from(encoded, offset)
        offset += _HEAD.size
        count += 1
        if group != 0 or length > len(encoded) - offset or count > MOST_ELEMENTS:
            raise MalformedCommand("a command set with other groups, overlong values or too many elements")
        yield element, encoded[offset : offset + length]
        offset += length


def _number(values: Mapping[int, bytes], element: Element) -> int:
    value = values.get(element, b"")
    if len(value) != _SHORT.size:
        raise MalformedCommand(f"a command set without a {element.name.lower().replace('_', ' ')}")
    number: int = _SHORT.unpack(value)[0]
    return number


def _uid(value: bytes) -> str:
    """Lenient, as archives are: anything printable of a UID's length. Only digits and dots would be conformant."""
    text = value.rstrip(b"\0 ")
    return text.decode("ascii") if _PLAIN.fullmatch(text) else ""


def _padded(text: str, pad: bytes) -> bytes:
    encoded = text.encode("ascii", "replace")
    return encoded + pad * (len(encoded) % 2)
