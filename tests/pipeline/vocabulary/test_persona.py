"""The same patient becomes the same new person, and nobody can guess who that is."""

import secrets

import pytest

from pipeline.photograph import Hints
from pipeline.vocabulary import (
    PERSONAS,
    Personas,
    as_it_is,
    as_persona,
    deck_for,
    describe,
    healed,
    of_skin_alone,
    persona_for,
)
from pipeline.vocabulary.persona import LEAST_ALIKE


def test_the_same_seed_deals_the_same_deck() -> None:
    seed = secrets.token_bytes(32)
    assert deck_for(seed) == deck_for(bytes(seed))
    assert deck_for(seed) != deck_for(secrets.token_bytes(32))


def test_attempts_deal_every_persona_before_one_comes_again() -> None:
    deck = deck_for(secrets.token_bytes(32))
    assert sorted(persona_for(deck, attempt) for attempt in range(len(PERSONAS))) == sorted(PERSONAS)
    assert persona_for(deck, len(PERSONAS)) == persona_for(deck, 0)


def test_two_faces_of_one_photograph_become_two_persons() -> None:
    deck = deck_for(secrets.token_bytes(32))
    assert persona_for(deck, 0, face=0) != persona_for(deck, 0, face=1)


def test_all_personas_are_used_about_equally_often() -> None:
    drawn = [deck_for(number.to_bytes(32, "big"))[0] for number in range(2400)]
    counts = [drawn.count(persona) for persona in PERSONAS]
    assert min(counts) > 50
    assert max(counts) < 160


def test_whoever_resembles_the_patient_comes_last() -> None:
    likeness = [number / 10 for number in range(len(PERSONAS))]
    least = set(PERSONAS[:LEAST_ALIKE])
    decks = [deck_for(number.to_bytes(32, "big"), likeness) for number in range(60)]
    assert all(set(deck[:LEAST_ALIKE]) == least for deck in decks)
    assert {deck[0] for deck in decks} == least  # which of them stays the key's secret
    assert all(sorted(deck) == sorted(PERSONAS) for deck in decks)


def test_a_patient_who_comes_again_is_not_measured_again() -> None:
    seed, personas = secrets.token_bytes(32), Personas()
    first = personas.deck(seed, lambda: [float(number) for number in range(len(PERSONAS))])
    assert personas.deck(seed, lambda: pytest.fail("the likeness of a known patient was asked for")) == first


def test_a_likeness_that_is_not_a_number_is_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        deck_for(secrets.token_bytes(32), [float("nan")] * len(PERSONAS))


def test_a_seed_that_could_be_guessed_is_refused() -> None:
    with pytest.raises(ValueError, match="guessable"):
        deck_for(b"short")


def test_a_silent_header_still_speaks_of_a_lesion_in_a_face() -> None:
    assert dict(describe(Hints()).words) == {"view": "face", "lesion": "lesion"}


def test_hints_become_words() -> None:
    hints = Hints(view="face", sex="female", age_years=34, skin_type="IV", lesion="papules")
    assert dict(describe(hints).words) == {
        "view": "face", "sex": "female", "age": "young adult", "skin_type": "IV", "lesion": "papules",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("years", "band"), [(12, "adolescent"), (18, "young adult"), (59, "middle-aged"), (60, "elderly"), (101, "elderly")]
)
def test_ages_fall_into_bands(years: int, band: str) -> None:
    assert describe(Hints(age_years=years)).words["age"] == band


def test_a_persona_keeps_what_diagnosis_needs_and_loses_the_person() -> None:
    prompt = describe(Hints(view="face", sex="male", age_years=70, skin_type="II", lesion="plaque"))
    other = as_persona(prompt, PERSONAS[3])
    assert "sex" not in other.words
    assert {name: other.words[name] for name in ("age", "skin_type", "lesion")} == {
        "age": "elderly", "skin_type": "II", "lesion": "plaque",
    }  # fmt: skip


def test_healing_changes_the_disease_alone() -> None:
    prompt = describe(Hints(sex="male", lesion="plaque")).saying(severity="severe", site="chin")
    assert dict(healed(prompt).words) == {"view": "face", "sex": "male", "lesion": "healthy"}


def test_as_it_is_says_nothing_of_disease() -> None:
    prompt = describe(Hints(sex="male", lesion="plaque")).saying(severity="severe", site="chin")
    assert dict(as_it_is(prompt).words) == {"view": "face", "sex": "male"}


def test_skin_without_a_face_is_of_nobody_in_particular() -> None:
    prompt = describe(Hints(view="dermoscopy", sex="female", age_years=40, skin_type="II", lesion="naevus"))
    said = {"view": "dermoscopy", "skin_type": "II", "lesion": "naevus"}
    assert dict(of_skin_alone(prompt, "dermoscopy").words) == said
    assert of_skin_alone(prompt, None).words["view"] == "close-up"
