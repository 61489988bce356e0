"""Compose the heads that the embedded model ships, from a folder of pictures of people who do not exist.

    python -m scripts.bake_heads PICTURES --out pipeline/models/embedded_weights --cache build/heads

``PICTURES`` holds the files that ``pipeline/training/data/head_donors.csv`` names, and others that the frame is fitted
to and that heads are tried on; and those of ``people_words.csv``, of whom with the donors it is learned what tells sex
and age: ``--words-alone`` learns that anew and leaves the heads as they are. The cache keeps what was measured of each
picture, so that a second run is short. Nothing of a picture is written anywhere but into the composed skins.
"""

from __future__ import annotations

import argparse
import json
import pickle
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import product, starmap
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline.errors import Refusal
from pipeline.faces import Descriptor, FaceFinder, Recognisers
from pipeline.heads import (
    AGES,
    COMPLEXIONS,
    OVAL,
    Drawing,
    FaceMesh,
    Frame,
    Head,
    Known,
    Points,
    Words,
    write_heads,
    write_known,
)
from pipeline.photograph import Rgb, Sex
from pipeline.training import Composed, Composer, Donor, donor_words, fitted_frame, fitted_words, people_words

SEXES: tuple[Sex, Sex] = ("female", "male")
CANDIDATES = {
    "female": {"young adult": 28, "middle-aged": 18, "elderly": 28},
    "male": {"young adult": 18, "middle-aged": 12, "elderly": 16},
}
"""For each complexion of which there are donors. Of women fewer turn out to be nobody."""
KEPT = {"young adult": 20, "middle-aged": 16, "elderly": 14}
"""For each sex at most…"""
ALL = 100
"""…and in all: where one kind is short others fill up."""
BODIES = 2
"""People of each sex whom heads are tried on."""
BODY_SIDE = 220
COSINE, DISTANCE = 0.359, 0.543
"""A donor is found in a head from this cosine of SFace's on, or up to this distance of dlib's: the scores that one pair
of strangers in a thousand has."""


@dataclass(frozen=True, eq=False)
class Picture:
    file: str
    points: Points
    sface: Descriptor
    dlib: Descriptor

    @property
    def width(self) -> float:
        return float(np.ptp(self.points[list(OVAL), 0]))


@dataclass(frozen=True, eq=False)
class Tried:
    """A composed head with what the recognisers make of people who have it."""

    made: Composed
    sface: NDArray[np.float64]
    dlib: NDArray[np.float64]
    nearest_cosine: float
    nearest_distance: float

    @property
    def nobody(self) -> bool:
        """Whether none of its donors is found in it."""
        return self.nearest_cosine < COSINE and self.nearest_distance > DISTANCE


def _look(made: Composed, sface: Descriptor, dlib: Descriptor, donors: list[Picture]) -> Tried:
    """On one body."""
    cosine = max(float(_unit(sface) @ _unit(each.sface)) for each in donors)
    distance = min(float(np.linalg.norm(dlib - each.dlib)) for each in donors)
    return Tried(made, _unit(sface), dlib, cosine, distance)


def _both(looks: list[Tried]) -> Tried:
    """On all of them: the mean, and the likeness to a donor that is worst."""
    return Tried(
        looks[0].made,
        _unit(np.mean([each.sface for each in looks], axis=0)),
        np.asarray(np.mean([each.dlib for each in looks], axis=0)),
        max(each.nearest_cosine for each in looks),
        min(each.nearest_distance for each in looks),
    )


def main() -> None:
    options = _options()
    options.cache.mkdir(parents=True, exist_ok=True)
    pictures = _pictures(options.pictures, options.cache / "pictures.pickle")
    by_file = {picture.file: picture for picture in pictures}
    if options.words_alone:
        _tell(options.out, write_known(options.out, _known(by_file)), {})
        return
    frame = fitted_frame([picture.points for picture in pictures])
    table = [about for about in donor_words() if about.file in by_file]
    composer = Composer(frame)
    donors = [
        composer.donor(about, _read(options.pictures / about.file), by_file[about.file].points) for about in table
    ]
    known = _known(by_file)
    workshop = Workshop(
        composer,
        donors,
        by_file,
        frame,
        {sex: _bodies(options, frame, pictures, set(by_file) - {d.file for d in donors}, known, sex) for sex in SEXES},
        options.seed,
    )
    wanted = list(starmap(Words, product(SEXES, AGES, COMPLEXIONS)))
    wanted = [words for words in wanted if any(donor.words == words for donor in donors)]
    tried: list[Tried] = []
    with ProcessPoolExecutor(options.workers) as workers:
        for words, made in zip(wanted, workers.map(workshop.tried, wanted), strict=True):
            tried += made
            print(f"{words}: {len(made)} of {CANDIDATES[words.sex][words.age]} are nobody", flush=True)
    kept = _kept(tried)
    print(f"{len(tried)} are nobody, {len(kept)} kept")
    digest = write_heads(
        options.out,
        frame,
        [each.made.skin for each in kept],
        np.array([each.made.shape for each in kept]),
        [each.made.words for each in kept],
        (np.array([each.sface for each in kept]), np.array([each.dlib for each in kept])),
        known,
    )
    figures = {
        "heads": len(kept),
        "donor_cosine_most": round(max(each.nearest_cosine for each in kept), 3),
        "donor_distance_least": round(min(each.nearest_distance for each in kept), 3),
    }
    _tell(options.out, digest, {"baked": figures})
    print(json.dumps(figures))


