"""Text away from skin is filled without a trace; text on skin or a face is refused, whatever the skin's colour."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from dicom_io.reading import read_photograph
from pipeline.errors import ModelError, TextOnSkin, Undecided
from pipeline.faces import Face, FaceFinder
from pipeline.photograph import Rgb
from pipeline.text import Quad, TextRemover, load_text_remover, text_from_json, text_to_json
from pipeline.text.burned_in_text import may_be_skin
from scripts.planted_text import as_jpeg, backdrop, plant, written

BY_SKIN_TYPE = {
    "I": "signe-rosacea", "II": "tadeusz-psoriasis", "III": "nieves-acne",
    "IV": "farrokh-vitiligo", "V": "thandeka-naevus", "VI": "kwabena-acne",
}  # fmt: skip
"""Rendered faces among the sample studies."""


class Finds:
    """A text finder that is told what it finds, on the first look and on the next."""

    def __init__(self, *looks: list[Quad]) -> None:
        self._looks = list(looks)

    def find(self, rgb: Rgb) -> list[Quad]:
        return self._looks.pop(0) if self._looks else []


class NoFaces:
    def find(self, rgb: Rgb) -> list[Face]:
        return []


def told(*looks: list[Quad], faces: object | None = None) -> TextRemover:
    return TextRemover(Finds(*looks), faces or NoFaces())  # type: ignore[arg-type]


def line(left: float, top: float, width: float = 90, height: float = 16) -> Quad:
    return np.array([[left, top], [left + width, top], [left + width, top + height], [left, top + height]], float)


def beside_a_wall(sample_studies: Path, skin_type: str, exposure: float = 1.0) -> Rgb:
    """The rendered face of ``skin_type``, 512 pixels wide, and to its right a wall of 256."""
    face = read_photograph(sample_studies / BY_SKIN_TYPE[skin_type] / "photograph.dcm").rgb
    frame = np.concatenate([face, backdrop(np.random.default_rng(1), face.shape[0], 256)], axis=1)
    return np.rint(frame * exposure).astype(np.uint8)


CHEEK, FOREHEAD, WALL = line(170, 400), line(200, 190), line(600, 300)


@pytest.mark.parametrize("skin_type", BY_SKIN_TYPE)
@pytest.mark.parametrize("exposure", [1.0, 0.4])
def test_the_colour_of_the_skin_decides_nothing(sample_studies: Path, skin_type: str, exposure: float) -> None:
    """On the cheek refused, on the wall filled, for every type alike, also underexposed and with no face found."""
    frame = beside_a_wall(sample_studies, skin_type, exposure)
    with pytest.raises(TextOnSkin, match="1 of 1"):
        told([CHEEK]).examine(frame)
    assert len(told([WALL]).examine(frame).covers) == 1
    with pytest.raises(TextOnSkin, match="1 of 2"):
        told([CHEEK, WALL]).examine(frame)


@pytest.mark.parametrize("skin_type", BY_SKIN_TYPE)
def test_skin_of_every_type_is_known_for_what_it_may_be(sample_studies: Path, skin_type: str) -> None:
    frame = beside_a_wall(sample_studies, skin_type)
    (face,) = FaceFinder().find(frame)
    left, top, right, bottom = face.box.astype(int)
    inner = np.s_[top + (bottom - top) // 4 : bottom - (bottom - top) // 4, left + (right - left) // 5 : right - 40]
    skin = may_be_skin(frame)
    assert skin[inner].mean() > 0.9
    assert skin[:, 540:].mean() < 0.005


def test_text_over_hair_or_beside_an_ear_touches_the_face(sample_studies: Path) -> None:
    """Grey hair looks like a wall by its colour; the face's square says that it is none."""
    frame = beside_a_wall(sample_studies, "II")
    over_hair = line(190, 40, 120, 20)
    with pytest.raises(TextOnSkin):
        told([over_hair], faces=FaceFinder()).examine(frame)


