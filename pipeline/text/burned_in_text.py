"""Text burned into a photograph: filled where it lies away from skin, refused where it touches skin or a face.

A line away from skin is covered by one colour, taken from around it, wide enough for what a JPEG encoder smeared. The
cover is part of the record and is laid over everything made from the photograph, so that it is the same in each product
and no difference between two of them can show what stood there.

*Away from skin* must be shown; nothing is taken for background because it is dark or pale. Skin of every tone reflects
red best and blue least, whatever light of ordinary colour falls on it, and the darker the skin the stronger the order;
so the ratios of linear red to green and green to blue are looked at, in which brightness cancels. What has these ratios
(wood and cardboard too), what is too dark for them without being flat, and everything that is not flat black or white
in a photograph without colour, may be skin.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.errors import TextOnSkin, Undecided
from pipeline.faces import Face, FaceFinder, square_around
from pipeline.photograph import Rgb
from pipeline.text.finder import Quad, TextFinder

Mask = NDArray[np.bool_]
Corners = tuple[tuple[int, int], ...]
Box = tuple[int, int, int, int]

SMALLEST_MARGIN = 12
"""Pixels around a line that are covered with it: with what the detector leaves around letters, the 16 of a JPEG block
of halved colour, in which their edges ring."""

MARGIN = 0.35
"""The same in heights of the line, whichever is more; the detector cuts off accents and descenders."""

RING = 0.6
"""How far around the cover is looked for skin, in heights of the line, and at least ``_SMALLEST_RING`` pixels."""

MOST_SKIN = 0.02
"""Share of the ring that may look like skin: noise and single warm pixels of a background."""

_SMALLEST_RING = 8
_RED_TO_GREEN, _GREEN_TO_BLUE = 0.10, -0.03
"""Natural logarithms of the linear ratios from which a colour may be skin. Rendered skin of types I to VI has more than
0.2 and 0.1 in ordinary light."""
_DARK, _FLAT = 24, 2.0
"""Grey levels of 255: below which colour cannot be told, and the standard deviation of what is flat."""
_BLACK, _WHITE = 8, 247
_COLOURLESS = 6
"""Grey levels between the channels of a photograph without colour (99 % of its pixels)."""


@dataclass(frozen=True)
class Cover:
    """One colour over one line. ``corners``: pixels of the photograph, x and y. ``colour``: red, green, blue."""

    corners: Corners
    colour: tuple[int, int, int]

    @property
    def box(self) -> Box:
        """Left, top, right and bottom of the corners."""
        xs, ys = zip(*self.corners, strict=True)
        return min(xs), min(ys), max(xs), max(ys)


@dataclass(frozen=True)
class BurnedInText:
    """What was found, never what it says. ``covers``: lines that are filled. ``left``: lines that are left where they
    are because a person vouched for them; as long as there are any, the pixels are not clean."""

    covers: tuple[Cover, ...] = ()
    left: int = 0

    @property
    def boxes(self) -> list[Box]:
        """Left, top, right and bottom of each piece of text. A line that was found at two sizes is one piece."""
        boxes: list[Box] = []
        for cover in self.covers:
            box, apart = cover.box, []
            for other in boxes:
                if box[0] <= other[2] and other[0] <= box[2] and box[1] <= other[3] and other[1] <= box[3]:
                    box = (min(box[0], other[0]), min(box[1], other[1]), max(box[2], other[2]), max(box[3], other[3]))
                else:
                    apart.append(other)
            boxes = [*apart, box]
        return boxes

    def fill(self, rgb: Rgb) -> Rgb:
        """A copy of ``rgb`` (uint8, the photograph's shape) with every cover laid over it."""
        filled = rgb.copy()
        for cover in self.covers:
            cv2.fillConvexPoly(filled, np.array(cover.corners, np.int32), cover.colour)
        return filled


class TextRemover:
    """Finds text and decides what becomes of it. One remover serves one thread."""

    def __init__(self, finder: TextFinder, faces: FaceFinder) -> None:
        self._finder = finder
        self._faces = faces

    def examine(self, rgb: Rgb, *, announced: bool = False, vouched: bool = False) -> BurnedInText:
        """What is to be filled in ``rgb``, the full photograph as it came.

        ``announced``: the header says that text is burned in. ``vouched``: a person says that text on skin or a face
        names nobody; it is left where it is.
        Raises TextOnSkin where text touches skin or a face, Undecided where text that was announced is not found, text
        is still read after it was filled, or the search failed.
        """
        try:
            quads = self._finder.find(rgb)
        except Exception as error:
            raise Undecided(f"the search for text failed: {type(error).__name__}") from error
        if announced and not quads:
            raise Undecided("the header says that text is burned into the picture, and none was found")
        if not quads:
            return BurnedInText()
        touching = self._touching(rgb, quads)
        if any(touching) and not vouched:
            raise TextOnSkin(f"{sum(touching)} of {len(quads)} finds of text touch skin or a face")
        found = BurnedInText(
            covers_for(rgb, [quad for quad, touches in zip(quads, touching, strict=True) if not touches]), sum(touching)
        )
        if found.covers and len(self._finder.find(found.fill(rgb))) > found.left:
            raise Undecided("text is still found after it was filled")
        return found

    def _touching(self, rgb: Rgb, quads: Sequence[Quad]) -> list[bool]:
        skin = may_be_skin(rgb) | _around_faces(rgb, self._faces.find(rgb))
        covered = _area(rgb, [_grown(quad, _margin(quad)) for quad in quads])
        touching = []
        for quad in quads:
            ring = _area(rgb, [_grown(quad, _margin(quad) + max(RING * _height(quad), _SMALLEST_RING))]) & ~covered
            # Without a ring (a line as large as the photograph) nothing shows that the line is away from skin.
            touching.append(not ring.any() or float(skin[ring].mean()) > MOST_SKIN)
        return touching


@lru_cache(maxsize=1)
def load_text_remover() -> TextRemover:
    """The one of this process, with the pinned weights. Raises ModelError when they are missing or altered."""
    return TextRemover(TextFinder(), FaceFinder())


def text_to_json(found: BurnedInText) -> bytes:
    """``found`` in the form that ``text_from_json`` reads."""
    return json.dumps(asdict(found)).encode()


def text_from_json(content: bytes) -> BurnedInText:
    """What ``text_to_json`` wrote. Raises ValueError, KeyError or TypeError for anything else."""
    stated = json.loads(content)
    covers = []
    for cover in stated["covers"]:
        red, green, blue = cover["colour"]
        covers.append(Cover(tuple((int(x), int(y)) for x, y in cover["corners"]), (int(red), int(green), int(blue))))
    return BurnedInText(tuple(covers), int(stated["left"]))


def may_be_skin(rgb: Rgb) -> Mask:
    """Where ``rgb`` (height, width, 3) cannot be told from skin; bool (height, width)."""
    smooth = cv2.GaussianBlur(rgb, (0, 0), 2.0)
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32)
    mean = cv2.blur(grey, (9, 9))
    flat = np.sqrt(np.maximum(cv2.blur(grey * grey, (9, 9)) - mean * mean, 0)) < _FLAT
    if float(np.quantile(np.ptp(smooth.astype(np.int16), axis=2), 0.99)) <= _COLOURLESS:
        return ~(flat & ((mean <= _BLACK) | (mean >= _WHITE)))
    linear = (np.maximum(smooth.astype(np.float32), 1) / 255) ** 2.2
    red, green, blue = np.log(linear[..., 0]), np.log(linear[..., 1]), np.log(linear[..., 2])
    coloured = (red - green >= _RED_TO_GREEN) & (green - blue >= _GREEN_TO_BLUE)
    dark = smooth.max(axis=2) < _DARK
    return np.asarray(np.where(dark, ~flat, coloured), np.bool_)


