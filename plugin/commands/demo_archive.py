"""A small receiving archive, for the demonstration: every result that is stored becomes a file."""

from __future__ import annotations

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
            ("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_C_STORE, self._store)]
        )

    def stop(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    def _store(self, event: evt.Event) -> int:
        dataset = event.dataset
        dataset.file_meta = event.file_meta
        dataset.save_as(self.folder / f"{dataset.SOPInstanceUID}.dcm", enforce_file_format=True)
        with self._lock:
            self.stored.append(str(dataset.SOPInstanceUID))
        return int(Status.SUCCESS)
