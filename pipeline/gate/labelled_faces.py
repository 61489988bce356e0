"""Thresholds from labelled photographs, one folder a person.

The rule: each recogniser alone would release at most ``share`` of the pairs of photographs of one person, and nobody
whom it would take for the patient at a false accept rate of 1e-3. The figures
say what both together release of such pairs, how many strangers they refuse, and how well each recogniser tells the
two kinds of pairs apart; all with bounds (``pipeline.gate.roc``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.errors import ModelError, Undecided
from pipeline.faces import FaceFinder, Recognisers
from pipeline.gate.calibration import Calibration, Domain
from pipeline.gate.roc import RocPoint, bounded_figures, drawn_weights, roc
from pipeline.photograph import Rgb

DEFAULT_SHARE = 0.05
DEFAULT_NCC = 0.65
FAR = 1e-3
"""Share of the pairs of strangers whose likeness is too much for a twin and its patient."""
DOMAIN_SHARE = 0.01
"""Share of the domain's own faces that its membership test may turn away, to the stricter thresholds."""
FEWEST_PEOPLE = 20


@dataclass(frozen=True)
class LabelledFaces:
    """Descriptors of photographs: ``people`` int (n,), ``sface`` and ``dlib`` float (n, 128); ``skipped``: no face."""

    people: NDArray[np.int64]
    sface: NDArray[np.float64]
    dlib: NDArray[np.float64]
    skipped: int

    @classmethod
    def of(cls, photographs: Iterable[tuple[int, Rgb]], finder: FaceFinder, recognisers: Recognisers) -> LabelledFaces:
        """The largest face of each photograph; one that a finder or a recogniser does not see is counted, not used."""
        people, sface, dlib, skipped = [], [], [], 0
        for person, rgb in photographs:
            faces = finder.find(rgb)
            try:
                if not faces:
                    raise Undecided("no face found")
                descriptors = recognisers.sface.describe(rgb, faces[0]), recognisers.dlib.describe(rgb, faces[0])
            except Undecided:
                skipped += 1
                continue
            people.append(person)
            sface.append(descriptors[0])
            dlib.append(descriptors[1])
        return cls(np.array(people, np.int64), np.array(sface), np.array(dlib), skipped)


def calibrate(
    faces: LabelledFaces,
    digests: dict[str, str],
    *,
    name: str,
    origin: str,
    share: float = DEFAULT_SHARE,
    ncc: float = DEFAULT_NCC,
    own_domain: bool = True,
) -> Calibration:
    """Thresholds at which each recogniser alone releases at most ``share`` of the same-person pairs, and nobody more
    alike than all but ``FAR`` of the strangers are: whoever is, somebody with the originals would take for the patient.

    ``own_domain``: measure the domain's centre too, for faces that resemble each other as renderings do.
    Raises ModelError when there are too few people or no person has two photographs.
    """
    if len(set(faces.people.tolist())) < FEWEST_PEOPLE:
        raise ModelError(f"{len(set(faces.people.tolist()))} people; at least {FEWEST_PEOPLE} are needed")
    domain = _domain(faces.sface) if own_domain else None
    described = np.stack([domain.centred(each) for each in faces.sface]) if domain else faces.sface
    described = described / np.linalg.norm(described, axis=1, keepdims=True)
    cosine = described @ described.T
    distance = np.sqrt(np.maximum(((faces.dlib[:, None] - faces.dlib[None]) ** 2).sum(-1), 0))
    one, two = np.triu_indices(len(faces.people), 1)
    same = faces.people[one] == faces.people[two]
    if not same.any():
        raise ModelError("no person has two photographs in which both recognisers see a face")
    pairs = np.stack([faces.people[one], faces.people[two]], axis=1)
    cosines, distances = cosine[one, two], distance[one, two]
    sface_threshold = float(min(np.quantile(cosines[same], share), np.quantile(cosines[~same], 1 - FAR)))
    dlib_threshold = float(max(np.quantile(distances[same], 1 - share), np.quantile(distances[~same], FAR)))
    released = (cosines < sface_threshold) & (distances > dlib_threshold)
    figures = {
        "people": float(len(set(faces.people.tolist()))),
        "photographs": float(len(faces.people)),
        "photographs_without_a_face": float(faces.skipped),
        "same_person_pairs": float(same.sum()),
        "stranger_pairs": float((~same).sum()),
        "share_each_recogniser": share,
        **_with_bounds("same_person_released", same, released, pairs),
        **_with_bounds("strangers_refused", ~same, ~released, pairs),
    }
    curves: dict[str, tuple[RocPoint, ...]] = {}
    for recogniser, sign, scores in (("sface", 1, cosines), ("dlib", -1, -distances)):
        figures |= {f"{recogniser}_{key}": value for key, value in bounded_figures(scores, same, pairs).items()}
        curves[recogniser] = tuple(
            (round(sign * threshold, 4), round(far, 6), round(tar, 6)) for threshold, far, tar in roc(scores, same)
        )
    return Calibration(
        name,
        origin,
        round(sface_threshold, 4),
        round(dlib_threshold, 4),
        ncc,
        digests,
        domain,
        {key: round(value, 5) for key, value in figures.items()},
        curves,
    )


def photographs_of(folder: Path) -> Iterator[tuple[int, Rgb]]:
    """(person, uint8 photograph) for each picture in each sub-folder of ``folder``, in the order of their names."""
    for person, each in enumerate(sorted(path for path in folder.iterdir() if path.is_dir())):
        for path in sorted(each.iterdir()):
            bgr = cv2.imread(str(path), cv2.IMREAD_COLOR)
            if bgr is not None:
                yield person, np.ascontiguousarray(bgr[..., ::-1]).astype(np.uint8)


def _domain(sface: NDArray[np.float64]) -> Domain:
    unit = sface / np.linalg.norm(sface, axis=1, keepdims=True)
    centre = unit.mean(0)
    cosines = unit @ centre / np.linalg.norm(centre)
    return Domain(
        tuple(float(round(value, 6)) for value in centre), round(float(np.quantile(cosines, DOMAIN_SHARE)), 4)
    )


def _with_bounds(
    name: str, among: NDArray[np.bool_], hit: NDArray[np.bool_], pairs: NDArray[np.int64]
) -> dict[str, float]:
    """The share of ``hit`` in ``among`` (both (pairs,)), with bounds from draws of people with replacement."""
    hits = hit[among].astype(np.float64)
    shares = [float((hits * weight).sum() / max(weight.sum(), 1)) for weight in drawn_weights(pairs[among])]
    low, high = np.quantile(shares, [0.025, 0.975])
    return {name: float(hits.mean()), f"{name}_low": float(low), f"{name}_high": float(high)}
