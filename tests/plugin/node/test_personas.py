"""A patient becomes the same person whenever they come, also after a restart."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from pipeline.vocabulary import PERSONAS
from plugin.node import KeptPersonas

SEED, OTHER = b"s" * 32, b"o" * 32
LIKENESS = [float(number) for number in range(len(PERSONAS))]


def test_a_deck_outlives_the_process(tmp_path: Path) -> None:
    database = tmp_path / "state" / "twinveil.sqlite"
    dealt = KeptPersonas(database).deck(SEED, lambda: LIKENESS)
    again = KeptPersonas(database).deck(SEED, lambda: pytest.fail("asked again"))
    assert again == dealt
    assert KeptPersonas(database).deck(OTHER, lambda: LIKENESS) != dealt
    assert database.stat().st_mode & 0o777 == 0o600


def test_the_file_does_not_hold_the_seed(tmp_path: Path) -> None:
    database = tmp_path / "twinveil.sqlite"
    KeptPersonas(database).deck(SEED, lambda: LIKENESS)
    held = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert SEED not in held
    assert SEED.hex().encode() not in held


def test_a_deck_of_people_whom_the_model_does_not_know_is_dealt_anew(tmp_path: Path) -> None:
    database = tmp_path / "twinveil.sqlite"
    kept = KeptPersonas(database)
    dealt = kept.deck(SEED, lambda: LIKENESS)
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE twinveil_personas SET deck = ?", ('["somebody else"]',))
    connection.close()
    assert kept.deck(SEED, lambda: LIKENESS) == dealt
