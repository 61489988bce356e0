"""What is taken for a face, and what it means that none was found: by what the header says of the view.

    the header says                no face found   a detection, confirmed by: nobody  dlib's landmarks alone  another
    -----------------------------  --------------  ---------------------------------  ----------------------  -------
    face (or a part of the head)   undecided       a face                             a face                  a face
    nothing, or what no table has  undecided       a face                             a face                  a face
    close-up (a forearm, a back)   passes          no face                            undecided               a face
    dermoscopy (the SOP class)     passes          no face                            undecided               a face
    so, a reviewer rules one out   passes          no face                            no face                 a face
    else, and a reviewer does      passes          a face                             a face                  a face

YuNet takes some naevi under a dermatoscope for faces. Where the header calls the frame a close-up or dermoscopy, three
witnesses are asked: whether SFace's descriptor is longer than it is for anything but faces, whether dlib's gradient
detector (Felzenszwalb et al. as in dlib 19, which learned on photographs of its own) finds something there, and whether
dlib's landmarks stand on the same eyes. A detection is dropped when all three see nothing: a face in a frame with the
wrong header is still a face. A witness that fails is no witness against anything.

dlib's landmarks alone stand on many a naevus too, and on faces in profile or half cut off that the others do not know.
So what they alone confirm is not edited, which would make a face of a naevus, and not let out either: it is undecided,
until a person who looked at the photograph says that there is no face. That word outweighs these landmarks, upright
and lying, and nothing else.

What stands upright is edited; what lies or is hardly seen must not slip through beside it. YuNet finds many a lying
face too, with eyes and mouth in the wrong places. So every photograph is searched in all four orientations, and under
any header it is undecided when a witnessed face scores higher in another orientation than at the same place upright,
or is found in another one alone; and when something scores too low for a face to be edited, but SFace's descriptor is
as long as a face's.

A site can make this stricter, by naming fewer views that may lack a face or by taking every detection for a face. No
setting makes it laxer: what the header says of other views is not taken for safety.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import cv2
import dlib
import numpy as np

from pipeline.errors import FaceDenied, FaceSuspected, NoFaceFound
from pipeline.faces import Face, FaceFinder, Recognisers, overlap, turned_back
from pipeline.photograph import Hints, Rgb

Faceless = Literal["close-up", "dermoscopy"]
"""The views in which a frame without a face may be what the header promises."""

FACELESS: tuple[Faceless, ...] = ("close-up", "dermoscopy")

SHORTEST_DESCRIPTOR = 6.0
"""Length of SFace's descriptor before it is normalised. Rendered faces, half covered, turned and underexposed ones
among them, have 8.2 to 14.9; the naevus in the sample studies has 3.6."""

GRADIENT_SCORE = -0.5
"""dlib's detector, below its own 0: rendered faces score -0.3 to 1.9 where it finds them."""

DOUBTFUL_SCORE = 0.3
"""YuNet's score from which something may be a face, where SFace agrees; patches of skin come up to .56, with
descriptors shorter than 5."""

_SAME_PLACE = 0.3
"""Share of the smaller box that two detections must share to be of one face."""

_REMEMBERED = 4
"""Photographs whose faces are kept: each stage asks again for the same one and its twins."""

_WITNESS_SIDE = 160
"""Pixels of the face's box in what the gradient detector is shown; it learned on boxes of 80."""


@dataclass(frozen=True)
class Policy:
    """What a site configured. ``may_lack_face``: views that pass without a face. ``second_look``: whether detections
    in them need a witness; without it every detection is a face."""

    may_lack_face: frozenset[Faceless] = frozenset(FACELESS)
    second_look: bool = True

    def __post_init__(self) -> None:
        if unknown := sorted(set(self.may_lack_face) - set(FACELESS)):
            raise ValueError(f"a photograph of the view {', '.join(unknown)} never passes without a face")


