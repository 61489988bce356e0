"""Closed words as sentences: all of them have a part, and no sentence is asked for that was not foreseen."""

from __future__ import annotations

from itertools import combinations, product

import pytest

from pipeline.photograph import Hints
from pipeline.vocabulary import (
    DESCRIBED,
    FIELDS,
    PARTS,
    PERSONA_FIELDS,
    PERSONAS,
    ClinicalPrompt,
    describe,
    healing_words,
    reachable,
    sentence,
    swapping_words,
)


def test_every_word_of_the_vocabulary_has_its_part_and_nothing_else_has() -> None:
    assert {name: set(parts) for name, parts in PARTS.items()} == {name: set(words) for name, words in FIELDS.items()}
    assert all(part for parts in PARTS.values() for part in parts.values())


def test_no_two_words_of_a_field_say_the_same() -> None:
    assert all(len(set(parts.values())) == len(parts) for parts in PARTS.values())


@pytest.mark.parametrize("name", FIELDS)
def test_each_word_is_heard_in_the_sentence(name: str) -> None:
    beside = {} if name == "lesion" else {"lesion": "plaque"}
    sentences = [sentence(ClinicalPrompt({**beside, name: word})) for word in FIELDS[name]]
    assert len(set(sentences)) == len(sentences)
    for word, text in zip(FIELDS[name], sentences, strict=True):
        if name != "persona":
            assert PARTS[name][word].replace("{}", "").strip() in text


def test_a_sentence_reads_as_one() -> None:
    words = {"view": "face", "sex": "male", "age": "elderly", "skin_type": "V", "lesion": "papules", "site": "chin"}
    assert sentence(ClinicalPrompt(words | {"severity": "mild", "lips": "full"})) == (
        "a close-up portrait photograph of an elderly man with brown skin and raised red pimples of mild degree "
        "on the chin. the person has full lips."
    )
    patch = ClinicalPrompt({"view": "dermoscopy", "lesion": "naevus"})
    assert sentence(patch) == "a dermoscopic photograph of human skin with a dark mole."


def test_nothing_is_denied_and_nothing_is_too_long_for_an_encoder_of_77_tokens() -> None:
    for text in reachable():
        assert not {"no", "not", "without", "none"} & set(text.split())
        assert len(text.split()) + text.count(",") + text.count("-") <= 70, text


def test_a_persona_is_a_fixed_set_of_words_and_like_no_other() -> None:
    assert tuple(DESCRIBED) == PERSONAS
    for described in DESCRIBED.values():
        assert all(word in PERSONA_FIELDS[name] for name, word in described.words.items())
    for first, second in combinations(DESCRIBED.values(), 2):
        assert sum(first.words[name] != second.words[name] for name in first.words if name != "beard") >= 5


def test_healing_leads_from_the_named_disease_to_healthy_skin() -> None:
    words = healing_words(describe(Hints(view="face", sex="female", age_years=70, lesion="plaque")))
    assert "scaly plaque" in words.source
    assert words.target == words.source.replace("a red, scaly plaque", "clear, healthy, even-toned skin")
    unnamed = healing_words(describe(Hints(view="close-up", sex="female", age_years=70)))
    assert unnamed.source == "a clinical close-up photograph of human skin with a visible skin lesion."


def test_a_swap_keeps_sex_age_and_complexion_and_changes_the_face() -> None:
    prompt = describe(Hints(view="face", sex="male", age_years=50, skin_type="VI", lesion="plaque"))
    words = swapping_words(prompt, PERSONAS[2])
    assert words.target.startswith(words.source)
    assert "plaque" not in words.source
    assert "a middle-aged man with brown skin" in words.source


def test_only_men_get_beards_and_nobody_becomes_a_child() -> None:
    bearded = next(name for name, described in DESCRIBED.items() if described.words["beard"] == "beard")
    of_a_man, of_a_woman, of_a_child = (
        swapping_words(describe(Hints(sex=sex, age_years=age)), bearded).target
        for sex, age in (("male", 30), ("female", 30), ("female", 15))  # type: ignore[arg-type]
    )
    assert "beard" in of_a_man and "beard" not in of_a_woman
    assert of_a_child == of_a_woman


def test_whatever_a_header_says_its_sentences_were_foreseen() -> None:
    foreseen = set(reachable())
    assert "" in foreseen
    sexes, ages, views = (None, "female", "male"), (None, 15, 30, 50, 80), (None, "face", "close-up", "dermoscopy")
    lesions = (None, "erythema", "papules", "plaque", "naevus", "vitiligo")
    types = (None, "I", "II", "III", "IV", "V", "VI")
    for view, sex, age, skin, lesion in product(views, sexes, ages, types, lesions):
        prompt = describe(Hints(view, sex, age, skin, lesion))  # type: ignore[arg-type]
        healing, swap = healing_words(prompt), swapping_words(prompt, PERSONAS[7])
        assert {healing.source, healing.target, swap.source, swap.target} <= foreseen
