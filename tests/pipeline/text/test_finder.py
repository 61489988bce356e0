"""Names are found at many sizes, angles and contrasts; what is no text is not taken for it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from dicom_io.reading import read_photograph
from pipeline.photograph import Rgb
from pipeline.text import TextFinder
from pipeline.text.finder import LARGEST_STEP, OVERLAP, SMALLEST_LONGEST_SIDE, TILE, _spans, levels
from scripts.planted_text import CELL, as_jpeg, backdrop, covered_by, plant, written
from tests.pipeline.rendered_faces import patient, stranger


@pytest.fixture(scope="module")
def finder() -> TextFinder:
    return TextFinder()


def test_names_of_all_kinds_are_found_and_covered(finder: TextFinder) -> None:
    """Twelve on one frame; the whole table is ``python -m scripts.planted_text``."""
    kinds = [
        (10, 0, 80), (10, 90, 80), (14, 180, 40), (14, 270, 80), (14, 30, 80), (20, 5, 20),
        (20, 15, 40), (20, 90, 40), (32, 0, 40), (32, 30, 160), (56, 0, 80), (56, 180, 40),
    ]  # fmt: skip
    rgb = backdrop(np.random.default_rng(7))
    letters = []
    for cell, (size, angle, contrast) in enumerate(kinds):
        coverage = written("Ottoline" if size > 20 else "Quillfeather O.", size, angle, strokes=cell % 2 == 1)
        letters.append(plant(rgb, coverage, contrast, (CELL // 2 + CELL * (cell % 4), CELL // 2 + CELL * (cell // 4))))
    photograph = as_jpeg(rgb)
    covered = covered_by(photograph, finder.find(photograph))
    assert [kind for kind, where in zip(kinds, letters, strict=True) if covered[where].mean() < 0.98] == []
    assert covered.mean() < 0.25, "the covers are no larger than the names need"


@pytest.mark.parametrize("longest", [1000, 1500, 2000, 3000, 3840])
def test_small_and_faint_names_are_covered_however_large_the_photograph_is(finder: TextFinder, longest: int) -> None:
    """In a strip of it, for the longest side decides at which sizes it is looked at."""
    kinds = [(8, 0, 40), (10, 90, 40), (14, 30, 20), (14, 0, 20), (8, 15, 40)]
    rgb = backdrop(np.random.default_rng(11), CELL, longest)
    letters = []
    for cell in range(longest // CELL):
        size, angle, contrast = kinds[cell % len(kinds)]
        coverage = written("Quillfeather O.", size, angle, strokes=cell % 2 == 1)
        letters.append(plant(rgb, coverage, contrast, (CELL // 2 + CELL * cell, CELL // 2)))
    photograph = as_jpeg(rgb)
    covered = covered_by(photograph, finder.find(photograph))
    assert [cell for cell, where in enumerate(letters) if covered[where].mean() < 0.98] == []


@pytest.mark.parametrize("study", ["thandeka-naevus", "signe-rosacea", "pippa-dermoscopy", "anselm-forearm"])
def test_faces_hair_and_lesions_are_not_text(finder: TextFinder, sample_studies: Path, study: str) -> None:
    rgb: Rgb = read_photograph(sample_studies / study / "photograph.dcm").rgb
    assert list(finder.candidates(rgb)), "the detector alone takes something for text, or the reader is not needed"
    assert finder.find(rgb) == []


@pytest.mark.parametrize("face", [patient, stranger])
def test_eyes_are_not_read(finder: TextFinder, face: Callable[[], Rgb]) -> None:
    assert finder.find(face()) == []
    assert finder.find(as_jpeg(face(), 92)) == []


def test_small_photographs_are_enlarged_and_all_others_seen_at_their_own_size() -> None:
    assert levels(100) == [200]
    assert levels(640) == levels(1280) == [640, 1280]
    assert levels(4000) == [640, 1600, 4000]
    for longest in (*range(1280, 6000, 7), 10_000, 40_000):
        assert levels(longest)[-1] == longest


def test_from_one_size_to_the_next_no_step_is_large() -> None:
    for longest in (*range(1, 6000, 7), 10_000, 40_000):
        sides = levels(longest)
        assert sides == sorted(sides) and sides[0] <= SMALLEST_LONGEST_SIDE
        assert all(finer / coarser <= LARGEST_STEP + 0.01 for coarser, finer in pairwise(sides))


def test_tiles_leave_nothing_out_and_share_a_word_s_width() -> None:
    for length in (1, TILE, TILE + 1, 2 * TILE, 4000, 7001):
        spans = _spans(length)
        assert spans[0].start == 0 and spans[-1].stop == length
        assert all(span.stop - span.start <= TILE for span in spans)
        assert all(before.stop - after.start >= OVERLAP for before, after in pairwise(spans))
