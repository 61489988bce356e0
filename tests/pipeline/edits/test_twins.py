"""The two edits and the subtraction around the shipped model: what they touch, what they leave, what they refuse."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from dicom_io.reading import read_photograph
from pipeline.disease import Lesion
from pipeline.edits import (
    FaceCrop,
    FlowTwinMaker,
    ModelChoice,
    PublishedChoice,
    TwinSettings,
    load_flow_twin_maker,
    load_twin_maker,
)
from pipeline.errors import ModelError, Rejected, Undecided
from pipeline.faces import FaceFinder
from pipeline.photograph import Hints, Photograph, Rgb, Twins
from tests.pipeline.rendered_faces import patient, skin

SEED = hashlib.sha256(b"somebody").digest()


@pytest.fixture(scope="module")
def maker() -> FlowTwinMaker:
    return load_flow_twin_maker()


@pytest.fixture(scope="module")
def photograph() -> Photograph:
    return Photograph(patient(), Hints(view="face", sex="male"))


@pytest.fixture(scope="module")
def lesion(maker: FlowTwinMaker, photograph: Photograph) -> Lesion:
    return maker.heal(photograph)


@pytest.fixture(scope="module")
def twins(maker: FlowTwinMaker, photograph: Photograph, lesion: Lesion) -> Twins:
    return maker.swap(photograph, lesion, SEED, attempt=0)


def outside_the_square(rgb: Rgb) -> np.ndarray:
    (face,) = FaceFinder().find(rgb)
    crop = FaceCrop.around(face, rgb.shape)
    rows, columns = np.mgrid[: rgb.shape[0], : rgb.shape[1]]
    down, right = abs(rows - crop.top - crop.side / 2), abs(columns - crop.left - crop.side / 2)
    return np.asarray(np.maximum(down, right) > crop.side / 2)


def test_a_swap_changes_the_head_and_nothing_around_it(twins: Twins) -> None:
    outside = outside_the_square(patient())
    for twin in (twins.sick, twins.healthy):
        changed = (twin != patient()).any(-1)
        assert changed[~outside].mean() > 0.3
        assert not changed[outside].any()


def test_the_twins_differ_where_the_lesion_is_and_nowhere_else(twins: Twins, lesion: Lesion) -> None:
    touched = (lesion.change != 0).any(-1)
    assert np.array_equal(twins.sick[~touched], twins.healthy[~touched])
    assert np.array_equal(lesion.put_on(twins.healthy), twins.sick)


def test_whoever_the_patient_becomes_the_lesion_stays_where_it_is(
    maker: FlowTwinMaker, photograph: Photograph, lesion: Lesion, twins: Twins
) -> None:
    other = maker.swap(photograph, lesion, SEED, attempt=1)
    assert (other.healthy != twins.healthy).any(-1).mean() > 0.1
    touched = (lesion.change != 0).any(-1)
    assert np.array_equal((other.sick != other.healthy).any(-1) & ~touched, np.zeros_like(touched))


def test_no_seed_of_chance_is_left_behind(maker: FlowTwinMaker, photograph: Photograph, lesion: Lesion) -> None:
    """What the edit draws is the operating system's entropy: torch's generator, which has a seed, is not touched."""
    import torch

    torch.manual_seed(5)
    before = torch.get_rng_state()
    maker.swap(photograph, lesion, SEED, attempt=0)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("view", ["face", None])
def test_without_a_face_where_one_must_be_nothing_is_decided(maker: FlowTwinMaker, view: str | None) -> None:
    photograph = Photograph(skin(), Hints(view=view))  # type: ignore[arg-type]
    with pytest.raises(Undecided, match="no face"):
        maker.swap(photograph, maker.heal(photograph), SEED, attempt=0)


def test_a_close_up_has_nobody_to_swap(maker: FlowTwinMaker) -> None:
    photograph = Photograph(skin(), Hints(view="close-up"))
    twins = maker.swap(photograph, maker.heal(photograph), SEED, attempt=0)
    assert np.array_equal(twins.sick, skin())
    assert maker.judge(photograph, twins).outcome == "no-face"


def test_a_dermoscopic_naevus_is_healed_whatever_the_header_says_of_the_patient(
    maker: FlowTwinMaker, sample_studies: Path
) -> None:
    rgb = read_photograph(sample_studies / "pippa-dermoscopy" / "photograph.dcm").rgb
    dark = rgb.sum(-1, dtype=int) < 300
    dark[:, :60] = dark[:, -60:] = dark[:90] = dark[-90:] = False  # the dermatoscope's tube
    hints = Hints(view="dermoscopy", sex="female", age_years=40, skin_type="II", lesion="naevus")
    lesion = maker.heal(Photograph(rgb, hints))
    assert dark.sum() > 5_000
    assert (lesion.change != 0).any(-1)[dark].mean() > 0.8


@pytest.mark.parametrize("kept", ["sick", "healthy"])
def test_neither_twin_passes_the_gate_with_the_patients_face(
    maker: FlowTwinMaker, photograph: Photograph, twins: Twins, kept: str
) -> None:
    unchanged = Twins(**{"sick": twins.sick, "healthy": twins.healthy, kept: patient()})
    with pytest.raises(Rejected, match="still the patient"):
        maker.judge(photograph, unchanged)


def test_the_other_order_swaps_first_and_heals_the_twin(photograph: Photograph) -> None:
    maker = load_flow_twin_maker(settings=TwinSettings(lesion_lock=False))
    lesion = maker.heal(photograph)
    assert not lesion.change.any()
    twins = maker.swap(photograph, lesion, SEED, attempt=0)
    assert twins.sick.shape == twins.healthy.shape == patient().shape
    assert (twins.sick != patient()).any(-1).mean() > 0.1


def test_a_difference_has_a_mask_and_a_class(maker: FlowTwinMaker, twins: Twins) -> None:
    found = maker.subtract(twins)
    assert found.mask.shape == twins.sick.shape[:2]
    assert found.lesion_class in {"none", "erythema", "pigmented", "depigmented"}
    assert (found.lesion_class == "none") == (not found.mask.any())


def test_a_folder_that_is_no_model_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is not a model folder"):
        load_twin_maker(ModelChoice(PublishedChoice(tmp_path / "absent")))
