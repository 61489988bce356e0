"""DIMSE messages as they come in over an association, fragment by fragment (PS3.8 9.3.5 and Annex E, PS3.7 6.3).

A command set is gathered in memory, within bounds. The data set that follows goes where the operation says: that of a
C-STORE into a file, that of an N-ACTION into memory, any other nowhere. What breaks the rules of either standard raises
ProtocolBroken, and the association is aborted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from struct import Struct
from typing import Protocol

from pynetdicom.presentation import PresentationContext

from dicom_io.receiving.command_set import Command, MalformedCommand, Operation, read_command, write_response
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


class DataSetSink(Protocol):
    """Where the data set of one message goes."""

    def write(self, fragment: memoryview) -> None: ...

    def finish(self) -> tuple[Status, str]:
        """Called after the last fragment: the status of the response, and a comment that quotes nothing."""
        ...

    def abandon(self) -> None:
        """Called instead when the connection ends before."""
        ...


class Refused:
    """The sink of a message that is refused whatever its data set: it is read to its end, so that we can say so."""

    def __init__(self, status: Status, comment: str) -> None:
        self._answer = (status, comment)

    def write(self, fragment: memoryview) -> None:
        return

    def finish(self) -> tuple[Status, str]:
        return self._answer

    def abandon(self) -> None:
        return


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
        self._command: Command | None = None
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
        begin = self._operations.get(command.operation, _unrecognised)
        self._command, self._sink = command, begin(command, self._contexts[context_id])
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
        response = write_response(command, *sink.finish())
        longest = max(self._longest_answer - _PDV_HEAD.size, 1) if self._longest_answer else len(response)
        for start in range(0, len(response), longest):
            fragment = response[start : start + longest]
            control = COMMAND | (LAST if start + longest >= len(response) else 0)
            length = len(fragment) + 2  # of the value: context id and control header count
            self._send(_PDU_HEAD.pack(P_DATA_TF, length + _PDV_LENGTH, length, self._context_id, control) + fragment)


def _unrecognised(command: Command, context: PresentationContext) -> DataSetSink:
    return Refused(Status.UNRECOGNISED_OPERATION, "this operation is not served")
