"""Measures the gate's thresholds for rendered faces and writes pipeline/gate/data/calibrations/rendered.toml.

The gate compares a photograph with its twin, and a twin keeps what is not a face: hair, beard, glasses, complexion, age
and disease. So each person here keeps these from one photograph to the next, and pose, expression, light and clothes
change. That is what "the same person" looks like to the gate when a swap has failed; had the hair been changed too, a
threshold for it would call every perfect swap the patient. What the thresholds do to true swaps and to partial leaks of
other patients is measured by ``python -m scripts.composites``.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from pipeline.faces import FaceFinder, Recognisers
from pipeline.gate import DEFAULT_NCC, FAR, SHIPPED_FOLDER, LabelledFaces, calibrate, gate_digests
from pipeline.photograph import Rgb
from pipeline.renderer import Renderer, mpfb2_folder

# Apart from the seeds that the embedded model is trained, validated and evaluated on.
PERSON, SCENE, STRANGER = 8_000_000, 8_100_000, 8_300_000


def photographs(renderer: Renderer, people: int, scenes: int) -> Iterator[tuple[int, Rgb]]:
    """(person, photograph) of people in several scenes each, and of as many strangers once."""
    for person in range(people):
        for scene in range(scenes):
            yield person, renderer.patient(PERSON + person, scene=SCENE + 10 * person + scene).photograph
        yield people + person, renderer.patient(STRANGER + person).photograph


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
        f"(scripts/calibrate_rendered.py). Each recogniser alone releases at most {options.share:.0%} of the pairs of "
        f"one person, and nobody more alike than all but {FAR:.1%} of strangers. NCC < {DEFAULT_NCC} lies between what "
        "full swaps in the same scene keep and what composites keep that leave the patient's eyes, mouth or rim; "
        "python -m scripts.composites measures both."
    )
    calibration = calibrate(
        faces, gate_digests(finder, recognisers), name="rendered", origin=origin, share=options.share
    )
    calibration.write(SHIPPED_FOLDER / "rendered.toml")
    for name, figure in {"sface": calibration.sface_cosine, "dlib": calibration.dlib_distance}.items():
        print(f"{name:16} {figure:.3f}")


if __name__ == "__main__":
    main()
