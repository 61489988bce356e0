"""What becomes of people in photographs: released or held, known again or not, and whether a photograph stays one.

Who a person is, is said by the file's name: names that are equal up to the last ``_NUMBER`` show the same one. Nothing
is known of what lies below a mask here, so figures are of likeness and of looks alone. Thresholds for "known again" are
those at which SFace and dlib take one stranger in a thousand for another on Labelled Faces in the Wild.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from skimage.color import rgb2lab

from pipeline.edits import TwinMaker
from pipeline.errors import PipelineError, Refusal
from pipeline.evaluation.case import TRIES
from pipeline.evaluation.composites import LEAKS, composites
from pipeline.evaluation.figures import Bar, figure, grouped
from pipeline.faces import Descriptor, Face, FaceFinder, Recognisers
from pipeline.gate import load_calibration
from pipeline.heads import Age, Complexion, FaceMesh, Frame, Known, SkinSquare, Words, complexion_of, words_for
from pipeline.photograph import Photograph, Rgb, Sex, Twins

SAME_COSINE, SAME_DISTANCE = 0.359, 0.543
"""SFace's and dlib's scores at a false accept rate of 1e-3 between photographs of strangers."""
RENDERED_LOOK = 0.36
"""Cosine to the centre of rendered faces; photographs of people stay below."""
_FINE = 0.006
"""Standard deviation of the Gaussian below which texture is detail, over the head's square."""
_INNER = 1.15
"""Half axis of the ellipse in which detail and contrast are looked at, in face units around the landmarks."""
GROUPS = ("sex", "complexion", "age")
"""Of a person, by which every figure is shown as well."""
_NUMBERED = re.compile(r"_\d+$")

