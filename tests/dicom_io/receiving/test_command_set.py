"""Command sets as another implementation writes them, and responses as it reads them."""

from __future__ import annotations

import struct
from io import BytesIO

import pytest
from pydicom.uid import VLPhotographicImageStorage
from pynetdicom.dimse_messages import C_ECHO_RQ, C_STORE_RQ
from pynetdicom.dimse_primitives import C_ECHO, C_STORE
from pynetdicom.dsutils import decode, encode

from dicom_io.receiving.command_set import Command, MalformedCommand, Operation, read_command, write_response
from dicom_io.standard import Status
from tests.attack.peer import command, command_element

UID = "1.2.826.0.1.3680043.8.498.9"


def test_a_store_of_another_implementation_is_read() -> None:
    primitive = C_STORE()
    primitive.MessageID, primitive.Priority = 513, 2
    primitive.AffectedSOPClassUID, primitive.AffectedSOPInstanceUID = VLPhotographicImageStorage, UID
    primitive.DataSet = BytesIO(b"\0\0")
    message = C_STORE_RQ()
    message.primitive_to_message(primitive)
    encoded = encode(message.command_set, True, True)
    assert encoded is not None
    assert read_command(encoded) == Command(Operation.C_STORE, 513, True, VLPhotographicImageStorage, UID)


def test_an_echo_of_another_implementation_is_read() -> None:
    primitive = C_ECHO()
    primitive.MessageID, primitive.AffectedSOPClassUID = 7, "1.2.840.10008.1.1"
    message = C_ECHO_RQ()
    message.primitive_to_message(primitive)
    encoded = encode(message.command_set, True, True)
    assert encoded is not None
    assert read_command(encoded) == Command(Operation.C_ECHO, 7, False, "1.2.840.10008.1.1", "")


@pytest.mark.parametrize("status", [Status.SUCCESS, Status.OUT_OF_RESOURCES, Status.INVALID_OBJECT_INSTANCE])
def test_another_implementation_reads_the_response(status: Status) -> None:
    asked = Command(Operation.C_STORE, 513, True, VLPhotographicImageStorage, UID)
    encoded = write_response(asked, status, "a comment that is longer than LO allows " * 2)
    answer = decode(BytesIO(encoded), True, True)
    assert answer.CommandField == 0x8001
    assert answer.MessageIDBeingRespondedTo == 513
    assert answer.CommandDataSetType == 0x0101
    assert answer.Status == status
    assert (answer.AffectedSOPClassUID, answer.AffectedSOPInstanceUID) == (VLPhotographicImageStorage, UID)
    assert len(answer.ErrorComment) <= 64
    assert answer.CommandGroupLength == len(encoded) - 12


def test_a_uid_that_is_none_is_not_repeated() -> None:
    asked = read_command(command(sop_instance=b"1.2\n<b>"))
    answer = decode(BytesIO(write_response(asked, Status.INVALID_OBJECT_INSTANCE)), True, True)
    assert "AffectedSOPInstanceUID" not in answer


GOOD = command()
MALFORMED = {
    "nothing": b"",
    "half an element": GOOD[:-3],
    "half a head": GOOD + b"\0\0\0",
    "a length beyond the end": GOOD + struct.pack("<HHL", 0, 0x1031, 100),
    "an undefined length": GOOD + struct.pack("<HHL", 0, 0x1031, 0xFFFFFFFF),
    "another group": GOOD + struct.pack("<HHL", 8, 0x16, 0),
    "too many elements": GOOD + command_element(0x0903, b"") * 64,
    "no command field": command_element(0x0110, b"\1\0") + command_element(0x0800, b"\1\1"),
    "no message id": command_element(0x0100, b"\1\0") + command_element(0x0800, b"\1\1"),
    "no data set type": command_element(0x0100, b"\1\0") + command_element(0x0110, b"\1\0"),
    "a number of three bytes": command_element(0x0100, b"\1\0\0"),
    "a response": command(0x8001),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_no_command_set_is_told_apart(name: str) -> None:
    with pytest.raises(MalformedCommand):
        read_command(MALFORMED[name])
