"""A small receiving archive, for the demonstration: every result that is stored becomes a file."""

from __future__ import annotations

import socket
import threading
from pathlib import Path
from typing import Any

from pydicom.uid import SegmentationStorage
from pynetdicom import AE, evt
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]

from dicom_io.standard import PHOTOGRAPH_CLASSES, TRANSFER_SYNTAXES, Status


class Receiver:
    """A Storage SCP on loopback that writes ``<SOPInstanceUID>.dcm`` into ``folder`` and counts what comes twice."""

    def __init__(self, folder: Path, ae_title: str = "ARCHIVE") -> None:
        self.folder = folder
        self.ae_title = ae_title
        self.stored: list[str] = []
        """SOP Instance UIDs in the order in which they came, repeats included."""
        self._lock = threading.Lock()
        self._server: Any = None
        self._connections: list[socket.socket] = []

    @property
    def port(self) -> int:
        """The port that is listened on, once started."""
        return int(self._server.server_address[1])

    def start(self, port: int = 0) -> None:
        """Listen on 127.0.0.1; ``port`` 0 lets the system choose."""
        self.folder.mkdir(parents=True, exist_ok=True)
        entity = AE(ae_title=self.ae_title)
        entity.add_supported_context(Verification)
        for sop_class in (*PHOTOGRAPH_CLASSES, SegmentationStorage):
            entity.add_supported_context(sop_class, list(TRANSFER_SYNTAXES))
        self._server = entity.start_server(
            ("127.0.0.1", port),
            block=False,
            evt_handlers=[(evt.EVT_C_STORE, self._store), (evt.EVT_CONN_OPEN, self._opened)],
        )

    def stop(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        while self._connections:
            self._connections.pop().close()

    def _opened(self, event: evt.Event) -> None:
        # pynetdicom leaves a connection whose peer was gone first to the garbage collector, who complains of it.
        opened = event.assoc.dul.socket
        if opened is not None and opened.socket is not None:
            self._connections.append(opened.socket)

    def _store(self, event: evt.Event) -> int:
        dataset = event.dataset
        dataset.file_meta = event.file_meta
        dataset.save_as(self.folder / f"{dataset.SOPInstanceUID}.dcm", enforce_file_format=True)
        with self._lock:
            self.stored.append(str(dataset.SOPInstanceUID))
        return int(Status.SUCCESS)
