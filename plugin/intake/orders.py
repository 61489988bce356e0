"""What the node's own process and one that receives beside it tell each other: a JSON object a line, over two pipes.

down   the orders, first; {"stop": true}; {"set_aside": number, "done": true or false}
up     {"alive": true} every second; {"open": true}; {"received": kind}; {"refused": reason};
       {"conflict": number, "stored": {...}}

The end of the one that leads down is the end of the node: whoever reads it ends at once.
"""

from __future__ import annotations

import json
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from dicom_io.receiving import StoredInstance
from plugin.config import Configuration

BEAT_SECONDS = 1.0
"""Between two words of a process that receives that it is alive."""


@dataclass(frozen=True)
class Orders:
    """What a receiving process is started with. ``opened``: descriptors of the sockets that the node listens at."""

    place: int
    configuration: Configuration
    opened: dict[str, int]

    def encoded(self) -> dict[str, Any]:
        """As they are told."""
        stated = self.configuration.model_dump(mode="json")
        folder = str(self.configuration.folder)
        return {"place": self.place, "folder": folder, "configuration": stated, "opened": self.opened}

    @classmethod
    def decoded(cls, told: dict[str, Any]) -> Orders:
        """As they were given."""
        stated = {**told["configuration"], "folder": Path(told["folder"])}
        return cls(told["place"], Configuration.model_validate(stated), told["opened"])


class Pipe:
    """One end of a pair of pipes. Any thread may tell, one at a time listens."""

    def __init__(self, hears: IO[bytes], tells: IO[bytes]) -> None:
        self._hears = hears
        self._tells = tells
        self._lock = threading.Lock()

    def tell(self, message: dict[str, Any]) -> None:
        """Raises OSError, or ValueError, where the other one is gone."""
        line = json.dumps(message).encode() + b"\n"
        with self._lock:
            self._tells.write(line)
            self._tells.flush()

    def hear(self) -> dict[str, Any] | None:
        """The next message; None where the other one is gone."""
        line = self._hears.readline()
        if not line.endswith(b"\n"):
            return None
        message: dict[str, Any] = json.loads(line)
        return message


def told_of(stored: StoredInstance) -> dict[str, Any]:
    """``stored`` as it is told."""
    return {**asdict(stored), "path": str(stored.path)}


def stored_of(told: dict[str, Any]) -> StoredInstance:
    """As it was before it was told."""
    return StoredInstance(**{**told, "path": Path(told["path"])})
