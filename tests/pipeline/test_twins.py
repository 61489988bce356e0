"""The two edits and the subtraction around the shipped model: what they touch, what they leave, what they refuse."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from pipeline.crop import FaceCrop
from pipeline.errors import ModelError, Rejected, Undecided
from pipeline.faces import FaceFinder
from pipeline.photograph import Hints, Photograph, Rgb
from pipeline.twins import EditKnobs, FlowTwinMaker, TwinSettings, load_flow_twin_maker, load_twin_maker
from tests.pipeline.rendered_faces import patient, skin

SEED = hashlib.sha256(b"somebody").digest()
QUICK = TwinSettings(swaps=(EditKnobs(0.9, 2),), heal=EditKnobs(0.8, 2))


@pytest.fixture(scope="module")
def maker() -> FlowTwinMaker:
    return load_flow_twin_maker(settings=QUICK)


@pytest.fixture(scope="module")
def swapped(maker: FlowTwinMaker) -> Rgb:
    return maker.swap(Photograph(patient(), Hints(view="face", sex="male")), SEED, attempt=0)


def test_a_swap_changes_the_head_and_nothing_around_it(swapped: Rgb) -> None:
    (face,) = FaceFinder().find(patient())
    crop = FaceCrop.around(face, patient().shape)
    rows, columns = np.mgrid[: patient().shape[0], : patient().shape[1]]
    down, right = abs(rows - crop.top - crop.side / 2), abs(columns - crop.left - crop.side / 2)
    inside = np.maximum(down, right) < crop.side / 2
    changed = (swapped != patient()).any(-1)
    assert changed[inside].mean() > 0.3
    assert not changed[~inside].any()


def test_no_two_swaps_share_their_noise(maker: FlowTwinMaker, swapped: Rgb) -> None:
    again = maker.swap(Photograph(patient(), Hints(view="face", sex="male")), SEED, attempt=0)
    assert (again != swapped).any()


@pytest.mark.parametrize("view", ["face", None])
def test_without_a_face_where_one_must_be_nothing_is_decided(maker: FlowTwinMaker, view: str | None) -> None:
    with pytest.raises(Undecided, match="no face"):
        maker.swap(Photograph(skin(), Hints(view=view)), SEED, attempt=0)  # type: ignore[arg-type]


def test_a_close_up_has_nobody_to_swap(maker: FlowTwinMaker) -> None:
    photograph = Photograph(skin(), Hints(view="close-up"))
    assert np.array_equal(maker.swap(photograph, SEED, attempt=0), skin())
    assert maker.judge(photograph, skin()).outcome == "no-face"


def test_an_unchanged_face_never_passes_the_gate(maker: FlowTwinMaker) -> None:
    with pytest.raises(Rejected, match="still the patient"):
        maker.judge(Photograph(patient(), Hints(view="face")), patient())


def test_a_healthy_twin_has_the_size_of_the_sick_one_and_their_difference_a_class(maker: FlowTwinMaker) -> None:
    sick = patient()
    healthy = maker.heal(sick, Hints(view="face", lesion="papules"))
    assert healthy.shape == sick.shape
    found = maker.subtract(sick, healthy)
    assert found.mask.shape == sick.shape[:2]
    assert found.lesion_class in {"none", "erythema", "pigmented", "depigmented"}
    assert (found.lesion_class == "none") == (not found.mask.any())


@pytest.mark.parametrize(("model", "device"), [("/models/another", "cpu"), ("embedded", "cuda")])
def test_what_cannot_be_run_is_refused_by_name(model: str, device: str) -> None:
    with pytest.raises(ModelError, match="embedded"):
        load_twin_maker(model, device)
