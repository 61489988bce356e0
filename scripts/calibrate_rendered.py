"""Measures the gate's thresholds for rendered faces and writes pipeline/data/calibrations/rendered.toml.

The gate compares a photograph with its twin, and a twin keeps what is not a face: hair, beard, glasses, complexion, age
and disease. So each person here keeps these from one photograph to the next, and pose, expression, light and clothes
change. That is what "the same person" looks like to the gate when a swap has failed; had the hair been changed too, a
threshold for it would call every perfect swap the patient. Full swaps and composites of them are then released or
refused by the thresholds found, as a table.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from pipeline.calibrate import DEFAULT_NCC, LabelledFaces, calibrate
from pipeline.calibration import SHIPPED_FOLDER
from pipeline.errors import Refusal
from pipeline.faces import FaceFinder
from pipeline.gate import Gate, gate_digests
from pipeline.photograph import Hints, Rgb
from pipeline.prompts import FIRST_PERSONA_SEED, PERSONAS
from pipeline.recognisers import Recognisers
from pipeline.renderer.mpfb2 import mpfb2_folder
from pipeline.renderer.patient import Renderer

# Apart from the seeds that the embedded model is trained, validated and evaluated on.
PERSON, SCENE, STRANGER = 8_000_000, 8_100_000, 8_300_000
SWAPS = 60


def photographs(renderer: Renderer, people: int, scenes: int) -> Iterator[tuple[int, Rgb]]:
    """(person, photograph) of people in several scenes each, and of as many strangers once."""
    for person in range(people):
        for scene in range(scenes):
            yield person, renderer.patient(PERSON + person, scene=SCENE + 10 * person + scene).photograph
        yield people + person, renderer.patient(STRANGER + person).photograph


def composites(patient: Rgb, disguised: Rgb, landmarks: NDArray[np.float32]) -> dict[str, Rgb]:
    """A full swap, and twins that leave some of the patient: by weight, or a part of the face, softly cut out."""
    eyes, mouth = landmarks[:2].mean(0), landmarks[3:].mean(0)
    centre, unit = landmarks.mean(0), float(np.hypot(*(eyes - mouth)))
    y, x = np.mgrid[: patient.shape[0], : patient.shape[1]]
    parts = {
        "eyes kept": (abs(y - eyes[1]) < 0.45 * unit) & (abs(x - eyes[0]) < unit),
        "mouth kept": (y > mouth[1] - 0.3 * unit) & (y < mouth[1] + unit) & (abs(x - mouth[0]) < 1.2 * unit),
        "rim kept": np.hypot((x - centre[0]) / (0.95 * unit), (y - centre[1]) / (1.15 * unit)) >= 1,
    }

    def mixed(weight: NDArray[np.float64]) -> Rgb:
        return np.rint(patient * weight + disguised * (1 - weight)).astype(np.uint8)

    soft = {name: gaussian_filter(part.astype(np.float64), 0.06 * unit)[..., None] for name, part in parts.items()}
    return {
        "full swap": disguised,
        "half and half": mixed(np.array(0.5)),
        "70 % patient": mixed(np.array(0.7)),
        **{name: mixed(weight) for name, weight in soft.items()},
        "mirror image": np.ascontiguousarray(patient[:, ::-1]),
    }


def released_shares(renderer: Renderer, gate: Gate, swaps: int) -> dict[str, float]:
    """Share of each composite that the gate releases, over ``swaps`` patients with a persona each."""
    released: dict[str, list[bool]] = {}
    for number in range(swaps):
        seed = PERSON + 50_000 + number
        patient = renderer.patient(seed, output=384)
        disguised = renderer.disguised(seed, FIRST_PERSONA_SEED + number % len(PERSONAS), output=384)
        for name, twin in composites(patient.photograph, disguised.photograph, patient.landmarks).items():
            try:
                gate.judge(patient.photograph, twin, Hints(view="face"))
                released.setdefault(name, []).append(True)
            except Refusal:
                released.setdefault(name, []).append(False)
    return {name: float(np.mean(hits)) for name, hits in released.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--assets", type=Path, required=True, help="MakeHuman CC0 assets")
    parser.add_argument("--cache", type=Path, required=True, help="where baked data are kept")
    parser.add_argument("--people", type=int, default=80)
    parser.add_argument("--scenes", type=int, default=4)
    parser.add_argument("--share", type=float, default=0.02, help="of same-person pairs that each may release")
    options = parser.parse_args()
    finder, recognisers = FaceFinder(), Recognisers.load()
    renderer = Renderer(mpfb2_folder(), options.assets, options.cache)
    faces = LabelledFaces.of(photographs(renderer, options.people, options.scenes), finder, recognisers)
    origin = (
        f"Rendered faces of 256 pixels: {options.people} people in {options.scenes} scenes each, hair, glasses, "
        f"complexion and lesion kept as a twin keeps them, and {options.people} strangers once "
        f"(scripts/calibrate_rendered.py). Each recogniser alone releases {options.share:.0%} of the pairs of one "
        f"person. NCC < {DEFAULT_NCC} lies between what full swaps in the same scene keep and what composites keep "
        "that leave the patient's eyes, mouth or rim."
    )
    calibration = calibrate(
        faces, gate_digests(finder, recognisers), name="rendered", origin=origin, share=options.share
    )
    shares = released_shares(renderer, Gate(finder, recognisers, calibration), SWAPS)
    figures = {f"released_{name.replace(' ', '_').replace('%', 'percent')}": share for name, share in shares.items()}
    calibration = replace(calibration, figures={**calibration.figures, "composites_each": float(SWAPS), **figures})
    calibration.write(SHIPPED_FOLDER / "rendered.toml")
    for name, figure in {"sface": calibration.sface_cosine, "dlib": calibration.dlib_distance, **shares}.items():
        print(f"{name:16} {figure:.3f}")


if __name__ == "__main__":
    main()
