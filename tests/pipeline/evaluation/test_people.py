"""The figures of people in photographs: whom a twin is known as, and how alike different people's twins are."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pipeline.evaluation.people import PersonCase, people_figures, person_of


def direction(number: int) -> np.ndarray:
    """One of 128 descriptors that have nothing in common, of length 1."""
    return np.eye(128)[number]


def case(
    person: str, original: int, twin: int | None, released: bool = True, leaks: dict[str, bool] | None = None
) -> PersonCase:
    seen = None if twin is None else (direction(twin), direction(twin))
    return PersonCase(
        person=person,
        sex="female",
        complexion="dark" if original % 2 else "light",
        age="elderly",
        released=released,
        tries=1,
        refusals=[] if released else ["Rejected: still the patient"],
        healthy_passed=released,
        original=(direction(original), direction(original)),
        first=seen,
        twin=seen,
        detail=0.9,
        contrast=1.0,
        rendered_look=0.1 if twin is not None else math.nan,
        expression_kept=1.0,
        leaks=leaks or {},
    )


@pytest.mark.parametrize(
    ("name", "person"), [("anna_01", "anna"), ("anna_b_2", "anna_b"), ("0815", "0815"), ("anna", "anna"), ("_7", "")]
)
def test_names_that_are_equal_up_to_the_last_number_show_one_person(name: str, person: str) -> None:
    assert person_of(name) == person


def test_a_released_twin_that_is_its_patient_was_released_wrongly() -> None:
    figures = people_figures([case("a", 0, 0), case("b", 1, 60), case("c", 2, 2, released=False)])
    assert figures["photo_released_wrongly"]["value"] == pytest.approx(1 / 3)  # who is held is not released
    assert figures["photo_reid_sface"]["value"] == pytest.approx(2 / 3)  # but is known again all the same
    assert figures["photo_release_rate"]["value"] == pytest.approx(2 / 3)


def test_a_twin_is_looked_for_in_every_photograph_of_its_patient() -> None:
    """The twin of one photograph is the person in the other, of whom that photograph alone tells nothing."""
    figures = people_figures([case("a", 0, 5), case("a", 5, 60), case("b", 2, 61)])
    assert figures["photo_released_wrongly"]["value"] == pytest.approx(1 / 3)
    assert figures["people"] == 2
    assert figures["photographs"] == 3


def test_twins_are_alike_between_patients_and_not_within_one() -> None:
    figures = people_figures([case("a", 0, 60), case("a", 1, 60), case("b", 2, 60), case("c", 3, 61)])
    # Of b's twin two of the other patients' three are the same, of each of a's one of two, of c's none of three.
    assert figures["photo_twins_alike"]["value"] == pytest.approx((1 / 2 + 1 / 2 + 2 / 3 + 0) / 4)


def test_who_has_no_twin_counts_as_held_and_for_nothing_else() -> None:
    figures = people_figures([case("a", 0, None, released=False), case("b", 1, 60)])
    assert figures["photo_release_rate"]["value"] == 0.5
    assert figures["photo_reid_sface"]["n"] == 1
    assert figures["photo_rendered_look"]["n"] == 1


def test_leaks_are_counted_where_they_were_judged() -> None:
    judged = [case("a", 0, 60, leaks={"eyes_kept": True}), case("b", 1, 61, leaks={"eyes_kept": False})]
    figures = people_figures([*judged, case("c", 2, 62)])
    assert (figures["photo_leak_eyes_kept"]["value"], figures["photo_leak_eyes_kept"]["n"]) == (0.5, 2)
    assert figures["photo_leak_blend_50"]["n"] == 0


def test_groups_stand_beside_the_whole() -> None:
    figure = people_figures([case("a", 0, 60), case("b", 1, 61, released=False)])["photo_release_rate"]
    by_word = [item for group in ("sex", "complexion", "age") for item in figure[f"by_{group}"].items()]
    groups = {word: each["value"] for word, each in by_word}
    assert groups == {"female": 0.5, "light": 1.0, "dark": 0.0, "elderly": 0.5}
    assert (figure["low"], figure["meets_first_bar"]) == (pytest.approx(0.095, abs=1e-3), False)


def test_without_anybody_there_is_nothing_to_report() -> None:
    with pytest.raises(ValueError, match="nobody"):
        people_figures([])
