"""The closed vocabulary: what is not in it cannot be said."""

import pytest

from pipeline.renderer.description import FIELDS as RENDERED_FIELDS
from pipeline.vocabulary import FIELDS, PERSONA_FIELDS, ClinicalPrompt, token_of


def test_an_empty_prompt_says_nothing_in_every_field() -> None:
    assert ClinicalPrompt().tokens() == (0,) * len(FIELDS)


def test_each_word_has_a_token_of_its_own_field() -> None:
    prompt = ClinicalPrompt({"sex": "male", "lesion": "naevus"})
    said = dict(zip(FIELDS, prompt.tokens(), strict=True))
    assert said["sex"] == token_of("sex", "male") == 2
    assert said["lesion"] == token_of("lesion", "naevus")
    assert sum(token > 0 for token in said.values()) == 2


@pytest.mark.parametrize("words", [{"sex": "unknown"}, {"name": "anybody"}, {"lesion": "Naevus"}])
def test_words_outside_the_vocabulary_are_refused(words: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="vocabulary"):
        ClinicalPrompt(words)


def test_saying_none_takes_a_word_back_and_leaves_the_original_alone() -> None:
    prompt = ClinicalPrompt({"sex": "female", "age": "elderly"})
    assert dict(prompt.saying(sex=None, lesion="plaque").words) == {"age": "elderly", "lesion": "plaque"}
    assert prompt.words["sex"] == "female"


def test_everything_the_renderer_describes_can_be_said() -> None:
    for name, words in RENDERED_FIELDS.items():
        assert set(words) <= set(FIELDS[name]), name
    assert set(PERSONA_FIELDS) < set(RENDERED_FIELDS)
