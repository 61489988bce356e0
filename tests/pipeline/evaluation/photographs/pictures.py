"""Skin that nobody has, with a darker disc, as files."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from pipeline.evaluation.masks import Mask
from pipeline.photograph import Rgb

SKIN, LESION = (205, 165, 145), (120, 70, 60)


def disc(height: int = 96, width: int = 128, radius: float = 0.2, centre: tuple[float, float] = (0.5, 0.5)) -> Mask:
    """``radius`` in shorter sides, ``centre`` down and across in sides."""
    rows, columns = np.mgrid[:height, :width]
    return np.asarray(np.hypot(rows - centre[0] * height, columns - centre[1] * width) < radius * min(height, width))


def skin_with(mask: Mask, colour: tuple[int, int, int] = LESION) -> Rgb:
    """Skin of one colour with noise, another inside ``mask``."""
    noise = np.random.default_rng(0).integers(-3, 4, (*mask.shape, 1))
    return (np.where(mask[..., None], colour, SKIN) + noise).astype(np.uint8)


def write_photograph(folder: Path, name: str, mask: Mask | None = None, *, outlined: bool = True) -> None:
    """``name`` (with its ending) and its mask in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    shown = np.zeros((96, 128), bool) if mask is None else mask
    Image.fromarray(skin_with(shown)).save(folder / name)
    if mask is not None and outlined:
        Image.fromarray(mask.astype(np.uint8) * 255).save(folder / f"{Path(name).stem}_mask.png")


def packed(folder: Path, path: Path) -> Path:
    """``folder`` as a ZIP, in a folder of its own inside of it."""
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, Path("inside") / file.relative_to(folder))
    return path


def as_jpeg(rgb: Rgb, orientation: int = 1) -> bytes:
    """With the orientation that a camera writes."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "JPEG", exif=exif, quality=95)
    return buffer.getvalue()
