"""Photographs on disk, in folders or ZIP archives: NAME.jpg or .png, beside it NAME_mask.png where a person outlined
the disease."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from pipeline.errors import PipelineError
from pipeline.photograph import Rgb, View

HELD_OUT_DIGITS = "01"
"""A photograph is held out if the SHA-256 of its file's stem begins with one of these hexadecimal digits: one in
eight. Training never reads it, evaluation reports on it."""
_KINDS = (".jpg", ".jpeg", ".png")
_MASK = "_mask"


TUNING_DIGITS = "2"
"""With one of these it is kept from training as well: rules and thresholds are chosen on it, never reported on."""


def held_out(stem: str) -> bool:
    """Whether the photograph with this file name (without its ending) is for reported figures alone."""
    return _digit(stem) in HELD_OUT_DIGITS


def for_tuning(stem: str) -> bool:
    """Whether it is for choosing rules and thresholds alone."""
    return _digit(stem) in TUNING_DIGITS


def _digit(stem: str) -> str:
    return hashlib.sha256(stem.encode()).hexdigest()[0]


@dataclass(frozen=True, eq=False)
class Outlined:
    """One photograph; ``mask``: bool (height, width), or ``None`` where nobody outlined anything."""

    name: str
    rgb: Rgb
    mask: NDArray[np.bool_] | None


def albums(folder: Path) -> list[Path]:
    """The folders and archives below ``folder`` that hold photographs. ``PipelineError`` where there is none."""
    found = [
        each for each in sorted(folder.iterdir()) if each.suffix == ".zip" or (each.is_dir() and any(_names(each)))
    ]
    if not found:
        raise PipelineError(f"{folder} holds no folder and no ZIP archive with photographs")
    return found


def view_of(album: Path) -> View:
    """What an album without an index shows, by its name and by whether people outlined something in it."""
    if "dermo" in album.stem.lower():
        return "dermoscopy"
    return "close-up" if any(name.stem.endswith(_MASK) for name in _names(album)) else "face"


def photographs(album: Path) -> Iterator[Outlined]:
    """All of ``album`` that training may see, in the order of their names."""
    names = _names(album)
    masks = {name.stem.removesuffix(_MASK): name for name in names if name.stem.endswith(_MASK)}
    for name in names:
        if name.stem.endswith(_MASK) or held_out(name.stem) or for_tuning(name.stem):
            continue
        rgb = np.asarray(ImageOps.exif_transpose(Image.open(_bytes(album, name))).convert("RGB"))
        mask = masks.get(name.stem)
        outline = None if mask is None else np.asarray(Image.open(_bytes(album, mask)).convert("L")) > 127
        if outline is not None and outline.shape != rgb.shape[:2]:
            raise PipelineError(f"{album.name}: the mask of {name.stem} is of another size")
        yield Outlined(name.stem, rgb.copy(), outline)


def _names(album: Path) -> list[PurePosixPath]:
    if album.is_dir():
        every = [PurePosixPath(path.relative_to(album).as_posix()) for path in album.rglob("*")]
    else:
        with zipfile.ZipFile(album) as archive:
            every = [PurePosixPath(name) for name in archive.namelist()]
    return sorted(name for name in every if name.suffix.lower() in _KINDS)


def _bytes(album: Path, name: PurePosixPath) -> io.BytesIO:
    if album.is_dir():
        return io.BytesIO((album / name).read_bytes())
    with zipfile.ZipFile(album) as archive:
        return io.BytesIO(archive.read(str(name)))
