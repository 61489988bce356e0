"""The gate: nothing passes until two recognisers and the pixels themselves agree that the twin is someone else.

Three outcomes, and only the first leaves: Findings, Rejected (still the patient), Undecided (the check could not be
made). Silence, a crash, or a figure that is not a number is Undecided; nothing but a completed comparison releases.

Which thresholds apply is decided face by face. A calibration made on rendered faces says little about photographs of
people: rendered faces resemble each other, so two strangers among them score what would be one person among
photographs. Such a calibration therefore carries a test for its own domain. A face that fails the test is judged by
the stricter thresholds for photographs, whatever model made the twin; a rendered face taken for a photograph is merely
refused more often. A model whose config says that it knows rendered faces alone goes further: it may not make a twin of
any other (``knows``), since nothing tells how much of a face it does not know it leaves as it was.

What is not looked at: hair, neck, clothes and background outside the head; and burned-in text.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import FaceSuspected, ModelError, OutsideDomain, Refusal, Rejected, Undecided
from pipeline.faces import REVISION, Descriptor, Face, FaceFinder, Recogniser, Recognisers, overlap, retained_texture
from pipeline.gate.calibration import Calibration, Domain, load_calibration
from pipeline.gate.policy import FacePolicy, Policy
from pipeline.photograph import Findings, Hints, Rgb

SMALLEST_FACE = 40
"""Pixels of a face's box (geometric mean). Recognisers still work at 64; below 40 "someone else" means nothing."""

_SAME_PLACE = 0.5
"""Share of the smaller box that two boxes must share to be the same face before and after the swap."""


@dataclass(frozen=True)
class _Seen:
    """A face with what both recognisers made of it."""

    face: Face
    sface: Descriptor
    dlib: Descriptor


@dataclass(frozen=True)
class _Figures:
    sface_cosine: float
    dlib_distance: float
    ncc: float
    calibration: Calibration

    @property
    def passed(self) -> bool:
        return (
            self.sface_cosine < self.calibration.sface_cosine
            and self.dlib_distance > self.calibration.dlib_distance
            and self.ncc < self.calibration.ncc
        )

    def __str__(self) -> str:
        limits = self.calibration
        return (
            f"SFace cosine {self.sface_cosine:.3f} (passes below {limits.sface_cosine:.3f}), "
            f"dlib distance {self.dlib_distance:.3f} (passes above {limits.dlib_distance:.3f}), "
            f"NCC {self.ncc:.3f} (passes below {limits.ncc:.3f}), calibration {limits.name!r}"
        )


