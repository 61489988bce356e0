"""The heads that are shipped: enough of every kind, nobody's, and refused when altered."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import ModelError
from pipeline.heads import (
    AGES,
    COMPLEXIONS,
    HeadBank,
    Known,
    Words,
    dealt,
    read_heads,
    words_for,
    write_heads,
    write_known,
)
from pipeline.heads.bank import SHAPES, SKINS
from pipeline.heads.choice import PREFERRED, TRIED_ON, UNLIKE, likeness, likenesses
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


def test_what_is_known_is_read_as_it_was_written_however_it_lay_in_memory(bank: HeadBank, tmp_path: Path) -> None:
    known = Known(np.asfortranarray(np.random.default_rng(5).standard_normal((2, 257)).astype(np.float32)))
    about = (bank.sface, bank.dlib)
    skins, shapes = [head.skin for head in bank.heads], np.array([head.shape for head in bank.heads])
    digest = write_heads(tmp_path, bank.frame, skins, np.asfortranarray(shapes), bank.words, about, known)
    again = read_heads(tmp_path, digest)
    assert np.array_equal(again.known.weights, known.weights)
    assert abs(again.heads[3].shape - bank.heads[3].shape).max() < 1e-2
    for each in (bank.known, Known(np.asfortranarray(known.weights * 2))):
        digest = write_known(tmp_path, each)
        assert np.allclose(read_heads(tmp_path, digest).known.weights, each.weights)
    assert np.array_equal(read_heads(tmp_path, digest).sface, again.sface)


def test_the_sex_of_heads_on_people_of_that_sex_is_mostly_told(bank: HeadBank) -> None:
    """Of women with women's heads and men with men's, whom nothing was learned from."""
    told = [
        bank.known.sex(sface, dlib) == words.sex
        for sface, dlib, words in zip(bank.sface, bank.dlib, bank.words, strict=True)
    ]
    assert np.mean(told) > 0.8


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


def test_texture_that_agrees_is_a_likeness_too() -> None:
    assert likeness(0.0, 0.9, 0.1) < 0 < likeness(0.0, 0.9, 0.6)
    assert likeness(0.3, 0.9, 0.1) == likeness(0.3, 0.9)


@pytest.mark.parametrize(
    ("age", "band"), [(9, "young adult"), (34, "young adult"), (35, "middle-aged"), (60, "elderly")]
)
def test_the_header_is_believed_before_the_face(bank: HeadBank, age: int, band: str) -> None:
    hints = Hints(view="face", sex="male", age_years=age, skin_type="VI")
    words = words_for(hints, bank.sface[0], bank.dlib[0], bank.known, "light")
    assert words == Words("male", band, "dark")  # type: ignore[arg-type]


def test_heads_are_tried_on_until_enough_are_unlike_and_strangers_of_the_right_age_come_first(bank: HeadBank) -> None:
    patient, asked = Words("female", "elderly", "medium"), list[str]()
    young = {name for name, words in zip(bank.names, bank.words, strict=True) if words.age == "young adult"}

    def tried_on(name: str) -> float:
        asked.append(name)
        return UNLIKE - 0.1 if len(asked) > 2 * TRIED_ON else UNLIKE + 1

    deck = dealt(bank, SEED, patient, bank.sface[0], bank.dlib[0], tried_on)
    assert len(asked) == 3 * TRIED_ON
    assert set(deck[:PREFERRED]) <= set(asked[2 * TRIED_ON :])
    assert sorted(deck) == sorted(bank.names)
    asked.clear()
    dealt(bank, SEED, patient, bank.sface[0], bank.dlib[0], lambda name: asked.append(name) or 0.0)  # type: ignore[func-returns-value]
    assert len(asked) == TRIED_ON
    strangers = dealt(bank, SEED, patient, bank.sface[0], bank.dlib[0], lambda name: -9.0 if name in young else 0.0)
    elderly = [name for name in asked if name not in young]
    assert len(elderly) < PREFERRED or not young & set(strangers[:PREFERRED])


@pytest.mark.parametrize("unlike", [0, 1, 3])
def test_where_few_are_unlike_the_first_is_one_of_those(bank: HeadBank, unlike: int) -> None:
    """Yet never the only one: the key decides."""
    patient, sface, dlib = bank.words[5], bank.sface[5], bank.dlib[5]
    asked: dict[str, float] = {}

    def tried_on(name: str) -> float:
        return asked.setdefault(name, -1.0 if len(asked) < unlike else 2.0 + len(asked))

    decks = [dealt(bank, SEED + bytes([byte]), patient, sface, dlib, tried_on) for byte in range(16)]
    assert {deck[0] for deck in decks} == set(list(asked)[: max(unlike, 2)])


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
