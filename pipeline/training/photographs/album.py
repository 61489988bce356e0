"""Which photographs on disk training may see: none that is held out, none that rules are chosen on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from pipeline.albums import PhotographFile, photographs_in
from pipeline.errors import PipelineError

TUNING = "2"
"""With this hexadecimal digit as the first of the SHA-256 of its name a photograph is kept from training as well: rules
and thresholds are chosen on it, never reported on."""


def for_tuning(name: str) -> bool:
    """Whether the photograph of this ``name`` is for choosing rules and thresholds alone."""
    return hashlib.sha256(name.encode()).hexdigest()[0] in TUNING


def albums(folder: Path) -> list[Path]:
    """The folders and ZIP archives in ``folder``. ``PipelineError`` where there is none."""
    found = [each for each in sorted(folder.iterdir()) if each.is_dir() or each.suffix.lower() == ".zip"]
    if not found:
        raise PipelineError(f"{folder} holds no folder and no ZIP archive with photographs")
    return found


def for_training(album: Path) -> Iterator[PhotographFile]:
    """All of ``album`` that training may see, in the order of their names. ``UnusablePhotograph`` for no album."""
    return (one for one in photographs_in([album]) if not one.held_out and not for_tuning(one.name))
