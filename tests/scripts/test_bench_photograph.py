"""What is timed is the first look at a photograph: neither the policy nor the gate has seen it before."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.errors import Rejected
from pipeline.faces import Face, FaceFinder, Recognisers
from pipeline.gate import FacePolicy
from pipeline.photograph import Hints, Photograph
from scripts.bench_photograph import TRIES, released_twins, unseen
from tests.pipeline.rendered_faces import patient
from tests.plugin.fakes import MirroringTwinMaker


class CountingFinder(FaceFinder):
    looks = 0

    def find(self, rgb: np.ndarray, min_score: float | None = None) -> list[Face]:
        self.looks += 1
        return super().find(rgb, min_score)


def test_every_run_is_a_photograph_that_the_policy_does_not_remember() -> None:
    finder = CountingFinder()
    policy = FacePolicy(finder, Recognisers.load())
    looks = []
    for number in (0, 1, 2):
        before = finder.looks
        policy.faces(unseen(patient(), number), Hints(view="face"))
        looks.append(finder.looks - before)
    assert looks[0] >= 4, "all four orientations"
    assert looks == [looks[0]] * 3
    before = finder.looks
    policy.faces(unseen(patient(), 2), Hints(view="face"))
    assert finder.looks == before, "while one that it does remember costs nothing"


def test_a_run_differs_by_one_pixel_and_leaves_the_photograph_alone() -> None:
    rgb = patient()
    seen = [unseen(rgb, number) for number in range(20)]
    assert np.array_equal(rgb, patient())
    assert len({each.tobytes() for each in (rgb, *seen)}) == 21
    assert all((each != rgb).any(-1).sum() == 1 for each in seen)


def test_the_twins_that_are_timed_are_the_first_that_the_gate_releases() -> None:
    photograph = Photograph(patient(), Hints(view="face"))
    twins, tries = released_twins(MirroringTwinMaker(refusals=2), photograph)
    assert tries == 3
    assert np.array_equal(twins.healthy.shape, photograph.rgb.shape)
    with pytest.raises(Rejected):
        released_twins(MirroringTwinMaker(refusals=TRIES), photograph)
