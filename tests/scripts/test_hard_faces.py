"""What counts as found, held, missed and passed, and how the table shows it."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

pytest.importorskip("numba", reason="numba is not installed: nothing renders (pip install twinveil[train])")

from pipeline.faces import FaceFinder, Recognisers
from pipeline.gate import FacePolicy
from pipeline.gate.policy import SOME
from scripts.hard_faces import Case, counted, outcome, table
from tests.pipeline.rendered_faces import patient, skin, stranger


@pytest.fixture(scope="module")
def recognisers() -> Recognisers:
    return Recognisers.load()


@pytest.fixture(scope="module")
def policy(recognisers: Recognisers) -> FacePolicy:
    return FacePolicy(FaceFinder(), recognisers)


def test_a_face_is_found_held_or_missed_and_skin_alone_passes(policy: FacePolicy) -> None:
    lying = np.ascontiguousarray(np.rot90(stranger()))
    pair = np.concatenate([patient(), stranger()], axis=1)
    assert outcome(policy, Case("one", patient(), 1)) == "found"
    assert outcome(policy, Case("two", pair, 2)) == "found"
    assert outcome(policy, Case("one beside a lying one", np.concatenate([patient(), lying], axis=1), 2)) == "held"
    assert outcome(policy, Case("nobody", skin(), 0)) == "passed"
    assert outcome(policy, Case("somebody whom nobody sees", skin(), 1)) == "missed"
    assert outcome(policy, Case("three, of whom two are seen", pair, 3)) == "missed"
    assert outcome(policy, Case("nobody, they say", patient(), 0)) == "found", "so that it is counted"


def test_what_a_reviewer_s_word_lets_out_is_counted_among_the_held(recognisers: Recognisers) -> None:
    policy = FacePolicy(FaceFinder(), recognisers)
    policy._lookout.evidence = lambda rgb, face: SOME  # type: ignore[method-assign]
    assert counted(policy, Case("hardly known for a face", patient(), 1)) == ["held", "vouched"]
    policy = FacePolicy(FaceFinder(), recognisers)
    assert counted(policy, Case("lying", np.ascontiguousarray(np.rot90(patient())), 1)) == ["held"]
    assert counted(policy, Case("nobody", skin(), 0)) == ["passed"]


def test_each_case_is_a_line_with_its_five_counts() -> None:
    counts = {"yaw 90": Counter(found=38, held=2), "nobody, skin": Counter(held=1, vouched=1, passed=39)}
    lines = table(counts, 40).splitlines()
    assert lines[0].split() == ["case", "found", "held", "vouched", "missed", "passed", "of", "40"]
    assert lines[1].split() == ["yaw", "90", "38", "2", "0", "0", "0"]
    assert lines[2].split() == ["nobody,", "skin", "0", "1", "1", "0", "39"]
    assert len(lines[1]) == len(lines[2])
