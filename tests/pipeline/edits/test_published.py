"""Edits with models that read sentences, on a flow that is known in closed form."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.edits import EditKnobs, FlowTwinMaker, PublishedKnobs, load_flow_twin_maker, read_knobs, write_knobs
from pipeline.edits.models import AlgorithmIdentity, ModelFacts
from pipeline.edits.published import Asked, PublishedEdits, PublishedHealer, PublishedSwapper
from pipeline.errors import ModelError, Rejected, Undecided
from pipeline.faces import FaceFinder, Recognisers
from pipeline.gate import Gate, load_calibration
from pipeline.models import load_embedded
from pipeline.models.fake import GaussianFlow, GaussianPrompt
from pipeline.photograph import Hints, Photograph, Twins
from pipeline.vocabulary import EditWords, Personas, reachable
from tests.pipeline.rendered_faces import patient, skin

SEED, OTHER_SEED = (hashlib.sha256(whose).digest() for whose in (b"somebody", b"somebody else"))
MakerOf = Callable[..., FlowTwinMaker]
FACTS = ModelFacts("gaussian-flow", "MIT", 12, "0f" * 32)
KNOBS = PublishedKnobs(128, heal=EditKnobs(0.6, 4), swap=EditKnobs(0.7, 4))


class Listening(GaussianFlow):
    """Remembers what it was asked to embed; diseased skin is darker to it than healthy skin."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[str] = []

    def embed(self, words: str) -> GaussianPrompt:
        self.heard.append(words)
        if "persona" in words or "the person has" in words:
            return super().embed(words)
        return GaussianPrompt(0.2 if "healthy" in words else 0.0, 0.5)


@pytest.fixture(scope="module")
def gate(recognisers: Recognisers) -> Gate:
    return Gate(FaceFinder(), recognisers, load_calibration("photographs"))


@pytest.fixture(scope="module")
def maker_of(recognisers: Recognisers, gate: Gate) -> MakerOf:
    """Makers of twins that share what takes seconds to load."""
    embedded = load_embedded()

    def with_flow(flow: Listening, *, heal: bool = True, swap: bool = True) -> FlowTwinMaker:
        edits = PublishedEdits(flow, FACTS, KNOBS)
        healer = PublishedHealer(edits) if heal else None
        return FlowTwinMaker(
            embedded, recognisers, gate, healer=healer, swapper=PublishedSwapper(edits, Personas()) if swap else None
        )

    return with_flow


@pytest.fixture
def flow() -> Listening:
    return Listening()


@pytest.fixture
def photograph() -> Photograph:
    return Photograph(patient(), Hints(view="face", sex="male", age_years=50, skin_type="VI", lesion="plaque"))


def test_both_edits_are_asked_for_in_sentences_that_were_foreseen(
    maker_of: MakerOf, flow: Listening, photograph: Photograph
) -> None:
    maker = maker_of(flow)
    lesion = maker.heal(photograph)
    maker.swap(photograph, lesion, SEED, attempt=0)
    assert len(flow.heard) == 4
    assert set(flow.heard) <= set(reachable())
    assert "scaly plaque" in flow.heard[0] and "healthy" in flow.heard[1]
    assert flow.heard[3].startswith(flow.heard[2])


def test_a_swap_replaces_the_head_and_keeps_the_lesion(
    maker_of: MakerOf, flow: Listening, photograph: Photograph
) -> None:
    maker = maker_of(flow)
    lesion = maker.heal(photograph)
    twins = maker.swap(photograph, lesion, SEED, attempt=0)
    touched = (lesion.change != 0).any(-1)
    assert touched.any(), "the flow makes all skin lighter"
    assert np.array_equal(twins.sick[~touched], twins.healthy[~touched])
    assert np.array_equal(lesion.put_on(twins.healthy), twins.sick)
    assert (twins.healthy != photograph.rgb).any(-1).mean() > 0.1
    assert not (twins.healthy != photograph.rgb)[0].any(), "the photograph's border is outside of the head"


