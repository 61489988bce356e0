"""Several processes that receive into one spool: what each of them has accepted the others know at once.

    together/news        a line for each name: "+" it is accepted, or about to be; "-" nothing is known of it any more
    together/00 ... ff   held by whoever is deciding on an instance whose name begins so, until it is on disk or refused

The news begin with the first process and end with it: what was accepted before is read from the names of the files. It
takes about a hundred bytes an instance. All processes are on one machine, so that nothing waits for the disk here.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

KNOWN, FORGOTTEN = "+", "-"

STRIPES = 256
"""Two hexadecimal digits, with which the digest of an instance begins."""


class Company:
    """``place``: which of the processes this is. The first, 0, is there before and after all others.

    Any thread may decide; the rest is for one thread at a time.
    """

    def __init__(self, spool: Path, place: int) -> None:
        self.place = place
        self._news = -1
        self._folder = spool / "together"
        self._folder.mkdir(mode=0o700, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | (os.O_TRUNC if place == 0 else 0)
        self._news = os.open(self._folder / "news", flags, 0o600)
        self._heard = os.fstat(self._news).st_size
        self._rest = b""
        for stripe in range(STRIPES):
            # What was about to be accepted by now is among the files once its stripe is free, or has come to nothing.
            os.close(self._held(f"{stripe:02x}"))

    def __del__(self) -> None:
        if self._news >= 0:
            os.close(self._news)

    @contextmanager
    def deciding(self, instance: str) -> Iterator[None]:
        """Nobody else decides on ``instance`` meanwhile; a process that is killed holds it no longer."""
        descriptor = self._held(instance[:2])
        try:
            yield
        finally:
            os.close(descriptor)

    def tell(self, sign: str, name: str) -> None:
        """The others hear of it when they next decide on anything. Raises OSError on a full disk."""
        # A line of its own also after one that a full disk, or a kill, has cut short.
        os.write(self._news, f"\n{sign}{name}\n".encode())

    def hear(self) -> Iterator[tuple[str, str]]:
        """What was told since it was last asked, by ourselves as well: sign and name."""
        while content := os.pread(self._news, 1 << 20, self._heard):
            self._heard += len(content)
            *lines, self._rest = (self._rest + content).split(b"\n")
            for line in filter(None, lines):
                yield chr(line[0]), line[1:].decode()

    def _held(self, stripe: str) -> int:
        descriptor = os.open(self._folder / stripe, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor
