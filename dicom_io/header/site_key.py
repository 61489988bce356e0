"""The site's key: the one secret without which no pseudonym, UID, date shift or persona can be recomputed."""

from __future__ import annotations

import hmac
import os
import stat
from itertools import pairwise
from pathlib import Path
from typing import NoReturn

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from dicom_io.disk import sync_folder
from dicom_io.errors import KeyRefused

SHORTEST_KEY = 32
"""Bytes: as long as the output of SHA-256, the least that RFC 2104 section 3 recommends for HMAC-SHA-256."""

LONGEST_KEY = 4096
"""Bytes. A longer file is something else, given by mistake."""

FEWEST_DISTINCT_BYTES = 10
"""32 random bytes have about 30 distinct values, 64 random hexadecimal digits nearly always more than 12."""

PLACEHOLDERS = (b"changeme", b"change me", b"change-me", b"default", b"example", b"secret", b"password", b"twinveil")
"""Words that stand in keys which somebody copied from documentation."""


class SiteKey:
    """The key, in memory only. It can be neither printed, copied into a job's row, nor compared by accident."""

    __slots__ = ("_secret",)

    def __init__(self, secret: bytes) -> None:
        """``secret``: at least ``SHORTEST_KEY`` bytes that look random. Raises ``KeyRefused``."""
        _refuse_weak(secret)
        self._secret = secret

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> SiteKey:
        """The key in the file ``path``: its bytes as they are, a line end included.

        Raises ``KeyRefused``, which says what to do, where the file is missing, no regular file, open to other users
        than its owner, or holds no key.
        """
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as error:
            raise KeyRefused(
                f"key file {path}: {error.strerror}. `twinveil init` makes one; name it in the configuration "
                "or by TWINVEIL_KEY_FILE"
            ) from error
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise KeyRefused(f"key file {path}: not a regular file. Name the file itself")
            if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                mode = stat.S_IMODE(status.st_mode)
                raise KeyRefused(f"key file {path}: mode {mode:04o} opens it to other users. Run: chmod 600 {path}")
            secret = os.read(descriptor, LONGEST_KEY + 1)
        finally:
            os.close(descriptor)
        try:
            return cls(secret)
        except KeyRefused as error:
            raise KeyRefused(f"key file {path} holds no key: {error}") from None

    def mac(self, purpose: str, *parts: str) -> bytes:
        """HMAC-SHA-256 (RFC 2104) over ``purpose`` and ``parts``: 32 bytes.

        Each part is preceded by its length and all by their number, so that no two different lists give one message:
        ("a", "bc") and ("ab", "c") differ, and so do ("a",) and ("a", "").
        """
        message = (1 + len(parts)).to_bytes(8, "big")
        for part in (purpose, *parts):
            encoded = part.encode("utf-8", "surrogatepass")
            message += len(encoded).to_bytes(8, "big") + encoded
        return hmac.digest(self._secret, message, "sha256")

    def derive(self, purpose: str, *parts: str, salt: bytes = b"") -> bytes:
        """A key of 32 bytes for ``purpose`` and ``parts``, by HKDF-SHA-256 (RFC 5869), to encrypt with."""
        info = b"".join(len(part).to_bytes(8, "big") + part for part in (text.encode() for text in (purpose, *parts)))
        return HKDF(algorithm=hashes.SHA256(), length=32, salt=salt or None, info=info).derive(self._secret)

    def __repr__(self) -> str:
        return "SiteKey(<not shown>)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("the site's key is never serialised")


def generate_key_file(path: str | os.PathLike[str]) -> None:
    """Writes ``SHORTEST_KEY`` bytes of the operating system's entropy to the new file ``path``, mode 0600.

    Raises ``KeyRefused`` where something stands there already: a key that is lost makes every pseudonym new.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError as error:
        raise KeyRefused(f"key file {path} exists and is kept. Move it away first if you mean to start anew") from error
    except OSError as error:
        raise KeyRefused(f"key file {path} cannot be written: {error.strerror}. Name another folder") from error
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(os.urandom(SHORTEST_KEY))
        file.flush()
        os.fsync(file.fileno())
    sync_folder(Path(path).resolve().parent)


def _refuse_weak(secret: bytes) -> None:
    """Raises ``KeyRefused`` for what can be guessed. It finds negligence, not every weak key."""
    renew = "`twinveil init` makes a good one"
    if len(secret) < SHORTEST_KEY:
        raise KeyRefused(f"{len(secret)} bytes are too short a key, at least {SHORTEST_KEY} are needed; {renew}")
    if len(secret) > LONGEST_KEY:
        raise KeyRefused(f"more than {LONGEST_KEY} bytes are no key; {renew}")
    if len(set(secret)) == 1:
        raise KeyRefused(f"every byte of the key is the same; {renew}")
    steps = {(after - before) % 256 for before, after in pairwise(secret)}
    if len(steps) == 1 or len(set(secret)) < FEWEST_DISTINCT_BYTES:
        raise KeyRefused(f"the key follows a pattern; {renew}")
    if any(word in secret.lower() for word in PLACEHOLDERS):
        raise KeyRefused(f"the key is a placeholder from documentation; {renew}")
    if any(secret == (secret[:period] * len(secret))[: len(secret)] for period in range(1, SHORTEST_KEY // 2 + 1)):
        raise KeyRefused(f"the key repeats itself; {renew}")
