"""A rendered patient and the truth beside the photograph."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("numba", reason="numba is not installed: nothing renders (pip install twinveil[train])")

from scipy.ndimage import binary_dilation, center_of_mass

from pipeline.renderer import RenderedPatient, Renderer
from pipeline.renderer.description import FIELDS
from pipeline.renderer.geometry_bake import RendererDataMissing
from pipeline.renderer.lesions import KINDS

if TYPE_CHECKING:
    Rgb = NDArray[np.uint8]

OUTPUT = 128
SEEDS = range(40, 46)


@pytest.fixture(scope="module")
def patients(renderer: Renderer) -> list[RenderedPatient]:
    return [renderer.patient(seed, output=OUTPUT) for seed in SEEDS]


def differing(first: Rgb, second: Rgb, levels: int = 0) -> NDArray[np.bool_]:
    """Pixels where a channel differs by more than ``levels`` of 255."""
    return np.asarray(np.abs(first.astype(int) - second).max(-1) > levels)


def changed_outside_the_lesion(patient: RenderedPatient) -> float:
    """Share of pixels that differ visibly between the twins though no lesion is near."""
    near_lesion = binary_dilation(patient.lesion_soft > 0.01, iterations=3)
    return float((differing(patient.photograph, patient.healthy_twin, levels=2) & ~near_lesion).mean())


def test_the_same_seed_is_the_same_picture(renderer: Renderer, patients: list[RenderedPatient]) -> None:
    again = renderer.patient(SEEDS[0], output=OUTPUT)
    assert np.array_equal(again.photograph, patients[0].photograph)
    assert np.array_equal(again.lesion_soft, patients[0].lesion_soft)
    assert again.description == patients[0].description


def test_another_process_sees_the_same_picture(
    mpfb2_folder: Path, renderer_cache: Path, patients: list[RenderedPatient]
) -> None:
    """A renderer made anew from the cache, as a worker of a pool makes it."""
    fresh = Renderer(mpfb2_folder, None, renderer_cache, size=256)
    assert np.array_equal(fresh.patient(SEEDS[1], output=OUTPUT).photograph, patients[1].photograph)


def test_twins_differ_only_where_the_lesion_is(patients: list[RenderedPatient]) -> None:
    for patient in patients:
        assert changed_outside_the_lesion(patient) < 1e-3


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_lesion_can_be_seen_and_is_named(renderer: Renderer, kind: str) -> None:
    seen = [renderer.patient(seed, kind=kind, severity="severe", output=OUTPUT) for seed in range(60, 65)]
    assert {patient.description.lesion for patient in seen} == {kind}
    assert {patient.description.severity for patient in seen} == {"severe"}
    assert any(patient.visible for patient in seen)
    for patient in seen:
        assert patient.description.site in FIELDS["site"]
        if patient.visible:
            assert patient.delta_e > 3
            assert differing(patient.photograph, patient.healthy_twin)[patient.mask].mean() > 0.9


def test_healthy_people_have_no_lesion(renderer: Renderer) -> None:
    healthy = renderer.patient(5, kind="healthy", output=OUTPUT)
    assert np.array_equal(healthy.photograph, healthy.healthy_twin)
    assert not healthy.mask.any()
    assert not healthy.visible
    assert healthy.description.severity is None


def test_an_unknown_kind_is_refused(renderer: Renderer) -> None:
    with pytest.raises(ValueError, match="rash"):
        renderer.patient(5, kind="rash")


def test_the_same_lesion_sits_at_the_same_place_of_another_face(renderer: Renderer) -> None:
    first, second = (
        renderer.patient(80, identity=who, scene=3, lesion=9, kind="naevus", severity="severe", output=OUTPUT)
        for who in (80, 81)
    )
    assert first.description.site == second.description.site
    assert differing(first.photograph, second.photograph).mean() > 0.5  # somebody else

    def place(patient: RenderedPatient) -> NDArray[np.floating]:
        """The lesion's middle in units of the distance between the eyes, from their middle."""
        column_row = np.array(center_of_mass(patient.lesion_soft))[::-1]
        right, left = patient.landmarks[:2]
        return np.asarray((column_row - (right + left) / 2) / np.linalg.norm(left - right))

    assert np.linalg.norm(place(first) - place(second)) < 0.35


