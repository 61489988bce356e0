"""Audit messages on their way: one file each, on disk before what they tell of goes on, gone once they are sent.

    audit/<nanoseconds>-<process>-<number>.msg

Any process may put one in; one at a time takes them out, for as long as it runs. There is room for so many and no
more: a syslog server that is away for weeks must not fill the disk that photographs come in to.
"""

from __future__ import annotations

import fcntl
import itertools
import os
import time
from pathlib import Path

from plugin.durable import private_folder, write_file

COUNT_AGAIN = 256
"""Messages that this process puts in between two looks at how many there are."""


class AuditSpool:
    """The folder. Any thread may put; ``most``: messages that are kept."""

    def __init__(self, folder: Path, most: int) -> None:
        self._folder = private_folder(folder)
        self._most = most
        self._numbers = itertools.count()
        self._room = 0
        self._taking: int | None = None

    def put(self, message: bytes) -> bool:
        """On disk when this returns True; False where there is no more room. Raises ``OSError`` on a full disk."""
        if self._room <= 0:
            self._room = min(COUNT_AGAIN, self._most - len(self))
            if self._room <= 0:
                return False
        self._room -= 1
        write_file(self._folder / f"{time.time_ns():020}-{os.getpid()}-{next(self._numbers):06}.msg", message)
        return True

    def waiting(self, most: int) -> list[Path]:
        """The oldest of them."""
        return sorted(self._folder.glob("[0-9]*.msg"))[:most]

    def __len__(self) -> int:
        return sum(1 for _ in self._folder.glob("[0-9]*.msg"))

    def is_taken_by_us(self) -> bool:
        """Whether this one takes messages out: from the first call at which nobody else does, until ``leave``."""
        if self._taking is None:
            descriptor = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                os.close(descriptor)
                if isinstance(error, BlockingIOError):
                    return False
                raise
            self._taking = descriptor
        return True

    def leave(self) -> None:
        """Another process may take messages out."""
        if self._taking is not None:
            os.close(self._taking)
            self._taking = None
