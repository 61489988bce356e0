"""Thresholds from labelled photographs: ``python -m pipeline.calibrate FOLDER``, one folder a person.

The rule: each recogniser alone would release at most ``share`` of the pairs of photographs of one person. The figures
say what both together release of such pairs, and how many strangers they refuse; bounds are 95 % of bootstrap draws
over people, since pairs that share a person are not independent.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.calibration import Calibration, Domain
from pipeline.errors import ModelError, Undecided
from pipeline.faces import FaceFinder
from pipeline.gate import gate_digests
from pipeline.photograph import Rgb
from pipeline.recognisers import Recognisers

DEFAULT_SHARE = 0.05
DEFAULT_NCC = 0.65
DOMAIN_SHARE = 0.01
"""Share of the domain's own faces that its membership test may turn away, to the stricter thresholds."""
FEWEST_PEOPLE = 20
_DRAWS = 200

Scores = NDArray[np.float64]


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
    """Thresholds at which each recogniser alone releases ``share`` of the same-person pairs.

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
    cosines, distances = cosine[one, two], distance[one, two]
    sface_threshold = float(np.quantile(cosines[same], share))
    dlib_threshold = float(np.quantile(distances[same], 1 - share))
    released = (cosines < sface_threshold) & (distances > dlib_threshold)
    figures = {
        "people": float(len(set(faces.people.tolist()))),
        "photographs": float(len(faces.people)),
        "photographs_without_a_face": float(faces.skipped),
        "same_person_pairs": float(same.sum()),
        "stranger_pairs": float((~same).sum()),
        "share_each_recogniser": share,
        **_with_bounds("same_person_released", faces.people, one, two, same, released),
        **_with_bounds("strangers_refused", faces.people, one, two, ~same, ~released),
    }
    for recogniser, scores in (("sface", cosines), ("dlib", -distances)):
        figures |= {f"{recogniser}_{key}": value for key, value in receiver_figures(scores, same).items()}
    return Calibration(
        name,
        origin,
        round(sface_threshold, 4),
        round(dlib_threshold, 4),
        ncc,
        digests,
        domain,
        {key: round(value, 5) for key, value in figures.items()},
    )


def receiver_figures(scores: Scores, same: NDArray[np.bool_]) -> dict[str, float]:
    """EER, and TAR at a FAR of 1e-3 and of 1e-4, of ``scores`` (n,), higher for more alike, against the truth."""
    genuine, strangers = np.sort(scores[same]), np.sort(scores[~same])
    thresholds = np.unique(scores)
    missed = np.searchsorted(genuine, thresholds, "left") / len(genuine)
    accepted = 1 - np.searchsorted(strangers, thresholds, "left") / len(strangers)
    equal = int(np.argmin(np.abs(missed - accepted)))
    figures = {"eer": float((missed[equal] + accepted[equal]) / 2)}
    for label, rate in (("1e3", 1e-3), ("1e4", 1e-4)):
        threshold = strangers[-1 - int(rate * len(strangers))]
        figures[f"tar_at_far_{label}"] = float((genuine > threshold).mean())
    return figures


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
    name: str,
    people: NDArray[np.int64],
    one: NDArray[np.int64],
    two: NDArray[np.int64],
    among: NDArray[np.bool_],
    hit: NDArray[np.bool_],
) -> dict[str, float]:
    """The share of ``hit`` in ``among`` (both (pairs,)), with bounds from draws of people with replacement."""
    _, index = np.unique(people, return_inverse=True)
    first, second, hits = index[one[among]], index[two[among]], hit[among].astype(np.float64)
    random = np.random.default_rng(0)
    count = int(index.max()) + 1
    shares = []
    for _ in range(_DRAWS):
        times = np.bincount(random.integers(0, count, count), minlength=count)
        weight = times[first] * np.where(first == second, 1, times[second])
        shares.append(float((hits * weight).sum() / max(weight.sum(), 1)))
    low, high = np.quantile(shares, [0.025, 0.975])
    return {name: float(hits.mean()), f"{name}_low": float(low), f"{name}_high": float(high)}


def main(arguments: list[str] | None = None) -> int:
    """Writes a calibration for the labelled photographs in a folder. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.calibrate", description=__doc__)
    parser.add_argument("folder", type=Path, help="one folder a person, each with photographs of that person")
    parser.add_argument("--out", type=Path, required=True, help="the threshold file to write (TOML)")
    parser.add_argument("--name", required=True, help="of the domain, as it is to appear in the gate's messages")
    parser.add_argument("--origin", required=True, help="what the photographs are and where they come from")
    parser.add_argument("--share", type=float, default=DEFAULT_SHARE, help="of same-person pairs each may release")
    parser.add_argument("--ncc", type=float, default=DEFAULT_NCC, help="normalised correlation that still passes")
    parser.add_argument("--own-domain", action="store_true", help="measure the domain's centre (for rendered faces)")
    options = parser.parse_args(arguments)
    try:
        finder, recognisers = FaceFinder(), Recognisers.load()
        made = calibrate(
            LabelledFaces.of(photographs_of(options.folder), finder, recognisers),
            gate_digests(finder, recognisers),
            name=options.name,
            origin=options.origin,
            share=options.share,
            ncc=options.ncc,
            own_domain=options.own_domain,
        )
    except (ModelError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    made.write(options.out)
    for key, value in {"sface_cosine": made.sface_cosine, "dlib_distance": made.dlib_distance, **made.figures}.items():
        print(f"{key:32} {value:g}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
