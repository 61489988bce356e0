"""Faces laid out from the front, with lesions painted on them in memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.edits import FaceCrop
from pipeline.errors import PipelineError
from pipeline.faces import FaceFinder
from pipeline.heads import PLANES, VIEW_SIDE, face_skin, frontal_points, read_heads
from pipeline.models import FOLDER, load_embedded
from pipeline.photograph import Rgb
from pipeline.training.photographs import FrontalExamples, Store, open_frontal
from tests.pipeline.rendered_faces import patient, stranger

SIDE = 256


def frontal() -> np.ndarray:
    digest = load_embedded().heads
    assert digest is not None
    return frontal_points(read_heads(FOLDER, digest).frame.mean)


@pytest.fixture(scope="module")
def store() -> Store:
    """Two rendered faces, each twice, one without a face, and no outlined skin."""
    squares: list[Rgb] = []
    skin: list[np.ndarray] = []
    for rgb in (patient(), stranger()) * 2:
        (face,) = FaceFinder().find(rgb)
        crop = FaceCrop.around(face, rgb.shape)
        squares.append(crop.take(rgb, SIDE))
        skin.append(face_skin(squares[-1], crop.within(face.landmarks, SIDE)))
    squares.append(np.full((SIDE, SIDE, 3), 160, np.uint8))
    skin.append(np.zeros((SIDE, SIDE), np.float32))
    none = np.zeros((0, SIDE, SIDE, 3), np.uint8)
    marked = np.stack([np.rint(each * 255).astype(np.uint8) for each in skin])
    return Store(np.stack(squares), marked, none, none, none[..., 0], np.zeros(0, np.bool_))


@pytest.fixture(scope="module")
def examples(store: Store, tmp_path_factory: pytest.TempPathFactory) -> FrontalExamples:
    cache, told = tmp_path_factory.mktemp("frontal") / "frontal.npz", list[str]()
    once = FrontalExamples(store, open_frontal(store, frontal(), cache, told.append))
    again = open_frontal(store, np.zeros((468, 2)), cache, told.append)  # read, not made
    assert told == ["4 faces seen from the front"] * 2
    assert list(again.numbers) == [0, 1, 2, 3]
    return once


def test_the_same_seed_draws_the_same(examples: FrontalExamples) -> None:
    one, other = examples.draw(3, 11), examples.draw(3, 11)
    torch.testing.assert_close(one.shown, other.shown)
    torch.testing.assert_close(one.where, other.where, equal_nan=True)
    torch.testing.assert_close(one.change, other.change)
    assert one.shown.shape == (3, PLANES, VIEW_SIDE, VIEW_SIDE)
    assert one.where.shape == (3, 1, VIEW_SIDE, VIEW_SIDE)
    assert one.change.shape == (3, 3, VIEW_SIDE // 2, VIEW_SIDE // 2)


def test_what_is_painted_stands_out_where_it_is_said_to_be(examples: FrontalExamples) -> None:
    drawn = examples.draw(60, 5)
    known = drawn.where.isfinite()
    assert torch.equal(known, drawn.shown[:, -1:] > 0.15)  # of what is not shown nobody knows
    where = drawn.where.nan_to_num(0)
    sick = where.sum((1, 2, 3)) > 60
    assert 0.4 < float(sick.float().mean()) < 0.95
    assert set(where.unique().tolist()) == {0.0, 1.0}
    strongest = drawn.shown[:, 6:9].abs().amax(1, keepdim=True)
    assert float(more_inside(strongest, where)[sick].float().mean()) > 0.9
    coarse = torch.nn.functional.avg_pool2d(where, 2)
    assert float(more_inside(drawn.change.abs().amax(1, keepdim=True), coarse)[sick].float().mean()) == 1
    assert not drawn.change[where.sum((1, 2, 3)) == 0].abs().amax((1, 2, 3)).gt(0.5).any()


def more_inside(values: torch.Tensor, where: torch.Tensor) -> torch.Tensor:
    inside = (values * where).sum((1, 2, 3)) / where.sum((1, 2, 3)).clamp(min=1)
    return inside > (values * (1 - where)).mean((1, 2, 3))


def test_no_face_is_an_error(store: Store, tmp_path: Path) -> None:
    nobody = Store(**{**vars(store), "faces": store.faces[4:], "face_skin": store.face_skin[4:]})
    with pytest.raises(PipelineError, match="no mesh"):
        open_frontal(nobody, frontal(), tmp_path / "frontal.npz", lambda line: None)
