"""One decision at a time: between two steps of it, nobody else takes the state folder for inconsistent."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def deciding(state: Path) -> Iterator[None]:
    """Around what moves instances into or out of quarantine, in whatever process."""
    descriptor = os.open(state / "decisions.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
