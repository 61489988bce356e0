"""Senders that store studies one after the other, and time each C-STORE from its first byte to its answer."""

from __future__ import annotations

import io
import random
import threading
import time
from copy import deepcopy
from dataclasses import dataclass, field

from pydicom import Dataset, dcmwrite
from pydicom.uid import ExplicitVRLittleEndian, JPEGBaseline8Bit, VLPhotographicImageStorage, generate_uid

from tests.attack.peer import COMMAND, LAST, P_DATA, RawPeer, association_request, command, pdu, value
from tests.plugin.fakes import photograph, skin

SIDES = (96, 160, 256, 512)
"""Pixels of the photographs, which differ in size as they do in practice."""

JPEG, NATIVE = 3, 5
"""Presentation contexts: the photographs as cameras write them, and without compression."""

CONTEXTS = (
    (JPEG, VLPhotographicImageStorage, JPEGBaseline8Bit),
    (NATIVE, VLPhotographicImageStorage, ExplicitVRLittleEndian),
)
RELEASE = b"\x05\0\0\0\0\x04\0\0\0\0"
FRAGMENT = 60_000


@dataclass
class Sent:
    """What all senders together have sent. ``usable``: by SOP Instance UID, of what was answered with Success."""

    usable: dict[str, bool] = field(default_factory=dict)
    offered: dict[str, bool] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    refused: int = 0
    studies: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


class Sender:
    """Sends studies of one to four photographs to ``port`` until told to stop, or all have sent ``most`` instances."""

    def __init__(self, port: int, number: int, study: str, sent: Sent, most: int, stop: threading.Event) -> None:
        self._port = port
        self._random = random.Random(number)
        self._study = f"{study}.{number + 1}"
        self._sent = sent
        self._most = most
        self._stop = stop
        # Made once: what is measured is the node, and not how quickly photographs can be painted.
        self._templates = [(photograph(study, number=side, rgb=skin(side, number)), True) for side in SIDES]
        self._templates.append((photograph(study, number=1, rgb=skin(1)), False))

    def run(self) -> None:
        number = 0
        while not self._stop.is_set():
            number += 1
            images = [self._random.choice(self._templates) for _ in range(self._random.randint(1, 4))]
            with self._sent.lock:
                if len(self._sent.offered) + len(images) > self._most:
                    return
                self._sent.studies += 1
                named = [(image, usable, str(generate_uid())) for image, usable in images]
                self._sent.offered.update({uid: usable for _, usable, uid in named})
            self._send(f"{self._study}.{number}", named)

    def _send(self, study: str, images: list[tuple[Dataset, bool, str]]) -> None:
        with RawPeer(self._port, timeout=120.0) as peer:
            peer.send(association_request("CAMERA", contexts=CONTEXTS))
            peer.read()
            for image, usable, uid in images:
                image.StudyInstanceUID, image.SOPInstanceUID = study, uid
                native = usable and self._random.random() < 0.2
                content = encoded(native_of(image) if native else image)
                begun = time.perf_counter()
                status = stored(peer, NATIVE if native else JPEG, uid, content)
                seconds = time.perf_counter() - begun
                with self._sent.lock:
                    self._sent.seconds.append(seconds)
                    if status == 0:
                        self._sent.usable[uid] = usable
                    else:
                        self._sent.refused += 1
            peer.send(RELEASE)
            peer.read()


def native_of(image: Dataset) -> Dataset:
    """The same photograph without compression."""
    decoded = deepcopy(image)
    rows, columns = image.Rows, image.Columns
    decoded.PhotometricInterpretation, decoded.PlanarConfiguration = "RGB", 0
    decoded.PixelData = skin(max(rows, columns))[:rows, :columns].tobytes()
    decoded["PixelData"].VR, decoded["PixelData"].is_undefined_length = "OB", False
    return decoded


def encoded(image: Dataset) -> bytes:
    """The data set in Explicit VR Little Endian, without file meta information."""
    bare, buffer = Dataset(), io.BytesIO()
    bare.update(image)
    dcmwrite(buffer, bare, implicit_vr=False, little_endian=True, enforce_file_format=False)
    return buffer.getvalue()


def stored(peer: RawPeer, context: int, uid: str, content: bytes) -> int:
    """One C-STORE; the status of the answer."""
    peer.send(pdu(P_DATA, value(context, COMMAND | LAST, command(sop_instance=uid.encode() + b"\0" * (len(uid) % 2)))))
    for start in range(0, len(content), FRAGMENT):
        last = LAST if start + FRAGMENT >= len(content) else 0
        peer.send(pdu(P_DATA, value(context, last, content[start : start + FRAGMENT])))
    return peer.status()
