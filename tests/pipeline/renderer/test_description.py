"""A description says only what can be seen, in words of a closed vocabulary."""

from __future__ import annotations

from dataclasses import fields

import pytest

from pipeline.renderer.description import CLINICAL_FIELDS, FIELDS, PERSONA_FIELDS, Description


def sick() -> Description:
    return Description(
        view="face", skin_type="IV", lesion="naevus", severity="mild", site="chin", sex="male", age="elderly"
    )


def test_every_field_of_the_vocabulary_is_a_field_of_the_description() -> None:
    assert {field.name for field in fields(Description)} == set(FIELDS) == {*CLINICAL_FIELDS, *PERSONA_FIELDS}


@pytest.mark.parametrize("field", FIELDS)
def test_a_word_outside_the_vocabulary_is_refused(field: str) -> None:
    with pytest.raises(ValueError, match=field):
        sick().with_(**{field: "purple"})


@pytest.mark.parametrize("field", FIELDS)
def test_every_word_of_the_vocabulary_is_taken(field: str) -> None:
    for word in FIELDS[field]:
        blank = {"severity": None, "site": None} if word == "healthy" else {}
        assert getattr(sick().with_(**{field: word}, **blank), field) == word


def test_the_healthy_twin_loses_the_lesion_and_nothing_else() -> None:
    healthy = sick().healthy()
    assert healthy.words() == {**sick().words(), "lesion": "healthy", "severity": None, "site": None}


def test_healthy_skin_has_no_severity() -> None:
    with pytest.raises(ValueError, match="healthy"):
        sick().with_(lesion="healthy")


def test_sentences_read_as_english() -> None:
    assert sick().sentence() == (
        "Clinical photograph of the face of an elderly man, Fitzpatrick skin type IV, "
        "with a mild pigmented naevus (chin)."
    )
    patch = Description(view="dermoscopy", skin_type="I", lesion="erythema", severity="severe", site="skin patch")
    assert "of a person, Fitzpatrick skin type I, with severe diffuse erythema" in patch.sentence()
    assert "middle-aged" not in patch.sentence()
