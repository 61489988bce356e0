"""Tuning on a flow of which the best knobs are known, and what its scores mean."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.disease import Lesion
from pipeline.edits import EditKnobs, FlowTwinMaker, PublishedEdits, PublishedHealer, PublishedKnobs, PublishedSwapper
from pipeline.edits.models import ModelFacts
from pipeline.errors import ModelError
from pipeline.faces import FaceFinder, Recognisers
from pipeline.gate import Gate, load_calibration
from pipeline.models import load_embedded
from pipeline.photograph import Hints, Photograph, Twins
from pipeline.tuning import Budget, TuningPhotograph, sheet, tune
from pipeline.tuning.score import heal_score, swap_score
from pipeline.vocabulary import Personas
from tests.pipeline.rendered_faces import patient, stranger
from tests.pipeline.tuning.planted import Planted, healthy_skin, lesion_on

SIDE = 64


@pytest.fixture(scope="module")
def skin() -> TuningPhotograph:
    sick, truth = lesion_on(healthy_skin(SIDE))
    return TuningPhotograph("arm", Photograph(sick, Hints(view="close-up")), truth)


@pytest.fixture(scope="module")
def edits(skin: TuningPhotograph) -> PublishedEdits:
    facts = ModelFacts("planted", "MIT", 1, Planted.digest)
    start = EditKnobs(0.95, 20, 1, 1.0, 4.0)
    return PublishedEdits(Planted(skin.photograph.rgb, healthy_skin(SIDE)), facts, PublishedKnobs(SIDE, start, start))


@pytest.fixture(scope="module")
def maker(edits: PublishedEdits, recognisers: Recognisers) -> FlowTwinMaker:
    gate = Gate(FaceFinder(), recognisers, load_calibration("photographs"))
    swapper = PublishedSwapper(edits, Personas())
    return FlowTwinMaker(load_embedded(), recognisers, gate, healer=PublishedHealer(edits), swapper=swapper)


def test_a_planted_optimum_is_found(edits: PublishedEdits, maker: FlowTwinMaker, skin: TuningPhotograph) -> None:
    done: list[str] = []

    def maker_with(knobs: PublishedKnobs) -> FlowTwinMaker:
        edits.knobs = knobs
        return maker

    start = edits.knobs
    tuned = tune([skin], start, maker_with, Budget(candidates=24), done.append)
    assert 0.55 <= tuned.knobs.heal.sigma_start <= 0.85
    assert tuned.knobs.heal.target_guidance == pytest.approx(2.0, abs=0.6)
    best = tuned.heal[0].score
    assert best.left < 0.2 and best.beside < 0.5
    edits.knobs = start
    at_start = heal_score(skin, maker.heal(skin.photograph), 1.0)
    assert at_start.loss > best.loss + 0.5, "where the tuning began is no good"
    assert tuned.knobs.swap == start.swap and not tuned.swap, "nobody is in the picture"
    assert done and set(done) == {"healing arm"}
    drawn = sheet(tuned, [])
    assert drawn.dtype == np.uint8 and len(np.unique(drawn.reshape(-1, 3), axis=0)) > 3


def test_photographs_that_teach_nothing_are_refused(edits: PublishedEdits, maker: FlowTwinMaker) -> None:
    plain = TuningPhotograph("plain", Photograph(healthy_skin(SIDE), Hints(view="close-up")), None)
    with pytest.raises(ModelError, match="nothing to tune by"):
        tune([plain], edits.knobs, lambda knobs: maker)


def test_a_healing_is_worth_what_it_leaves_and_what_it_changes_beside(skin: TuningPhotograph) -> None:
    sick, truth = skin.photograph.rgb, skin.truth
    assert truth is not None
    complete = Lesion.between(sick, healthy_skin(SIDE), truth, 1.0)
    discoloured = Lesion.between(sick, (healthy_skin(SIDE) * 0.8).astype(np.uint8), np.ones_like(truth), 1.0)
    scores = [heal_score(skin, each, 1.0) for each in (complete, discoloured, Lesion.none(sick.shape))]
    assert scores[0].left < 0.05 and scores[0].beside < 0.1
    assert scores[1].left < 0.1 and scores[1].beside > 5
    assert scores[2].left == pytest.approx(1.0) and scores[2].beside == 0.0
    assert scores[0].loss < scores[1].loss and scores[0].loss < scores[2].loss


def test_a_swap_is_worth_most_where_somebody_else_has_the_same_disease() -> None:
    rgb, other = patient(), stranger()
    faces = FaceFinder().find(rgb)
    change = np.zeros((*rgb.shape[:2], 3), np.float32)
    change[100:120, 100:120] = -0.4
    lesion = Lesion(change)
    kept = Twins(lesion.put_on(other), other)
    lost = Twins(other, other)
    good = swap_score(rgb, kept, lesion, faces, refused=False, known=0.1, seconds=1.0)
    without = swap_score(rgb, lost, lesion, faces, refused=False, known=0.1, seconds=1.0)
    unchanged = swap_score(rgb, Twins(rgb, lesion.taken_off(rgb)), lesion, faces, refused=True, known=0.95, seconds=1.0)
    assert without.lesion > good.lesion + 2
    assert unchanged.seam == 0.0 < good.seam
    assert good.loss < without.loss < unchanged.loss
