"""What is taken for a face, and what it means that none was found: by what the header says of the view.

    the header says                no face found   a detection, by evidence: little  some       much
    -----------------------------  --------------  --------------------------------  ---------  ------
    face (or a part of the head)   undecided       a face                            a face     a face
    nothing, or what no table has  undecided       a face                            a face     a face
    close-up (a forearm, a back)   passes          no face                           undecided  a face
    dermoscopy (the SOP class)     passes          no face                           undecided  a face
    so, a reviewer rules one out   passes          no face                           no face    a face
    else, and a reviewer does      passes          a face                            a face     a face

*Evidence* is what SFace, dlib's landmarks and dlib's gradients make of a detection (``sightings``). YuNet takes some
naevi for faces; where the header calls the frame a close-up or dermoscopy, one for which little speaks is dropped. A
face in a frame with the wrong header is still a face. One for which some speaks is not edited, which would make a face
of a naevus, and not let out either: it is undecided, until a person who looked at the photograph says that there is no
face. That word outweighs some evidence, upright and lying, and never much.

What stands upright is edited; what lies or is hardly seen must not slip through beside it. YuNet finds many a lying
face too, with eyes and mouth in the wrong places. So every photograph is searched in all four orientations, and under
any header it is undecided when some evidence speaks for a face that scores higher in another orientation than at the
same place upright, or is found in another one alone, or that scores too low to be edited.

A site can make this stricter, by naming fewer views that may lack a face or by taking every detection for a face. No
setting makes it laxer: what the header says of other views is not taken for safety.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pipeline.errors import FaceSuspected, NoFaceFound
from pipeline.faces import Face, FaceFinder, Recognisers, overlap
from pipeline.gate.sightings import SAME_PLACE, Lookout, Sighting, covered
from pipeline.photograph import Hints, Rgb

Faceless = Literal["close-up", "dermoscopy"]
"""The views in which a frame without a face may be what the header promises."""

FACELESS: tuple[Faceless, ...] = ("close-up", "dermoscopy")

SOME = 0.5
"""Evidence from which a detection is not dropped. Of 1,050 dermoscopic photographs that the networks were not taught
none has so much, of 304 of feet with ulcers three in a hundred; of 1,680 hard rendered faces as many have less."""

MUCH = 2.0
"""Evidence from which a detection is a face."""


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
        self._least_score = finder.min_score
        self._lookout = Lookout(finder, recognisers)
        self._policy = policy or Policy()

    def faces(self, rgb: Rgb, hints: Hints) -> list[Face]:
        """The upright faces of ``rgb``, the largest first, as the policy counts them.

        Raises FaceSuspected when there may be a face besides them, lying or hardly seen, or one of them may be none.
        """
        seen = self._lookout.sightings(rgb)
        if suspected := self._suspected(seen, hints):
            raise FaceSuspected(suspected)
        return [sighting.face for sighting in self._upright(seen, hints)]

    def upright(self, rgb: Rgb, hints: Hints) -> list[Face]:
        """Those that an edit can work on, the largest first; whether there are others is not asked."""
        return [sighting.face for sighting in self._upright(self._lookout.sightings(rgb), hints)]

    def dismissed(self, rgb: Rgb, hints: Hints) -> list[Face]:
        """Detections in ``rgb`` for which little speaks: looked at, and no faces."""
        if not self._asks_witnesses(hints):
            return []
        least = self._least_evidence(hints)
        clear = self._clear(self._lookout.sightings(rgb))
        return [sighting.face for sighting in clear if sighting.evidence < least]

    def turned_faces(self, rgb: Rgb, hints: Hints) -> list[int]:
        """Quarter turns counter-clockwise (of 1, 2, 3) after which there is a face."""
        least = self._least_evidence(hints)
        return sorted(
            {
                sighting.turns
                for sighting in self._lookout.sightings(rgb)
                if sighting.turns
                and sighting.score >= self._least_score
                and (sighting.evidence >= least or not self._asks_witnesses(hints))
            }
        )

    def allow_none(self, hints: Hints) -> None:
        """Raises NoFaceFound unless a photograph with such ``hints`` may be without a face."""
        if not hints.face_ruled_out and hints.view not in self._policy.may_lack_face:
            raise NoFaceFound(f"no face found, and the header says {hints.view or 'nothing'} of the view")

    def _asks_witnesses(self, hints: Hints) -> bool:
        return self._policy.second_look and hints.view in FACELESS

    @staticmethod
    def _least_evidence(hints: Hints) -> float:
        """From which on a detection is not dropped."""
        return MUCH if hints.face_ruled_out else SOME

    def _clear(self, seen: Sequence[Sighting]) -> list[Sighting]:
        """What stands upright and is clearly seen, whatever the witnesses say."""
        return [sighting for sighting in seen if not sighting.turns and sighting.score >= self._least_score]

    def _upright(self, seen: Sequence[Sighting], hints: Hints) -> list[Sighting]:
        asks, least = self._asks_witnesses(hints), self._least_evidence(hints)
        return [sighting for sighting in self._clear(seen) if not asks or sighting.evidence >= least]

    def _suspected(self, sightings: Sequence[Sighting], hints: Hints) -> str:
        """Why there may be a face besides the upright ones, or why one of them may be none; else nothing."""
        upright, least = self._upright(sightings, hints), self._least_evidence(hints)
        seen = [sighting for sighting in sightings if sighting.evidence >= least]
        standing = [*upright, *(sighting for sighting in seen if not sighting.turns)]
        lying = [sighting for sighting in seen if sighting.turns and not covered(sighting, standing)]
        if lying:
            worst = max(lying, key=lambda sighting: sighting.score)
            turned = f"a face stands upright only when the photograph is turned by {90 * worst.turns} degrees"
            return f"{turned}: {_told(worst)}"
        for sighting in seen:
            doubtful = not sighting.turns and sighting.score < self._least_score
            if doubtful and not any(overlap(sighting.face, other.face) >= SAME_PLACE for other in upright):
                return f"something that may be a face is hardly seen: {_told(sighting)}"
        weak = [sighting for sighting in upright if sighting.evidence < MUCH]
        if weak and self._asks_witnesses(hints):
            return f"something may be a face where the header lets expect none: {_told(weak[0])}"
        return ""


def _told(sighting: Sighting) -> str:
    """What was seen and where, for whoever looks at the photograph next."""
    left, top, right, bottom = (max(round(float(value)), 0) for value in sighting.face.box)
    evidence = min(sighting.evidence, 9.9)
    return (
        f"at x {left} to {right}, y {top} to {bottom} (detector {sighting.score:.2f}, evidence {evidence:+.1f}; "
        f"{SOME:+.1f} is some, {MUCH:+.1f} much)"
    )