BARS = (
    Bar("photo_release_rate", "released within three tries", "share", "higher", 0.80, 0.97),
    Bar("photo_released_first", "released at the first try", "share", "higher", None, None),
    Bar("photo_healthy_rate", "healthy twins that pass the gate at the first try", "share", "higher", None, None),
    Bar("photo_released_wrongly", "released, though a recogniser knows the person at FAR 1e-3", "share", "lower", 0, 0),
    Bar("photo_reid_sface", "first twins, ungated, that SFace takes for their patient", "share", "lower", None, None),
    Bar("photo_reid_dlib", "first twins, ungated, that dlib takes for their patient", "share", "lower", None, None),
    Bar("photo_twins_alike", "pairs of patients whose twins SFace takes for one person", "mean", "lower", 0.10, 0.02),
    Bar("photo_detail", "fine texture against the photograph's", "median", "higher", 0.85, 0.95),
    Bar("photo_contrast", "spread of lightness against the photograph's", "median", "higher", 0.90, 1.0),
    Bar("photo_rendered_look", "twins that look rendered", "share", "lower", 0.20, 0.0),
    Bar("photo_expression_kept", "eyes and mouth open or shut as in the photograph", "share", "higher", 0.90, 1.0),
    *(Bar(f"photo_leak_{kind}", f"released by the gate: {shown}", "share", "lower", 0.01, 0.0)
      for kind, shown in LEAKS.items()),
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class PersonCase:
    """One photograph of a person. Shares in [0, 1]; NaN where a figure could not be had."""

    person: str
    sex: Sex
    complexion: Complexion
    age: Age
    released: bool
    tries: int
    refusals: list[str]
    healthy_passed: bool
    original: tuple[Descriptor, Descriptor]
    """SFace's and dlib's."""
    first: tuple[Descriptor, Descriptor] | None
    """Of the first sick twin, whatever the gate said."""
    twin: tuple[Descriptor, Descriptor] | None
    """Of the released one, or the last that was tried."""
    detail: float
    contrast: float
    rendered_look: float
    expression_kept: float
    leaks: Mapping[str, bool] = field(default_factory=dict)
    twins: Twins | None = field(default=None, repr=False)


def person_of(name: str) -> str:
    """Whom the file ``name``, without its suffix, shows."""
    return _NUMBERED.sub("", name)


class PersonExaminer:
    """Puts photographs of people through ``maker``. Serves one thread."""

    def __init__(self, maker: TwinMaker, frame: Frame, known: Known, key: bytes) -> None:
        """``frame`` and ``known``: of the heads that the model ships, to measure expressions and to name groups.
        ``key``: who has the same one makes the same other person of each."""
        self._maker, self._known, self._frame, self._key = maker, known, frame, key
        self._finder, self._recognisers, self._mesh = FaceFinder(), Recognisers.load().remembering(), FaceMesh()
        self._square = SkinSquare(frame.mean)
        domain = load_calibration("rendered").domain
        assert domain is not None
        self._centre = np.array(domain.centre) / np.linalg.norm(domain.centre)

    def examine(self, name: str, photograph: Photograph, leaks: bool = False) -> PersonCase | None:
        """Every figure of one photograph, of the file ``name``; None where no face is found in it, or one that cannot
        be described. ``leaks``: whether twins that keep a part of the patient are judged as well."""
        rgb, person = photograph.rgb, person_of(name)
        seen = self._seen(rgb)
        if seen is None:
            return None
        face, original = seen
        seed = hashlib.sha256(self._key + person.encode()).digest()
        try:
            disease = self._maker.heal(photograph)
        except PipelineError as error:
            return self._case(person, photograph, face, original, [], [f"{type(error).__name__}: {error}"], False, {})
        twins: list[Twins] = []
        refusals: list[str] = []
        passed, released = False, False
        for attempt in range(TRIES):
            try:
                twins.append(self._maker.swap(photograph, disease, seed, attempt))
                if attempt == 0:
                    passed = self._passes(photograph, Twins(twins[0].healthy, twins[0].healthy))
                self._maker.judge(photograph, twins[-1])
                released = True
                break
            except Refusal as refusal:
                refusals.append(f"{type(refusal).__name__}: {refusal}")
        leaked = self._leaks(photograph, face, twins[0]) if leaks and twins else {}
        case = self._case(person, photograph, face, original, twins, refusals, passed, leaked)
        return case if not released else _released(case)

    def _case(
        self,
        person: str,
        photograph: Photograph,
        face: Face,
        original: tuple[Descriptor, Descriptor],
        twins: list[Twins],
        refusals: list[str],
        passed: bool,
        leaked: Mapping[str, bool],
    ) -> PersonCase:
        rgb = photograph.rgb
        words = self._words(photograph, face, original)
        first = self._seen(twins[0].sick) if twins else None
        last = self._seen(twins[-1].sick) if twins else None
        detail, contrast = _looks(rgb, twins[-1].healthy, face) if twins else (math.nan, math.nan)
        look, kept = math.nan, math.nan
        if last is not None:
            look = float(last[1][0] @ self._centre / np.linalg.norm(last[1][0]))
            kept = self._expression_kept(rgb, face, twins[-1].sick, last[0])
        return PersonCase(
            person=person,
            sex=words.sex,
            complexion=words.complexion,
            age=words.age,
            released=False,
            tries=len(twins),
            refusals=refusals,
            healthy_passed=passed,
            original=original,
            first=first[1] if first else None,
            twin=last[1] if last else None,
            detail=detail,
            contrast=contrast,
            rendered_look=look,
            expression_kept=kept,
            leaks=leaked,
            twins=twins[-1] if twins else None,
        )

    def _words(self, photograph: Photograph, face: Face, original: tuple[Descriptor, Descriptor]) -> Words:
        complexion: Complexion = "medium"
        with suppress(Refusal):  # a face of which the mesh sees nothing has a sex and an age all the same
            points = self._mesh.points(photograph.rgb, face.landmarks)
            laid, seen = self._square.unwrapped(photograph.rgb, points)
            complexion = complexion_of(laid, self._square.skin * seen)
        return words_for(photograph.hints, *original, self._known, complexion)

    def _seen(self, rgb: Rgb) -> tuple[Face, tuple[Descriptor, Descriptor]] | None:
        faces = self._finder.find(rgb)
        try:
            return (faces[0], self._described(rgb, faces[0])) if faces else None
        except Refusal:
            return None

    def _described(self, rgb: Rgb, face: Face) -> tuple[Descriptor, Descriptor]:
        return self._recognisers.sface.describe(rgb, face), self._recognisers.dlib.describe(rgb, face)

    def _passes(self, photograph: Photograph, twins: Twins) -> bool:
        try:
            self._maker.judge(photograph, twins)
        except Refusal:
            return False
        return True

    def _leaks(self, photograph: Photograph, face: Face, twins: Twins) -> dict[str, bool]:
        faces = self._finder.find(twins.healthy)
        if not faces:
            return {}
        pictures = composites(photograph.rgb, twins.healthy, face.landmarks, faces[0].landmarks)
        return {kind: self._passes(photograph, Twins(pictures[kind], pictures[kind])) for kind in LEAKS}

    def _expression_kept(self, rgb: Rgb, face: Face, twin: Rgb, other: Face) -> float:
        try:
            before, after = self._open(rgb, face), self._open(twin, other)
        except Refusal:
            return math.nan
        return float(before == after)

    def _open(self, rgb: Rgb, face: Face) -> tuple[bool, bool, bool]:
        return self._frame.opened(self._mesh.points(rgb, face.landmarks))


def _released(case: PersonCase) -> PersonCase:
    return PersonCase(**{**vars(case), "released": True})


def _looks(original: Rgb, twin: Rgb, face: Face) -> tuple[float, float]:
    """Detail and contrast of the twin's inner face over the photograph's."""
    centre = face.landmarks.mean(0)
    unit = max(
        float(np.hypot(*(face.landmarks[3:].mean(0) - face.landmarks[:2].mean(0)))),
        float(np.hypot(*(face.landmarks[1] - face.landmarks[0]))),
    )
    y, x = np.mgrid[: original.shape[0], : original.shape[1]]
    inner = np.hypot(x - centre[0], y - centre[1]) < _INNER * unit
    sigma = max(_FINE * 3.9 * unit, 0.7)

    def measured(rgb: Rgb) -> tuple[float, float]:
        lightness = rgb2lab(rgb)[..., 0]
        return float((lightness - gaussian_filter(lightness, sigma))[inner].std()), float(lightness[inner].std())

    (detail, contrast), (twin_detail, twin_contrast) = measured(original), measured(twin)
    return twin_detail / max(detail, 1e-6), twin_contrast / max(contrast, 1e-6)


def people_figures(cases: Sequence[PersonCase]) -> dict[str, Any]:
    """Each of ``BARS`` with n, interval and bars, over all and by ``GROUPS``. ``ValueError`` without a case."""
    if not cases:
        raise ValueError("there is nobody to report on")
    values = _values(cases)
    report: dict[str, Any] = {"people": len({case.person for case in cases}), "photographs": len(cases)}
    for bar in BARS:
        report[bar.name] = {
            **figure(bar, values[bar.name]),
            **{
                f"by_{group}": grouped(bar, values[bar.name], [str(getattr(case, group)) for case in cases])
                for group in GROUPS
            },
        }
    return report


def _values(cases: Sequence[PersonCase]) -> dict[str, NDArray[np.float64]]:
    released = np.array([case.released for case in cases], np.float64)
    first = [_known_again(case.original, case.first) for case in cases]
    values = {
        "photo_release_rate": released,
        "photo_released_first": np.array([case.released and not case.refusals for case in cases], np.float64),
        "photo_healthy_rate": np.array([case.healthy_passed for case in cases], np.float64),
        "photo_released_wrongly": np.array([_wrongly(case, cases) for case in cases], np.float64),
        "photo_reid_sface": np.array([by_sface for by_sface, _ in first]),
        "photo_reid_dlib": np.array([by_dlib for _, by_dlib in first]),
        "photo_twins_alike": _alike(cases),
        "photo_detail": np.array([case.detail for case in cases]),
        "photo_contrast": np.array([case.contrast for case in cases]),
        "photo_rendered_look": np.array(
            [math.nan if math.isnan(case.rendered_look) else case.rendered_look >= RENDERED_LOOK for case in cases],
            np.float64,
        ),
        "photo_expression_kept": np.array([case.expression_kept for case in cases]),
    }
    for kind in LEAKS:
        values[f"photo_leak_{kind}"] = np.array([case.leaks.get(kind, math.nan) for case in cases], np.float64)
    return values


def _known_again(
    patient: tuple[Descriptor, Descriptor], twin: tuple[Descriptor, Descriptor] | None
) -> tuple[float, float]:
    """Whether SFace and dlib each take the twin for the patient; NaN without one."""
    if twin is None:
        return math.nan, math.nan
    return float(_cosine(patient[0], twin[0]) >= SAME_COSINE), float(_apart(patient[1], twin[1]) <= SAME_DISTANCE)


def _wrongly(case: PersonCase, cases: Sequence[PersonCase]) -> bool:
    """Released, though a recogniser knows the twin by this photograph of the person or by another."""
    if not case.released or case.twin is None:
        return False
    return any(max(_known_again(other.original, case.twin)) > 0 for other in cases if other.person == case.person)


def _alike(cases: Sequence[PersonCase]) -> NDArray[np.float64]:
    """Of each person's first twin the share of the other persons' that SFace takes for it."""
    alike = np.full(len(cases), math.nan)
    for number, case in enumerate(cases):
        others = [other.first[0] for other in cases if other.person != case.person and other.first is not None]
        if case.first is not None and others:
            alike[number] = float(np.mean([_cosine(case.first[0], other) >= SAME_COSINE for other in others]))
    return alike


def _cosine(first: Descriptor, second: Descriptor) -> float:
    return float(first @ second / (np.linalg.norm(first) * np.linalg.norm(second)))


def _apart(first: Descriptor, second: Descriptor) -> float:
    return float(np.linalg.norm(first - second))
