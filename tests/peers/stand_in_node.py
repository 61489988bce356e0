"""What the node is to an archive, without models: takes photographs, makes four objects of each, once, sends them back.

It keeps what it took and what is still to be sent, as the node does, and sends for as long as it takes.
"""

from __future__ import annotations

import queue
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from pydicom import Dataset, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.uid import (
    UID,
    ExplicitVRLittleEndian,
    SegmentationStorage,
    VLPhotographicImageStorage,
    generate_uid,
)
from pynetdicom import AE, evt
from pynetdicom.events import Event
from pynetdicom.sop_class import Verification

from dicom_io.errors import DicomError
from dicom_io.sending import Destination, deliver
from dicom_io.standard import PHOTOGRAPH_CLASSES, Status
from tests.peers.processes import LOOPBACK

AE_TITLE = "TWINVEIL"

RESULTS = (VLPhotographicImageStorage, VLPhotographicImageStorage, SegmentationStorage, SegmentationStorage)
"""Classes of what is made of one photograph."""

WAIT_SECONDS = 0.2
"""Before an archive that was not there is tried again."""


def made_up(sop_class: UID, study: str, *, derived: bool = False) -> Dataset:
    """A small object with fresh series and instance UIDs that Orthanc takes for what ``sop_class`` says."""
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = sop_class, generate_uid()
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = study, generate_uid()
    dataset.PatientID, dataset.PatientName = study[-16:], "Quillfeather^Ottoline"
    dataset.Modality = "SEG" if sop_class == SegmentationStorage else "XC"
    dataset.ImageType = ["DERIVED" if derived else "ORIGINAL", "PRIMARY"]
    if derived:
        dataset.PatientIdentityRemoved, dataset.DeidentificationMethod = "YES", "made up"
    dataset.Rows = dataset.Columns = 4
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PlanarConfiguration = 3, "RGB", 0
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.PixelRepresentation = 7, 0
    dataset.PixelData = bytes(range(48))
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return dataset


def saved(dataset: Dataset, folder: Path) -> Path:
    path = folder / f"{dataset.SOPInstanceUID}.dcm"
    dcmwrite(path, dataset, enforce_file_format=True)
    return path


class StandInNode:
    """``took``: how often each SOP Instance UID was stored here. ``made``: the SOP Instance UIDs of its results.

    ``on_store(number)`` is called within each store, ``refuses(uid)`` before it: what it is true of is not taken.
    """

    def __init__(self, port: int, archive_port: int, folder: Path, *, returns: bool = True) -> None:
        self.took: Counter[str] = Counter()
        self.made: dict[str, list[str]] = {}
        self.on_store: Callable[[int], None] = lambda number: None
        self.refuses: Callable[[str], bool] = lambda uid: False
        self._counting = threading.Lock()
        self._archive = Destination("archive", LOOPBACK, archive_port, "SITEPACS", AE_TITLE)
        self._port, self._folder, self._returns = port, folder, returns
        self._owed: queue.Queue[list[Path] | None] = queue.Queue()
        self._closing = threading.Event()
        self._sender = threading.Thread(target=self._send)
        folder.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> StandInNode:
        ae = AE(ae_title=AE_TITLE)
        ae.require_called_aet = True
        for sop_class in (Verification, *PHOTOGRAPH_CLASSES):
            ae.add_supported_context(sop_class)
        self._server = ae.start_server(
            (LOOPBACK, self._port), block=False, evt_handlers=[(evt.EVT_C_STORE, self._store)]
        )
        self._sender.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._owed.put(None)
        self._sender.join()
        self._server.shutdown()

    def _store(self, event: Event) -> int:
        source = event.dataset
        uid = str(source.SOPInstanceUID)
        if self.refuses(uid):
            return Status.CANNOT_UNDERSTAND
        with self._counting:  # Orthanc sends by several associations at once
            self.took[uid] += 1
            is_first, number = self.took[uid] == 1, sum(self.took.values())
        if is_first and self._returns:
            study = generate_uid(entropy_srcs=[str(source.StudyInstanceUID)])
            made = [made_up(sop_class, study, derived=True) for sop_class in RESULTS]
            self.made[uid] = [str(dataset.SOPInstanceUID) for dataset in made]
            self._owed.put([saved(dataset, self._folder) for dataset in made])
        self.on_store(number)
        return Status.SUCCESS

    def _send(self) -> None:
        while (paths := self._owed.get()) is not None:
            left = list(paths)
            while left and not self._closing.is_set():
                try:
                    deliver(
                        list(left), self._archive, sent_before={path.stem for path in paths},
                        on_stored=lambda stored, left=left: left.remove(stored.path),
                    )  # fmt: skip
                except DicomError:
                    self._closing.wait(WAIT_SECONDS)
