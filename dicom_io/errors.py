"""Errors of everything that speaks DICOM.

    DicomError
    ├── UnsupportedObject     whole and readable, but not a photograph that is taken here (SOP class, transfer syntax,
    │                         photometric interpretation, bit depth, number of frames)
    ├── UnreadableObject      truncated, undecodable, not DICOM at all, or larger than the limits allow
    ├── ProfileError          the confidentiality profile cannot be applied as configured
    ├── KeyRefused            the site's key is missing, short, constant or readable by others
    ├── LeakFound             an identifying value of the source stands in an object that was about to leave
    ├── LeakSuspected         what may be such a value, or chance: for a person to decide
    ├── DeliveryFailed        an association or a store to a destination did not succeed
    ├── InvalidObject         an object that was about to leave breaks its information object definition
    ├── CertificateRefused    the files of TLS are missing, or do not fit together
    └── SpoolFull             no room for another instance

A message names the stage and what the operator can do, and never an identifying value: messages are logged.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence


class DicomError(Exception):
    """Base of everything that ``dicom_io`` raises on purpose."""


class UnsupportedObject(DicomError):
    """A whole object that is no photograph in our sense. The message names what is not supported."""


class UnreadableObject(DicomError):
    """The object cannot be read or decoded, or is larger than the limits allow."""


class ProfileError(DicomError):
    """The confidentiality profile (PS3.15 Annex E) cannot be applied as configured."""


class KeyRefused(DicomError):
    """The site's key cannot be used. The message says what to do about it."""


class CertificateRefused(DicomError):
    """A certificate, its key or the authorities cannot be used. The message names the file."""


class LeakFound(DicomError):
    """Values of the source stand in an outgoing object.

    ``tags`` names where in the source those values stood; the values themselves are never part of the error.
    """

    def __init__(self, tags: Sequence[str]) -> None:
        self.tags: tuple[str, ...] = tuple(tags)
        super().__init__(f"values of the source stand in an outgoing object: {', '.join(self.tags)}")


class LeakSuspected(DicomError):
    """Something in an outgoing object looks like values of the source, and may be there by chance.

    They were bytes or numbers in the source, and stand among bytes or numbers. ``tags`` as with ``LeakFound``.
    """

    def __init__(self, tags: Sequence[str]) -> None:
        self.tags: tuple[str, ...] = tuple(tags)
        super().__init__(
            f"bytes or numbers in an outgoing object look like values of the source: {', '.join(self.tags)}; "
            "a reviewer who knows that these name nobody can release it"
        )


class DeliveryFailed(DicomError):
    """Not everything was stored at a destination.

    ``retryable``: trying again later may help.
    ``offered``: an association stood, and it is one object that was not stored; else nothing came through at all.
    """

    def __init__(self, destination: str, reason: str, *, retryable: bool, offered: bool = False) -> None:
        self.destination = destination
        self.reason = reason
        self.retryable = retryable
        self.offered = offered
        super().__init__(f"delivery to {destination}: {reason}")


class InvalidObject(DicomError):
    """An outgoing object breaks its information object definition (PS3.3)."""


class SpoolFull(DicomError):
    """The spool's file system has no room for another instance; the sender is told 0xA700."""


WORDS: tuple[tuple[tuple[type[BaseException], ...], str], ...] = (
    ((MemoryError,), "there is not enough memory for it"),
    ((FileNotFoundError,), "there is no such file"),
    ((PermissionError,), "it may not be read or written here; see the permissions"),
    ((IsADirectoryError, NotADirectoryError), "a folder stands where a file should, or the other way round"),
    ((TimeoutError,), "there was no answer in time"),
    ((ConnectionError,), "the connection broke off"),
    ((OSError,), "it could not be read or written; see the disk"),
    ((EOFError, struct.error), "it ends too early"),
    ((RecursionError,), "its sequences are nested too deep"),
    ((UnicodeError,), "a text in it does not agree with its character set"),
    ((NotImplementedError,), "it is of a kind that no decoder here knows"),
    ((ImportError,), "a package that is needed for it is missing or damaged"),
    ((AttributeError, KeyError), "something that is needed is missing in it"),
    ((ArithmeticError,), "a number in it is out of range"),
    ((ValueError, TypeError, LookupError), "a value in it is not what the standard allows"),
    ((RuntimeError,), "the decoder cannot make anything of it"),
)
"""What an exception of somebody else's means, in words; the first that fits. Its own text may quote data."""


def in_words(error: BaseException) -> str:
    """What went wrong, for a message of ours: words first, and the exception's name only as a hint for a report."""
    for kinds, words in WORDS:
        if isinstance(error, kinds):
            return f"{words} ({type(error).__name__})"
    return f"it failed in a way that nobody foresaw ({type(error).__name__})"