class FacePolicy:
    """Applies a policy. One object serves one thread."""

    def __init__(self, finder: FaceFinder, recognisers: Recognisers, policy: Policy | None = None) -> None:
        self._finder = finder
        self._recognisers = recognisers
        self._policy = policy or Policy()
        self._known: OrderedDict[tuple[object, ...], tuple[list[Face], str]] = OrderedDict()
        self._gradients: Callable[..., tuple[object, list[float], object]] = dlib.get_frontal_face_detector().run

    def faces(self, rgb: Rgb, hints: Hints) -> list[Face]:
        """The upright faces of ``rgb``, the largest first, as the policy counts them.

        Raises FaceSuspected when there may be a face besides them, lying or hardly seen, or one of them may be none.
        """
        key = (hashlib.blake2b(rgb.tobytes()).digest(), rgb.shape, hints.view, hints.face_ruled_out)
        if key not in self._known:
            faces = self.upright(rgb, hints)
            self._known[key] = (faces, self._suspected(rgb, hints, faces))
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        faces, suspected = self._known[key]
        if suspected:
            raise FaceSuspected(suspected)
        return faces

    def upright(self, rgb: Rgb, hints: Hints) -> list[Face]:
        """Those that an edit can work on, the largest first; whether there are others is not asked."""
        found = self._finder.find(rgb)
        if not self._asks_witnesses(hints):
            return found
        return [face for face in found if self._witnessed(rgb, hints, face)]

    def _asks_witnesses(self, hints: Hints) -> bool:
        return self._policy.second_look and hints.view in FACELESS

    def _suspected(self, rgb: Rgb, hints: Hints, faces: list[Face]) -> str:
        """Why there may be a face besides the upright ``faces``, or why one of them may be none; else nothing."""
        lying: list[tuple[float, int]] = []
        for turns in (1, 2, 3):
            turned = np.ascontiguousarray(np.rot90(rgb, turns))
            for face in self._finder.find(turned):
                there = [other for other in faces if overlap(turned_back(face, turns, rgb.shape), other) >= _SAME_PLACE]
                if any(other.score >= face.score for other in there):
                    continue
                if self._witnessed(turned, hints, face):
                    lying.append((face.score, turns))
        if lying:
            return f"a face stands upright only when the photograph is turned by {90 * max(lying)[1]} degrees"
        for face in self._finder.find(rgb, DOUBTFUL_SCORE):
            if face.score >= self._finder.min_score or any(overlap(face, other) >= _SAME_PLACE for other in faces):
                continue
            length = float(np.linalg.norm(self._recognisers.sface.describe(rgb, face)))
            if not length < SHORTEST_DESCRIPTOR:
                return f"something that may be a face is hardly seen (score {face.score:.2f})"
        if self._asks_witnesses(hints) and not all(self._known_for_a_face(rgb, face) for face in faces):
            return "something is a face by dlib's landmarks alone, where the header lets expect none"
        return ""

    def dismissed(self, rgb: Rgb, hints: Hints) -> list[Face]:
        """Detections in ``rgb`` that no witness confirmed: looked at, and no faces."""
        if not self._asks_witnesses(hints):
            return []
        return [face for face in self._finder.find(rgb) if not self._witnessed(rgb, hints, face)]

    def turned_faces(self, rgb: Rgb, hints: Hints) -> list[int]:
        """Quarter turns counter-clockwise (of 1, 2, 3) after which there is a face."""
        return [turns for turns in (1, 2, 3) if self.upright(np.ascontiguousarray(np.rot90(rgb, turns)), hints)]

    def allow_none(self, hints: Hints) -> None:
        """Raises NoFaceFound unless a photograph with such ``hints`` may be without a face."""
        if not hints.face_ruled_out and hints.view not in self._policy.may_lack_face:
            raise NoFaceFound(f"no face found, and the header says {hints.view or 'nothing'} of the view")

    def _witnessed(self, rgb: Rgb, hints: Hints, face: Face) -> bool:
        """Whether anybody but the finder sees a face there, against whom a reviewer's word does not stand."""
        if self._known_for_a_face(rgb, face):
            return True
        if hints.face_ruled_out:
            return False
        try:
            self._recognisers.dlib.describe(rgb, face)
        except FaceDenied:
            return False
        return True

    def _known_for_a_face(self, rgb: Rgb, face: Face) -> bool:
        """By more than landmarks that agree."""
        length = float(np.linalg.norm(self._recognisers.sface.describe(rgb, face)))
        return not length < SHORTEST_DESCRIPTOR or self._gradients_show(rgb, face)

    def _gradients_show(self, rgb: Rgb, face: Face) -> bool:
        centre, half = (face.box[:2] + face.box[2:]) / 2, face.size
        low = np.clip(np.floor(centre - half), 0, None).astype(int)
        high = np.ceil(centre + half).astype(int)
        crop = rgb[low[1] : high[1], low[0] : high[0]]
        scale = _WITNESS_SIDE / max(face.size, 1.0)
        interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        shown = cv2.resize(crop, None, fx=scale, fy=scale, interpolation=interpolation)
        return bool(self._gradients(np.ascontiguousarray(shown), 0, GRADIENT_SCORE)[1])
