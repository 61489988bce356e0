"""PixelMed, an implementation of DICOM in Java that shares no code with any other peer: sender, archive and reader."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydicom import Dataset

from tests.peers import missing_peer, require_peer
from tests.peers.processes import LOOPBACK, PATIENCE, free_port, running

JAR = Path("/usr/share/java/pixelmed.jar")
"""Where Debian's libpixelmed-java puts it; what it needs of other libraries stands in its manifest."""

AE_TITLE = "PIXELMED"

ATTRIBUTE_TAG = re.compile(r'"\(0x([0-9a-f]{4}),0x([0-9a-f]{4})\)"')
"""How it writes a value of VR AT; the standard wants eight hexadecimal digits."""


def command(name: str, *arguments: str | Path | int) -> list[str]:
    """How the main class ``name`` of PixelMed is called."""
    if not JAR.exists():
        missing_peer("PixelMed (libpixelmed-java)")
    java = ["-Djava.awt.headless=true", "-cp", str(JAR), f"com.pixelmed.{name}"]
    return [str(require_peer("java")), *java, *map(str, arguments)]


def _run(name: str, *arguments: str | Path | int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(name, *arguments), capture_output=True, text=True, errors="replace", check=False, timeout=PATIENCE
    )


def echo(port: int, *, calling: str = AE_TITLE, called: str = "TWINVEIL") -> bool:
    """Whether one C-ECHO was answered with success."""
    done = _run("network.VerificationSOPClassSCU", LOOPBACK, port, called, calling, "NONSECURE")
    return "was successful" in done.stdout + done.stderr


def store(file: Path, port: int, *, calling: str = AE_TITLE, called: str = "TWINVEIL") -> None:
    """C-STORE of one file, in the transfer syntax that it is in. PixelMed does not tell what came of it."""
    _run("network.StorageSOPClassSCU", LOOPBACK, port, called, calling, file)


def as_read(file: Path, folder: Path) -> Dataset:
    """What PixelMed reads in ``file``, by way of the JSON that it writes of it (PS3.18 annex F); group 0002 with it."""
    written = folder / f"{file.name}.json"
    done = _run("dicom.JSONRepresentationOfDicomObjectFactory", "toJSON", file, written)
    assert written.exists(), done.stderr
    text = ATTRIBUTE_TAG.sub(r'"\1\2"', written.read_text(encoding="utf-8"))
    (dataset,) = json.loads(text)
    return Dataset.from_json(dataset)


@dataclass(frozen=True)
class PixelMedArchive:
    """What it was sent stands in ``folder``, each object under its SOP Instance UID."""

    folder: Path
    port: int
    ae_title: str = AE_TITLE

    def files(self) -> dict[str, Path]:
        return {path.name: path for path in self.folder.iterdir()}


@contextlib.contextmanager
def pixelmed_archive(folder: Path) -> Iterator[PixelMedArchive]:
    """PixelMed's receiver on a free port of loopback, taking every transfer syntax, ended with the block."""
    archive = PixelMedArchive(folder / "archive", free_port())
    archive.folder.mkdir(parents=True)
    receiver = command(
        "network.StorageSOPClassSCPDispatcher", archive.port, archive.ae_title, archive.folder, "NONSECURE", "ANY"
    )
    with running(receiver, folder / "pixelmed.log", port=archive.port):
        yield archive
