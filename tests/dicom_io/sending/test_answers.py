"""An answer reaches whoever waits for it, whatever the reactor of the association does in the meantime."""

from __future__ import annotations

import queue
import socket
import time
from dataclasses import replace
from typing import Any

import pynetdicom.association
import pytest
from pynetdicom.dimse_primitives import C_STORE, N_EVENT_REPORT
from pynetdicom.dsutils import encode

from dicom_io.sending import Kind
from dicom_io.sending.answers import Answers
from dicom_io.sending.negotiation import associated
from tests.dicom_io.builders import clean_header
from tests.dicom_io.sending.test_delivery import running
from tests.dicom_io.writing.test_derived import derive


def test_requests_are_for_the_reactor_and_all_else_for_whoever_waits() -> None:
    request = N_EVENT_REPORT()
    request.MessageID, request.EventTypeID = 1, 1
    request.AffectedSOPClassUID, request.AffectedSOPInstanceUID = "1.2.840.10008.1.20.1", "1.2.840.10008.1.20.1.1"
    answer = C_STORE()
    answer.MessageIDBeingRespondedTo, answer.Status = 1, 0x0000
    answers = Answers()
    for message in (request, answer):
        answers.put((1, message))
    answers.put((None, None))
    assert answers.get(block=False) == (1, request)
    with pytest.raises(queue.Empty):
        answers.get(block=False)
    assert [answers.get(), answers.get()] == [(1, answer), (None, None)]
    with pytest.raises(queue.Empty):
        answers.get(timeout=0.01)


def test_a_connection_lost_while_an_object_is_encoded_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """pynetdicom has looked whether there is an association by then, and has not begun to wait."""
    twin = derive(clean_header())
    kind = Kind(twin.SOPClassUID, twin.file_meta.TransferSyntaxUID)
    with running([]) as archive:
        destination = replace(archive.destination, dimse_timeout=60.0)
        with associated(destination, [kind]) as (association, _):

            def encode_and_lose(*arguments: Any) -> Any:
                association.dul.socket.socket.shutdown(socket.SHUT_RDWR)
                while not association.is_aborted:
                    time.sleep(0.001)
                return encode(*arguments)

            monkeypatch.setattr(pynetdicom.association, "encode", encode_and_lose)
            began = time.monotonic()
            answer = association.send_c_store(twin)
            assert "Status" not in answer
            assert time.monotonic() - began < destination.dimse_timeout
    assert archive.received == []
