"""How many instances a second come in by C-STORE: this node, dcmtk's storescp and Orthanc, side by side in one run.

Every instance is sent by dcmtk's storescu with TCP_NODELAY=1, without which a pause of 40 ms an instance is measured.
The node is the real one, with its default settings: it answers when the file is safe on disk and has its row; the
others answer when they have written, and do not wait for the disk. With several associations at a time a second node
takes part, of which one process alone receives (``[listener] processes``). What is sent is noise of the right
size, so that nothing is quicker than it would be with photographs. Each round measures every receiver in turn, each
from a disk that has nothing left to write: what one that does not wait for it left behind is no burden of the next; a
ratio is the median.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID, ExplicitVRLittleEndian, JPEGBaseline8Bit, VLPhotographicImageStorage, generate_uid

from dicom_io.header import generate_key_file
from plugin.config import ListenerSection

SIDE = 1017
"""Pixels. In RGB that is 3.1 MB."""

JPEG_BYTES = 285_000
KINDS = {"jpeg": (JPEGBaseline8Bit, "-xy"), "rgb": (ExplicitVRLittleEndian, "-xe")}
"""Transfer syntax by kind of instance, and how storescu is told to propose it."""

ASSOCIATIONS = (1, 4)
INSTANCES = {"jpeg": 40, "rgb": 20}
"""How many instances each association sends in a round."""

ALONE = 1
"""Processes that receive, of the second node."""

ROUNDS = 3
LONGEST_SECONDS = 300.0
"""Of a round."""

LOOPBACK = "127.0.0.1"
PROGRAMS = ("storescu", "storescp", "Orthanc")


@dataclass(frozen=True)
class Receiver:
    """One that listens, and the folder that everything of it lies in."""

    name: str
    port: int
    folder: Path


def ingest_figures(work: Path, rounds: int = ROUNDS) -> dict[str, Any]:
    """Instances a second by kind, associations and receiver, and our share of dcmtk's. ``work`` is left empty."""
    programs = {name: shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin") for name in PROGRAMS}
    if programs["storescu"] is None or programs["storescp"] is None:
        return {"ingest": "not measured: dcmtk is not installed"}
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    rates: dict[str, dict[str, list[float]]] = {}
    with contextlib.ExitStack() as stack:
        receivers = [stack.enter_context(_storescp(work / "storescp", str(programs["storescp"])))]
        if programs["Orthanc"] is not None:
            receivers.append(stack.enter_context(_orthanc(work / "orthanc", str(programs["Orthanc"]))))
        receivers.append(stack.enter_context(_node(work / "node")))
        alone = stack.enter_context(_node(work / "alone", processes=ALONE))
        for kind in KINDS:
            for associations in ASSOCIATIONS:
                told = rates.setdefault(f"{kind} x {associations}", {})
                for number in range(rounds):
                    sent = work / "sent" / f"{kind}-{associations}-{number}"
                    folders = [_instances(sent / str(each), kind) for each in range(associations)]
                    for receiver in (*receivers, alone) if associations > 1 else receivers:
                        rate = _rate(str(programs["storescu"]), receiver, kind, folders)
                        told.setdefault(receiver.name, []).append(rate)
    shutil.rmtree(work)
    ratios = {case: _ratio(by, "twinveil") for case, by in rates.items()}
    alone_ratios = {case: _ratio(by, alone.name) for case, by in rates.items() if alone.name in by}
    return {
        **{
            f"ingest_ratio_{associations}": round(min(ratios[f"{kind} x {associations}"] for kind in KINDS), 2)
            for associations in ASSOCIATIONS
        },
        f"ingest_ratio_{ASSOCIATIONS[-1]}_processes_{ALONE}": round(min(alone_ratios.values()), 2),
        "ingest_ratios": {case: round(ratio, 2) for case, ratio in ratios.items()},
        f"ingest_ratios_processes_{ALONE}": {case: round(ratio, 2) for case, ratio in alone_ratios.items()},
        "ingest_per_second": {
            case: {name: round(statistics.median(found), 1) for name, found in by.items()} for case, by in rates.items()
        },
        "ingest_rounds": rounds,
    }


def _ratio(rates: dict[str, list[float]], name: str) -> float:
    return statistics.median(ours / theirs for ours, theirs in zip(rates[name], rates["storescp"], strict=True))


def _instances(folder: Path, kind: str) -> Path:
    """New instances of ``kind`` in a new ``folder``, all of one study. Nothing is deleted between rounds: after that
    some file systems are slow to make files for minutes."""
    folder.mkdir(parents=True)
    noise = np.random.default_rng()
    study = generate_uid()
    for number in range(INSTANCES[kind]):
        image = Dataset()
        image.SOPClassUID, image.SOPInstanceUID = VLPhotographicImageStorage, generate_uid()
        image.StudyInstanceUID, image.SeriesInstanceUID = study, generate_uid()
        image.PatientID, image.Modality = "BENCH", "XC"
        image.Rows = image.Columns = SIDE
        image.SamplesPerPixel, image.BitsAllocated, image.BitsStored, image.HighBit = 3, 8, 8, 7
        image.PixelRepresentation = image.PlanarConfiguration = 0
        if kind == "jpeg":
            image.PhotometricInterpretation = "YBR_FULL_422"
            image.PixelData = encapsulate([b"\xff\xd8" + noise.bytes(JPEG_BYTES) + b"\xff\xd9"])
        else:
            image.PhotometricInterpretation = "RGB"
            image.PixelData = noise.bytes(SIDE * SIDE * 3 + 1)
        image["PixelData"].VR = "OB"
        image.file_meta = FileMetaDataset()
        image.file_meta.TransferSyntaxUID = UID(KINDS[kind][0])
        image.file_meta.MediaStorageSOPClassUID = image.SOPClassUID
        image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
        image.save_as(folder / f"{number}.dcm", enforce_file_format=True)
    return folder


def _rate(storescu: str, receiver: Receiver, kind: str, folders: list[Path]) -> float:
    """Instances a second: each folder over an association of its own, all at the same time."""
    peer = ["-aet", "BENCH", "-aec", "TWINVEIL", LOOPBACK, str(receiver.port)]
    sending = [[storescu, KINDS[kind][1], *peer, "+sd", str(folder)] for folder in folders]
    environment = {**os.environ, "TCP_NODELAY": "1"}
    os.sync()
    begun = time.perf_counter()
    running = [
        subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for command in sending
    ]
    # Not wait(300): with a limit Python looks every 50 ms whether one has ended, which is half of what is measured.
    ending = threading.Timer(LONGEST_SECONDS, _kill, [running])
    ending.start()
    statuses = [process.wait() for process in running]
    seconds = time.perf_counter() - begun
    ending.cancel()
    if any(statuses):
        raise RuntimeError(f"storescu could not send everything to {receiver.name}")
    return len(folders) * INSTANCES[kind] / seconds


def _kill(running: list[subprocess.Popen[bytes]]) -> None:
    for process in running:
        process.kill()


@contextlib.contextmanager
def _listening(command: list[str], receiver: Receiver) -> Iterator[Receiver]:
    environment = {**os.environ, "TCP_NODELAY": "1"}
    with (receiver.folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
    try:
        deadline = time.monotonic() + 120
        while True:
            with contextlib.suppress(OSError), socket.create_connection((LOOPBACK, receiver.port), timeout=1):
                break
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{receiver.name} does not listen: {(receiver.folder / 'log').read_text()}")
            time.sleep(0.05)
        yield receiver
    finally:
        process.terminate()
        process.wait(60)


@contextlib.contextmanager
def _storescp(folder: Path, program: str) -> Iterator[Receiver]:
    (folder / "received").mkdir(parents=True)
    receiver = Receiver("storescp", _free_port(), folder)
    command = [program, "--fork", "+xa", "-od", str(folder / "received"), str(receiver.port)]
    with _listening(command, receiver):
        yield receiver


@contextlib.contextmanager
def _orthanc(folder: Path, program: str) -> Iterator[Receiver]:
    folder.mkdir(parents=True)
    receiver = Receiver("orthanc", _free_port(), folder)
    settings = {
        "StorageDirectory": str(folder / "archive"),
        "IndexDirectory": str(folder / "archive"),
        "HttpPort": _free_port(),
        "DicomPort": receiver.port,
        "DicomAet": "TWINVEIL",
        "DicomAlwaysAllowStore": True,
        "Plugins": [],
    }
    (folder / "orthanc.json").write_text(json.dumps(settings))
    with _listening([program, str(folder / "orthanc.json")], receiver):
        yield receiver


@contextlib.contextmanager
def _node(folder: Path, *, loaded: bool = True, processes: int = 0) -> Iterator[Receiver]:
    """The node itself, once its models are ``loaded`` and all that receive do. It works on nothing here: no study falls
    quiet. ``processes``: that receive; 0 is what a node has by itself."""
    folder.mkdir(parents=True)
    name = "twinveil, one process" if processes == ALONE else "twinveil"
    receiver = Receiver(name, _free_port(), folder)
    generate_key_file(folder / "site.key")
    (folder / "twinveil.toml").write_text(
        f'key_file = "site.key"\n[listener]\nport = {receiver.port}\nprocesses = {processes}\n'
        '[[callers]]\nae_title = "BENCH"\nnetwork = "127.0.0.1/32"\n'
        "[study]\nquiet_seconds = 86400.0\n[limits]\nmin_free_bytes = 0\n"
    )
    command = [sys.executable, "-m", "plugin", "serve", "--config", str(folder / "twinveil.toml")]
    receiving = ListenerSection(processes=processes).receiving
    with _listening(command, receiver):
        awaited = ["the models are loaded", *(f"receiving process {place} listens" for place in range(1, receiving))]
        while loaded and not all(line in (folder / "log").read_text(errors="replace") for line in awaited):
            time.sleep(0.2)
        yield receiver


def start_figures(work: Path) -> dict[str, Any]:
    """``ready_s``: seconds from the start of ``twinveil serve`` to its open port."""
    shutil.rmtree(work, ignore_errors=True)
    begun = time.monotonic()
    with _node(work / "node", loaded=False):
        seconds = time.monotonic() - begun
    shutil.rmtree(work)
    return {"ready_s": round(seconds, 2)}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port