class Gate:
    """Judges twins. One gate serves one thread."""

    def __init__(
        self,
        finder: FaceFinder,
        recognisers: Recognisers,
        calibration: Calibration,
        outside: Calibration | None = None,
        policy: Policy | None = None,
        knows: Domain | None = None,
    ) -> None:
        """``outside`` judges the faces that do not belong to the calibration's domain ("photographs" by default).
        ``policy``: what is taken for a face, and when there may be none. ``knows``: the faces that the model
        knows, where it may make twins of no others.

        Raises ModelError when a calibration was made for another finder or recogniser than those given.
        """
        self.policy = FacePolicy(finder, recognisers, policy)
        self._recognisers = recognisers
        self._calibration = calibration
        self._knows = knows
        self._outside = outside or load_calibration("photographs")
        present = gate_digests(finder, recognisers)
        for each in (self._calibration, self._outside):
            names = present.keys() | each.digests.keys()
            if other := sorted(name for name in names if present.get(name) != each.digests.get(name)):
                raise ModelError(f"calibration {each.name!r} was made for another {', '.join(other)}; calibrate again")
        if self._outside.domain is not None:
            raise ModelError(f"calibration {self._outside.name!r} holds for its own domain only, not for all faces")

    def judge(self, original: Rgb, twin: Rgb, hints: Hints, lesion: NDArray[np.bool_] | None = None) -> Findings:
        """The findings that let ``twin`` leave in place of ``original`` (both uint8, one shape).

        ``lesion`` (height, width): where the twin keeps the patient's disease on purpose (see ``retained_texture``).
        Raises Rejected when a face is still the patient's, Undecided when that could not be found out.
        """
        try:
            return self._judge(original, twin, hints, lesion)
        except Refusal:
            raise
        except Exception as error:  # whatever failed, the comparison was not completed
            raise Undecided(f"the gate failed: {type(error).__name__}") from error

    def _judge(self, original: Rgb, twin: Rgb, hints: Hints, lesion: NDArray[np.bool_] | None) -> Findings:
        if original.shape != twin.shape:
            raise Undecided(f"the twin has {twin.shape[1]} x {twin.shape[0]} pixels, not the photograph's")
        faces, twin_faces = self.policy.faces(original, hints), self.policy.faces(twin, hints)
        if not faces:
            return self._without_face(original, twin_faces, hints)
        if len(twin_faces) != len(faces):
            raise Undecided(f"{len(faces)} faces in the photograph, {len(twin_faces)} in the twin")
        for face in faces:
            if not any(overlap(face, other) >= _SAME_PLACE for other in twin_faces):
                raise Undecided("a face of the photograph is not found again in the twin")
        patients, strangers = self._describe(original, faces), self._describe(twin, twin_faces)
        if self._knows is not None and not all(self._knows.holds(patient.sface) for patient in patients):
            raise OutsideDomain("a face unlike all those that the model was trained on: it makes no twin of it")
        # Every face of the twin against every face of the photograph: nobody in the one may be anybody in the other.
        pairs = [self._compare(patient, stranger) for patient in patients for stranger in strangers]
        retained = [self._retained(original, twin, face, lesion) for face in faces]
        figures = _worst(pairs, max(retained))
        if not figures.passed:
            raise Rejected(f"still the patient: {figures}")
        return Findings("released", len(faces), figures.sface_cosine, figures.dlib_distance, figures.ncc)

    def _without_face(self, original: Rgb, twin_faces: list[Face], hints: Hints) -> Findings:
        # What was looked at in the photograph and is no face is none in the twin either: healed skin tells nobody more.
        dismissed = self.policy.dismissed(original, hints) if twin_faces else []
        if not all(any(overlap(face, other) >= _SAME_PLACE for other in dismissed) for face in twin_faces):
            raise Undecided("the twin shows a face where none was found in the photograph")
        if self.policy.turned_faces(original, hints):
            raise FaceSuspected("a face is found only when the photograph is turned; its orientation is wrong")
        self.policy.allow_none(hints)
        return Findings("no-face", 0)

    def _describe(self, rgb: Rgb, faces: list[Face]) -> list[_Seen]:
        for face in faces:
            if face.size < SMALLEST_FACE:
                raise Undecided(f"a face of {face.size:.0f} pixels is too small to compare; {SMALLEST_FACE} are needed")
        return [
            _Seen(face, self._recognisers.sface.describe(rgb, face), self._recognisers.dlib.describe(rgb, face))
            for face in faces
        ]

    def _compare(self, patient: _Seen, stranger: _Seen) -> _Figures:
        """The recognisers' two figures, under the thresholds that hold for this patient's face; NCC comes later."""
        domain = self._calibration.domain
        inside = domain is None or domain.holds(patient.sface)
        first, second = patient.sface, stranger.sface
        if inside and domain is not None:
            first, second = domain.centred(first), domain.centred(second)
        cosine = _number(self._recognisers.sface, self._recognisers.sface.score(first, second))
        distance = _number(self._recognisers.dlib, self._recognisers.dlib.score(patient.dlib, stranger.dlib))
        return _Figures(cosine, distance, 0.0, self._calibration if inside else self._outside)

    @staticmethod
    def _retained(original: Rgb, twin: Rgb, face: Face, lesion: NDArray[np.bool_] | None) -> float:
        """The region with the most of the patient's texture. Undecided when a face lies outside the photograph."""
        regions = retained_texture(original, twin, face, lesion)
        if not regions or not all(map(math.isfinite, regions.values())):
            raise Undecided("the texture of a face cannot be compared")
        return max(regions.values())


def gate_digests(finder: FaceFinder, recognisers: Recognisers) -> dict[str, str]:
    """All that decides the gate's figures, by name: what a calibration is bound to."""
    return {**finder.digests, **recognisers.sface.digests, **recognisers.dlib.digests, "texture": REVISION}


def _worst(pairs: list[_Figures], ncc: float) -> _Figures:
    """The pair nearest to a match, judged before any that passes, with the photograph's worst texture."""
    complete = [_Figures(pair.sface_cosine, pair.dlib_distance, ncc, pair.calibration) for pair in pairs]
    return min(complete, key=lambda pair: (pair.passed, pair.dlib_distance - pair.sface_cosine))


def _number(recogniser: Recogniser, score: float) -> float:
    if not math.isfinite(score):
        raise Undecided(f"{recogniser.name} gave a score that is not a number")
    return score
