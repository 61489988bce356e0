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
_AROUND = 16
"""Pixels around a ring that are looked at with it: as far as the filters of ``may_be_skin`` reach."""
_ASKED = 1024
"""Pixels of the longer side that tell whether a photograph has colour."""
_TOLD = 4
"""Places of text that a reason names."""
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
        """A copy of ``rgb`` (uint8, the photograph's shape) with every cover laid over it; itself where there is none,
        for each stage asks, and 12 megapixels are 36 MB."""
        if not self.covers:
            return rgb
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
            raise TextOnSkin(
                f"{sum(touching)} of {len(quads)} finds of text touch skin or a face: {_places(quads, touching)}"
            )
        found = BurnedInText(
            covers_for(rgb, [quad for quad, touches in zip(quads, touching, strict=True) if not touches]), sum(touching)
        )
        if found.covers and len(self._finder.find(found.fill(rgb))) > found.left:
            raise Undecided("text is still found after it was filled")
        return found

    def _touching(self, rgb: Rgb, quads: Sequence[Quad]) -> list[bool]:
        """Of each quad; only what lies around it is looked at, since the photograph may be large."""
        colourless, heads = is_colourless(rgb), [_head(face) for face in self._faces.find(rgb)]
        covers = [_grown(quad, _margin(quad)) for quad in quads]
        touching = []
        for quad in quads:
            wide = _grown(quad, _margin(quad) + max(RING * _height(quad), _SMALLEST_RING))
            (left, top), (right, bottom) = np.floor(wide.min(0)) - _AROUND, np.ceil(wide.max(0)) + _AROUND
            rows = slice(max(int(top), 0), max(int(bottom), 0))
            columns = slice(max(int(left), 0), max(int(right), 0))
            part, corner = rgb[rows, columns], np.array([columns.start, rows.start])
            ring = _area(part, [wide - corner]) & ~_area(part, [cover - corner for cover in covers])
            # Without a ring (a line as large as the photograph) nothing shows that the line is away from skin.
            touching.append(not ring.any() or _share_of_skin(part, ring, colourless, heads, corner) > MOST_SKIN)
        return touching


def _share_of_skin(
    part: Rgb, ring: Mask, colourless: bool, heads: Sequence[tuple[int, int, int, int]], corner: NDArray[np.int_]
) -> float:
    """Of ``ring`` in ``part``, which lies at ``corner`` (x, y) of the photograph that has the ``heads``."""
    skin = may_be_skin(part, colourless)
    for left, top, right, bottom in heads:
        x, y = corner
        skin[max(top - y, 0) : max(bottom - y, 0), max(left - x, 0) : max(right - x, 0)] = True
    return float(skin[ring].mean())


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


def is_colourless(rgb: Rgb) -> bool:
    """Whether ``rgb`` is a photograph without colour. Of a large one every so many pixels are asked."""
    step = max(1, max(rgb.shape[:2]) // _ASKED)
    smooth = cv2.GaussianBlur(rgb, (0, 0), 2.0)[::step, ::step]
    return float(np.quantile(np.ptp(smooth.astype(np.int16), axis=2), 0.99)) <= _COLOURLESS


def may_be_skin(rgb: Rgb, colourless: bool | None = None) -> Mask:
    """Where ``rgb`` (height, width, 3) cannot be told from skin; bool (height, width).

    ``colourless``: whether the photograph is that ``rgb`` is a part of; else ``rgb`` itself is asked.
    """
    smooth = cv2.GaussianBlur(rgb, (0, 0), 2.0)
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32)
    mean = cv2.blur(grey, (9, 9))
    flat = np.sqrt(np.maximum(cv2.blur(grey * grey, (9, 9)) - mean * mean, 0)) < _FLAT
    if is_colourless(rgb) if colourless is None else colourless:
        return np.asarray(~(flat & ((mean <= _BLACK) | (mean >= _WHITE))), np.bool_)
    linear = (np.maximum(smooth.astype(np.float32), 1) / 255) ** 2.2
    red, green, blue = np.log(linear[..., 0]), np.log(linear[..., 1]), np.log(linear[..., 2])
    coloured = (red - green >= _RED_TO_GREEN) & (green - blue >= _GREEN_TO_BLUE)
    dark = smooth.max(axis=2) < _DARK
    return np.asarray(np.where(dark, ~flat, coloured), np.bool_)


def _head(face: Face) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of the canonical square: a face with its hair and ears, whatever their colour."""
    square = square_around(face.landmarks)
    half = square.side / 2
    low = np.floor([square.centre_x - half, square.centre_y - half]).astype(int)
    high = np.ceil([square.centre_x + half, square.centre_y + half]).astype(int)
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def _places(quads: Sequence[Quad], touching: Sequence[bool]) -> str:
    """Where the finds lie that touch, for whoever looks at the photograph next."""
    places = []
    for quad in (quad for quad, touches in zip(quads, touching, strict=True) if touches):
        (left, top), (right, bottom) = np.rint(quad.min(0)).astype(int), np.rint(quad.max(0)).astype(int)
        places.append(f"x {left} to {right}, y {top} to {bottom}")
    told = "; ".join(places[:_TOLD])
    return told + (f" and {len(places) - _TOLD} more" if len(places) > _TOLD else "")


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
