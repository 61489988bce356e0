"""Several processes that receive into one spool: what each of them has accepted the others know at once.

    together/news-7      a line for each name: "+" it is accepted, or about to be; "-" nothing is known of it any more
    together/latest      the number of the file that is written to; held by whoever writes
    together/00 ... ff   held by whoever is deciding on an instance whose name begins so, until it is on disk or refused

The news begin with the first process and end with it: what was accepted before is read from the names of the files. A
file that is full is followed by another and the last few are kept, so that they never take more than some megabytes;
a process that was left behind by all of them reads the names again. All processes are on one machine, so that nothing
waits for the disk here.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from struct import Struct

KNOWN, FORGOTTEN = "+", "-"

STRIPES = 256
"""Two hexadecimal digits, with which the digest of an instance begins."""

MOST_BYTES = 4 << 20
"""Of one file of news: some 38,000 instances."""

KEPT = 2
"""Full files of news that are kept beside the one that is written to."""

_NUMBER = Struct("<Q")
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC


class LeftBehind(Exception):
    """News are gone that were not heard: what is known must be read anew, and then what is left of the news."""


class Company:
    """``place``: which of the processes this is. The first, 0, is there before and after all others.

    Any thread may decide; the rest is for one thread at a time.
    """

    def __init__(self, spool: Path, place: int) -> None:
        self.place = place
        self._heard_in = self._written_to = self._latest = -1
        self._folder = spool / "together"
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self._latest = os.open(self._folder / "latest", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if place == 0:
            os.ftruncate(self._latest, 0)
            for old in self._folder.glob("news*"):
                old.unlink()
        self._writes = self._hears = self._number()
        self._written_to = os.open(self._news(self._writes), _FLAGS, 0o600)
        self._heard_in = os.open(self._news(self._hears), os.O_RDONLY | os.O_CLOEXEC)
        self._heard = os.fstat(self._heard_in).st_size
        self._rest = b""
        for stripe in range(STRIPES):
            # What was about to be accepted by now is among the files once its stripe is free, or has come to nothing.
            os.close(self._held(f"{stripe:02x}"))

    def __del__(self) -> None:
        for descriptor in (self._heard_in, self._written_to, self._latest):
            if descriptor >= 0:
                os.close(descriptor)

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
        fcntl.flock(self._latest, fcntl.LOCK_EX)
        try:
            self._go_on_writing()
            # A line of its own also after one that a full disk, or a kill, has cut short.
            os.write(self._written_to, f"\n{sign}{name}\n".encode())
        finally:
            fcntl.flock(self._latest, fcntl.LOCK_UN)

    def hear(self) -> Iterator[tuple[str, str]]:
        """What was told since it was last asked, by ourselves as well: sign and name.

        Raises LeftBehind; OSError where the next file is not there, as when others are filled meanwhile: ask again.
        """
        while True:
            latest = self._number()  # read first: nobody writes to those before it any more
            if latest - self._hears > KEPT:
                self._hear_from(latest - KEPT)
                raise LeftBehind
            while content := os.pread(self._heard_in, 1 << 20, self._heard):
                self._heard += len(content)
                *lines, self._rest = (self._rest + content).split(b"\n")
                for line in filter(None, lines):
                    yield chr(line[0]), line[1:].decode()
            if latest == self._hears:
                return
            self._hear_from(self._hears + 1)

    def _go_on_writing(self) -> None:
        """To the latest file, or to one after it where that is full."""
        latest = self._number()
        if latest != self._writes:
            self._write_to(latest)
        if os.fstat(self._written_to).st_size >= MOST_BYTES:
            self._write_to(latest + 1)
            os.pwrite(self._latest, _NUMBER.pack(latest + 1), 0)
            self._news(latest - KEPT).unlink(missing_ok=True)

    def _write_to(self, number: int) -> None:
        descriptor = os.open(self._news(number), _FLAGS, 0o600)
        os.close(self._written_to)
        self._written_to, self._writes = descriptor, number

    def _hear_from(self, number: int) -> None:
        descriptor = os.open(self._news(number), os.O_RDONLY | os.O_CLOEXEC)
        os.close(self._heard_in)
        self._heard_in, self._hears, self._heard, self._rest = descriptor, number, 0, b""

    def _number(self) -> int:
        content = os.pread(self._latest, _NUMBER.size, 0)
        number: int = _NUMBER.unpack(content)[0] if len(content) == _NUMBER.size else 0
        return number

    def _news(self, number: int) -> Path:
        return self._folder / f"news-{number}"

    def _held(self, stripe: str) -> int:
        descriptor = os.open(self._folder / stripe, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor
