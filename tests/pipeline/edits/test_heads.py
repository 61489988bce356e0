"""A photographed face becomes a composed head's; whether it may, the model's own config says."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pipeline.edits import FlowTwinMaker, heads, load_flow_twin_maker
from pipeline.errors import ModelError, OutsideDomain, Undecided
from pipeline.faces import Face, FaceFinder, Recognisers
from pipeline.gate import load_calibration
from pipeline.heads import choice, read_heads
from pipeline.models import FOLDER, load_embedded
from pipeline.photograph import Hints, Photograph, Twins
from pipeline.vocabulary import Personas
from tests.pipeline.edits.photographed import TakenForPhotographs
from tests.pipeline.rendered_faces import patient, skin, stranger

SEED = hashlib.sha256(b"somebody photographed").digest()
PHOTOGRAPH = Photograph(patient(), Hints(view="face", sex="male", age_years=40))


@pytest.fixture(scope="module", autouse=True)
def few_heads_are_tried_on() -> Iterator[None]:
    """No head is unlike this rendered face, and all would be."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(choice, "MOST_TRIED", 4)
        yield


@pytest.fixture(scope="module")
def maker() -> FlowTwinMaker:
    maker = load_flow_twin_maker()
    maker.__class__ = TakenForPhotographs
    return maker


@pytest.fixture(scope="module")
def twins(maker: FlowTwinMaker) -> Twins:
    return maker.swap(PHOTOGRAPH, maker.heal(PHOTOGRAPH), SEED, attempt=0)


def names_of(maker: FlowTwinMaker, seed: bytes, attempts: int) -> list[str]:
    (face,) = FaceFinder().find(patient())
    assert maker._heads is not None
    heads = [maker._heads.head_for(patient(), face, PHOTOGRAPH.hints, seed, attempt, 0) for attempt in range(attempts)]
    return [head.name for head in heads]


def test_the_twin_has_another_face(twins: Twins) -> None:
    finder, recognisers = FaceFinder(), Recognisers.load()
    (before,), (after,) = finder.find(patient()), finder.find(twins.healthy)
    same, other = (recognisers.sface.describe(rgb, face) for rgb, face in ((patient(), before), (twins.healthy, after)))
    assert recognisers.sface.score(same, other) < 0.5
    assert (twins.healthy != patient()).any(-1).mean() > 0.3


def test_a_patient_becomes_the_same_person_at_every_visit(maker: FlowTwinMaker) -> None:
    assert names_of(maker, SEED, 1) == names_of(maker, SEED, 1)
    three = names_of(maker, SEED, 3)
    assert len(set(three)) == 3  # a refused twin is tried as somebody else
    firsts = {names_of(maker, hashlib.sha256(bytes([number])).digest(), 1)[0] for number in range(5)}
    assert len(firsts) > 1


def test_the_head_is_of_the_sex_that_the_header_says(maker: FlowTwinMaker) -> None:
    digest = load_embedded(FOLDER).heads
    assert digest is not None
    bank = read_heads(FOLDER, digest)
    words = dict(zip(bank.names, bank.words, strict=True))
    assert {words[name].sex for name in names_of(maker, SEED, 8)} == {"male"}


def test_a_kept_deck_over_other_heads_is_dealt_anew() -> None:
    personas = Personas()
    assert personas.kept(SEED, ["a", "b"], lambda: ("b", "a")) == ("b", "a")
    assert personas.kept(SEED, ["a", "b"], lambda: ("a", "b")) == ("b", "a")
    assert personas.kept(SEED, ["a", "b", "c"], lambda: ("c", "b", "a")) == ("c", "b", "a")
    with pytest.raises(ValueError, match="guessable"):
        personas.kept(b"short", ["a"], lambda: ("a",))


def test_a_face_whose_mesh_is_not_seen_is_undecided(maker: FlowTwinMaker) -> None:
    assert maker._heads is not None
    digest = load_embedded(FOLDER).heads
    assert digest is not None
    landmarks = np.array([[120.0, 90], [200, 90], [160, 130], [130, 160], [190, 160]])
    nothing = Face(np.array([100.0, 60, 220, 200]), landmarks, 0.9)
    with pytest.raises(Undecided):
        maker._heads.swapped(skin(), nothing, read_heads(FOLDER, digest).heads[0])


def without_photographs(folder: Path) -> Path:
    """The shipped model, whose config says nothing of photographs."""
    for path in FOLDER.iterdir():
        shutil.copy(path, folder / path.name)
    config = json.loads((folder / "config.json").read_text())
    del config["knows"]["photographs"]
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def test_a_model_that_knows_rendered_faces_alone_makes_no_twin_of_another(tmp_path: Path) -> None:
    maker = load_flow_twin_maker(without_photographs(tmp_path))
    assert maker.digest != load_embedded(FOLDER).digest
    domain = load_calibration("rendered").domain
    assert domain is not None
    maker._gate._knows = dataclasses.replace(domain, cosine_to_centre=1.0)  # the patient is outside it
    with pytest.raises(OutsideDomain):
        maker.judge(PHOTOGRAPH, Twins(stranger(), stranger()))


@pytest.mark.parametrize(
    ("knows", "why"),
    [
        ({"sculptures": {}}, "can know rendered, photographs"),
        ({"photographs": {"swap": "heads"}}, "not by which heads"),
        ({"photographs": {"swap": "heads", "heads": "0" * 64}}, "not those of its config"),
    ],
)
def test_a_model_that_says_what_it_cannot_hold_is_refused(tmp_path: Path, knows: dict[str, object], why: str) -> None:
    config = json.loads((without_photographs(tmp_path) / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "knows": knows}))
    with pytest.raises(ModelError, match=why):
        load_flow_twin_maker(tmp_path)


def test_a_head_larger_than_it_is_drawn_is_exchanged_and_what_lies_away_from_it_stays(
    maker: FlowTwinMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heads, "_FINEST", 128)
    (face,), rgb = FaceFinder().find(patient()), patient()
    assert maker._heads is not None
    head = maker._heads.head_for(rgb, face, PHOTOGRAPH.hints, SEED, 0, 0)
    twin = maker._heads.swapped(rgb, face, head)
    (after,), sface = FaceFinder().find(twin), Recognisers.load().sface
    assert sface.score(sface.describe(rgb, face), sface.describe(twin, after)) < 0.5
    for corner in (np.s_[:8, :8], np.s_[:8, -8:]):  # what lies behind the head
        assert (twin[corner] == rgb[corner]).all()
