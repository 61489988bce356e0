from __future__ import annotations

import pytest

from pipeline.faces import FaceFinder
from pipeline.heads import Drawing, FaceMesh, HeadBank, Points, read_heads
from pipeline.models import FOLDER, load_embedded
from tests.pipeline.rendered_faces import patient


@pytest.fixture(scope="session")
def bank() -> HeadBank:
    digest = load_embedded(FOLDER).heads
    assert digest is not None
    return read_heads(FOLDER, digest)


@pytest.fixture(scope="session")
def mesh() -> FaceMesh:
    return FaceMesh()


@pytest.fixture(scope="session")
def drawing(bank: HeadBank) -> Drawing:
    return Drawing(bank.frame)


@pytest.fixture(scope="session")
def points(mesh: FaceMesh) -> Points:
    (face,) = FaceFinder().find(patient())
    return mesh.points(patient(), face.landmarks)
