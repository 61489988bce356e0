"""Files that only the site's key opens: encrypted in chunks, each chunk authenticated, in order and to its end.

ChaCha20-Poly1305 (RFC 8439, by the ``cryptography`` package) in the STREAM construction of Hoang, Reyhanitabar, Rogaway
and Vizár (CRYPTO 2015), as age uses it: the nonce of a chunk is its number and a flag that the last one alone bears,
so that a file that was cut short, reordered or lengthened does not open. Each file has a key of its own, derived by
HKDF-SHA-256 (RFC 5869) from the site's key, a random salt and the name that the file was sealed under.

    "twinveil sealed 1\\n"   32 bytes of salt   chunks of 64 KiB + 16 bytes, the last one shorter
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from dicom_io.header import SiteKey
from plugin.errors import SealBroken

MAGIC = b"twinveil sealed 1\n"
SALT = 32
CHUNK = 64 * 1024
"""Bytes of plain text in a chunk."""

_TAG = 16
_PURPOSE = "sealed file 1"


def seal(plain: BinaryIO, sealed: BinaryIO, key: SiteKey, name: str) -> None:
    """Write what ``plain`` holds to ``sealed``, to be opened again by ``key`` under the same ``name`` alone."""
    salt = os.urandom(SALT)
    cipher = _cipher(key, name, salt)
    sealed.write(MAGIC + salt)
    chunk, number = plain.read(CHUNK), 0
    while True:
        following = plain.read(CHUNK)
        sealed.write(cipher.encrypt(_nonce(number, last=not following), chunk, None))
        if not following:
            return
        chunk, number = following, number + 1


def unseal(sealed: BinaryIO, key: SiteKey, name: str) -> Iterator[bytes]:
    """The plain text, chunk by chunk. Only when the last one has come without an error is any of it to be trusted.

    Raises ``SealBroken`` when it was sealed under another key or name, or was altered or cut short since.
    """
    head = sealed.read(len(MAGIC) + SALT)
    if len(head) != len(MAGIC) + SALT or not head.startswith(MAGIC):
        raise SealBroken(f"{name} is no sealed file")
    cipher = _cipher(key, name, head[len(MAGIC) :])
    chunk, number = sealed.read(CHUNK + _TAG), 0
    while True:
        following = sealed.read(CHUNK + _TAG)
        try:
            yield cipher.decrypt(_nonce(number, last=not following), chunk, None)
        except InvalidTag as error:
            raise SealBroken(f"{name} was sealed under another key, or was altered or cut short since") from error
        if not following:
            return
        chunk, number = following, number + 1


def _cipher(key: SiteKey, name: str, salt: bytes) -> ChaCha20Poly1305:
    return ChaCha20Poly1305(key.derive(_PURPOSE, name, salt=salt))


def _nonce(number: int, *, last: bool) -> bytes:
    """12 bytes: the chunk's number, and whether it is the last."""
    return number.to_bytes(11, "big") + bytes([last])
