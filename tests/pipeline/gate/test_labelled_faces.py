"""Thresholds follow from labelled faces by the stated rule, and the figures are those of the textbook."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.errors import ModelError
from pipeline.faces import FaceFinder, Recognisers
from pipeline.gate import Calibration, LabelledFaces, calibrate, photographs_of
from tests.pipeline.rendered_faces import patient, skin, stranger


def made_up(people: int = 40, each: int = 5, common: float = 3.0, unsteady: float = 1.0) -> LabelledFaces:
    """Descriptors around a point for each person, all of them around a common centre; how far from it in each picture
    ``unsteady`` says."""
    random = np.random.default_rng(0)
    centre = common * random.normal(size=128)
    who = np.repeat(np.arange(people), each)
    persons = centre + 1.2 * random.normal(size=(people, 128))
    sface = persons[who] + unsteady * random.normal(size=(people * each, 128))
    dlib = 0.03 * (persons[who] + unsteady * random.normal(size=(people * each, 128)))
    return LabelledFaces(who, sface, dlib, 3)


def pairs(faces: LabelledFaces, made: Calibration) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cosine, distance, and whether it is one person, of each pair."""
    assert made.domain is not None
    described = np.stack([made.domain.centred(each) for each in faces.sface])
    described /= np.linalg.norm(described, axis=1, keepdims=True)
    one, two = np.triu_indices(len(faces.people), 1)
    distance = np.linalg.norm(faces.dlib[:, None] - faces.dlib[None], axis=-1)
    return (described @ described.T)[one, two], distance[one, two], faces.people[one] == faces.people[two]


def test_recognisers_that_tell_people_apart_pass_nobody_whom_one_in_a_thousand_strangers_resembles_more() -> None:
    faces = made_up()
    made = calibrate(faces, {"sface": "x"}, name="made-up", origin="random numbers", share=0.1)
    cosine, distance, same = pairs(faces, made)
    assert (cosine[~same] >= made.sface_cosine).mean() == pytest.approx(1e-3, abs=2e-4)
    assert (distance[~same] <= made.dlib_distance).mean() == pytest.approx(1e-3, abs=2e-4)
    assert not (cosine[same] < made.sface_cosine).any()


def test_each_recogniser_alone_releases_at_most_the_stated_share_of_one_persons_pairs() -> None:
    faces = made_up(unsteady=2.5)
    made = calibrate(faces, {"sface": "x"}, name="made-up", origin="random numbers", share=0.1)
    cosine, distance, same = pairs(faces, made)
    assert (cosine[same] < made.sface_cosine).mean() == pytest.approx(0.1, abs=0.005)
    assert (distance[same] > made.dlib_distance).mean() == pytest.approx(0.1, abs=0.005)
    assert (cosine[~same] >= made.sface_cosine).mean() > 1e-3
    figures = made.figures
    assert (
        figures["same_person_released_low"] <= figures["same_person_released"] <= figures["same_person_released_high"]
    )
    assert figures["same_person_released"] <= 0.1
    assert figures["photographs_without_a_face"] == 3


def test_every_figure_has_its_bounds_and_the_curve_survives_its_file(tmp_path: Path) -> None:
    made = calibrate(made_up(), {"sface": "x"}, name="made-up", origin="random numbers")
    for recogniser in ("sface", "dlib"):
        for key in ("eer", "tar_at_far_1e3", "tar_at_far_1e4"):
            figure = made.figures[f"{recogniser}_{key}"]
            assert made.figures[f"{recogniser}_{key}_low"] <= figure <= made.figures[f"{recogniser}_{key}_high"]
        rates = [(far, tar) for _, far, tar in made.roc[recogniser]]
        assert len(rates) > 5
        assert rates == sorted(rates), "more strangers accepted, more of the person's own"
    assert made.roc["sface"][0][0] > made.roc["sface"][-1][0], "a cosine falls along the curve"
    assert made.roc["dlib"][0][0] < made.roc["dlib"][-1][0], "a distance rises"
    made.write(tmp_path / "made-up.toml")
    assert Calibration.read(tmp_path / "made-up.toml") == made


def test_a_domain_holds_its_own_faces_and_not_others() -> None:
    faces = made_up()
    domain = calibrate(faces, {}, name="made-up", origin="random numbers").domain
    assert domain is not None
    assert np.mean([domain.holds(each) for each in faces.sface]) == pytest.approx(0.99, abs=0.006)
    others = np.random.default_rng(1).normal(size=(50, 128))
    assert not any(domain.holds(each) for each in others)


def test_too_few_people_are_refused() -> None:
    with pytest.raises(ModelError, match="at least 20"):
        calibrate(made_up(people=19), {}, name="few", origin="")
    with pytest.raises(ModelError, match="no person has two"):
        calibrate(made_up(each=1), {}, name="once", origin="")


def test_a_folder_is_read_person_by_person_and_what_has_no_face_is_counted(tmp_path: Path) -> None:
    for person, name, rgb in (("a", "1", patient()), ("a", "2", skin()), ("b", "1", stranger())):
        (tmp_path / person).mkdir(exist_ok=True)
        cv2.imwrite(str(tmp_path / person / f"{name}.png"), rgb[..., ::-1])
    (tmp_path / "a" / "notes.txt").write_text("not a picture")
    assert [person for person, _ in photographs_of(tmp_path)] == [0, 0, 1]
    faces = LabelledFaces.of(photographs_of(tmp_path), FaceFinder(), Recognisers.load())
    assert (faces.people.tolist(), faces.skipped) == ([0, 1], 1)
