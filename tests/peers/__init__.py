"""Tests against programs that are not ours: Orthanc, dcmtk, dicom3tools, PixelMed, the library of a viewer.

Where such a program is not installed the test is skipped by its name. With ``TWINVEIL_REQUIRE_PEERS=1``, as in
continuous integration, the same absence is a failure: a suite that skipped its peers proves nothing about them.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest


def require_peer(name: str) -> Path:
    """Path of the program called ``name``; without it the test is skipped, or fails where peers are required."""
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    return Path(path) if path is not None else missing_peer(name)


def missing_peer(name: str) -> NoReturn:
    """The test is skipped for want of ``name``, or fails where peers are required."""
    if os.environ.get("TWINVEIL_REQUIRE_PEERS") == "1":
        pytest.fail(f"{name} is required (TWINVEIL_REQUIRE_PEERS=1) and not installed", pytrace=False)
    pytest.skip(f"{name} is not installed")