def _tell(folder: Path, digest: str, more: dict[str, Any]) -> None:
    """The model's config of the heads that it ships."""
    path = folder / "config.json"
    config = json.loads(path.read_text())
    knows = config.setdefault("knows", {})
    knows.setdefault("rendered", {"swap": "portraits"})
    knows["photographs"] = {**knows.get("photographs", {}), "swap": "heads", "heads": digest, **more}
    path.write_text(json.dumps(config, indent=1) + "\n")


def _known(by_file: dict[str, Picture]) -> Known:
    """What tells sex and age, learned of everybody of whom they were judged by eye."""
    seen = [about for about in (*donor_words(), *people_words()) if about.file in by_file]
    known = fitted_words(
        np.array([by_file[about.file].sface for about in seen]),
        np.array([by_file[about.file].dlib for about in seen]),
        [about.words for about in seen],
    )
    told = [(known.sex(*_both_of(by_file[about.file])), about.words.sex) for about in seen]
    print(f"sex is told of {sum(first == second for first, second in told)} of {len(told)} who were learned from")
    return known


def _both_of(picture: Picture) -> tuple[Descriptor, Descriptor]:
    return picture.sface, picture.dlib


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--words-alone", action="store_true", help="learn what tells sex and age, keep the heads")
    return parser.parse_args()


def _read(path: Path) -> Rgb:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"), np.uint8)


def _pictures(folder: Path, cache: Path) -> list[Picture]:
    if cache.exists():
        return [Picture(*values) for values in pickle.loads(cache.read_bytes())]
    finder, recognisers, mesh, found = FaceFinder(), Recognisers.load(), FaceMesh(), []
    for path in sorted(folder.glob("*.jpg")):
        rgb = _read(path)
        try:
            for face in finder.find(rgb)[:1]:
                points = mesh.points(rgb, face.landmarks)
                sface, dlib = recognisers.sface.describe(rgb, face), recognisers.dlib.describe(rgb, face)
                found.append(Picture(path.name, points, sface, dlib))
        except Refusal:
            continue
    cache.write_bytes(pickle.dumps([(each.file, each.points, each.sface, each.dlib) for each in found]))
    return found


@dataclass(frozen=True, eq=False)
class Workshop:
    """All that heads are made and tried with; what is not sent to another process is made there."""

    composer: Composer
    donors: list[Donor]
    of_files: dict[str, Picture]
    frame: Frame
    bodies: dict[Sex, list[tuple[Rgb, Points]]]
    seed: int

    def tried(self, words: Words) -> list[Tried]:
        """Of as many heads for ``words`` as ``CANDIDATES`` says, those in whom no donor is found."""
        drawing, finder, recognisers = Drawing(self.frame), FaceFinder(), Recognisers.load()
        chance = np.random.default_rng([self.seed, *map(ord, f"{words}")])
        tried = []
        for _ in range(CANDIDATES[words.sex][words.age]):
            made = self.composer.composed(self.donors, words, chance)
            of_donors = [self.of_files[file] for file in made.donors]
            looks: list[Tried] = []
            for body, points in self.bodies[words.sex]:
                twin = drawing.drawn(body, points, Head("", made.skin, made.shape), chance)
                try:
                    seen = [
                        (recognisers.sface.describe(twin, face), recognisers.dlib.describe(twin, face))
                        for face in finder.find(twin)[:1]
                    ]
                except Refusal:
                    break
                looks += [_look(made, *each, of_donors) for each in seen]
                if not (looks and looks[-1].nobody):
                    break
            if len(looks) == BODIES:
                tried.append(_both(looks))
        return tried


def _bodies(
    options: argparse.Namespace, frame: Frame, pictures: list[Picture], files: set[str], known: Known, sex: Sex
) -> list[tuple[Rgb, Points]]:
    """People who are nobody's donors, seen from the front, cut out around the face and made small."""
    fit = [
        each
        for each in pictures
        if each.file in files
        and each.width > 100
        and frame.turned_away(each.points) < 14
        and known.sex(each.sface, each.dlib) == sex
    ]
    chosen = [fit[number] for number in np.random.default_rng(len(sex)).permutation(len(fit))[:BODIES]]
    bodies = []
    for each in chosen:
        centre, scale = each.points[list(OVAL), :2].mean(0), BODY_SIDE / (2.7 * each.width)
        shift = BODY_SIDE / 2 - scale * centre
        matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
        body = cv2.warpAffine(_read(options.pictures / each.file), matrix, (BODY_SIDE, BODY_SIDE),
                              flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)  # fmt: skip
        bodies.append((np.asarray(body, np.uint8), each.points * scale + [*shift, 0]))
    return bodies


def _kept(tried: list[Tried]) -> list[Tried]:
    """At most so many of each sex and age, then any, each the least like those kept before, complexions in turn."""
    kept: list[Tried] = []

    def keep_of(left: list[Tried], most: int) -> None:
        for turn in range(min(most, len(left))):
            turned = [each for each in left if each.made.words.complexion == COMPLEXIONS[turn % len(COMPLEXIONS)]]
            best = min(turned or left, key=lambda each: max((_alike(each, other) for other in kept), default=0.0))
            kept.append(best)
            left.remove(best)

    for sex, (age, most) in product(SEXES, KEPT.items()):
        keep_of([each for each in tried if (each.made.words.sex, each.made.words.age) == (sex, age)], most)
    keep_of([each for each in tried if each not in kept], ALL - len(kept))
    return kept


def _alike(first: Tried, second: Tried) -> float:
    """The worse of both recognisers, each over its limit."""
    cosine = float(first.sface @ second.sface)
    distance = float(np.linalg.norm(first.dlib - second.dlib))
    return max(cosine / COSINE, 2 - distance / DISTANCE)


def _unit(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(vector / np.linalg.norm(vector))


if __name__ == "__main__":
    main()
