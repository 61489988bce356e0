"""DIMSE messages as they come in over an association, fragment by fragment (PS3.8 9.3.5 and Annex E, PS3.7 6.3).

A command set is gathered in memory, within bounds. The data set that follows goes where the operation says: that of a
C-STORE into a file, that of an N-ACTION or N-EVENT-REPORT into memory, any other nowhere. What breaks the rules of
either standard raises ProtocolBroken, and the association is aborted.

A peer is asked something in its turn only where the answer to a request of its own says so (``FollowUp``): one thing at
a time, by the thread that reads.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from struct import Struct
from typing import Protocol

from pynetdicom.presentation import PresentationContext

from dicom_io.receiving.command_set import (
    Command,
    MalformedCommand,
    Operation,
    Response,
    read_command,
    write_request,
    write_response,
)
from dicom_io.receiving.limits import ConnectionLimits
from dicom_io.standard import Status

COMMAND, LAST = 0x01, 0x02
"""Bits of the message control header (PS3.8 E.2)."""

CRUMBS, LEAST_FRAGMENT = 1000, 64
"""Fragments that a message may have whatever their size, and the bytes that more of them must have on average."""

_PDV_HEAD = Struct(">LBB")
_PDV_LENGTH = 4
_PDU_HEAD = Struct(">BxLLBB")
P_DATA_TF = 0x04


class ProtocolBroken(Exception):
    """The peer sent what neither PS3.7 nor PS3.8 allow, or more of it than the limits do."""


@dataclass(frozen=True)
class FollowUp:
    """A request of ours on the same association, after the answer to one of the peer's.

    ``answered``: called with the status of its answer, if one comes.
    """

    command: Command
    data_set: bytes
    answered: Callable[[int | None], None]


class DataSetSink(Protocol):
    """Where the data set of one message goes."""

    def write(self, fragment: memoryview) -> None: ...

    def finish(self) -> tuple[Status, str]:
        """Called after the last fragment: the status of the response, and a comment that quotes nothing."""
        ...

    def abandon(self) -> None:
        """Called instead when the connection ends before."""
        ...

    def follow_up(self) -> FollowUp | None:
        """Called once the response is sent: what we ask the peer in our turn."""
        return None


class Refused(DataSetSink):
    """The sink of a message that is refused whatever its data set: it is read to its end, so that we can say so."""

    def __init__(self, status: Status, comment: str) -> None:
        self._answer = (status, comment)

    def write(self, fragment: memoryview) -> None:
        return

    def finish(self) -> tuple[Status, str]:
        return self._answer

    def abandon(self) -> None:
        return


class Gathered(DataSetSink):
    """A data set that is kept in memory, ``most`` bytes of it at the most, until ``answer`` is called with it.

    ``answer`` gives the status, a comment that quotes nothing, and what is asked of the peer then.
    """

    def __init__(self, most: int, answer: Callable[[bytes], tuple[Status, str, FollowUp | None]]) -> None:
        self._most = most
        self._answer = answer
        self._content = bytearray()
        self._count = 0
        self._then: FollowUp | None = None

    def write(self, fragment: memoryview) -> None:
        self._count += len(fragment)
        if self._count <= self._most:
            self._content += fragment

    def finish(self) -> tuple[Status, str]:
        if self._count > self._most:
            return Status.RESOURCE_LIMITATION, "it asks about too much at a time"
        status, comment, self._then = self._answer(bytes(self._content))
        return status, comment

    def abandon(self) -> None:
        self._content.clear()

    def follow_up(self) -> FollowUp | None:
        return self._then


Begin = Callable[[Command, PresentationContext], DataSetSink]
"""What an operation does with a request: where its data set goes. One without a data set is finished at once."""


class MessageReader:
    """Puts the messages of one association together and answers each. Used by one thread.

    ``operations``: what is served, by command field. ``send`` takes one encoded P-DATA-TF. ``longest_answer``: bytes of
    P-DATA that the peer takes at once, 0 for any.
    """

    def __init__(
        self,
        limits: ConnectionLimits,
        contexts: Mapping[int, PresentationContext],
        operations: Mapping[int, Begin],
        send: Callable[[bytes], None],
        longest_answer: int,
    ) -> None:
        self._limits = limits
        self._contexts = contexts
        self._operations = operations
        self._send = send
        self._longest_answer = longest_answer
        self._context_id = 0
        self._encoded_command = bytearray()
        self._command: Command | Response | None = None
        self._asked: FollowUp | None = None
        self._last_id = 0
        self._sink: DataSetSink | None = None
        self._begun: float | None = None
        self._count = 0
        self._fragments = 0

    @property
    def deadline(self) -> float | None:
        """When the message that is under way must be whole, given what has come of it. None between two messages."""
        if self._begun is None:
            return None
        return self._begun + self._limits.network_seconds + self._count / self._limits.min_bytes_per_second

    def take(self, pdu: memoryview) -> None:
        """The presentation data values of one P-DATA-TF, without the six bytes of its head."""
        if self._begun is None:
            self._begun = time.monotonic()
        self._count += len(pdu)
        if not pdu:
            raise ProtocolBroken("a P-DATA-TF without a presentation data value")
        offset = 0
        while offset < len(pdu):
            if offset + _PDV_HEAD.size > len(pdu):
                raise ProtocolBroken("a P-DATA-TF that ends inside a presentation data value")
            length, context_id, control = _PDV_HEAD.unpack_from(pdu, offset)
            self._fragments += 1
            if self._fragments > CRUMBS + self._count // LEAST_FRAGMENT:
                raise ProtocolBroken("a message in crumbs, each of which costs as much as a whole piece")
            end = offset + _PDV_LENGTH + length
            if length < 2 or end > len(pdu):
                raise ProtocolBroken("a presentation data value that is longer or shorter than it can be")
            fragment = pdu[offset + _PDV_HEAD.size : end]
            if control & COMMAND:
                self._take_command(context_id, fragment, last=bool(control & LAST))
            else:
                self._take_data(context_id, fragment, last=bool(control & LAST))
            offset = end

    def abandon(self) -> None:
        """The connection is gone: what was half received is removed."""
        if self._sink is not None:
            self._sink.abandon()
            self._sink = None

    def _take_command(self, context_id: int, fragment: memoryview, *, last: bool) -> None:
        if self._command is not None:
            raise ProtocolBroken("a command set inside a data set")
        if context_id not in self._contexts:
            raise ProtocolBroken("a message under a presentation context that was not accepted")
        if self._encoded_command and context_id != self._context_id:
            raise ProtocolBroken("a command set under two presentation contexts")
        self._context_id = context_id
        self._encoded_command += fragment
        if len(self._encoded_command) > self._limits.max_command_bytes:
            raise ProtocolBroken("a command set longer than the limit")
        if not last:
            return
        try:
            command = read_command(bytes(self._encoded_command))
        except MalformedCommand as error:
            raise ProtocolBroken(str(error)) from error
        self._encoded_command.clear()
        self._count = 0
        if command.operation == Operation.C_CANCEL:  # of a query that we do not serve
            self._begun = None
            self._fragments = 0
            return
        self._command = command
        if isinstance(command, Response):
            self._sink = Refused(Status.SUCCESS, "")  # a reply says nothing that we look at
        else:
            begin = self._operations.get(command.operation, _unrecognised)
            self._sink = begin(command, self._contexts[context_id])
        if not command.has_data_set:
            self._answer()

    def _take_data(self, context_id: int, fragment: memoryview, *, last: bool) -> None:
        if self._sink is None or context_id != self._context_id:
            raise ProtocolBroken("a data set without a command set before it")
        if self._count > 2 * self._limits.max_instance_bytes:
            raise ProtocolBroken("a data set that does not end")
        self._sink.write(fragment)
        if last:
            self._answer()

    def _answer(self) -> None:
        assert self._command is not None and self._sink is not None
        command, sink = self._command, self._sink
        self._command = self._sink = self._begun = None
        self._count = self._fragments = 0
        if isinstance(command, Response):
            self._hear(command)
            return
        self._send_fragments(write_response(command, *sink.finish()), COMMAND)
        if (then := sink.follow_up()) is not None:
            self._ask(then)

    def _ask(self, follow_up: FollowUp) -> None:
        if self._asked is not None:  # it has not answered the one before; this one is left to another association
            return
        self._last_id = self._last_id % 0xFFFF + 1
        self._asked = follow_up
        self._send_fragments(write_request(replace(follow_up.command, message_id=self._last_id)), COMMAND)
        self._send_fragments(follow_up.data_set, 0)

    def _hear(self, response: Response) -> None:
        asked, self._asked = self._asked, None
        if asked is None or (response.operation, response.message_id) != (asked.command.operation, self._last_id):
            raise ProtocolBroken("a response to a request that was never sent")
        asked.answered(response.status)

    def _send_fragments(self, content: bytes, kind: int) -> None:
        longest = max(self._longest_answer - _PDV_HEAD.size, 1) if self._longest_answer else len(content)
        for start in range(0, len(content), longest):
            fragment = content[start : start + longest]
            control = kind | (LAST if start + longest >= len(content) else 0)
            length = len(fragment) + 2  # of the value: context id and control header count
            self._send(_PDU_HEAD.pack(P_DATA_TF, length + _PDV_LENGTH, length, self._context_id, control) + fragment)


def _unrecognised(command: Command, context: PresentationContext) -> DataSetSink:
    return Refused(Status.UNRECOGNISED_OPERATION, "this operation is not served")
