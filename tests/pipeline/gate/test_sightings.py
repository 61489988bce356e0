"""What may be a face, whichever way up it lies, and how much speaks for it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
import pytest

from dicom_io.reading import read_photograph
from pipeline.errors import ModelError
from pipeline.faces import FaceFinder, Recognisers, overlap
from pipeline.gate import sightings
from pipeline.gate.policy import MUCH, SOME
from pipeline.gate.sightings import CERTAIN, LOOKED_AT, Lookout, load_witnesses
from pipeline.photograph import Rgb
from tests.pipeline.gate_fakes import faked
from tests.pipeline.rendered_faces import patient, skin


@pytest.fixture
def lookout(finder: FaceFinder, recognisers: Recognisers) -> Lookout:
    return Lookout(finder, recognisers)


def strongest(lookout: Lookout, rgb: Rgb) -> float:
    return max((sighting.evidence for sighting in lookout.sightings(rgb)), default=-CERTAIN)


def test_much_speaks_for_a_face_and_little_for_a_naevus(lookout: Lookout, sample_studies: Path) -> None:
    naevus = read_photograph(sample_studies / "pippa-dermoscopy" / "photograph.dcm").rgb
    assert strongest(lookout, patient()) >= MUCH
    assert lookout.sightings(naevus), "the finder takes it for one, or there is nothing to test"
    assert strongest(lookout, naevus) < SOME
    assert strongest(lookout, skin()) < SOME


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_lying_face_is_seen_where_it_lies(lookout: Lookout, turns: int) -> None:
    (upright,) = (each for each in lookout.sightings(patient()) if not each.turns and each.score >= 0.6)
    beside = np.concatenate([skin(*patient().shape[:2]), np.rot90(patient(), turns)], axis=1)
    best = max(lookout.sightings(np.ascontiguousarray(beside)), key=lambda each: each.score)
    assert best.turns == 4 - turns and best.evidence >= MUCH
    assert best.face.box[0] > 0.9 * patient().shape[1] and best.face.size == pytest.approx(upright.face.size, rel=0.1)


def test_of_a_large_photograph_sightings_lie_where_its_faces_are(lookout: Lookout, finder: FaceFinder) -> None:
    large = cv2.resize(patient(), (2 * LOOKED_AT, 2 * LOOKED_AT), interpolation=cv2.INTER_CUBIC)
    (face,) = finder.find(large)
    (seen,) = (each for each in lookout.sightings(large) if not each.turns and each.score >= 0.6)
    assert overlap(face, seen.face) > 0.9
    assert np.abs(face.landmarks - seen.face.landmarks).max() < 0.03 * face.size
    assert seen.evidence >= MUCH


def test_a_photograph_is_looked_at_once(finder: FaceFinder, recognisers: Recognisers) -> None:
    asked = []

    class Counting(FaceFinder):
        def find(self, rgb, min_score=None):  # type: ignore[no-untyped-def]
            asked.append(rgb.shape)
            return super().find(rgb, min_score)

    lookout = Lookout(Counting(), recognisers)
    first = lookout.sightings(patient())
    assert lookout.sightings(patient().copy()) is first and len(asked) == 4
    other = patient().copy()
    other[0, 0, 0] ^= 1
    lookout.sightings(other)
    assert len(asked) == 8


def test_a_long_descriptor_or_one_that_is_no_number_outweighs_everything(
    finder: FaceFinder, recognisers: Recognisers, sample_studies: Path
) -> None:
    naevus = read_photograph(sample_studies / "pippa-dermoscopy" / "photograph.dcm").rgb
    for name, sees in (("sface", np.full(128, 1.0)), ("sface", np.full(128, np.nan)), ("dlib", np.full(128, np.nan))):
        assert strongest(Lookout(finder, faked(recognisers, name, sees=sees)), naevus) == CERTAIN


@pytest.mark.parametrize("damage", ["empty", "cut short", "without a part", "of another length", "not a number"])
def test_damaged_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str) -> None:
    parts = asdict(load_witnesses())
    if damage == "without a part":
        del parts["out_bias"]
    elif damage == "of another length":
        parts["mean"] = parts["mean"][:-1]
    elif damage == "not a number":
        parts["spread"] = np.zeros_like(parts["spread"]) * np.nan
    (tmp_path / "data").mkdir()
    path = tmp_path / "data" / "evidence.npz"
    np.savez(path, **parts)
    if damage in {"empty", "cut short"}:
        path.write_bytes(path.read_bytes()[: 100 if damage == "cut short" else 0])
    monkeypatch.setattr(sightings, "files", lambda package: tmp_path)
    load_witnesses.cache_clear()
    with pytest.raises(ModelError, match="evidence"):
        load_witnesses()
    load_witnesses.cache_clear()