def test_the_same_patient_is_led_to_the_same_description_and_another_to_another(
    maker_of: MakerOf, photograph: Photograph
) -> None:
    told: dict[str, list[str]] = {}
    for name, seed in (("first", SEED), ("again", SEED), ("other", OTHER_SEED)):
        flow = Listening()
        maker = maker_of(flow, heal=False)
        lesion = maker.heal(photograph)
        for attempt in range(3):
            maker.swap(photograph, lesion, seed, attempt)
        told[name] = [words for words in flow.heard if "the person has" in words]
    assert told["first"] == told["again"] != told["other"]
    assert len(set(told["first"])) == 3, "each attempt is another persona"


def test_each_attempt_begins_nearer_to_noise() -> None:
    starts = [KNOBS.swap_at(attempt).sigma_start for attempt in range(4)]
    assert starts == pytest.approx([0.7, 0.85, 1.0, 1.0])


def test_the_autoencoders_own_changes_are_no_healing(maker_of: MakerOf, photograph: Photograph) -> None:
    """A model that renders everything a little lighter, and edits nothing, takes nothing off."""

    class Lossy(Listening):
        def decode(self, z):  # type: ignore[no-untyped-def]
            return (z + 0.1).clamp(-1, 1)

        def embed(self, words: str) -> GaussianPrompt:
            return GaussianPrompt(0.1, 0.5)

    maker = maker_of(Lossy(), swap=False)
    assert not maker.heal(photograph).change.any()


@pytest.mark.parametrize(("square", "side"), [(40, 64), (64, 64), (65, 72), (100, 104), (128, 128), (4000, 128)])
def test_a_square_is_edited_no_finer_than_it_is(flow: Listening, square: int, side: int) -> None:
    assert PublishedEdits(flow, FACTS, replace(KNOBS, side=130)).side(square) == side


def test_photographs_are_healed_and_swapped_together_as_they_are_alone(
    maker_of: MakerOf, flow: Listening, photograph: Photograph
) -> None:
    """Equal widths make the flow's path the same whatever the noise is, so that both ways end at the same pixels."""
    pictures = [photograph, replace(photograph, rgb=np.ascontiguousarray(photograph.rgb[:, ::-1])), photograph]
    seeds = [SEED, OTHER_SEED, SEED]
    maker = maker_of(flow)

    lesions = maker.heal_all(pictures)
    twins = maker.swap_all(list(zip(pictures, lesions, seeds, strict=True)), attempt=0)

    assert flow.calls == [2 * len(pictures)] * (KNOBS.heal.steps + KNOBS.swap.steps)
    for picture, lesion, seed, both in zip(pictures, lesions, seeds, twins, strict=True):
        assert isinstance(both, Twins)
        assert np.array_equal(maker.heal(picture).change, lesion.change)
        alone = maker.swap(picture, lesion, seed, attempt=0)
        for ours, theirs in ((both.sick, alone.sick), (both.healthy, alone.healthy)):
            assert np.abs(ours.astype(int) - theirs).max() <= 1


def test_who_cannot_be_swapped_does_not_keep_the_others_from_it(
    maker_of: MakerOf, flow: Listening, photograph: Photograph
) -> None:
    maker, nobody = maker_of(flow), Photograph(skin(), Hints())
    lesions = maker.heal_all([nobody, photograph])

    refused, twins = maker.swap_all([(nobody, lesions[0], SEED), (photograph, lesions[1], SEED)], attempt=0)

    assert isinstance(refused, Undecided) and "no face" in str(refused)
    assert isinstance(twins, Twins)


def test_prompts_come_from_where_they_are_said_to(flow: Listening) -> None:
    asked: list[str] = []

    def banked(words: str) -> GaussianPrompt:
        asked.append(words)
        return GaussianPrompt(0.0)

    edits = PublishedEdits(flow, FACTS, KNOBS, banked)
    for _ in range(2):
        edits.edited([Asked(np.zeros((64, 64, 3), np.uint8), EditWords("here", "there"), KNOBS.heal)])
    assert asked == ["here", "there"] and not flow.heard


