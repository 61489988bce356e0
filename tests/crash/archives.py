"""Two archives in a process of their own: ``python -m tests.crash.archives FOLDER``.

Each store is a line in ``FOLDER/<name>.log``: SOP Instance UID and SHA-256 of the data set as it came, on disk before
the sender is told Success. A line on standard input sets the weather of one: "b down", "b up", "b refuse", "b break".
"""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path
from typing import Any

from pydicom.uid import SegmentationStorage
from pynetdicom import AE, evt

from dicom_io.standard import PHOTOGRAPH_CLASSES, TRANSFER_SYNTAXES, Status
from tests.peers.processes import free_port


class Archive:
    """One Storage SCP on loopback, always on the same port."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.port = free_port()
        self.weather = "up"
        self._folder = folder
        self._server: Any = None
        self.set("up")

    def set(self, weather: str) -> None:
        self.weather = weather
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
        if weather != "down":
            entity = AE(ae_title=self.name.upper())
            for sop_class in (*PHOTOGRAPH_CLASSES, SegmentationStorage):
                entity.add_supported_context(sop_class, list(TRANSFER_SYNTAXES))
            self._server = entity.start_server(
                ("127.0.0.1", self.port), block=False, evt_handlers=[(evt.EVT_C_STORE, self._store)]
            )

    def _store(self, event: evt.Event) -> int:
        if self.weather == "refuse":
            return 0xA700
        content = event.request.DataSet.getvalue()
        uid = str(event.request.AffectedSOPInstanceUID)
        (self._folder / self.name).mkdir(exist_ok=True)
        path = self._folder / self.name / f"{uid}.dcm"
        event_dataset = event.dataset
        event_dataset.file_meta = event.file_meta
        event_dataset.save_as(path, enforce_file_format=True)
        with (self._folder / f"{self.name}.log").open("a") as log:
            log.write(f"{uid} {hashlib.sha256(content).hexdigest()}\n")
            log.flush()
            os.fsync(log.fileno())
        if self.weather == "break":  # it has it, and does not come to say so
            event.assoc.abort()
        return int(Status.SUCCESS)


def main() -> None:
    folder = Path(sys.argv[1])
    archives = {name: Archive(name, folder) for name in ("a", "b")}
    print(" ".join(str(archive.port) for archive in archives.values()), flush=True)
    for line in sys.stdin:
        name, weather = line.split()
        archives[name].set(weather)
        print("done", flush=True)


if __name__ == "__main__":
    main()
