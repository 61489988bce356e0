"""Heads composed of people who do not exist: skin, brows, eyes, nose and mouth from different ones, shape from more.

Donors are pictures that generators drew of nobody. They were chosen once by eye, adults with clean, even skin and no
hair in the face; ``data/head_donors.csv`` names their files, with sex, age and complexion as seen. A head is kept only
if neither recogniser finds any of its donors in it.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.heads import (
    AGES,
    LEFT_BROW,
    LEFT_EYE,
    NOSE,
    OUTER_LIPS,
    RIGHT_BROW,
    RIGHT_EYE,
    SIDE,
    Age,
    Complexion,
    Frame,
    Mask,
    Picture,
    Points,
    SkinSquare,
    Words,
    blurred,
    hanging_before,
    mean_around,
)
from pipeline.photograph import Rgb, Sex

DONORS = Path(__file__).parent / "data" / "head_donors.csv"
PEOPLE = Path(__file__).parent / "data" / "people_words.csv"

_EVEN = 26.0
"""Pixels of the square: coarser differences between left and right are light, not skin."""
_FILL = 10.0
_SECOND_SKIN = 0.4
_EYES_SHARE = 0.9
_PART_OF_SHAPE = 0.7
_DRIFT = 0.8
"""Of the difference between two more people's shapes that is added: a shape that is nobody's."""
_EXAGGERATED = 1.25
_NEAR = 18
"""Donors nearest in colour and age among whom the others are drawn."""
_AGE_COST = 7.0
"""CIELAB units that one band of age weighs."""
_PYRAMID = 4
_UNPAINTED = 9.0
"""CIELAB a* that men's lips have at most beyond their skin."""
_AGES_MIXED: Mapping[Age, tuple[Age, ...]] = {
    "young adult": ("young adult", "middle-aged"),
    "middle-aged": ("middle-aged", "young adult", "elderly"),
    "elderly": ("elderly", "middle-aged"),
}


@dataclass(frozen=True)
class DonorWords:
    """What was seen of one donor."""

    file: str
    words: Words


