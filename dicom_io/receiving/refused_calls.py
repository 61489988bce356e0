"""What the listener turns away, told to whoever watches it: by reason, address and title, and nothing of a data set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from dicom_io.standard import Status


class RefusedFor(StrEnum):
    """Why a connection, an association or an instance was not taken."""

    ADDRESS = "address"  # no caller is allowed there; closed at accept
    TLS = "tls"  # a handshake failed: no certificate, an expired one, or not one of ours
    TOKEN = "token"  # by HTTP: no bearer token, or another one
    AE_TITLE = "ae_title"  # the title is not allowed at that address
    LIMIT = "limit"  # too many associations, or requests by HTTP
    PROTOCOL = "protocol"  # what neither PS3.7, PS3.8 nor PS3.18 allow, or more of it than the limits do
    SLOW = "slow"  # silent or slow beyond a deadline
    NO_ROOM = "no_room"  # an instance, for want of room or for its size
    INSTANCE = "instance"  # an instance that cannot be read, or is not what was negotiated
    NOT_RECORDED = "not_recorded"  # an instance that is on disk, and whose row could not be made


@dataclass(frozen=True)
class RefusedCall:
    """One refusal. ``ae_title``: the calling one, "" where none was stated yet."""

    reason: RefusedFor
    address: str
    ae_title: str = ""


_FOR: dict[int, RefusedFor] = {
    Status.OUT_OF_RESOURCES: RefusedFor.NO_ROOM,
    Status.PROCESSING_FAILURE: RefusedFor.NOT_RECORDED,
}


def refused_for(status: int) -> RefusedFor:
    """What the sender of an instance is answered, as a reason; most failures are a matter of the instance."""
    return _FOR.get(status, RefusedFor.INSTANCE)


OnRefused = Callable[[RefusedCall], None]
"""Called in the thread in which it happens: it must be quick and raise nothing."""


def nobody_watches(call: RefusedCall) -> None:
    """The default."""
