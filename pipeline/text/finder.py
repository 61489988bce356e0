"""Text in a photograph: found by PP-OCR's detector at several sizes, confirmed by its reader, never spelt out.

The detector (differentiable binarisation, Liao et al., AAAI 2020; PP-OCRv6 small) takes lips, brows, hair and naevi for
text as readily as letters, so each find is shown to the reader (PP-OCRv6 small, CTC). Of the reader its confidence is
used, and which signs are digits or of a unit of length, for the numbers of a ruler are no name (``scale``): no other
letter is decoded, so no name can end up in a log. Both networks run here by onnxruntime, from the files that
``rapidocr`` carries.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.errors import ModelError
from pipeline.packaged import TEXT_DETECTOR, TEXT_READER, Session
from pipeline.photograph import Rgb
from pipeline.text.scale import OTHER, SIGNS, is_scale
from pipeline.text.strokes import parts_with_strokes

Quad = NDArray[np.float64]
"""Float64 (4, 2): the corners of a line of text as x, y in pixels of the photograph, in order around it."""

TILE = 1280
"""Pixels: the largest square that the detector is shown at once; what is larger is shown in overlapping tiles."""

OVERLAP = 256
"""Pixels that neighbouring tiles share, so that a word cut by one tile is whole in the other."""

SMALLEST_LONGEST_SIDE = 640
"""Pixels of the longest side at the coarsest level. At the finest a small photograph is seen at twice its size, any
other at its own, whatever that is: small faint letters do not outlast being made smaller."""

LARGEST_STEP = 2.5
"""From one level to the next, in even steps, as few as there can be."""

_ON = 0.3
"""Probability from which a pixel of the detector's map belongs to text, as published."""
_SCORE = 0.4
"""Mean probability of a find. The published 0.5 loses faint text; the reader takes care of what is no text."""
_UNCLIP = 1.6
"""The detector marks the core of a line; its outline lies this many areas over perimeter outside, as published."""
_SMALLEST_LINE = 5.0
"""Pixels of a line's height at the size at which it was found."""

_READER_HEIGHT = 48
_LONGEST_LINE = 24
"""Widths in heights that the reader is shown at once; a longer line is judged by its beginning."""
_CONFIDENCE = {2: 0.9, 4: 0.6}
"""From how many letters on which mean confidence of the reader, 0 to 1, makes a find text. Words of three letters are
read with 0.95 and more; two eyes pass for two letters with up to 0.89, and seldom for more than that."""