@dataclass(frozen=True, eq=False)
class Donor:
    """A donor's skin in the square, float32 (SIDE, SIDE, 3), and neutral shape in the frame."""

    file: str
    words: Words
    skin: Picture
    shape: Points

    @cached_property
    def colour(self) -> NDArray[np.float32]:
        """CIELAB, the mean over the inner square."""
        middle = slice(SIDE // 4, 3 * SIDE // 4)
        return np.asarray(_lab(self.skin[middle, middle]).mean((0, 1)), np.float32)


@dataclass(frozen=True, eq=False)
class Composed:
    """A head with the files of those whom it was made of."""

    words: Words
    skin: Rgb
    shape: Points
    donors: tuple[str, ...]


def donor_words(path: Path = DONORS) -> list[DonorWords]:
    """The table of donors."""
    with path.open(newline="") as file:
        return [
            DonorWords(
                row["file"],
                Words(cast(Sex, row["sex"]), cast(Age, row["age"]), cast(Complexion, row["complexion"])),
            )
            for row in csv.DictReader(file)
        ]


def people_words(path: Path = PEOPLE) -> list[DonorWords]:
    """The table of people who give nothing to a head, of whom sex and age were judged by eye all the same."""
    with path.open(newline="") as file:
        return [
            DonorWords(row["file"], Words(cast(Sex, row["sex"]), cast(Age, row["age"]), "medium"))
            for row in csv.DictReader(file)
        ]


class Composer:
    """Makes heads of donors."""

    def __init__(self, frame: Frame) -> None:
        self._frame, self._square = frame, SkinSquare(frame.mean)
        square = self._square
        self._eyes = _EYES_SHARE * np.clip(square.around(RIGHT_EYE, 15, 4) + square.around(LEFT_EYE, 15, 4), 0, 1)
        self._brows = np.clip(square.around(RIGHT_BROW, 11, 4) + square.around(LEFT_BROW, 11, 4), 0, 1)
        self._nose, self._mouth = square.around(NOSE, 9, 6), square.around(OUTER_LIPS, 13, 6)
        self._lips = square.around(OUTER_LIPS, 3, 2)
        self._pulls = [
            _pull(square.points, ids) for ids in ((*RIGHT_EYE, *LEFT_EYE, *RIGHT_BROW, *LEFT_BROW), NOSE, OUTER_LIPS)
        ]

    def donor(self, about: DonorWords, rgb: Rgb, points: Points) -> Donor:
        """Of a picture and the face's mesh in it: light evened from left to right, hair and what is not seen filled."""
        square = self._square
        laid, seen = square.unwrapped(rgb, points)
        before = hanging_before(square, laid, seen)
        shown = (square.skin * seen * (1 - before)).astype(np.float32)
        lab = _lab(laid.astype(np.float32))
        coarse = mean_around(lab, (shown + 1e-3 * square.oval).astype(np.float32), _EVEN)
        skin = _rgb(lab + (coarse[:, ::-1] - coarse) / 2)
        hidden = np.maximum(before, np.clip(1.3 * (1 - seen), 0, 1) * square.oval)
        hidden = np.clip(cv2.dilate(np.maximum(hidden, 1 - square.oval), np.ones((7, 7), np.uint8)) * 1.5, 0, 1)
        hidden = blurred(hidden.astype(np.float32), 3)[..., None]
        fill = mean_around(skin, (shown + 1e-4 * square.oval).astype(np.float32), _FILL)
        shape = self._frame.neutral(self._frame.aligned(points))
        filled = np.clip(skin * (1 - hidden) + fill * hidden, 0, 255).astype(np.float32)
        return Donor(about.file, about.words, filled, shape)

    def composed(self, donors: Sequence[Donor], words: Words, chance: np.random.Generator) -> Composed:
        """A head for ``words``, of six of the donors and the shapes of two more. ``ValueError`` without enough."""
        pool = [donor for donor in donors if donor.words.sex == words.sex]
        bases = [donor for donor in pool if donor.words == words]
        if not bases or len(pool) < 8:
            raise ValueError(f"too few donors for {words}")
        base = bases[chance.integers(len(bases))]
        others = [each for each in pool if each is not base and each.words.age in _AGES_MIXED[base.words.age]]
        near = sorted(others, key=lambda each: _cost(base, each))[:_NEAR]
        second, eyes, nose, mouth, brows = (near[number] for number in chance.permutation(len(near))[:5])
        skin = _blended(base.skin, self._matched(second.skin, base.skin), np.full((SIDE, SIDE), _SECOND_SKIN))
        for donor, mask in ((eyes, self._eyes), (brows, self._brows), (nose, self._nose), (mouth, self._mouth)):
            skin = _blended(skin, self._matched(donor.skin, base.skin), mask)
        if words.sex == "male":
            skin = self._unpainted(skin)
        shape = (base.shape + second.shape) / 2
        for donor, pull in zip((eyes, nose, mouth), self._pulls, strict=True):
            shape = shape + _PART_OF_SHAPE * pull * (donor.shape - shape)
        mixed = (base, second, eyes, nose, mouth, brows)
        rest = [donor for donor in pool if donor not in mixed]
        here, there = (rest[number] for number in chance.permutation(len(rest))[:2])
        shape = shape + _DRIFT * (here.shape - there.shape)
        shape = self._frame.mean + _EXAGGERATED * (shape - self._frame.mean)
        files = tuple(donor.file for donor in (*mixed, here, there))
        return Composed(words, np.clip(np.rint(skin), 0, 255).astype(np.uint8), shape, files)

    def _matched(self, skin: Picture, to: Picture) -> Picture:
        """``skin`` with mean and spread of the other's colours."""
        lab, other, where = _lab(skin), _lab(to), self._square.skin > 0.5
        mean, target = lab[where].mean(0), other[where].mean(0)
        gain = np.clip(other[where].std(0) / (lab[where].std(0) + 1e-3), 0.75, 1.3)
        return _rgb((lab - mean) * gain + target)

    def _unpainted(self, skin: Picture) -> Picture:
        lab = _lab(skin)
        most = lab[self._square.skin > 0.5][:, 1].mean() + _UNPAINTED
        lab[..., 1] -= self._lips * np.clip(lab[..., 1] - most, 0, None) * 0.8
        return _rgb(lab)


def _cost(base: Donor, other: Donor) -> float:
    apart = float(np.linalg.norm((other.colour - base.colour) * [0.6, 1, 1]))
    return apart + _AGE_COST * abs(AGES.index(other.words.age) - AGES.index(base.words.age))


def _pull(points: NDArray[np.float64], vertices: Sequence[int]) -> NDArray[np.float64]:
    """How much each vertex (468, 1) goes with the nearest of ``vertices``."""
    distance = np.linalg.norm(points[:, None] - points[list(vertices)][None], axis=-1).min(1) / SIDE
    return np.asarray(np.exp(-((distance / 0.0875) ** 2))[:, None])


def _blended(first: Picture, second: Picture, mask: Mask | NDArray[np.float64]) -> Picture:
    """The second where the mask is 1, each band of frequencies over its own width (Burt and Adelson, 1983)."""
    levels = [(first, second, np.asarray(mask, np.float32))]
    for _ in range(_PYRAMID):
        a, b, share = (np.asarray(cv2.pyrDown(each), np.float32) for each in levels[-1])
        levels.append((a, b, share))
    a, b, share = levels[-1]
    mixed = a + (b - a) * share[..., None]
    for (a, b, share), (coarse_a, coarse_b, _) in zip(levels[-2::-1], levels[:0:-1], strict=True):
        size = (a.shape[1], a.shape[0])
        fine_a, fine_b = a - cv2.pyrUp(coarse_a, dstsize=size), b - cv2.pyrUp(coarse_b, dstsize=size)
        mixed = cv2.pyrUp(mixed, dstsize=size) + fine_a + (fine_b - fine_a) * share[..., None]
    return np.clip(mixed, 0, 255).astype(np.float32)


def _lab(rgb: NDArray[np.floating]) -> Picture:
    return np.asarray(cv2.cvtColor(np.clip(rgb, 0, 255).astype(np.float32) / 255, cv2.COLOR_RGB2LAB), np.float32)


def _rgb(lab: NDArray[np.floating]) -> Picture:
    rgb = cv2.cvtColor(lab.astype(np.float32), cv2.COLOR_LAB2RGB) * 255
    return np.clip(rgb, 0, 255).astype(np.float32)
