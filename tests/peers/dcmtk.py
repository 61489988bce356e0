"""dcmtk's command-line senders and dicom3tools' validator: other people's reading of the standard."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path

import pydicom
from pydicom.uid import (
    JPEG2000,
    UID,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
)

from tests.peers import require_peer
from tests.peers.processes import LOOPBACK, patience

PROPOSAL: dict[UID, str] = {
    ExplicitVRLittleEndian: "-xe",
    ImplicitVRLittleEndian: "-xi",
    JPEGBaseline8Bit: "-xy",
    JPEG2000Lossless: "-xv",
    JPEG2000: "-xw",
}
"""storescu proposes one compressed transfer syntax an association: which flag stands for which."""


def storescu(
    files: Iterable[Path], port: int, *, calling: str = "CAMERA", called: str = "TWINVEIL"
) -> subprocess.CompletedProcess[str]:
    """Send ``files``, all of one transfer syntax, over one association; nothing is raised for a refusal."""
    files = list(files)
    syntaxes = {pydicom.dcmread(file, stop_before_pixels=True).file_meta.TransferSyntaxUID for file in files}
    (syntax,) = syntaxes
    return subprocess.run(
        [require_peer("storescu"), "-d", "-R", PROPOSAL[syntax], "-to", "600", "-ta", "600", "-td", "600",
         "-aet", calling, "-aec", called, LOOPBACK, str(port), *map(str, files)],
        capture_output=True, text=True, errors="replace", check=False, timeout=patience(),
    )  # fmt: skip


def echoscu(port: int, *, calling: str = "CAMERA", called: str = "TWINVEIL") -> subprocess.CompletedProcess[str]:
    """One C-ECHO."""
    return subprocess.run(
        [require_peer("echoscu"), "-v", "-to", "600", "-ta", "600",
         "-aet", calling, "-aec", called, LOOPBACK, str(port)],
        capture_output=True, text=True, errors="replace", check=False, timeout=patience(),
    )  # fmt: skip


def dciodvfy_errors(file: Path) -> list[str]:
    """The Error lines of dicom3tools' ``dciodvfy`` for ``file``."""
    report = subprocess.run(
        [require_peer("dciodvfy"), "-new", str(file)],
        capture_output=True, text=True, errors="replace", check=False, timeout=patience(),
    )  # fmt: skip
    return [line for line in (report.stdout + report.stderr).splitlines() if line.startswith("Error")]