def test_in_a_photograph_without_colour_only_flat_black_and_white_are_no_skin(sample_studies: Path) -> None:
    grey = cv2.cvtColor(beside_a_wall(sample_studies, "V"), cv2.COLOR_RGB2GRAY)
    grey[:60] = 0
    frame = np.repeat(grey[..., None], 3, axis=2)
    for place in (CHEEK, WALL):
        with pytest.raises(TextOnSkin):
            told([place]).examine(frame)
    assert len(told([line(600, 12, 90, 12)]).examine(frame).covers) == 1


def test_a_line_as_large_as_the_photograph_is_not_taken_to_be_away_from_skin() -> None:
    with pytest.raises(TextOnSkin):
        told([line(0, 0, 64, 64)]).examine(np.full((64, 64, 3), 90, np.uint8))


def test_nothing_of_a_name_is_left_and_every_product_shows_the_same_there() -> None:
    """Two photographs that differ in the name alone become one and the same; the longer name is covered."""
    wall = backdrop(np.random.default_rng(3), 320, 512)
    photographs = []
    for name in ("Brandywine, Aldous M.", "Quillfeather, Ottoline"):
        frame = wall.copy()
        plant(frame, written(name, 16, 0), 90, (250, 150))
        photographs.append(as_jpeg(frame))
    remover = load_text_remover()
    found = remover.examine(photographs[0])
    assert len(found.covers) >= 1
    filled = [found.fill(each) for each in photographs]
    assert np.abs(photographs[0].astype(int) - photographs[1]).max() > 40
    assert np.abs(filled[0].astype(int) - filled[1]).max() <= 2, "what is left of either name is the encoder's rounding"
    covered = (found.fill(np.zeros_like(wall)) == found.fill(np.full_like(wall, 255))).all(axis=2)
    assert (found.fill(np.full_like(wall, 17)) == filled[0])[covered].all(), "whatever is made from it"
    assert remover.examine(filled[0]).covers == ()


def test_a_real_name_on_a_cheek_is_refused(sample_studies: Path) -> None:
    frame = beside_a_wall(sample_studies, "VI")
    plant(frame, written("Quillfeather", 18, 0), 110, (250, 420))
    with pytest.raises(TextOnSkin, match="touch skin or a face"):
        load_text_remover().examine(as_jpeg(frame))


def test_what_a_person_vouched_for_is_left_and_is_told(sample_studies: Path) -> None:
    frame = beside_a_wall(sample_studies, "III")
    found = told([CHEEK, WALL], [CHEEK]).examine(frame, vouched=True)
    assert (len(found.covers), found.left) == (1, 1)
    assert (found.fill(frame)[:, :512] == frame[:, :512]).all()


def test_text_that_was_announced_and_text_that_stays_are_undecided(sample_studies: Path) -> None:
    frame = beside_a_wall(sample_studies, "I")
    with pytest.raises(Undecided, match="header says that text is burned"):
        told([]).examine(frame, announced=True)
    with pytest.raises(Undecided, match="still found after it was filled"):
        told([WALL], [WALL]).examine(frame)
    assert told([]).examine(frame).covers == ()


def test_a_search_that_fails_is_no_search(sample_studies: Path) -> None:
    class Broken:
        def find(self, rgb: Rgb) -> list[Quad]:
            raise ModelError("a text network failed")

    with pytest.raises(Undecided, match="search for text failed: ModelError"):
        TextRemover(Broken(), NoFaces()).examine(beside_a_wall(sample_studies, "I"))  # type: ignore[arg-type]


def test_the_record_survives_its_file_and_spells_nothing_out(sample_studies: Path) -> None:
    found = told([line(600, 300), line(600, 330), line(560, 500)]).examine(beside_a_wall(sample_studies, "IV"))
    assert text_from_json(text_to_json(found)) == found
    assert (len(found.covers), len(found.boxes)) == (3, 2), "covers that meet are one piece of text"
    assert len({cover.colour for cover in found.covers[:2]}) == 1, "covers that meet are of one colour"
    for spoilt in (b"", b"{}", b'{"covers": [{"corners": 1, "colour": [1, 2]}], "left": 0}'):
        with pytest.raises((ValueError, KeyError, TypeError)):
            text_from_json(spoilt)
