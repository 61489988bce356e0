"""Putting on disk what was written: files, and the entries of folders."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

_SYNC_FILE_RANGE_WRITE = 2
_sync_file_range = getattr(ctypes.CDLL(None), "sync_file_range", None)  # of Linux
if _sync_file_range is not None:
    _sync_file_range.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)


def sync_file(path: Path) -> None:
    """The file ``path`` is on disk when this returns."""
    _sync(path, os.O_RDONLY)


def sync_folder(path: Path) -> None:
    """The entries of the folder ``path`` are on disk when this returns."""
    _sync(path, os.O_RDONLY | os.O_DIRECTORY)


def begin_to_write(descriptor: int) -> None:
    """Have the kernel begin to write what a file holds so far, and find places for it now. It promises nothing.

    The disk is busy then while more comes in; and a journal that is written for the sake of a folder has the file's
    places in it. Otherwise the file needs another one, and whoever waits for both waits for two.
    """
    if _sync_file_range is not None:
        _sync_file_range(descriptor, 0, 0, _SYNC_FILE_RANGE_WRITE)


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
