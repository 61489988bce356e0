"""Which of the files that were named are worked on. Every other one is told of: nothing is left out without a word."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from plugin.errors import ConfigurationRefused

PREFIX_AT, PREFIX = 128, b"DICM"
"""What tells a DICOM file (PS3.10 7.1)."""

SUFFIXES = frozenset({".dcm", ".dicom", ".dic", ".dcim", ".ima", ".img"})
"""Names that promise a DICOM file, whatever it holds."""

FIRST_GROUPS = (0x0002, 0x0008)
"""Groups that a data set begins with: file meta information, or, without it, that of the SOP class."""

HIGHEST_FIRST_ELEMENT = 0x0018
"""(0008,0018) SOP Instance UID: no data set of an image begins later in its group."""


@dataclass(frozen=True)
class PassedOver:
    """A file that is nothing to be worked on, and why."""

    file: Path
    why: str


@dataclass(frozen=True)
class Inputs:
    """``files``: to be worked on, each once. What turns out to be no DICOM file among them is held back by name."""

    files: tuple[Path, ...]
    passed_over: tuple[PassedOver, ...] = ()


def gather(inputs: Iterable[Path]) -> Inputs:
    """Every file that is named, and every DICOM file, or what may be one, in the folders that are named.

    Raises ``ConfigurationRefused`` when one of ``inputs`` does not exist, or nothing is left to be worked on.
    """
    files: dict[Path, None] = {}
    passed_over: dict[Path, str] = {}
    for given in inputs:
        if given.is_dir():
            for path in _below(given, passed_over):
                why = _why_not(path)
                if why is None:
                    files[path.resolve()] = None
                else:
                    passed_over[path] = why
        elif given.exists():
            files[given.resolve()] = None
        else:
            raise ConfigurationRefused(f"{given} does not exist; name DICOM files, or folders of them")
    if not files:
        seen = f" (of {len(passed_over)} files none is one)" if passed_over else ""
        raise ConfigurationRefused(f"there is no DICOM file in what was given{seen}; name files, or folders of them")
    return Inputs(tuple(files), tuple(PassedOver(file, why) for file, why in passed_over.items()))


def _below(folder: Path, passed_over: dict[Path, str]) -> Iterator[Path]:
    def not_listed(error: OSError) -> None:
        passed_over[Path(error.filename)] = f"the folder cannot be listed: {error.strerror}"

    for where, folders, names in os.walk(folder, onerror=not_listed):
        folders.sort()
        yield from (Path(where) / name for name in sorted(names))


def _why_not(path: Path) -> str | None:
    """Why ``path`` is nothing to be worked on; None where it is a DICOM file, or may be one that is damaged."""
    if not path.exists():
        return "the link leads nowhere"
    if not path.is_file():
        return "it is no file"
    if path.suffix.lower() in SUFFIXES:
        return None
    try:
        with path.open("rb") as file:
            begins = file.read(PREFIX_AT + len(PREFIX))
    except OSError:
        return None  # nobody knows what it is: it is held back, with the reason
    if begins[PREFIX_AT:] == PREFIX or _begins_a_data_set(begins):
        return None
    return "it is no DICOM file"


def _begins_a_data_set(content: bytes) -> bool:
    """Whether it begins with an element as data sets do, of either byte order, with a VR or without."""
    if len(content) < 8:
        return False
    orders: tuple[Literal["little", "big"], ...] = ("little", "big")
    for order in orders:
        group, element = (int.from_bytes(content[at : at + 2], order) for at in (0, 2))
        if group in FIRST_GROUPS and element <= HIGHEST_FIRST_ELEMENT:
            vr, length = content[4:6], int.from_bytes(content[4:8], order)
            return (vr.isalpha() and vr.isupper()) or length < 1 << 16
    return False
