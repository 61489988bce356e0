"""Files that are either whole and on disk, or not there: written beside, fsynced, renamed, folder fsynced."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from dicom_io.disk import sync_folder


def private_folder(path: Path) -> Path:
    """``path``, made with mode 0700 where it is absent, and its entry in the parent folder on disk."""
    if not path.is_dir():
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        sync_folder(path.parent)
    return path


def remove_tree(path: Path) -> None:
    """Nothing of the folder ``path`` is left; again changes nothing. Raises ``OSError`` where something stays."""
    if path.is_dir():
        shutil.rmtree(path)
        sync_folder(path.parent)


def write_file(path: Path, content: bytes, mode: int = 0o600) -> None:
    """``path`` holds ``content`` and nothing else, whenever this is cut off. Replaces what was there."""
    with whole_file(path, mode) as file:
        file.write(content)


@contextmanager
def whole_file(path: Path, mode: int = 0o600) -> Iterator[BinaryIO]:
    """A file that becomes ``path`` when this is left, and leaves what was there where that goes wrong."""
    descriptor, beside = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def save_arrays(path: Path, **arrays: NDArray[Any]) -> None:
    """``arrays`` by name in the .npz file ``path``, without compression.

    Straight into the file: a copy of both twins of 12 megapixels, and one more as bytes, took 144 MB.
    """
    with whole_file(path) as file:
        np.savez(file, allow_pickle=False, **arrays)


def load_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """What ``save_arrays`` wrote."""
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}
