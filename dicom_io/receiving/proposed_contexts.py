"""Presentation contexts that come to nothing, answered without decoding them.

A sender proposes what it could ever send: dcmtk 128 contexts of several transfer syntaxes each, of which a node of
photographs takes some ten. pynetdicom makes objects of each and looks at each UID many times over, which costs more
than the storing of an instance. So what cannot be accepted is taken out of the request before it is decoded, and put
back, refused, into the answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from struct import Struct

from dicom_io.receiving.association_request import FIXED_FIELDS, PRESENTATION_CONTEXT, USER_INFORMATION, items_of

ABSTRACT_SYNTAX, TRANSFER_SYNTAX, ANSWERED_CONTEXT = 0x30, 0x40, 0x21
"""Item types of PS3.8 9.3.2.2 and 9.3.3.2."""

NO_REASON, ABSTRACT_SYNTAX_NOT_SUPPORTED, TRANSFER_SYNTAXES_NOT_SUPPORTED = 2, 3, 4
"""Results of a presentation context (PS3.8 9.3.3.2)."""

INSIGNIFICANT = b"1.2.840.10008.1.2"
"""The transfer syntax in the answer to a context that is refused: there must be one, and it means nothing (PS3.8
9.3.3.2). Not the peer's own, which may be long."""

MOST_ALIKE = 4
"""Contexts of one abstract syntax that come to the same transfer syntax. A sender has no use for two of them."""

PDU_HEAD, CONTEXT_HEAD, ITEM_HEAD = Struct(">BxL"), Struct(">BBBB"), Struct(">BxH")

BEFORE_SYNTAXES = ITEM_HEAD.size + CONTEXT_HEAD.size

Offer = Mapping[bytes, tuple[bytes, ...]]
"""What we take: transfer syntaxes by abstract syntax, the one that we like best first."""


@dataclass(frozen=True)
class RefusedContext:
    """One that is answered by its id and a result."""

    identifier: int
    result: int

    def item(self) -> bytes:
        syntax = ITEM_HEAD.pack(TRANSFER_SYNTAX, len(INSIGNIFICANT)) + INSIGNIFICANT
        value = CONTEXT_HEAD.pack(self.identifier, 0, self.result, 0) + syntax
        return ITEM_HEAD.pack(ANSWERED_CONTEXT, len(value)) + value


def reduced(request: memoryview, offer: Offer) -> tuple[bytes, list[RefusedContext]]:
    """The A-ASSOCIATE-RQ ``request``, without its head, with what we may accept alone, and what was taken out of it.

    Of what may be accepted, the one transfer syntax that we would choose stays. One context stays in any case, and so
    does what is not as it should be: both are pynetdicom's to answer.
    """
    kept, refused = [bytes(request[:FIXED_FIELDS])], []
    last: bytes | None = None
    stays = False
    alike: Counter[bytes] = Counter()
    for kind, start, end in items_of(request, FIXED_FIELDS, len(request)):
        whole = bytes(request[start - ITEM_HEAD.size : end])
        if kind == PRESENTATION_CONTEXT:
            found = _judged(request[start:end], offer)
            if isinstance(found, bytes):
                alike[found[BEFORE_SYNTAXES:]] += 1
                if alike[found[BEFORE_SYNTAXES:]] > MOST_ALIKE:
                    found = RefusedContext(request[start], NO_REASON)
            if isinstance(found, RefusedContext):
                refused.append(found)
                last = whole
                continue
            stays = True
            whole = found or whole
        kept.append(whole)
    if not stays and last is not None:
        refused.pop()
        kept.insert(-1 if len(kept) > 1 else len(kept), last)  # user information stays at the end
    return b"".join(kept), refused


def with_refused(answer: bytes, refused: list[RefusedContext]) -> bytes:
    """The A-ASSOCIATE-AC ``answer``, a whole PDU, with ``refused`` among its contexts; any other PDU as it is."""
    kind, length = PDU_HEAD.unpack_from(answer)
    if kind != 0x02 or not refused:
        return answer
    at = next(
        (
            start - ITEM_HEAD.size
            for item, start, _ in items_of(memoryview(answer), PDU_HEAD.size + FIXED_FIELDS, len(answer))
            if item == USER_INFORMATION
        ),
        len(answer),
    )
    more = b"".join(context.item() for context in refused)
    return PDU_HEAD.pack(kind, length + len(more)) + answer[PDU_HEAD.size : at] + more + answer[at:]


def _judged(context: memoryview, offer: Offer) -> RefusedContext | bytes | None:
    """The refusal of one proposed context, or its item with one transfer syntax; None where it stays as it is."""
    if len(context) < CONTEXT_HEAD.size:
        return None
    abstract, proposed = b"", []
    for kind, value in _values(context):
        if kind == ABSTRACT_SYNTAX and not abstract:
            abstract = value
        elif kind == TRANSFER_SYNTAX:
            proposed.append(value)
        else:
            return None
    if not abstract or not proposed:
        return None
    known = offer.get(_uid(abstract))
    if known is None:
        return RefusedContext(context[0], ABSTRACT_SYNTAX_NOT_SUPPORTED)
    by_uid = {_uid(value): value for value in proposed}
    chosen = next((by_uid[uid] for uid in known if uid in by_uid), None)
    if chosen is None:
        return RefusedContext(context[0], TRANSFER_SYNTAXES_NOT_SUPPORTED)
    parts = ((ABSTRACT_SYNTAX, abstract), (TRANSFER_SYNTAX, chosen))
    value = bytes(context[: CONTEXT_HEAD.size])
    value += b"".join(ITEM_HEAD.pack(kind, len(part)) + part for kind, part in parts)
    return ITEM_HEAD.pack(PRESENTATION_CONTEXT, len(value)) + value


def _values(context: memoryview) -> Iterator[tuple[int, bytes]]:
    for kind, start, end in items_of(context, CONTEXT_HEAD.size, len(context)):
        yield kind, bytes(context[start:end])


def _uid(value: bytes) -> bytes:
    """Without the padding that some senders add (PS3.8 Annex F wants none)."""
    return value.rstrip(b"\0 ")
