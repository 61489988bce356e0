"""Everything in a photograph that may be a face, whichever way up it lies, and how much speaks for it.

YuNet takes naevi, toes and folds for faces. What tells skin from a face is not in one figure: SFace's descriptor is
short for most skin and long for most faces, dlib's landmarks stand on the same eyes in nearly every face and in half of
all naevi, dlib's gradients know upright faces in good light. Together, with *where* SFace's descriptor points, they
hardly err: *evidence* is what three small networks of one hidden layer make of these figures on average, the logarithm
of how much likelier a face is than skin. They were taught detections in dermoscopic and clinical photographs without a
face, and faces of people who do not exist, in profile, covered, cut, dim and small (``scripts/teach_evidence.py``).
Two witnesses outweigh them: a descriptor longer than any skin's, or gradients that no skin has.

A photograph is looked at no larger than ``LOOKED_AT``: the finder sees nothing smaller than it would at full size.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import cv2
import dlib
import numpy as np
from numpy.typing import NDArray

from pipeline.errors import FaceDenied, ModelError
from pipeline.faces import Face, FaceFinder, Recognisers, overlap, turned_back
from pipeline.photograph import Rgb

LOOKED_AT = 2560
"""Pixels of the longest side: twice the finder's finest level, so that witnesses see a face finer than the finder."""

DOUBTFUL_SCORE = 0.3
"""YuNet's score from which something may be a face."""

LONG_DESCRIPTOR = 10.0
"""Length of SFace's descriptor before it is normalised; no skin of those measured has a longer one."""

STRONG_GRADIENTS = 0.3
"""Score of dlib's gradient detector from which nothing that was measured was skin; its own threshold is 0."""

FIGURES, LENGTH, GRADIENTS = 133, 128, 131
"""How many figures there are of a detection, and which of them are the descriptor's length and the gradients' score."""

SAME_PLACE = 0.3
"""Share of the smaller box that two detections must share to be of one face."""

_REMEMBERED = 4
"""Photographs whose sightings are kept: each stage asks again for the same one and its twins."""

_WITNESS_SIDE = 160
"""Pixels of the face's box in what the gradient detector is shown; it learned on boxes of 80."""
_NO_GRADIENTS = -1.5
"""Score at which the gradient detector stops listing what it sees."""
CERTAIN = 99.0
"""Evidence that outweighs every other."""


@dataclass(frozen=True, eq=False)
class Sighting:
    """One detection. ``face`` stands in the photograph as it is; its landmarks are right where ``turns`` is 0.

    ``turns``: quarter turns counter-clockwise after which it stands upright. ``evidence``: how much speaks for a face.
    """

    face: Face
    turns: int
    evidence: float

    @property
    def score(self) -> float:
        """YuNet's, 0 to 1."""
        return self.face.score


@dataclass(frozen=True, eq=False)
class Witnesses:
    """What the figures of a detection are worth together. Of n networks with k hidden units on m figures:

    ``mean``, ``spread`` (m,): what figures are less and over; ``hidden`` (n, k, m), ``hidden_bias`` (n, k), ``out``
    (n, k), ``out_bias`` (n,). All float32.
    """

    mean: NDArray[np.float32]
    spread: NDArray[np.float32]
    hidden: NDArray[np.float32]
    hidden_bias: NDArray[np.float32]
    out: NDArray[np.float32]
    out_bias: NDArray[np.float32]

    def evidence(self, figures: NDArray[np.float64]) -> float:
        """Of (m,) figures: the networks' mean logit."""
        seen = np.tanh(self.hidden @ ((figures - self.mean) / self.spread) + self.hidden_bias)
        return float(((seen * self.out).sum(1) + self.out_bias).mean())


@cache
def load_witnesses() -> Witnesses:
    """The shipped ones. Raises ModelError when they are damaged."""
    try:
        content = files("pipeline.gate").joinpath("data/evidence.npz").read_bytes()
        with np.load(io.BytesIO(content), allow_pickle=False) as stored:
            witnesses = Witnesses(**{name: stored[name] for name in stored.files})
        if not np.isfinite(witnesses.evidence(np.zeros(FIGURES))):
            raise ValueError("numbers are missing")
    except (OSError, EOFError, KeyError, ValueError, TypeError, zipfile.BadZipFile) as error:
        raise ModelError(f"the weights of the evidence for faces are damaged: {error}") from error
    return witnesses


