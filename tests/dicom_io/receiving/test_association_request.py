"""How much a request may ask for."""

from __future__ import annotations

import time

import pytest
from pydicom.uid import VLPhotographicImageStorage
from pynetdicom import AE, ALL_TRANSFER_SYNTAXES, StoragePresentationContexts
from pynetdicom.pdu import A_ASSOCIATE_RQ
from pynetdicom.pdu_primitives import A_ASSOCIATE, MaximumLengthNotification

from dicom_io.receiving.association_request import FIXED_FIELDS, is_reasonable
from tests.attack.peer import association_request, item


def body(request: bytes) -> memoryview:
    return memoryview(request)[6:]


def test_the_largest_request_that_a_library_makes_is_reasonable() -> None:
    """128 presentation contexts, each with every transfer syntax that there is."""
    entity = AE()
    for context in StoragePresentationContexts[:128]:
        entity.add_requested_context(context.abstract_syntax, ALL_TRANSFER_SYNTAXES[:30])
    primitive = A_ASSOCIATE()
    primitive.application_context_name = "1.2.840.10008.3.1.1.1"
    primitive.calling_ae_title, primitive.called_ae_title = "CAMERA", "TWINVEIL"
    primitive.presentation_context_definition_list = entity.requested_contexts
    for number, context in enumerate(entity.requested_contexts):
        context.context_id = 2 * number + 1
    length = MaximumLengthNotification()
    length.maximum_length_received = 16384
    primitive.user_information = [length]
    assert is_reasonable(body(A_ASSOCIATE_RQ(primitive).encode()))


def test_a_usual_request_is_reasonable() -> None:
    assert is_reasonable(body(association_request("CAMERA")))


FIXED = association_request("CAMERA")[6:]
TOO_MUCH = {
    "nothing": b"",
    "less than the fixed fields": FIXED[: FIXED_FIELDS - 1],
    "items": FIXED + item(0x99, b"") * 1000,
    "presentation contexts": FIXED + item(0x20, bytes(4)) * 200,
    "transfer syntaxes": FIXED + item(0x20, bytes(4) + item(0x40, b"1") * 5000),
    "transfer syntaxes here and there": FIXED + item(0x20, bytes(4) + item(0x40, b"1") * 100) * 100,
    "user information": FIXED + item(0x50, item(0x54, b"") * 16_000),
}


@pytest.mark.parametrize("name", TOO_MUCH)
def test_what_asks_for_too_much_is_found_out_at_once(name: str) -> None:
    begun = time.process_time()
    assert not is_reasonable(memoryview(TOO_MUCH[name]))
    assert time.process_time() - begun < 0.1


def test_an_item_that_overruns_is_cut_off() -> None:
    assert is_reasonable(memoryview(FIXED + b"\x50\x00\xff\xff" + VLPhotographicImageStorage.encode()))