def _around_faces(rgb: Rgb, faces: Sequence[Face]) -> Mask:
    """Canonical squares: a face with its hair and ears, whatever their colour."""
    mask = np.zeros(rgb.shape[:2], np.uint8)
    for face in faces:
        square = square_around(face.landmarks)
        half = square.side / 2
        low = np.floor([square.centre_x - half, square.centre_y - half]).astype(int)
        high = np.ceil([square.centre_x + half, square.centre_y + half]).astype(int)
        mask[max(low[1], 0) : max(high[1], 0), max(low[0], 0) : max(high[0], 0)] = 1
    return mask > 0


def covers_for(rgb: Rgb, quads: Sequence[Quad]) -> tuple[Cover, ...]:
    """One cover a quad; those that meet are of one colour, that of what lies around them all."""
    grown = [np.rint(_grown(quad, _margin(quad))).astype(np.int32) for quad in quads]
    count, labels = cv2.connectedComponents(_area(rgb, grown).astype(np.uint8))
    colours = {}
    for label in range(1, count):
        inside = (labels == label).astype(np.uint8)
        around = (cv2.dilate(inside, np.ones((9, 9), np.uint8)) > 0) & (labels == 0)
        sample = rgb[around] if around.any() else rgb.reshape(-1, 3)
        colours[label] = tuple(int(value) for value in np.median(sample, axis=0))
    covers = []
    for quad in grown:
        own = labels[_area(rgb, [quad])]
        if own.size:
            red, green, blue = colours[int(np.bincount(own).argmax())]
            covers.append(Cover(tuple((int(x), int(y)) for x, y in quad), (red, green, blue)))
    return tuple(covers)


def _area(rgb: Rgb, quads: Sequence[NDArray[np.floating] | NDArray[np.int32]]) -> Mask:
    mask = np.zeros(rgb.shape[:2], np.uint8)
    for quad in quads:
        cv2.fillConvexPoly(mask, np.rint(quad).astype(np.int32), 1)
    return mask > 0


def _grown(quad: Quad, by: float) -> Quad:
    """The rectangle with ``by`` pixels more on each side."""
    (x, y), (width, height), angle = cv2.minAreaRect(quad.astype(np.float32))
    return cv2.boxPoints(((x, y), (width + 2 * by, height + 2 * by), angle)).astype(np.float64)


def _height(quad: Quad) -> float:
    return float(min(cv2.minAreaRect(quad.astype(np.float32))[1]))


def _margin(quad: Quad) -> float:
    return max(MARGIN * _height(quad), SMALLEST_MARGIN)
