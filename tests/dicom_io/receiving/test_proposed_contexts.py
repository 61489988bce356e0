"""What comes to nothing is answered without being decoded, and the peer hears what it would have heard otherwise."""

from __future__ import annotations

import struct

import pytest
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEGBaseline8Bit
from pynetdicom import AE, StoragePresentationContexts
from pynetdicom.presentation import build_context

from dicom_io.receiving.proposed_contexts import RefusedContext, reduced, with_refused
from dicom_io.standard import PHOTOGRAPH_CLASSES
from tests.attack.peer import RawPeer, association_request, element, item
from tests.dicom_io.conftest import Node

PHOTOGRAPH, CT = "1.2.840.10008.5.1.4.1.1.77.1.4", "1.2.840.10008.5.1.4.1.1.2"
OFFER = {PHOTOGRAPH.encode(): (JPEGBaseline8Bit.encode(), ExplicitVRLittleEndian.encode())}


def request_of(*contexts: tuple[int, str, str], more: bytes = b"") -> memoryview:
    return memoryview(association_request("CAMERA", contexts=contexts, more=more))[6:]


def contexts_in(request: bytes) -> list[int]:
    """Ids of the contexts in what is left of a request."""
    return [request[at + 4] for at in positions_of_contexts(request)]


def positions_of_contexts(body: bytes) -> list[int]:
    """Where they begin, in a request or an acceptance without its head."""
    found, at = [], 68
    while at < len(body):
        kind, length = struct.unpack_from(">BxH", body, at)
        found += [at] if kind in {0x20, 0x21} else []
        at += 4 + length
    return found


def test_what_may_be_accepted_stays_with_the_syntax_that_is_liked_best() -> None:
    request = request_of((1, PHOTOGRAPH, ExplicitVRLittleEndian), (3, CT, ExplicitVRLittleEndian),
                         (5, PHOTOGRAPH, ExplicitVRBigEndian), (7, PHOTOGRAPH + "\0", JPEGBaseline8Bit))  # fmt: skip
    left, refused = reduced(request, OFFER)
    assert contexts_in(left) == [1, 7]
    assert [(one.identifier, one.result) for one in refused] == [(3, 3), (5, 4)]
    assert left[:68] == bytes(request[:68])
    assert left.endswith(bytes(request[-20:])), "user information stays"


def test_one_context_always_stays_and_what_is_malformed_does() -> None:
    left, refused = reduced(request_of((3, CT, ExplicitVRLittleEndian), (5, CT, ExplicitVRLittleEndian)), OFFER)
    assert contexts_in(left) == [5]
    assert [one.identifier for one in refused] == [3]
    for odd in (b"", b"\x09\0\0\0", b"\x09\0\0\0" + item(0x30, b""), b"\x09\0\0\0" + item(0x77, b"x")):
        left, refused = reduced(request_of((1, CT, ExplicitVRLittleEndian), more=item(0x20, odd)), OFFER)
        assert item(0x20, odd) in left
        assert len(refused) == 1


def test_an_answer_that_is_no_acceptance_stays_as_it_is() -> None:
    rejection = b"\x03\0\0\0\0\x04\0\1\1\3"
    assert with_refused(rejection, [RefusedContext(1, 3)]) == rejection


@pytest.mark.parametrize("many", [2, 128])
def test_a_peer_hears_of_every_context_that_it_proposed(node: Node, many: int) -> None:
    syntaxes = [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, JPEGBaseline8Bit]
    strange = [context for context in StoragePresentationContexts if context.abstract_syntax not in PHOTOGRAPH_CLASSES]
    proposed = [build_context(PHOTOGRAPH, syntaxes), build_context(PHOTOGRAPH, [ExplicitVRBigEndian])]
    proposed += [build_context(context.abstract_syntax, syntaxes) for context in strange[: many - 2]]
    peer = AE("CAMERA")
    association = peer.associate("127.0.0.1", node.listener.port, contexts=proposed, ae_title="TWINVEIL")
    assert association.is_established
    heard = {context.context_id: context.result for context in association.accepted_contexts}
    assert list(heard.values()) == [0]
    heard |= {context.context_id: context.result for context in association.rejected_contexts}
    association.release()
    assert len(heard) == len(proposed)
    assert sorted(heard.values()) == [0, *[3] * (len(proposed) - 2), 4]


def test_of_many_contexts_alike_a_few_are_taken_and_serve(node: Node) -> None:
    contexts = [(number, PHOTOGRAPH, ExplicitVRLittleEndian) for number in range(1, 256, 2)]
    with RawPeer(node.port) as peer:
        peer.send(association_request("CAMERA", contexts=contexts))
        answer = peer.read()
        assert answer is not None
        kind, body = answer
        results = [body[at + 6] for at in positions_of_contexts(body)]
        assert (kind, results) == (0x02, [0] * 4 + [2] * 124)
        assert peer.store(element(0x0020, 0x000D, b"UI", b"1.2.3.4\0")) == 0