class Lookout:
    """Looks for faces, and asks the witnesses about each. One object serves one thread."""

    def __init__(self, finder: FaceFinder, recognisers: Recognisers) -> None:
        self._finder, self._recognisers = finder, recognisers
        self._witnesses = load_witnesses()
        self._known: OrderedDict[tuple[object, ...], tuple[Sighting, ...]] = OrderedDict()
        self._gradients: Callable[..., tuple[object, list[float], object]] = dlib.get_frontal_face_detector().run

    def sightings(self, rgb: Rgb) -> tuple[Sighting, ...]:
        """All in ``rgb`` (uint8) that score at least ``DOUBTFUL_SCORE`` in one of the four orientations, the largest
        of each orientation first."""
        key = (hashlib.blake2b(np.ascontiguousarray(rgb).data).digest(), rgb.shape)
        if key not in self._known:
            self._known[key] = self._looked(rgb)
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return self._known[key]

    def _looked(self, rgb: Rgb) -> tuple[Sighting, ...]:
        shown = _reduced(rgb)
        scale = np.array([rgb.shape[1] / shown.shape[1], rgb.shape[0] / shown.shape[0]])
        seen = []
        for turns in range(4):
            turned = np.ascontiguousarray(np.rot90(shown, turns))
            for face in self._finder.find(turned, DOUBTFUL_SCORE):
                there = turned_back(face, turns, shown.shape)
                full = Face(there.box * np.tile(scale, 2), there.landmarks * scale, there.score)
                seen.append(Sighting(full, turns, self.evidence(turned, face)))
        return tuple(seen)

    def evidence(self, rgb: Rgb, face: Face) -> float:
        """How much speaks for ``face``, which stands upright in ``rgb``. A witness that fails speaks against nothing.

        Raises Undecided when one cannot be asked.
        """
        figures = self.figures(rgb, face)
        length, gradients = figures[LENGTH], figures[GRADIENTS]
        if not np.isfinite(figures).all() or not length < LONG_DESCRIPTOR or gradients >= STRONG_GRADIENTS:
            return CERTAIN
        return self._witnesses.evidence(figures)

    def figures(self, rgb: Rgb, face: Face) -> NDArray[np.float64]:
        """(FIGURES,): SFace's descriptor (128), its length, a tenth of its squared length, whether dlib's landmarks
        agree (not a number if dlib gave none), the gradient detector's score and YuNet's."""
        descriptor = self._recognisers.sface.describe(rgb, face)
        length = float(np.linalg.norm(descriptor))
        try:
            agree = 1.0 if np.isfinite(self._recognisers.dlib.describe(rgb, face)).all() else np.nan
        except FaceDenied:
            agree = 0.0
        rest = [length, length**2 / 10, agree, self._gradient_score(rgb, face), face.score]
        return np.concatenate([descriptor, rest])

    def _gradient_score(self, rgb: Rgb, face: Face) -> float:
        centre, half = (face.box[:2] + face.box[2:]) / 2, face.size
        low = np.clip(np.floor(centre - half), 0, None).astype(int)
        high = np.ceil(centre + half).astype(int)
        crop = rgb[low[1] : high[1], low[0] : high[0]]
        if not crop.size:
            return _NO_GRADIENTS
        scale = _WITNESS_SIDE / max(face.size, 1.0)
        interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        shown = cv2.resize(crop, None, fx=scale, fy=scale, interpolation=interpolation)
        scores = self._gradients(np.ascontiguousarray(shown), 0, _NO_GRADIENTS)[1]
        return max((float(score) for score in scores), default=_NO_GRADIENTS)


def covered(sighting: Sighting, others: list[Sighting]) -> bool:
    """Whether one of ``others`` is in the same place and scores as much."""
    return any(overlap(sighting.face, other.face) >= SAME_PLACE and other.score >= sighting.score for other in others)


def _reduced(rgb: Rgb) -> Rgb:
    longest = max(rgb.shape[:2])
    if longest <= LOOKED_AT:
        return rgb
    size = [max(round(length * LOOKED_AT / longest), 1) for length in (rgb.shape[1], rgb.shape[0])]
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