def test_either_edit_may_stay_the_embedded_models(maker_of: MakerOf, flow: Listening, photograph: Photograph) -> None:
    healing_alone, swapping_alone = maker_of(flow, swap=False), maker_of(flow, heal=False)
    swapping_alone.heal(photograph)
    assert not flow.heard
    healing_alone.heal(photograph)
    assert len(flow.heard) == 2
    both, embedded = maker_of(flow), maker_of(flow, heal=False, swap=False)
    assert both.name == "gaussian-flow" and both.digest == FACTS.digest
    assert len({each.digest for each in (both, embedded, healing_alone, swapping_alone)}) == 4
    assert healing_alone.facts["swap"] == embedded.facts["swap"] and "gaussian-flow" in healing_alone.facts["heal"]
    assert swapping_alone.name == "gaussian-flow + twinveil-embedded"


def test_what_leads_nowhere_is_still_the_patient_by_the_thresholds_for_photographs(photograph: Photograph) -> None:
    maker = load_flow_twin_maker(swapper=PublishedSwapper(PublishedEdits(Listening(), FACTS, KNOBS), Personas()))
    with pytest.raises(Rejected, match="calibration 'photographs'"):
        maker.judge(photograph, Twins(photograph.rgb, photograph.rgb))


def test_a_close_up_is_searched_for_marks_by_the_embedded_model(maker_of: MakerOf, flow: Listening) -> None:
    photograph = Photograph(skin(), Hints(view="close-up"))
    maker = maker_of(flow)
    twins = maker.swap(photograph, maker.heal(photograph), SEED, attempt=0)
    assert np.array_equal(twins.sick, skin())
    with pytest.raises(Undecided, match="no face"):
        maker.swap(Photograph(skin(), Hints()), maker.heal(photograph), SEED, attempt=0)


def test_identities_of_different_models_are_told_apart() -> None:
    other = ModelFacts("other", "Apache-2.0", 5, "1e" * 32)
    first, second = AlgorithmIdentity(FACTS, other), AlgorithmIdentity(other, FACTS)
    assert first.digest != second.digest
    assert not any(sign in text for sign in ",=" for text in first.facts.values()), "they separate DICOM's parameters"


def test_knobs_are_read_as_they_were_written(tmp_path: Path) -> None:
    knobs = PublishedKnobs(512, heal=EditKnobs(0.85, 33, 1, 3.5, 13.5), swap=EditKnobs(0.95, 24, 2, 1.5, 5.5))
    write_knobs(tmp_path / "knobs.toml", knobs, FACTS.digest, 'found on "ours"')
    assert read_knobs(tmp_path / "knobs.toml", FACTS.digest) == knobs
    with pytest.raises(ModelError, match="another model"):
        read_knobs(tmp_path / "knobs.toml", "ee" * 32)


@pytest.mark.parametrize(
    ("line", "instead"),
    [
        ("side = 512", "side = 0"), ("steps = 33", "steps = 33.5"), ("steps = 33", "steps = 0"),
        ("sigma_start = 0.85", "sigma_start = 1.5"), ("sigma_start = 0.85", "sigma_start = nan"),
        ("sigma_start = 0.85", "sigma_begin = 0.85"), ("[swap]", "[exchange]"), ("side = 512", "side = 512\nside = 3"),
    ],
)  # fmt: skip
def test_knobs_that_make_no_sense_are_refused(tmp_path: Path, line: str, instead: str) -> None:
    path = tmp_path / "knobs.toml"
    write_knobs(path, PublishedKnobs(512, EditKnobs(0.85, 33), EditKnobs(0.95, 24)), FACTS.digest, "")
    path.write_text(path.read_text().replace(line, instead, 1))
    with pytest.raises(ModelError, match=r"knobs\.toml cannot be used"):
        read_knobs(path, FACTS.digest)
