"""One picture of all results: for each photograph a row with sick twin, healthy twin, their difference and the mask.

Made from the objects that left and from nothing else, so the original cannot get into it.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from dicom_io.reading import read_photograph
from pipeline.disease import FULL_SCALE, SHOWN_IN_LIGHTNESS, difference_picture, diverging
from pipeline.photograph import Rgb
from plugin.durable import write_file

COLUMNS = ("Sick twin", "Healthy twin", "Difference", "Mask")
CELL = 300
"""Pixels: the longer side of a picture in the overview."""

DRAWN = 4 * CELL
"""The same of what it is made from."""

MARGIN, GAP, HEADER, CAPTION = 28, 14, 74, 44
PAPER, INK, FAINT, OUTLINE = (250, 249, 247), (32, 34, 38), (120, 124, 130), (0, 230, 230)


@dataclass(frozen=True)
class Row:
    """The results for one photograph. ``healthy`` is None where healthy twins are not delivered."""

    sick: Rgb
    healthy: Rgb | None
    mask: NDArray[np.bool_]
    lesion_class: str
    title: str
    details: str


def write_overview(path: Path, manifest: dict[str, Any], folder: Path) -> bool:
    """The picture of everything that ``manifest`` says was released below ``folder``; nothing when that is nothing."""
    rows = [_row(entry, folder) for entry in manifest["instances"] if entry["outcome"] == "released"]
    if not rows:
        return False
    picture = draw(rows)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    write_file(path, buffer.getvalue(), mode=0o644)
    return True


def draw(rows: Sequence[Row]) -> Image.Image:
    """The overview of ``rows``."""
    sizes = [_fitted(row.sick.shape[1], row.sick.shape[0]) for row in rows]
    column = max(width for width, _ in sizes)
    width = 2 * MARGIN + len(COLUMNS) * column + (len(COLUMNS) - 1) * GAP
    height = HEADER + sum(tall + CAPTION + GAP for _, tall in sizes) + MARGIN
    picture = Image.new("RGB", (width, height), PAPER)
    pen = ImageDraw.Draw(picture)
    _draw_header(picture, pen, column)
    top = HEADER
    for row, size in zip(rows, sizes, strict=True):
        for number, cell in enumerate(_cells(row)):
            left = MARGIN + number * (column + GAP) + (column - size[0]) // 2
            if cell is not None:
                picture.paste(cell.resize(size, Image.Resampling.LANCZOS), (left, top))
            pen.rectangle((left - 1, top - 1, left + size[0], top + size[1]), outline=(222, 220, 216))
        pen.text((MARGIN, top + size[1] + 6), row.title, INK, ImageFont.load_default(15))
        pen.text((MARGIN, top + size[1] + 25), row.details, FAINT, ImageFont.load_default(12))
        top += size[1] + CAPTION + GAP
    return picture


def outlined(rgb: Rgb, mask: NDArray[np.bool_]) -> Rgb:
    """``rgb`` with the rim of ``mask`` drawn just outside of it, wide enough to survive being made smaller."""
    wide = max(1, round(max(rgb.shape) / CELL))
    rim = ndimage.binary_dilation(mask, iterations=2 * wide) & ~mask
    drawn = rgb.copy()
    drawn[rim] = OUTLINE
    return drawn


def _cells(row: Row) -> list[Image.Image | None]:
    difference = None if row.healthy is None else difference_picture(row.sick, row.healthy, row.lesion_class)
    pictures = (row.sick, row.healthy, difference, outlined(row.sick, row.mask))
    return [None if picture is None else Image.fromarray(picture) for picture in pictures]


def _draw_header(picture: Image.Image, pen: ImageDraw.ImageDraw, column: int) -> None:
    for number, name in enumerate(COLUMNS):
        pen.text((MARGIN + number * (column + GAP), 22), name, INK, ImageFont.load_default(20))
    left, width = MARGIN + 2 * (column + GAP), min(column // 2, 110)
    scale = diverging(np.tile(np.linspace(-1, 1, width), (8, 1)))
    picture.paste(Image.fromarray(scale), (left, 52))
    note = f"-{FULL_SCALE:.0f} to +{FULL_SCALE:.0f} CIELAB"
    pen.text((left + width + 8, 48), note, FAINT, ImageFont.load_default(12))
    pen.text((MARGIN, 49), "a person who does not exist", FAINT, ImageFont.load_default(12))
    pen.text((MARGIN + column + GAP, 49), "the same person, healed", FAINT, ImageFont.load_default(12))
    pen.text((MARGIN + 3 * (column + GAP), 49), "what the segmentation holds", FAINT, ImageFont.load_default(12))


def _fitted(width: int, height: int) -> tuple[int, int]:
    scale = CELL / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _row(entry: dict[str, Any], folder: Path) -> Row:
    files: dict[str, list[Path]] = {}
    for output in entry["outputs"]:
        files.setdefault(output["role"], []).append(folder / output["file"])
    sick = read_photograph(files["sick-twin"][0]).rgb
    healthy = read_photograph(files["healthy-twin"][0]).rgb if "healthy-twin" in files else None
    segments = [pydicom.dcmread(path) for path in files["segmentation"]]
    binary = next(segment for segment in segments if segment.SegmentationType == "BINARY")
    mask = np.asarray(binary.pixel_array, bool).reshape(sick.shape[:2])
    subtraction, gate = entry["subtraction"], entry["gate"]
    found = subtraction["lesion_class"]
    axis = "L*, lightness" if found in SHOWN_IN_LIGHTNESS else "a*, redness"
    title = f"{found.capitalize()}, {subtraction['area']:.1%} of the picture" if found != "none" else "No lesion found"
    figures = [f"difference in {axis}", f"{gate['faces']} face{'s' if gate['faces'] != 1 else ''}"]
    for name, label in (("sface_cosine", "SFace cosine"), ("dlib_distance", "dlib distance"), ("ncc", "NCC")):
        if gate[name] is not None:
            figures.append(f"{label} {gate[name]:.2f}")
    figures += [f"persona {entry['attempts']}", f"{sum(entry['seconds'].values()):.1f} s", entry["source"][:12]]
    drawn = None if healthy is None else _drawable(healthy)
    return Row(_drawable(sick), drawn, _drawable(mask), found, title, "    ".join(figures))


def _drawable(picture: NDArray[Any]) -> NDArray[Any]:
    """``picture`` no larger than it is worth to draw: of 12 megapixels, a difference alone would take a gigabyte."""
    scale = DRAWN / max(picture.shape[:2])
    if scale >= 1:
        return picture
    size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BOX), picture.dtype)
