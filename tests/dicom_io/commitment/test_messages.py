"""Messages on commitment as they travel, and what of them is not taken."""

from __future__ import annotations

import pytest
from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, VLPhotographicImageStorage
from pynetdicom.dsutils import encode

from dicom_io.commitment import (
    ALL_COMMITTED,
    MOST_REFERENCES,
    SOME_FAILED,
    CommitmentReport,
    Failure,
    FailureReason,
    Reference,
    action_information,
    event_information,
    event_type_of,
    new_request,
    read_action_information,
    read_event_information,
)
from dicom_io.errors import UnreadableObject

PHOTOGRAPH = Reference(VLPhotographicImageStorage, "1.2.826.0.1.3680043.8.498.3")
OTHER = Reference(VLPhotographicImageStorage, "1.2.826.0.1.3680043.8.498.4")


def encoded(dataset: Dataset, *, implicit: bool = True) -> bytes:
    content = encode(dataset, implicit, True)
    assert content is not None
    return content


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian], ids=lambda uid: uid.name)
def test_what_is_written_is_read(syntax: str) -> None:
    implicit = syntax == ImplicitVRLittleEndian
    request = new_request([PHOTOGRAPH, OTHER])
    assert read_action_information(encoded(action_information(request), implicit=implicit), syntax) == request
    failure = Failure(OTHER, FailureReason.NO_SUCH_OBJECT_INSTANCE)
    for report, event in (
        (CommitmentReport(request.transaction_uid, (PHOTOGRAPH, OTHER)), ALL_COMMITTED),
        (CommitmentReport(request.transaction_uid, (PHOTOGRAPH,), (failure,)), SOME_FAILED),
        (CommitmentReport(request.transaction_uid, (), (failure,)), SOME_FAILED),
    ):
        assert read_event_information(encoded(event_information(report), implicit=implicit), syntax) == report
        assert event_type_of(report) == event


def test_a_failure_says_what_it_means() -> None:
    assert Failure(OTHER, 0x0112).in_words == "0x0112, no such object instance"
    assert Failure(OTHER, 0x9999).in_words == "0x9999, a reason of its own"


def test_two_requests_never_have_one_transaction() -> None:
    assert new_request([PHOTOGRAPH]).transaction_uid != new_request([PHOTOGRAPH]).transaction_uid


def without(keyword: str) -> Dataset:
    dataset = action_information(new_request([PHOTOGRAPH]))
    del dataset[keyword]
    return dataset


@pytest.mark.parametrize("keyword", ["TransactionUID", "ReferencedSOPSequence"])
def test_a_request_that_lacks_what_it_needs_is_refused(keyword: str) -> None:
    with pytest.raises(UnreadableObject):
        read_action_information(encoded(without(keyword)), ImplicitVRLittleEndian)


def test_a_reference_that_is_none_is_refused() -> None:
    dataset = action_information(new_request([PHOTOGRAPH]))
    del dataset.ReferencedSOPSequence[0].ReferencedSOPInstanceUID
    with pytest.raises(UnreadableObject, match="no pair of UIDs"):
        read_action_information(encoded(dataset), ImplicitVRLittleEndian)


@pytest.mark.parametrize("content", [b"\xff" * 64, b"\x08\x00\x99\x11\xff\xff\xff\xff" * 40, b"garbage"])
def test_garbage_is_refused_by_name(content: bytes) -> None:
    with pytest.raises(UnreadableObject):
        read_action_information(content, ImplicitVRLittleEndian)


def test_too_many_references_are_counted_before_they_are_parsed() -> None:
    item = b"\xfe\xff\x00\xe0\x00\x00\x00\x00"
    sequence = b"\x08\x00\x99\x11\xff\xff\xff\xff" + item * (6 * MOST_REFERENCES)
    with pytest.raises(UnreadableObject, match="elements"):
        read_action_information(sequence, ImplicitVRLittleEndian)
