"""The heads that are shipped: enough of every kind, nobody's, and refused when altered."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import ModelError
from pipeline.heads import AGES, COMPLEXIONS, HeadBank, Words, dealt, read_heads, words_for
from pipeline.heads.bank import SHAPES, SKINS
from pipeline.heads.choice import PREFERRED, likenesses
from pipeline.models import FOLDER
from pipeline.photograph import Hints
from pipeline.training.face_frame import fitted_words

SEED = b"somebody's seed, long enough"


def test_there_are_heads_of_both_sexes_and_of_every_age_and_complexion(bank: HeadBank) -> None:
    assert len(bank.heads) >= 96
    assert len(set(bank.names)) == len(bank.heads)
    for sex in ("female", "male"):
        of_it = [words for words in bank.words if words.sex == sex]
        assert len(of_it) >= 40
        assert min(Counter(words.age for words in of_it).values()) >= 5
        assert set(COMPLEXIONS) == {words.complexion for words in of_it}


def test_heads_differ_from_one_another_as_strangers_do(bank: HeadBank) -> None:
    """On one body two heads have hair and light in common, so some pairs are nearer than strangers are."""
    pairs = np.triu_indices(len(bank.heads), 1)
    assert ((bank.sface @ bank.sface.T)[pairs] >= 0.359).mean() < 0.25


@pytest.mark.parametrize("name", [SKINS, SHAPES])
def test_altered_heads_are_refused(bank: HeadBank, tmp_path: Path, name: str) -> None:
    for each in (SKINS, SHAPES):
        shutil.copy(FOLDER / each, tmp_path / each)
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes() + b"\0")
    with pytest.raises(ModelError, match="not those of its config"):
        read_heads(tmp_path, bank.digest)
    (tmp_path / name).unlink()
    with pytest.raises(ModelError, match="cannot be read"):
        read_heads(tmp_path, bank.digest)


def test_a_patient_gets_the_least_alike_of_their_sex_first(bank: HeadBank) -> None:
    """A patient who looks like one of the heads never gets it, whatever the seed."""
    for number in (0, len(bank.heads) - 1):
        sface, dlib, words = bank.sface[number], bank.dlib[number], bank.words[number]
        assert likenesses(bank, sface, dlib).argmax() == number
        decks = [dealt(bank, SEED + bytes([byte]), words, sface, dlib) for byte in range(40)]
        for deck in decks:
            assert sorted(deck) == sorted(bank.names)
            assert bank.names[number] not in deck[:PREFERRED]
            first = [bank.words[bank.names.index(name)] for name in deck[:PREFERRED]]
            assert {each.sex for each in first} == {words.sex}
        assert len({deck[0] for deck in decks}) > PREFERRED // 2  # which of them stays the key's secret


@pytest.mark.parametrize(
    ("age", "band"), [(9, "young adult"), (34, "young adult"), (35, "middle-aged"), (60, "elderly")]
)
def test_the_header_is_believed_before_the_face(bank: HeadBank, age: int, band: str) -> None:
    hints = Hints(view="face", sex="male", age_years=age, skin_type="VI")
    words = words_for(hints, bank.sface[0], bank.dlib[0], bank.known, "light")
    assert words == Words("male", band, "dark")  # type: ignore[arg-type]


def test_what_the_header_does_not_say_is_read_out_of_the_face() -> None:
    """On people of whom the descriptors' first number tells the sex, and the second the age."""
    chance = np.random.default_rng(3)
    words = [Words(sex, age, "light") for sex in ("female", "male") for age in AGES for _ in range(12)]
    described = chance.standard_normal((2, len(words), 128)) * 0.1
    described[:, :, 0] = [2.0 if each.sex == "female" else -2.0 for each in words]
    described[:, :, 1] = [2.0 * AGES.index(each.age) - 2.0 for each in words]
    known = fitted_words(*described, words)
    for sface, dlib, each in zip(*described, words, strict=True):
        assert words_for(Hints(), sface, dlib, known, "dark") == Words(each.sex, each.age, "dark")
