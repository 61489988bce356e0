"""People are drawn as fairly as they can be: every skin type as often, and nothing that contradicts itself."""

from __future__ import annotations

from collections import Counter

import pytest

pytest.importorskip("scipy", reason="scipy is not installed: nothing renders (pip install twinveil[train])")

from pipeline.renderer.description import FIELDS
from pipeline.renderer.identity import Identity, sample_identity
from pipeline.renderer.optics import SKIN_TYPES, skin_type, typology_angle
from pipeline.renderer.styling import sample_styling

PEOPLE = 3000


@pytest.fixture(scope="module")
def people() -> list[Identity]:
    return [sample_identity(seed) for seed in range(PEOPLE)]


def test_all_skin_types_are_equally_frequent(people: list[Identity]) -> None:
    counts = Counter(person.skin_type for person in people)
    expected, deviation = PEOPLE / 6, (PEOPLE * 1 / 6 * 5 / 6) ** 0.5
    assert set(counts) == set(SKIN_TYPES)
    assert max(abs(count - expected) for count in counts.values()) < 3.5 * deviation


def test_the_skin_type_is_the_one_that_the_pigments_give(people: list[Identity]) -> None:
    for person in people[:200]:
        assert skin_type(typology_angle(person.melanin, person.blood)) == person.skin_type


def test_both_sexes_and_all_ages_occur(people: list[Identity]) -> None:
    assert Counter(person.sex for person in people)["female"] == pytest.approx(PEOPLE / 2, rel=0.08)
    assert {person.age for person in people} == set(FIELDS["age"])


def test_dark_skin_has_dark_eyes_and_hair(people: list[Identity]) -> None:
    dark = [person for person in people if person.skin_type in ("V", "VI")]
    assert {person.eye_colour for person in dark} <= {"dark", "brown", "hazel"}
    assert not {person.hair_colour for person in dark} & {"blond", "red"}


def test_the_same_seed_is_the_same_person() -> None:
    assert sample_identity(7) == sample_identity(7)
    assert sample_identity(7) != sample_identity(8)


def test_styling_changes_within_a_person_and_stays_plausible(people: list[Identity]) -> None:
    assert len({sample_styling(seed, people[0], with_assets=True) for seed in range(20)}) == 20
    for person in people[:300]:
        styling = sample_styling(person.seed, person, with_assets=True)
        assert styling.hair_style in FIELDS["hair_style"]
        assert styling.beard == 0 or (person.sex == "male" and person.age_years > 18)


def test_without_assets_nobody_wears_hair_that_does_not_exist(people: list[Identity]) -> None:
    styles = {sample_styling(person.seed, person, with_assets=False).hair_style for person in people[:300]}
    assert styles == {"cap", "buzz cut", "bald"}