class TextFinder:
    """Finds every line of text. One finder serves one thread."""

    def __init__(self) -> None:
        """Raises ModelError when the weights are missing or are not the pinned ones."""
        self._detector = Session(TEXT_DETECTOR.read(), threads=min(2, os.cpu_count() or 1))
        self._reader = Session(TEXT_READER.read())
        self._signs = _signs_of(self._reader)

    def find(self, rgb: Rgb) -> list[Quad]:
        """The lines of text in ``rgb`` (uint8, height x width x 3); one line may be found at more than one size.

        Raises ModelError when a network fails.
        """
        return [quad for quad in self.candidates(rgb) if self.is_text(rgb, quad)]

    def candidates(self, rgb: Rgb) -> Iterator[Quad]:
        """What the detector alone takes for text, level by level."""
        for side in levels(max(rgb.shape[:2])):
            scale = side / max(rgb.shape[:2])
            for left, top, tile in _tiles(_resized(rgb, scale)):
                for rows, columns in parts_with_strokes(tile):
                    corner = np.array([left + columns.start, top + rows.start])
                    for quad in self._detect(tile[rows, columns]):
                        yield (quad + corner) / scale

    def is_text(self, rgb: Rgb, quad: Quad) -> bool:
        """Whether the reader sees letters in ``quad``, held any way up, and not the numbers of a ruler."""
        readings = [self._reading(line) for line in _lines(rgb, quad)]
        sure = [reading for reading in readings if reading.is_sure]
        longest = max((reading.letters for reading in sure), default=0)
        # Held the wrong way up, digits are read as letters, and seldom as more of them.
        return bool(sure) and not any(reading.letters >= longest - 1 and is_scale(reading.signs) for reading in sure)

    def read(self, line: Rgb) -> tuple[int, float]:
        """How many letters the reader sees in a line of ``_READER_HEIGHT`` pixels, and its mean confidence in them."""
        reading = self._reading(line)
        return reading.letters, reading.confidence

    def _reading(self, line: Rgb) -> _Reading:
        values = _run(self._reader, line)[0]  # (positions, classes), the first class is "none"
        best = values.argmax(axis=1)
        letters = (best != 0) & np.concatenate([[True], best[1:] != best[:-1]])
        confidence = float(values.max(axis=1)[letters].mean()) if letters.any() else 0.0
        signs = "".join(self._signs.get(int(number), OTHER) for number in best[letters])
        return _Reading(int(letters.sum()), confidence, signs)

    def _detect(self, rgb: Rgb) -> Iterator[Quad]:
        height, width = rgb.shape[:2]
        canvas = np.zeros((-(-height // 32) * 32, -(-width // 32) * 32, 3), np.uint8)
        canvas[:height, :width] = rgb
        probability = _run(self._detector, canvas)[0, 0]
        on = (probability > _ON).astype(np.uint8)
        contours, _ = cv2.findContours(on, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        for contour in contours:
            (x, y), (long, short), angle = cv2.minAreaRect(contour)
            if min(long, short) < 1 or _mean_inside(probability, contour) < _SCORE:
                continue
            margin = 2 * _UNCLIP * long * short / (2 * (long + short))
            if min(long, short) + margin >= _SMALLEST_LINE:
                yield cv2.boxPoints(((x, y), (long + margin, short + margin), angle)).astype(np.float64)


@dataclass(frozen=True)
class _Reading:
    """What the reader made of a line. ``signs``: digits and the letters of units of length alone; all else is
    ``scale.OTHER``, so that no name is ever spelt out."""

    letters: int
    confidence: float
    signs: str

    @property
    def is_sure(self) -> bool:
        """Whether so many letters with such confidence are text."""
        return any(self.letters >= fewest and self.confidence >= needed for fewest, needed in _CONFIDENCE.items())


def _signs_of(reader: Session) -> dict[int, str]:
    """By the reader's class: those of ``scale.SIGNS`` among the characters that its file lists, and the space."""
    characters = reader.metadata["character"].split("\n")
    known = {number: sign for number, sign in enumerate(characters, start=1) if sign in SIGNS and sign}
    return {**known, len(characters) + 1: " "}


def levels(longest: int) -> list[int]:
    """Pixels of the longest side at which a photograph of ``longest`` pixels is shown, coarse to fine."""
    finest = max(longest, min(2 * longest, 2 * SMALLEST_LONGEST_SIDE))
    coarsest = min(SMALLEST_LONGEST_SIDE, finest)
    steps = 0
    while coarsest * LARGEST_STEP**steps < finest:
        steps += 1
    return [coarsest, *(round(coarsest * (finest / coarsest) ** (step / steps)) for step in range(1, steps + 1))]


def _lines(rgb: Rgb, quad: Quad) -> Iterator[Rgb]:
    """``quad`` cut out and laid flat, ``_READER_HEIGHT`` high: along its longer side both ways, a square all four."""
    sides = np.hypot(*(np.roll(quad, -1, axis=0) - quad).T)
    along = int(sides[1] > sides[0])
    square = max(sides[:2]) < 1.5 * min(sides[:2])
    for turn in range(4) if square else (along, along + 2):
        corners = np.roll(quad, -turn, axis=0)
        long, short = sides[turn % 2], sides[(turn + 1) % 2]
        width = int(np.clip(round(_READER_HEIGHT * long / max(short, 1e-6)), _READER_HEIGHT, 10_000))
        flat = np.array([[0, 0], [width, 0], [width, _READER_HEIGHT], [0, _READER_HEIGHT]], np.float32)
        shown = min(width, _READER_HEIGHT * _LONGEST_LINE)
        transform = cv2.getPerspectiveTransform(corners.astype(np.float32), flat)
        line = cv2.warpPerspective(
            rgb, transform, (shown, _READER_HEIGHT), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        )
        yield np.asarray(line, np.uint8)


def _tiles(rgb: Rgb) -> Iterator[tuple[int, int, Rgb]]:
    """Left, top and pixels of the overlapping tiles that cover ``rgb``."""
    for rows in _spans(rgb.shape[0]):
        for columns in _spans(rgb.shape[1]):
            yield columns.start, rows.start, rgb[rows, columns]


def _spans(length: int) -> list[slice]:
    """As few as cover ``length``, none longer than ``TILE``, each sharing ``OVERLAP`` with the next or a pixel more."""
    count = max(1, -(-(length - OVERLAP) // (TILE - OVERLAP)))
    side = -(-(length + (count - 1) * OVERLAP) // count)
    starts = [round(number * (length - side) / max(count - 1, 1)) for number in range(count)]
    return [slice(start, start + side) for start in starts]


def _resized(rgb: Rgb, scale: float) -> Rgb:
    height, width = (max(round(length * scale), 1) for length in rgb.shape[:2])
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(rgb, (width, height), interpolation=interpolation), np.uint8)


def _mean_inside(probability: NDArray[np.float32], contour: NDArray[np.int32]) -> float:
    left, top, width, height = cv2.boundingRect(contour)
    inside = np.zeros((height, width), np.uint8)
    cv2.drawContours(inside, [contour], -1, 1, cv2.FILLED, offset=(-left, -top))
    return float(probability[top : top + height, left : left + width][inside > 0].mean())


def _run(session: Session, rgb: Rgb) -> NDArray[np.float32]:
    """PP-OCR reads blue, green, red, -1 to 1."""
    values = rgb[..., ::-1].astype(np.float32) / 127.5 - 1
    try:
        (output,) = session.run(x=np.ascontiguousarray(values.transpose(2, 0, 1))[None]).values()
    except Exception as error:
        raise ModelError(f"a text network failed on {rgb.shape[1]} x {rgb.shape[0]} pixels: {error}") from error
    return np.asarray(output)
