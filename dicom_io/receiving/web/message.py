"""A body of multipart/related with application/dicom (PS3.18 8.6.1.2), part by part, as it comes.

Each part is accepted at its end: what is whole and on disk stays accepted, whatever becomes of the rest.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from email.message import Message as Headers

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser

from dicom_io.element_bounds import ElementBounds
from dicom_io.errors import SpoolFull
from dicom_io.receiving.arrival import Arrival
from dicom_io.receiving.spool import Spool, StoredInstance
from dicom_io.receiving.web.part import ArrivingPart, PartRefused
from dicom_io.standard import Status

log = logging.getLogger(__name__)

SENDER = "STOW-RS"
"""What stands in place of a calling AE title."""


class MessageBroken(Exception):
    """The body is not what it says it is. ``status``: of the answer; what came whole before is accepted."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


@dataclass(frozen=True)
class Outcome:
    """What became of one part. ``failure``: the Failure Reason, None where it is accepted and on record."""

    sop_class_uid: str
    sop_instance_uid: str
    failure: int | None = None


class PartStore:
    """Accepts parts into the spool, as the listener does what comes by C-STORE.

    ``study``: the only study that is taken; "" for any.
    """

    def __init__(
        self,
        spool: Spool,
        on_stored: Callable[[StoredInstance], None],
        bounds: ElementBounds,
        max_instance_bytes: int,
        *,
        study: str,
        address: str,
    ) -> None:
        self._spool = spool
        self._on_stored = on_stored
        self._bounds = bounds
        self._max_instance_bytes = max_instance_bytes
        self._study = study
        self._address = address

    def arriving(self) -> ArrivingPart:
        """A part that is about to come."""
        return ArrivingPart(self._spool.open_incoming, self._max_instance_bytes)

    def keep(self, part: ArrivingPart) -> Outcome:
        """The whole ``part`` becomes an accepted instance, or is refused with a reason."""
        try:
            self._accept(part.finish(self._bounds))
        except PartRefused as error:
            log.error("an instance was refused: %s", error)
            return Outcome(part.sop_class_uid, part.sop_instance_uid, error.reason)
        return Outcome(part.sop_class_uid, part.sop_instance_uid)

    def _accept(self, arrival: Arrival) -> None:
        if self._study and arrival.study_instance_uid != self._study:
            arrival.leave()
            raise PartRefused(Status.DATA_SET_DOES_NOT_MATCH_SOP_CLASS, "not of the study that it was sent to")
        try:
            stored = self._spool.accept(arrival, calling_ae=SENDER, address=self._address)
        except SpoolFull as error:
            raise PartRefused(Status.OUT_OF_RESOURCES, str(error)) from error
        try:
            self._on_stored(stored)
        except Exception as error:
            log.exception("an instance is on disk but its job could not be recorded")
            raise PartRefused(Status.PROCESSING_FAILURE, "it could not be recorded") from error


class Message:
    """Takes the bytes of one body. Used by one thread at a time."""

    def __init__(self, boundary: str, store: PartStore, max_parts: int) -> None:
        self._store = store
        self._max_parts = max_parts
        self._part: ArrivingPart | None = None
        self._name, self._value = bytearray(), bytearray()
        self._is_dicom = False
        self._ended = False
        self.outcomes: list[Outcome] = []
        try:
            self._parser = MultipartParser(
                boundary.encode("ascii"),
                {
                    "on_part_begin": self._begin_part,
                    "on_header_field": self._take_name,
                    "on_header_value": self._take_value,
                    "on_header_end": self._end_header,
                    "on_headers_finished": self._end_headers,
                    "on_part_data": self._take_data,
                    "on_part_end": self._end_part,
                    "on_end": self._end,
                },
            )
        except (FormParserError, UnicodeEncodeError) as error:
            raise MessageBroken(400, "a boundary that is none") from error

    def write(self, piece: bytes) -> None:
        """The next bytes. Raises MessageBroken."""
        try:
            self._parser.write(piece)
        except FormParserError as error:
            raise MessageBroken(400, "the body is no multipart message") from error

    def finish(self) -> list[Outcome]:
        """What became of each part. Raises MessageBroken where the body ends too early, or holds nothing."""
        if not self._ended:
            raise MessageBroken(400, "the body ends before its last boundary")
        if not self.outcomes:
            raise MessageBroken(400, "the body has no parts")
        return self.outcomes

    def abandon(self) -> None:
        """Nothing more is to come: what was half received is removed."""
        if self._part is not None:
            self._part.abandon()
            self._part = None

    def _begin_part(self) -> None:
        if len(self.outcomes) >= self._max_parts:
            raise MessageBroken(413, f"the body has more than {self._max_parts} parts")
        self._is_dicom = False

    def _take_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _take_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        if bytes(self._name).strip().lower() == b"content-type":
            self._is_dicom = media_type(bytes(self._value).decode("latin-1"))[0] == "application/dicom"
        self._name.clear()
        self._value.clear()

    def _end_headers(self) -> None:
        if not self._is_dicom:
            raise MessageBroken(415, "a part that is not application/dicom")
        self._part = self._store.arriving()

    def _take_data(self, data: bytes, start: int, end: int) -> None:
        if self._part is not None:
            self._part.write(memoryview(data)[start:end])

    def _end_part(self) -> None:
        part, self._part = self._part, None
        if part is not None:
            self.outcomes.append(self._store.keep(part))

    def _end(self) -> None:
        self._ended = True


def media_type(value: str) -> tuple[str, str, str]:
    """Type, ``type`` and ``boundary`` of a Content-Type; "" for what it does not say (RFC 2387)."""
    headers = Headers()
    headers["Content-Type"] = value.replace("\r", "").replace("\n", "")
    parameters = (headers.get_param(name, "") for name in ("type", "boundary"))
    inner, boundary = (part if isinstance(part, str) else "" for part in parameters)
    return headers.get_content_type(), inner.lower(), boundary
