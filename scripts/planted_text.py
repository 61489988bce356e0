"""Plants names in photographs and measures how many are found, by size, angle and contrast.

    python -m scripts.planted_text --out build/planted_text.json

Names in two typefaces, twelve to a frame of 1280 x 960 pixels, each of its own size, angle and contrast, on a blurred
backdrop with noise, as JPEG of quality 90. A name counts as found when the covers lie over at least 98 % of the pixels
of its letters, so that nothing of it can be read. False finds are counted in the rendered sample photographs, which
hold no text.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from dicom_io.reading import read_photograph
from pipeline.photograph import Rgb
from pipeline.text import Quad, TextFinder, covers_for

SAMPLES = Path(__file__).resolve().parents[1] / "sample_data" / "studies"
NAMES = ("Quillfeather, Ottoline", "MRN 7731904", "Brandywine Aldous", "born 17.04.1961")
SIZES = (8, 10, 14, 20, 32, 56)
"""Pixels of a capital's height, about 0.7 of the typeface's size."""
ANGLES = (0, 5, 15, 30, 90, 180, 270)
CONTRASTS = (20, 40, 80, 160)
"""Grey levels between letters and backdrop."""


CELL = 320
"""Pixels: the square that one name is written in."""


def backdrop(random: np.random.Generator, height: int = 3 * CELL, width: int = 4 * CELL) -> Rgb:
    """A blue-grey wall with soft shading and noise."""
    shading = cv2.resize(random.normal(0, 6, (4, 4)), (width, height), interpolation=cv2.INTER_CUBIC)
    rgb = np.array([96.0, 108.0, 124.0]) + shading[..., None] + random.normal(0, 2, (height, width, 1))
    return np.clip(rgb, 0, 255).astype(np.uint8)


def plant(rgb: Rgb, coverage: NDArray[np.float32], contrast: int, at: tuple[int, int]) -> NDArray[np.bool_]:
    """Write a name into ``rgb`` itself, lighter than what is there, its middle ``at`` x and y.

    ``coverage``: from ``written``. Returns where its letters are, bool (height, width).
    """
    high, wide = coverage.shape
    left, top = at[0] - wide // 2, at[1] - high // 2
    whole = np.zeros((rgb.shape[0] + 2 * high, rgb.shape[1] + 2 * wide), np.float32)
    whole[top + high : top + 2 * high, left + wide : left + 2 * wide] = coverage
    whole = whole[high : high + rgb.shape[0], wide : wide + rgb.shape[1]]
    rgb[:] = np.clip(rgb + whole[..., None] * contrast, 0, 255).astype(np.uint8)
    return whole > 0.5


def table(finder: TextFinder, names: int) -> dict[str, Any]:
    """The share found in each cell: all angles at each size and contrast, and all sizes from 10 at each angle."""
    random = np.random.default_rng(20260101)
    wanted = [
        (size, angle, contrast, number)
        for number in range(names)
        for size in SIZES
        for angle in ANGLES
        for contrast in CONTRASTS
    ]
    random.shuffle(wanted)
    hits: dict[tuple[int, int, int], list[bool]] = {}
    for start in range(0, len(wanted), 12):
        rgb, letters = backdrop(random), []
        for cell, (size, angle, contrast, number) in enumerate(wanted[start : start + 12]):
            name = NAMES[number % len(NAMES)] if size < 32 else NAMES[number % len(NAMES)].split()[-1]
            coverage = written(name, size, angle, strokes=number % 2 == 1)
            at = (CELL // 2 + CELL * (cell % 4), CELL // 2 + CELL * (cell // 4))
            letters.append(((size, angle, contrast), plant(rgb, coverage, contrast, at)))
        photograph = as_jpeg(rgb)
        covered = covered_by(photograph, finder.find(photograph))
        for key, where in letters:
            hits.setdefault(key, []).append(bool(covered[where].mean() >= 0.98))

    def share(contrast: int, sizes: Sequence[int], angles: Sequence[int]) -> float:
        cells = [
            cell
            for (size, angle, shown), cell in hits.items()
            if shown == contrast and size in sizes and angle in angles
        ]
        return round(float(np.mean(np.concatenate(cells))), 3)

    legible = [size for size in SIZES if size >= 10]
    return {
        "names": len(wanted),
        "by_size_and_contrast": {
            str(size): {str(contrast): share(contrast, [size], ANGLES) for contrast in CONTRASTS} for size in SIZES
        },
        "by_angle_and_contrast": {
            str(angle): {str(contrast): share(contrast, legible, [angle]) for contrast in CONTRASTS} for angle in ANGLES
        },
    }


def covered_by(rgb: Rgb, quads: Sequence[Quad]) -> NDArray[np.bool_]:
    """Where the covers for ``quads`` lie, bool (height, width)."""
    mask = np.zeros(rgb.shape, np.uint8)
    for cover in covers_for(rgb, quads):
        cv2.fillConvexPoly(mask, np.array(cover.corners, np.int32), (1, 1, 1))
    return mask[..., 0] > 0


def false_finds(finder: TextFinder) -> dict[str, int]:
    """Finds in photographs without text, by sample study."""
    return {path.parent.name: len(finder.find(read_photograph(path).rgb)) for path in sorted(SAMPLES.glob("*/*.dcm"))}


def written(name: str, size: int, angle: float, *, strokes: bool = False) -> NDArray[np.float32]:
    """How much each pixel belongs to a letter, 0 to 1. ``strokes``: as devices burn them in, else a typeface."""
    if strokes:
        scale, thickness = size / 21, max(1, round(size / 10))
        (width, height), baseline = cv2.getTextSize(name, cv2.FONT_HERSHEY_SIMPLEX, scale, thickness)
        canvas = np.zeros((height + baseline + 4, width + 4), np.uint8)
        cv2.putText(canvas, name, (2, height + 2), cv2.FONT_HERSHEY_SIMPLEX, scale, 255, thickness, cv2.LINE_AA)
        return _turned(canvas.astype(np.float32) / 255, angle)
    font = ImageFont.load_default(size / 0.7)
    left, top, right, bottom = (int(value) for value in font.getbbox(name))
    page = Image.new("L", (right - left + 4, bottom - top + 4))
    ImageDraw.Draw(page).text((2 - left, 2 - top), name, font=font, fill=255)
    return _turned(np.asarray(page, np.float32) / 255, angle)


def _turned(coverage: NDArray[np.floating], angle: float) -> NDArray[np.float32]:
    if angle % 90 == 0:
        return np.ascontiguousarray(np.rot90(coverage, int(angle // 90)))
    high, wide = coverage.shape
    matrix = cv2.getRotationMatrix2D((wide / 2, high / 2), angle, 1)
    sine, cosine = abs(matrix[0, 1]), abs(matrix[0, 0])
    size = (int(high * sine + wide * cosine) + 2, int(high * cosine + wide * sine) + 2)
    matrix[:, 2] += [size[0] / 2 - wide / 2, size[1] / 2 - high / 2]
    return np.clip(cv2.warpAffine(coverage, matrix, size, flags=cv2.INTER_CUBIC), 0, 1)


def as_jpeg(rgb: Rgb, quality: int = 90) -> Rgb:
    _, encoded = cv2.imencode(".jpg", rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
    assert decoded is not None
    return np.ascontiguousarray(decoded[..., ::-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--names", type=int, default=2, help="names of each size, angle and contrast")
    options = parser.parse_args()
    finder = TextFinder()
    figures = {**table(finder, options.names), "false_finds": false_finds(finder)}
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(figures, indent=2) + "\n")
    for name in ("by_size_and_contrast", "by_angle_and_contrast"):
        print(name, "contrast:", *CONTRASTS)
        for row, shares in figures[name].items():
            print(f"{row:>6}", *(f"{share:.2f}" for share in shares.values()))
    print("false finds", figures["false_finds"])


if __name__ == "__main__":
    main()
