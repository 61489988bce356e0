"""What the shipped model and gate make of a real face: released or held, under each shipped calibration.

    python -m scripts.real_faces

The photograph is NASA's portrait of Eileen Collins, in the public domain, as scikit-image carries it
(``skimage.data.astronaut``). Nothing of it, nor of what is made of it, is written anywhere.
"""

from __future__ import annotations

import os

import numpy as np
from skimage import data

from pipeline.edits import load_twin_maker
from pipeline.errors import PipelineError
from pipeline.gate import load_calibration
from pipeline.photograph import Hints, Photograph

ATTEMPTS = 3


def main() -> None:
    portrait = np.ascontiguousarray(data.astronaut()[:256, 96:352])  # head and shoulders
    photograph = Photograph(portrait, Hints(view="face", sex="female"))
    for name in ("rendered", "photographs"):
        maker = load_twin_maker(calibration=load_calibration(name))
        seed = os.urandom(32)
        for attempt in range(ATTEMPTS):
            try:
                lesion = maker.heal(photograph)
                findings = maker.judge(photograph, maker.swap(photograph, lesion, seed, attempt))
                print(f"{name}, attempt {attempt + 1}: RELEASED, {findings}", flush=True)
            except PipelineError as refusal:
                print(f"{name}, attempt {attempt + 1}: held, {type(refusal).__name__}: {refusal}", flush=True)


if __name__ == "__main__":
    main()