def test_another_scene_shows_the_same_person(renderer: Renderer) -> None:
    first, second = (renderer.patient(80, identity=80, scene=scene, output=OUTPUT) for scene in (1, 2))
    assert first.description == second.description
    assert not np.array_equal(first.photograph, second.photograph)


def test_other_accessories_leave_the_person_as_they_are(renderer: Renderer) -> None:
    first, second = (renderer.patient(80, accessories=styling, output=OUTPUT) for styling in (1, 4))
    styled = {"hair_style", "beard", "glasses", "brows", "brow_height"}
    same = {name: word for name, word in first.description.words().items() if name not in styled}
    assert same.items() <= second.description.words().items()
    assert not np.array_equal(first.photograph, second.photograph)


def test_landmarks_lie_on_the_face_with_the_persons_right_on_the_left(patients: list[RenderedPatient]) -> None:
    for patient in patients:
        right_eye, left_eye, nose, right_mouth, left_mouth = patient.landmarks
        assert ((patient.landmarks > 0) & (patient.landmarks < OUTPUT)).all()
        assert right_eye[0] < nose[0] < left_eye[0]
        assert right_mouth[0] < left_mouth[0]
        assert max(right_eye[1], left_eye[1]) < nose[1] < min(right_mouth[1], left_mouth[1])


def test_a_larger_picture_shows_the_same_larger(renderer: Renderer) -> None:
    small, large = renderer.patient(41, output=128), renderer.patient(41, output=640)
    assert large.photograph.shape == (640, 640, 3)
    assert large.landmarks / 5 == pytest.approx(small.landmarks, abs=0.5)
    reduced = large.photograph.reshape(128, 5, 128, 5, 3).mean((1, 3))
    assert np.abs(reduced - small.photograph).mean() < 4


def test_every_word_is_of_the_vocabulary_and_faces_have_all_of_them(patients: list[RenderedPatient]) -> None:
    for patient in patients:
        assert None not in patient.description.words().values()


def test_a_disguise_keeps_the_lesion_and_changes_the_face(renderer: Renderer) -> None:
    patient, disguised = renderer.patient(43, output=OUTPUT), renderer.disguised(43, 1043, output=OUTPUT)
    for field in ("skin_type", "age", "lesion", "severity", "site", "hair_style", "hair_colour", "beard", "glasses"):
        assert getattr(patient.description, field) == getattr(disguised.description, field)
    assert patient.description != disguised.description


def test_hair_cards_hide_what_lies_under_them(renderer_with_hair: Renderer) -> None:
    people = [renderer_with_hair.patient(seed, kind="erythema", output=OUTPUT) for seed in range(12)]
    styles = {patient.description.hair_style for patient in people}
    assert styles - {"cap", "buzz cut", "bald"}
    for patient in people:
        assert changed_outside_the_lesion(patient) < 1e-3


def test_a_wrong_data_folder_is_named(tmp_path: Path, mpfb2_folder: Path) -> None:
    with pytest.raises(RendererDataMissing, match=r"base\.obj"):
        Renderer(tmp_path, None, tmp_path / "cache")
    with pytest.raises(RendererDataMissing, match="hair"):
        Renderer(mpfb2_folder, tmp_path, tmp_path / "cache")


def test_lips_brows_and_frames_are_known_as_distractors_and_cheeks_are_not(renderer: Renderer) -> None:
    seed = next(seed for seed in range(40, 80) if renderer.patient(seed, output=OUTPUT).description.glasses == "worn")
    marked = renderer.distractors(seed, output=OUTPUT)
    right_eye, left_eye, nose, *mouth = renderer.patient(seed, output=OUTPUT).landmarks
    lips = sum(mouth) / 2
    assert marked[round(float(lips[1])) - 4 : round(float(lips[1])) + 5, round(float(lips[0]))].any()
    unit = float(np.hypot(*(left_eye - right_eye)))
    for eye in (right_eye, left_eye):  # brow and frame above it
        x, y = round(float(eye[0])), round(float(eye[1]))
        assert marked[y - round(0.6 * unit) : y, x].any()
        cheek = (round(float((eye[0] * 2 + lips[0]) / 3)), round(float((nose[1] + lips[1]) / 2)))
        assert not marked[cheek[1] - 1 : cheek[1] + 2, cheek[0] - 1 : cheek[0] + 2].any()
    assert 0.002 < marked.mean() < 0.2
